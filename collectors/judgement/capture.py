"""What comes of looking at one path, and of many together?

A path is kept (a record, with its bytes if it is a file), left out with a reason that the posture
tells, or a finding: something that could not be captured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from collectors.failure import Finding
from collectors.host import Host
from collectors.posture import File, Keyring, LeftOut, SourceFile, escaped

MAX_FILE_BYTES = 1024 * 1024

Kept = TypeVar("Kept", File, SourceFile, Keyring)


@dataclass(frozen=True)
class Capture(Generic[Kept]):
    """A record, and the bytes of its file (None: it has none)."""

    record: Kept
    content: bytes | None = None


@dataclass(frozen=True)
class Gathered(Generic[Kept]):
    """The outcomes of many paths, each kind sorted by path."""

    records: tuple[Kept, ...]
    left_out: tuple[LeftOut, ...]
    findings: tuple[Finding, ...]
    contents: Mapping[str, bytes] = field(default_factory=dict)


def gathered(outcomes: Iterable[Capture[Kept] | LeftOut | Finding]) -> Gathered[Kept]:
    """Sort outcomes into their kinds."""
    captures, left_out, findings = [], [], []
    for outcome in outcomes:
        if isinstance(outcome, Capture):
            captures.append(outcome)
        elif isinstance(outcome, LeftOut):
            left_out.append(outcome)
        else:
            findings.append(outcome)
    captures.sort(key=lambda capture: capture.record.path)
    return Gathered(
        tuple(capture.record for capture in captures),
        tuple(sorted(left_out, key=lambda each: each.path)),
        tuple(sorted(findings, key=lambda each: (each.subject, each.reason))),
        {capture.record.path: capture.content for capture in captures if capture.content is not None},
    )


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
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return Finding(escaped(path), "vanished, or points to nothing", "collect again")
    return Finding(escaped(path), error.strerror or str(error), "look at it by hand")


def _too_large(path: str, size_bytes: int) -> Finding:
    reason = f"too large for a posture: {size_bytes} bytes, at most {MAX_FILE_BYTES}"
    return Finding(escaped(path), reason, "keep it in the cloud, or make it smaller")
