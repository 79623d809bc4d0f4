"""Which configuration differs from what packages put in /etc?

Two kinds: conffiles that are not as their package made them (deb-conffiles(5)), and what no package
owns. Most of the latter is made by packages all the same: collectors/judgement/etc.yaml and dpkg's own
records tell.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from collectors.collected import Collected
from collectors.debian import dpkg
from collectors.failure import Finding
from collectors.host import Entry, Host, text
from collectors.judgement.capture import Capture, content_of, gathered, unread
from collectors.judgement.knowledge import Knowledge, knowledge
from collectors.posture import File, Files, LeftOut, escaped, sha256, unescaped
from collectors.users import GROUP, PASSWD, parse_group, parse_passwd

TOP = "/etc"
UCF_HASHES = "/var/lib/ucf/hashfile"
UNIT_LINKS = {
    "/var/lib/systemd/deb-systemd-helper-enabled": "/etc/systemd/system",
    "/var/lib/systemd/deb-systemd-helper-masked": "/etc/systemd/system",
    "/var/lib/systemd/deb-systemd-user-helper-enabled": "/etc/systemd/user",
    "/var/lib/systemd/deb-systemd-user-helper-masked": "/etc/systemd/user",
}
MAX_HASHED_BYTES = 64 * 1024 * 1024
DELETED = "a conffile that was deleted: a restore does not delete it"
MOUNTED = "another file system is mounted there"
SPECIAL = "a socket, a pipe or a device: no configuration"

Outcome = Capture[File] | LeftOut | Finding


@dataclass(frozen=True)
class View:
    """All that is known of the machine before its files are looked at.

    `made` maps a path to the MD5s of what packages make there besides conffiles; `unit_links` are
    the links by which packages enable their units.
    """

    host: Host
    knowledge: Knowledge
    users: Mapping[int, str]
    groups: Mapping[int, str]
    made: Mapping[str, frozenset[str]]
    unit_links: frozenset[str]


@dataclass(frozen=True)
class Candidate:
    """A path that may be an item; `made` are the MD5s that its package's version may have."""

    entry: Entry
    origin: Literal["conffile", "unowned"]
    package: str = ""
    made: frozenset[str] = frozenset()

    @property
    def kind(self) -> Literal["file", "directory", "symlink"] | None:
        """What it is; None for a socket, a pipe or a device."""
        if self.entry.is_file:
            return "file"
        if self.entry.is_dir:
            return "directory"
        return "symlink" if self.entry.is_symlink else None


def collect(host: Host) -> Collected[Files]:
    """Collect the section `files`."""
    database = dpkg.read(host)
    conffiles = tuple(dpkg.placed_conffiles(database.packages, database))
    owned = {
        *dpkg.owners(host, database, (f"{TOP}/",)),
        *(conffile.path for conffile, _ in conffiles),
    }
    ucf, odd = parse_ucf(text(host, UCF_HASHES))
    view = look_around(host, ucf)
    outcomes = (*changed_conffiles(view, conffiles), *unowned(view, owned))
    found = gathered(without_plumbing(host, outcomes))
    section = Files(files=found.records, left_out=found.left_out)
    return Collected(section, found.contents, (*odd, *found.findings))


def look_around(host: Host, ucf: Mapping[str, str]) -> View:
    """Read what is needed to judge files."""
    accounts, _ = parse_passwd(text(host, PASSWD))
    teams, _ = parse_group(text(host, GROUP))
    return View(
        host=host,
        knowledge=knowledge(),
        users={account.uid: account.name for account in reversed(accounts)},
        groups={team.gid: team.name for team in reversed(teams)},
        made=_made(host, knowledge(), ucf),
        unit_links=frozenset(_unit_links(host)),
    )


def parse_ucf(content: str) -> tuple[dict[str, str], tuple[Finding, ...]]:
    """Return the MD5 of the version that ucf(1) installed, by path; a line is `md5  /path`."""
    made, findings = {}, []
    for number, line in enumerate(content.split("\n"), start=1):
        md5, _, path = line.partition("  ")
        if path.startswith("/"):
            made[path] = md5
        elif line.strip():
            findings.append(Finding(f"{UCF_HASHES}:{number}", "not `md5  /path`", "run `ucf --purge` for it"))
    return made, tuple(findings)


def changed_conffiles(
    view: View, conffiles: Iterable[tuple[dpkg.Conffile, dpkg.Package]]
) -> Iterator[Outcome]:
    """Yield what comes of each conffile that is not as one of the packages that claim it made it.

    A conffile that moved to another package is claimed by both.
    """
    claims: dict[str, list[tuple[dpkg.Conffile, dpkg.Package]]] = {}
    for conffile, package in conffiles:
        claims.setdefault(conffile.path, []).append((conffile, package))
    for path, claimed in sorted(claims.items()):
        present = [package for conffile, package in claimed if package.installed and not conffile.flags]
        made = frozenset(conffile.md5 for conffile, _ in claimed if conffile.md5)
        entry = view.host.look(path)
        if entry is not None:
            by = min(package.name for package in present or [package for _, package in claimed])
            yield from judged(view, Candidate(entry, "conffile", by, made))
        elif present and made:
            yield LeftOut(path=escaped(path), reason=DELETED)


def unowned(view: View, owned: Set[str]) -> Iterator[Outcome]:
    """Yield what comes of each path in /etc that no package owns."""
    for seen in walk(view, TOP):
        if isinstance(seen, Finding | LeftOut):
            yield seen
        elif seen.path not in owned and seen.path not in view.unit_links:
            yield from judged(view, Candidate(seen, "unowned", made=view.made.get(seen.path, frozenset())))


