"""What comes of looking at one path, and of many together?

A path is kept (a record, with its bytes if it is a file), left out with a reason that the posture
tells, or a finding: something that could not be captured. What is as its package made it, or noise,
comes to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from collectors.debian.overrides import overridden
from collectors.failure import Finding
from collectors.homes import group_names, user_names, usual
from collectors.host import Entry, Host
from collectors.judgement.attributes import ACCESS, CAPABILITY, acl_of, parse_capabilities
from collectors.judgement.ignored import ignored
from collectors.judgement.knowledge import Rule, knowledge
from collectors.judgement.packaged import claims, md5
from collectors.record import AtPath, File, LeftOut, escaped, sha256

MAX_FILE_BYTES = 1024 * 1024
MAX_HASHED_BYTES = 64 * 1024 * 1024
MOUNTED = "another file system is mounted there"
SPECIAL = "a socket, a pipe or a device: no configuration"

Kept = TypeVar("Kept", bound=AtPath)
Kind = Literal["file", "directory", "symlink"]


@dataclass(frozen=True)
class Capture(Generic[Kept]):
    """A record, and the bytes of its file (None: it has none)."""

    record: Kept
    content: bytes | None = None


Outcome = Capture[File] | LeftOut | Finding


@dataclass(frozen=True)
class Gathered(Generic[Kept]):
    """The outcomes of many paths, each kind sorted by path."""

    records: tuple[Kept, ...]
    left_out: tuple[LeftOut, ...]
    findings: tuple[Finding, ...]
    contents: Mapping[str, bytes] = field(default_factory=dict)


def gathered(outcomes: Iterable[Capture[Kept] | LeftOut | Finding]) -> Gathered[Kept]:
    """Sort outcomes into their kinds."""
    captures: dict[str, Capture[Kept]] = {}
    left_out: dict[str, LeftOut] = {}
    findings = []
    for outcome in outcomes:
        if isinstance(outcome, Capture):
            captures[outcome.record.path] = outcome
        elif isinstance(outcome, LeftOut):
            left_out[outcome.path] = outcome
        else:
            findings.append(outcome)
    kept = [captures[path] for path in sorted(captures)]
    return Gathered(
        tuple(capture.record for capture in kept),
        tuple(left_out[path] for path in sorted(left_out)),
        tuple(sorted(findings, key=lambda each: (each.subject, each.reason))),
        {capture.record.path: capture.content for capture in kept if capture.content is not None},
    )


def settings(host: Host, *paths: str) -> Iterator[Outcome]:
    """Yield what comes of each of `paths` and of all below them: what a collector names is its own.

    Directories are told only where they are empty, or not the usual kind. A path that is not there
    comes to nothing.
    """
    for path in paths:
        entry = host.look(path)
        if entry is None:
            continue
        below = walk(host, path, mine=True) if entry.is_dir else iter(())
        for seen in (entry, *below):
            if isinstance(seen, Finding | LeftOut):
                yield seen
            elif not (seen.is_dir and _is_usual(host, seen)):
                yield from judged(host, seen, "settings", mine=True)


def walk(
    host: Host, top: str, *, mine: bool = False, covered: Set[str] = frozenset()
) -> Iterator[Entry | LeftOut | Finding]:
    """Yield all that is below `top`, on its own file system and outside of directories that a rule covers.

    `mine`: the rules that give a path to another section do not count. What is in `covered` is passed over.
    """
    start = host.look(top)
    folders = [start] if start else []
    while folders:
        folder = folders.pop()
        try:
            entries = host.entries(folder.path)
        except OSError as error:
            yield unread(folder.path, error)
            continue
        for entry in entries:
            if entry.path in covered:
                continue
            ruled = _rule_by_name(host, entry.path, "directory" if entry.is_dir else "file", mine)
            if entry.device != folder.device and not ruled:
                yield LeftOut(path=escaped(entry.path), reason=MOUNTED)
                continue
            yield entry
            if entry.is_dir and not ruled:
                folders.append(entry)


def passed_over(host: Host, entry: Entry) -> bool:
    """Tell whether a rule covers a path whatever is in it, and does not have it told."""
    rule = _rule_by_name(host, entry.path, kind_of(entry) or "special", False)
    return rule is not None and not rule.told


def judged(
    host: Host, entry: Entry, origin: Literal["conffile", "unowned", "settings"], *, mine: bool = False
) -> Iterator[Outcome]:
    """Yield what comes of one path: nothing where it is as its package made it, or noise."""
    path, kind = entry.path, kind_of(entry)
    rule = _rule_by_name(host, path, kind or "special", mine)
    if (rule and not rule.told) or (kind == "file" and _as_made(host, entry)):
        return
    if rule is None and kind is None:
        yield LeftOut(path=escaped(path), reason=SPECIAL)
        return
    cut: dict[str, tuple[bytes, ...]] = {}
    content = b"" if rule or not kind else _content(host, entry)
    if isinstance(content, Finding):
        yield content
        return
    if kind == "file":
        content, cut = knowledge().trimmed(usual(host, path), content)
    rule = rule or knowledge().by_content(usual(host, path), kind or "special", content)
    if rule is None and kind is not None:
        yield from (_cut(path, why, words) for why, words in cut.items())
        yield _captured(host, entry, kind, origin, content)
    elif rule and rule.told:
        yield LeftOut(path=escaped(path), reason=rule.why)


def captured(
    host: Host, entry: Entry, kind: Kind, origin: Literal["conffile", "unowned", "settings"], content: bytes
) -> Capture[File]:
    """Return the record of a path and, for a file, its bytes.

    Raises OSError or ValueError where its extended attributes cannot be read or understood.
    """
    claim = claims(host).get(entry.path)
    attributes = host.attributes(entry.path)
    record = File(
        path=escaped(entry.path),
        kind=kind,
        origin="conffile" if claim and claim.package else origin,
        owner=user_names(host).get(entry.uid, str(entry.uid)),
        group=group_names(host).get(entry.gid, str(entry.gid)),
        mode="" if kind == "symlink" else entry.permissions,
        sha256=sha256(content) if kind == "file" else "",
        target=escaped(os.fsdecode(content)) if kind == "symlink" else "",
        acl=acl_of(attributes, user_names(host), group_names(host)),
        capabilities=parse_capabilities(attributes.get(CAPABILITY, b"")),
        package=claim.package if claim else "",
    )
    return Capture(record, content if kind == "file" else None)


def _captured(
    host: Host, entry: Entry, kind: Kind, origin: Literal["conffile", "unowned", "settings"], content: bytes
) -> Capture[File] | Finding:
    try:
        return captured(host, entry, kind, origin, content)
    except OSError as error:
        return unread(entry.path, error)
    except ValueError as error:
        return Finding(escaped(entry.path), str(error), "look at it with getfacl and getcap")


def _cut(path: str, why: str, words: tuple[bytes, ...]) -> LeftOut:
    return LeftOut(path=escaped(path), reason=f"{why}: {escaped(os.fsdecode(b' '.join(words)))}")


def kind_of(entry: Entry) -> Kind | None:
    """Return what an entry is; None for a socket, a pipe or a device."""
    if entry.is_file:
        return "file"
    if entry.is_dir:
        return "directory"
    return "symlink" if entry.is_symlink else None


def content_of(host: Host, path: str) -> bytes | Finding:
    """Return the bytes of a file of at most `MAX_FILE_BYTES`, or the finding of why not."""
    try:
        entry = host.look(path)
        if entry is None:
            return unread(path, FileNotFoundError())
        if entry.size_bytes > MAX_FILE_BYTES:
            return _too_large(path, entry.size_bytes)
        content = host.read(path)
    except OSError as error:
        return unread(path, error)
    return content if len(content) <= MAX_FILE_BYTES else _too_large(path, len(content))


def unread(path: str, error: OSError) -> Finding:
    """Return the finding for a path that could not be read."""
    if isinstance(error, PermissionError):
        return Finding(escaped(path), "not readable", "run with sudo")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Finding(escaped(path), "vanished, or points to nothing", "collect again")
    return Finding(escaped(path), error.strerror or str(error), "look at it by hand")


def _rule_by_name(host: Host, path: str, kind: str, mine: bool) -> Rule | None:
    unwanted = ignored(host)
    if unwanted and (unwanted.covers(path, kind) or unwanted.covers(usual(host, path), kind)):
        return unwanted
    return knowledge().by_name(usual(host, path), kind, mine=mine)


def _is_usual(host: Host, folder: Entry) -> bool:
    """Tell whether a directory need not be told: something is in it, and its mode is a usual one."""
    try:
        return folder.permissions in ("0755", "0700", "0775") and bool(host.list(folder.path))
    except OSError:
        return True


def _content(host: Host, entry: Entry) -> bytes | Finding:
    """Return the bytes of a file, the target of a symlink, or nothing of a directory."""
    if entry.is_file:
        return content_of(host, entry.path)
    try:
        return os.fsencode(host.link(entry.path)) if entry.is_symlink else b""
    except OSError as error:
        return unread(entry.path, error)


def _as_made(host: Host, entry: Entry) -> bool:
    """Tell whether a file is what its package made; one that cannot be read is not."""
    claim = claims(host).get(entry.path)
    if not claim or not claim.made or entry.size_bytes > MAX_HASHED_BYTES:
        return False
    try:
        content = host.read(entry.path)
        trimmed, _ = knowledge().trimmed(usual(host, entry.path), content)
        is_same = md5(content) in claim.made or md5(trimmed) in claim.made
        return is_same and not (claim.package and _is_changed_in_mode(host, entry, content))
    except OSError:
        return False


def _is_changed_in_mode(host: Host, conffile: Entry, content: bytes) -> bool:
    """Tell whether an unchanged conffile has another owner, mode or access list than packages give it."""
    names = user_names(host).get(conffile.uid, ""), group_names(host).get(conffile.gid, "")
    now = f"{':'.join(names)} {conffile.permissions}"
    if now not in knowledge().usual_mode(conffile.path, content.startswith(b"#!")):
        return conffile.path not in overridden(host)
    return not {ACCESS, CAPABILITY}.isdisjoint(host.attributes(conffile.path))


def _too_large(path: str, size_bytes: int) -> Finding:
    reason = f"too large for a posture: {size_bytes} bytes, at most {MAX_FILE_BYTES}"
    return Finding(escaped(path), reason, "keep it in the cloud, or make it smaller")
