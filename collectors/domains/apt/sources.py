"""Which files say where packages come from, and by which keys are they signed?

Sources: sources.list(5), apt-secure(8). They are captured byte for byte.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from collectors.debian import dpkg
from collectors.debian.sources import SourceEntry, format_of, parse_sources, signed_by_paths
from collectors.domains.apt.baseline import Baseline
from collectors.failure import Finding
from collectors.host import Host, text
from collectors.host import names as names_in
from collectors.judgement.capture import Capture, Gathered, content_of, gathered
from collectors.judgement.knowledge import knowledge
from collectors.record import AtPath, LeftOut, escaped, sha256

SOURCES = "/etc/apt/sources.list"
SOURCE_PARTS = "/etc/apt/sources.list.d"
# The names that apt reads; a blank, say, makes it pass a file over.
READ = re.compile(r"[A-Za-z0-9_:-][A-Za-z0-9_:.-]*")
KEYRING = "/etc/apt/trusted.gpg"
KEYRING_PARTS = ("/etc/apt/trusted.gpg.d", "/etc/apt/keyrings")


class SourceFile(AtPath):
    """A file of package sources; its bytes are in the posture's contents under `path`."""

    KIND: ClassVar[str] = "apt-source"
    FREE: ClassVar[frozenset[str]] = frozenset({"format", "entries"})

    format: Literal["one-line", "deb822"]
    sha256: str
    entries: tuple[SourceEntry, ...]

    def content_path(self) -> str:
        """Return where its bytes are."""
        return self.path


class Keyring(AtPath):
    """A file of keys that sources are signed by; its bytes are in the posture's contents."""

    KIND: ClassVar[str] = "apt-key"

    sha256: str

    def content_path(self) -> str:
        """Return where its bytes are."""
        return self.path


@dataclass(frozen=True)
class Written:
    """What comes of the files of sources and of their keys, and what is written in the former by path."""

    files: Gathered[SourceFile]
    keyrings: Gathered[Keyring]
    entries: Mapping[str, tuple[SourceEntry, ...]]
    findings: tuple[Finding, ...]


def read_sources(host: Host, baseline: Baseline) -> Written:
    """Return what comes of each file of sources and of each keyring.

    A file of sources that holds a secret is left out, and what is written in it counts all the same. What is
    written where apt does not read it counts for nothing.
    """
    outcomes: list[Capture[SourceFile] | LeftOut | Finding] = []
    written: dict[str, tuple[SourceEntry, ...]] = {}
    findings: tuple[Finding, ...] = ()
    for path in source_paths(host):
        content, name = content_of(host, path), escaped(path)
        if isinstance(content, Finding):
            outcomes.append(content)
            continue
        if READ.fullmatch(os.path.basename(path)):
            written[name], odd = parse_sources(content.decode(errors="surrogateescape"), path=name)
            findings += odd
        outcomes.append(_outcome(path, content, written.get(name, ())))
    files = gathered(outcomes)
    paths = keyring_paths(host, written.values())
    keyrings = gathered(capture_keyrings(host, paths, owned_by_base(host, paths, baseline)))
    return Written(files, keyrings, written, (*files.findings, *findings, *keyrings.findings))


def source_paths(host: Host) -> Iterator[str]:
    """Yield the owner's files of sources; apt ignores those whose names are not as `READ` has it."""
    if host.look(SOURCES):
        yield SOURCES
    for name in names_in(host, SOURCE_PARTS):
        if name.endswith((".list", ".sources")):
            yield f"{SOURCE_PARTS}/{name}"


def keyring_paths(host: Host, sources: Iterable[Iterable[SourceEntry]]) -> tuple[str, ...]:
    """Return the files of keys that are there: apt's own places, and wherever a source points."""
    parts = (f"{folder}/{name}" for folder in KEYRING_PARTS for name in names_in(host, folder))
    pointed = (path for entries in sources for entry in entries for path in signed_by_paths(entry))
    return tuple(sorted(path for path in {KEYRING, *parts, *pointed} if host.look(path)))


def capture_keyrings(
    host: Host, paths: Iterable[str], from_base: frozenset[str]
) -> Iterator[Capture[Keyring] | LeftOut | Finding]:
    """Yield what comes of each keyring, but for those that a package of the base brings.

    One that a vendor's package owns is kept: without it that vendor's source cannot be asked for
    the package.
    """
    for path in paths:
        if path in from_base or path.endswith("~"):
            continue
        content = content_of(host, path)
        if isinstance(content, Finding):
            yield content
        elif secret := knowledge().secret(path, content):
            yield LeftOut(path=escaped(path), reason=secret)
        else:
            yield Capture(Keyring(path=escaped(path), sha256=sha256(content)), content)


def _outcome(path: str, content: bytes, entries: tuple[SourceEntry, ...]) -> Capture[SourceFile] | LeftOut:
    """Return the record of a file of sources, unless it holds a secret."""
    if secret := knowledge().secret(path, content):
        return LeftOut(path=escaped(path), reason=secret)
    record = SourceFile(path=escaped(path), format=format_of(path), sha256=sha256(content), entries=entries)
    return Capture(record, content)


def owned_by_base(host: Host, paths: Iterable[str], baseline: Baseline) -> frozenset[str]:
    """Return those of `paths` that packages of a fresh installation own."""
    sought = {path: b"\n%s\n" % os.fsencode(path) for path in paths}
    owned: set[str] = set()
    for name in names_in(host, dpkg.LISTS) if sought else ():
        bare = name.removesuffix(".list")
        if bare != name and bare.partition(":")[0] in baseline.packages:
            listed = _listed(host, f"{dpkg.LISTS}/{name}")
            owned.update(path for path, line in sought.items() if line in listed)
    return frozenset(owned)


def _listed(host: Host, path: str) -> bytes:
    """Return a package's list of files, each line between line breaks."""
    return b"\n" + text(host, path).encode(errors="surrogateescape")