def walk(view: View, top: str) -> Iterator[Entry | LeftOut | Finding]:
    """Yield all that is below `top`, on its own file system and outside of directories that a rule covers."""
    start = view.host.look(top)
    folders = [start] if start else []
    while folders:
        folder = folders.pop()
        for entry in _entries(view.host, folder.path):
            if isinstance(entry, Finding):
                yield entry
                continue
            covered = view.knowledge.by_name(entry.path, "directory" if entry.is_dir else "file")
            if entry.device != folder.device and not covered:
                yield LeftOut(path=escaped(entry.path), reason=MOUNTED)
                continue
            yield entry
            if entry.is_dir and not covered:
                folders.append(entry)


def judged(view: View, candidate: Candidate) -> Iterator[Outcome]:
    """Yield what comes of one path: nothing where it is as its package made it, or noise."""
    path, kind = candidate.entry.path, candidate.kind
    rule = view.knowledge.by_name(path, kind or "special")
    if (rule and not rule.told) or (kind == "file" and _as_made(view.host, candidate)):
        return
    if rule is None and kind is None:
        yield LeftOut(path=escaped(path), reason=SPECIAL)
        return
    content = b"" if rule or not kind else _content(view.host, candidate.entry)
    if isinstance(content, Finding):
        yield content
        return
    rule = rule or view.knowledge.by_content(path, kind or "special", content)
    if rule is None and kind is not None:
        yield captured(view, candidate, kind, content)
    elif rule and rule.told:
        yield LeftOut(path=escaped(path), reason=rule.why)


def captured(
    view: View, candidate: Candidate, kind: Literal["file", "directory", "symlink"], content: bytes
) -> Capture[File]:
    """Return the record of a path and, for a file, its bytes."""
    entry = candidate.entry
    record = File(
        path=escaped(entry.path),
        kind=kind,
        origin=candidate.origin,
        owner=view.users.get(entry.uid, str(entry.uid)),
        group=view.groups.get(entry.gid, str(entry.gid)),
        mode="" if kind == "symlink" else entry.permissions,
        sha256=sha256(content) if kind == "file" else "",
        target=escaped(os.fsdecode(content)) if kind == "symlink" else "",
        package=candidate.package,
    )
    return Capture(record, content if kind == "file" else None)


def without_plumbing(host: Host, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Leave out the directories that stand there only for what packages put in them.

    Such a one is root's, has the usual mode, is not empty, and nothing of it or below it is told.
    """
    told: set[str] = set()
    # What is below a directory comes before it, and so does a finding about it.
    deepest_first = ((_subject(each), isinstance(each, Finding), each) for each in outcomes)
    for subject, is_finding, outcome in sorted(deepest_first, key=lambda row: row[:2], reverse=True):
        if _is_plain(outcome) and subject not in told and _names(host, unescaped(subject)):
            continue
        told.update(map(str, PurePosixPath(subject).parents), [subject] if is_finding else ())
        yield outcome


def _is_plain(outcome: Outcome) -> bool:
    if not isinstance(outcome, Capture):
        return False
    file = outcome.record
    return (file.kind, file.owner, file.group, file.mode) == ("directory", "root", "root", "0755")


def _subject(outcome: Outcome) -> str:
    if isinstance(outcome, Capture):
        return outcome.record.path
    return outcome.path if isinstance(outcome, LeftOut) else outcome.subject


def _content(host: Host, entry: Entry) -> bytes | Finding:
    """Return the bytes of a file, the target of a symlink, or nothing of a directory."""
    if entry.is_file:
        return content_of(host, entry.path)
    try:
        return os.fsencode(host.link(entry.path)) if entry.is_symlink else b""
    except OSError as error:
        return unread(entry.path, error)


def _as_made(host: Host, candidate: Candidate) -> bool:
    """Tell whether a file is what its package made; one that cannot be read is not."""
    if not candidate.made or candidate.entry.size_bytes > MAX_HASHED_BYTES:
        return False
    try:
        return _md5(host.read(candidate.entry.path)) in candidate.made
    except OSError:
        return False


def _made(host: Host, known: Knowledge, ucf: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return the MD5s of what packages make: as ucf recorded it, and of the copies they keep."""
    made = {path: frozenset({md5}) for path, md5 in ucf.items()}
    for path, copies in known.pristine.items():
        texts = (text(host, copy).encode(errors="surrogateescape") for copy in copies)
        made[path] = made.get(path, frozenset()) | {_md5(content) for content in texts if content}
    return made


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _unit_links(host: Host) -> Iterator[str]:
    """Yield the links that deb-systemd-helper(1p) made; it keeps a mirror of them."""
    for mirror, place in UNIT_LINKS.items():
        for name in _names(host, mirror):
            yield f"{place}/{name}"
            yield from (f"{place}/{name}/{link}" for link in _names(host, f"{mirror}/{name}"))


def _names(host: Host, path: str) -> list[str]:
    try:
        return host.list(path)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _entries(host: Host, folder: str) -> Iterator[Entry | Finding]:
    """Yield what is in a directory, and what keeps it from being looked at."""
    try:
        names = host.list(folder)
    except OSError as error:
        yield unread(folder, error)
        return
    for name in names:
        path = f"{folder}/{name}"
        try:
            yield host.look(path) or unread(path, FileNotFoundError())
        except OSError as error:
            yield unread(path, error)
