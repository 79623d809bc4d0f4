"""Which paths on a machine does a pattern mean?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from collectors.failure import Finding
from collectors.host import Host, remembered
from collectors.reading.looking import Findings, entry_at, names_in

WILD = re.compile(r"[*?[]")


class _Listing(NamedTuple):
    names: tuple[str, ...]
    known: frozenset[str]
    findings: Findings


def expanded(host: Host, top: str, patterns: Iterable[str]) -> tuple[tuple[str, ...], Findings]:
    """Return the paths below `top` that are there and match, and what could not be looked into.

    They are in the order of the patterns, each once. A pattern is as in a shell (glob(7)), and may lead into
    directories: `gtk-?.0/settings.ini` below `/home/ada/.config`. A name with a leading dot matches only a
    pattern that has one.
    """
    found: dict[str, None] = {}
    findings: dict[Finding, None] = {}
    for pattern in patterns:
        places = [top.rstrip("/")]
        for part in pattern.strip("/").split("/"):
            steps = [step for folder in places for step in _within(host, folder, part)]
            findings |= dict.fromkeys(step for step in steps if isinstance(step, Finding))
            places = [step for step in steps if isinstance(step, str)]
        found |= dict.fromkeys(places)
    return tuple(found), tuple(findings)


def _within(host: Host, folder: str, part: str) -> Iterator[str | Finding]:
    listing = _listing(host, folder)
    if WILD.search(part):
        yield from listing.findings
        dotted = part.startswith(".")
        for name in listing.names:
            if fnmatchcase(name, part) and name.startswith(".") == dotted:
                yield f"{folder}/{name}"
    elif part in listing.known:
        yield f"{folder}/{part}"
    elif listing.findings:  # what cannot be listed can still be entered, where it has `x` but not `r`
        entry, findings = entry_at(host, f"{folder}/{part}")
        yield from findings
        if entry:
            yield entry.path


def _listing(host: Host, folder: str) -> _Listing:
    listings = _listings(host)
    if folder not in listings:
        names, findings = names_in(host, folder or "/")
        listings[folder] = _Listing(tuple(names), frozenset(names), findings)
    return listings[folder]


@remembered
def _listings(host: Host) -> dict[str, _Listing]:
    """Remember the names in each directory: hundreds of applications ask for the same ones."""
    return {}
