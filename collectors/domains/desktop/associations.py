"""What opens what, what starts with the session, and which launchers did somebody add?

Sources: the XDG specifications of MIME applications, desktop entries, autostart, menus and shared MIME info.
associations.yaml beside this module names the places, and how launchers are known that programs make for
themselves: those come back with the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from pydantic import field_validator

from collectors.collected import Cover
from collectors.domains.desktop.kconfig import parse_kconfig
from collectors.domains.desktop.part import Part, joined, known, trimmed
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Entry, Host
from collectors.judgement.capture import Outcome, content_of, judged, settings, walk
from collectors.reading.patterns import matches
from collectors.reading.places import expanded
from collectors.record import LeftOut, Record, Thing

MADE = "made anew by the desktop"
BOOKMARKS = ".local/share/user-places.xbel"
BOOKMARK = re.compile(r"[ \t]*<bookmark\b[^>]*>.*?</bookmark>[ \t]*\n?", re.DOTALL)


class Generated(Record):
    """How launchers and icons are known that a program makes for itself."""

    by: str
    names: tuple[str, ...] = ()
    runs: str = ""

    @field_validator("runs")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern


class Known(Record):
    """What is known of what opens what."""

    trees: tuple[str, ...]
    launchers: tuple[str, ...]
    icons: tuple[str, ...]
    generated: tuple[Generated, ...]
    made: tuple[str, ...]


@cache
def associations() -> Known:
    """Return what is known of what opens what."""
    return known("associations.yaml", Known)


def collect_associations(host: Host, home: Home) -> Part[Thing]:
    """Return the files of one home that tell what opens what, and what starts with the session."""
    trees, unseen = expanded(host, home.path, associations().trees)
    made, _ = expanded(host, home.path, associations().made)
    folders, _ = expanded(host, home.path, (*associations().launchers, *associations().icons))
    files: Part[Thing] = Part(
        outcomes=(*settings(host, *trees), *trimmed(host, home.within(BOOKMARKS), without_devices)),
        findings=unseen,
        covers=tuple(Cover(path, MADE) for path in made),
    )
    return joined((files, *(_launchers(host, folder, (*trees, *made)) for folder in folders)))


def maker(name: str, text: str) -> str:
    """Return what makes the launcher or icon `name`, as below its folder, "" if somebody added it."""
    base = name.rpartition("/")[2]
    lines = [each.value for each in parse_kconfig(text, path="")[0] if each.key == "Exec" and not each.locale]
    for rule in associations().generated:
        named = matches(name, rule.names) or matches(base, rule.names)
        if named or (rule.runs and any(re.search(rule.runs, line) for line in lines)):
            return rule.by
    return ""


def without_devices(text: str) -> tuple[str, tuple[Finding, ...]]:
    """Return a file of places less the devices of this machine (XBEL, as KFilePlaces writes it)."""
    return BOOKMARK.sub(lambda found: "" if "<UDI>" in found[0] else found[0], text), ()


def _launchers(host: Host, folder: str, told: tuple[str, ...]) -> Part[Thing]:
    """Return what comes of the launchers or icons in a folder: files, or covers by what makes them."""
    outcomes: list[Outcome] = []
    covers: list[Cover] = []
    for seen in _files(host, folder):
        if isinstance(seen, Finding | LeftOut):
            outcomes.append(seen)
            continue
        if seen.path in told:
            continue
        by = maker(seen.path[len(folder) + 1 :], _text(host, seen))
        if by:
            covers.append(Cover(seen.path, by))
        else:
            outcomes += judged(host, seen, "settings", mine=True)
    return Part(outcomes=tuple(outcomes), covers=tuple(covers))


def _files(host: Host, folder: str) -> Iterator[Entry | LeftOut | Finding]:
    for seen in walk(host, folder, mine=True):
        if not (isinstance(seen, Entry) and seen.is_dir):
            yield seen


def _text(host: Host, entry: Entry) -> str:
    if not entry.path.endswith(".desktop") or not entry.is_file:
        return ""
    content = content_of(host, entry.path)
    return "" if isinstance(content, Finding) else content.decode(errors="surrogateescape")
