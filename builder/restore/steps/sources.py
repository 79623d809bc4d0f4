"""Which package sources come back, and what becomes of those that name the old machine's release?

On the same release a file comes back byte for byte. On another one it is read entry by entry: one that names
the old release is written for the new one, and put in force where its vendor serves that, else it is switched
off. The distribution's own sources are the new release's: the machine has them already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar
from urllib.parse import urlsplit

from builder.restore.report import Outcome
from builder.restore.steps.step import Step, Target
from collectors.debian.sources import SourceEntry, format_of, parse_sources
from collectors.domains.apt import Apt, SourceFile
from collectors.domains.system import Release
from collectors.posture import Posture
from collectors.record import Record, escaped

DISTRIBUTIONS = re.compile(
    r"(?:.*\.)?(?:archive|security|ports|old-releases)\.ubuntu\.com|(?:.*\.)?debian\.org"
)
# A mirror of a distribution has these suites, too; a vendor's archive has not.
SIBLINGS = ("-updates", "-security")
WORD = re.compile(r"\S+")
LINES = re.compile(r"[^\n]*\n|[^\n]+")
STANZAS = re.compile(r"(?:[^\n]*\S[^\n]*(?:\n|\Z))+|\s*\n|\s+")
ENABLED = re.compile(r"^Enabled:[^\n]*\n?", re.IGNORECASE | re.MULTILINE)


class Block(Record):
    """A line or a stanza of a file of sources, escaped.

    `moved` is the same for the release that is here; it is in force if all folders in `asked`, which are
    addresses, have an index. Otherwise `off` takes its place.
    """

    text: str
    moved: str = ""
    off: str = ""
    asked: tuple[str, ...] = ()


class SourceStep(Step):
    """A file of package sources: the bytes at `content`, relative to the plan's folder, or `blocks`.

    The blocks are for the codename `release`. `uris` are addresses in it. `replaced` says what is in force
    instead of parts of it.
    """

    PART: ClassVar[str] = "sources"

    path: str
    content: str = ""
    blocks: tuple[Block, ...] = ()
    release: str = ""
    uris: tuple[str, ...] = ()
    replaced: str = ""


@dataclass(frozen=True)
class Move:
    """From which release to which other one."""

    then: Release
    now: Release

    def word(self, word: str) -> str:
        """Return an address or a suite with the new release's names: `xUbuntu_22.04/`, `jammy-pgdg`."""
        old, new = self.then, self.now
        if old.codename and new.codename:
            word = re.sub(rf"(?<![A-Za-z0-9]){re.escape(old.codename)}(?![A-Za-z0-9])", new.codename, word)
        if old.version and new.version:
            begin = rf"({re.escape(old.distribution)}[/_-]?|(?<=/))"
            for one, other in ((old.version, new.version), *self._undotted()):
                word = re.sub(
                    rf"{begin}{re.escape(one)}(?![\d.])", rf"\g<1>{other}", word, flags=re.IGNORECASE
                )
        return word

    def _undotted(self) -> Iterator[tuple[str, str]]:
        """Yield `2204`, `2404`, as NVIDIA writes it."""
        if "." in self.then.version:
            yield self.then.version.replace(".", ""), self.now.version.replace(".", "")


def source(thing: SourceFile, to: Target) -> SourceStep | Outcome:
    """Return how a file of sources comes back."""
    move = Move(to.posture.system.release, to.here.system.release)
    uris = tuple(uri for entry in thing.entries for uri in entry.uris)
    about = {"id": thing.item_id(), "section": Apt.NAME}
    if not move.then.codename or move.then.codename == move.now.codename:
        return SourceStep(**about, path=thing.path, content=to.content(thing.path), uris=uris)
    text = to.posture.contents[thing.path].decode(errors="surrogateescape")
    ours = distributions(to.posture, move.then.codename)
    blocks = tuple(block(part, thing.path, move, ours) for part in parts(text, thing.path))
    replaced = f"the distribution's own sources of {move.now.codename or 'this release'} are in force"
    own = [entry for entry in thing.entries if is_distributions(entry, ours)]
    if own and len(own) == len(thing.entries):
        lost = sorted({part for entry in own for part in entry.components} - components(to.here))
        remedy = f"add {' '.join(lost)} to the components there, if you need it" if lost else ""
        return Outcome(id=thing.item_id(), state="substituted", reason=replaced, remedy=remedy)
    return SourceStep(
        **about,
        path=beside(thing.path) if own and is_in_force(thing.path, to.here) else thing.path,
        blocks=blocks,
        release=move.now.codename,
        uris=tuple(move.word(uri) for uri in uris),
        replaced=replaced if own else "",
    )


def block(text: str, path: str, move: Move, ours: frozenset[str]) -> Block:
    """Return what becomes of one line or stanza."""
    entries, _ = parse_sources(text, path=path)
    if not entries or not entries[0].enabled:
        return Block(text=escaped(text))
    entry = entries[0]
    if is_distributions(entry, ours):
        return Block(text=escaped(switched_off(text, path)))
    table = {word: move.word(word) for word in (*entry.uris, *entry.suites)}
    if all(old == new for old, new in table.items()):
        return Block(text=escaped(text))
    moved = WORD.sub(lambda word: table.get(word[0], word[0]), text)
    asked = tuple(
        folder(move.word(uri), move.word(suite), move.now) for uri in entry.uris for suite in entry.suites
    )
    return Block(
        text=escaped(text), moved=escaped(moved), off=escaped(switched_off(moved, path)), asked=asked
    )


def parts(text: str, path: str) -> Iterator[str]:
    """Yield the lines, or the stanzas with the blank lines after them, that `text` consists of."""
    pattern = LINES if format_of(path) == "one-line" else STANZAS
    return (found[0] for found in pattern.finditer(text))


def switched_off(text: str, path: str) -> str:
    """Return a line as a comment, a stanza as one that is not enabled."""
    if format_of(path) == "one-line":
        return f"# {text}"
    return f"Enabled: no\n{ENABLED.sub('', text)}"


def folder(uri: str, suite: str, release: Release) -> str:
    """Return where the index of a suite lies: `https://example.org/debian/dists/trixie/`."""
    place = suite.lstrip("/") if suite.endswith("/") else f"dists/{suite}/"
    return f"{uri.rstrip('/')}/{place}".replace("$(ARCH)", release.architecture)


def distributions(posture: Posture, codename: str) -> frozenset[str]:
    """Return the addresses at which a posture's sources have the suites of a whole distribution."""
    suites: dict[str, set[str]] = {}
    for file in posture.apt.sources:
        for entry in file.entries:
            for uri in entry.uris:
                suites.setdefault(uri.rstrip("/"), set()).update(entry.suites)
    siblings = {codename + ending for ending in SIBLINGS}
    return frozenset(uri for uri, names in suites.items() if names & siblings)


def is_distributions(entry: SourceEntry, mirrors: frozenset[str]) -> bool:
    """Tell whether an entry is the distribution's own, whichever of its mirrors it names."""
    return all(
        uri.rstrip("/") in mirrors
        or uri.startswith("cdrom:")
        or DISTRIBUTIONS.fullmatch(urlsplit(uri).hostname or "")
        for uri in entry.uris
    )


def components(here: Posture) -> frozenset[str]:
    """Return the components that a machine takes of its distribution."""
    entries = (entry for file in here.apt.sources for entry in file.entries if entry.enabled)
    return frozenset(part for entry in entries for part in entry.components)


def is_in_force(path: str, here: Posture) -> bool:
    """Tell whether the machine has a file of sources at `path`."""
    return any(file.path == path for file in here.apt.sources)


def beside(path: str) -> str:
    """Return where the vendors' part of a file goes that holds the distribution's own sources here."""
    name = PurePosixPath(path)
    return f"/etc/apt/sources.list.d/{name.stem.replace('.', '-')}-rekindle{name.suffix}"
