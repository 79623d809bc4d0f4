"""Which gems did somebody install, rather than another gem need?

Source: RubyGems' `specifications/*.gemspec`, in the form in which RubyGems itself writes them. A gem that an
installed one depends on is no item.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from collectors.collected import Cover
from collectors.domains.languages.managers import Room, managers, rooms
from collectors.domains.languages.package import Package, command, shown
from collectors.domains.languages.reading import content, entries, folders, is_name, open_homes
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Entry, Host
from collectors.reading.looking import Outcome
from collectors.record import escaped

SYSTEM = "/var/lib/gems"
OWN = (".local/share/gem/ruby", ".gem/ruby")
WITHIN = "lib/ruby/gems"
QUOTED = r'"((?:[^"\\]|\\.)*)"'
NAME = re.compile(rf"\s*s\.name = {QUOTED}")
VERSION = re.compile(rf"\s*s\.version = {QUOTED}")
NEED = re.compile(r"\s*s\.add_(?P<kind>(?:runtime_|development_)?)dependency\(%q<(?P<name>[^>]+)>")
EXECUTABLES = re.compile(r"\s*s\.executables = \[(.*)\]")


class Gem(Package):
    """A gem that nobody else depends on."""

    KIND: ClassVar[str] = "gem"

    within: str = ""

    def by_hand(self) -> str:
        """Return how RubyGems installs it."""
        scope = "--user-install" if self.user and not self.runtime else ""
        asked = command("gem", "install", scope, self.name, "--version", self.version)
        return f"{self.within} {asked}" if self.within else asked


@dataclass(frozen=True)
class Specification:
    """What a gemspec says: the names of the gems it needs, and of its programs."""

    name: str
    version: str
    needs: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """A folder of gems, `/var/lib/gems/3.1.0`, and the one that has their programs."""

    path: str
    bins: str
    home: Home | None = None
    room: Room | None = None


def found(host: Host) -> Iterator[Outcome]:
    """Yield the gems that were asked for, and what comes back with them."""
    seen: set[str] = set()
    for place in places(host):
        if isinstance(place, Finding):
            yield place
            continue
        for told in gems(host, place):
            if not isinstance(told, Gem):
                yield told
            elif told.item_id() not in seen:
                seen.add(told.item_id())
                yield told


def places(host: Host) -> Iterator[Place | Finding]:
    """Yield the folders of gems: the machine's, each person's, each toolchain's; new Rubies first."""
    yield from _places(host, SYSTEM, "/usr/local/bin")
    for home in open_homes(host):
        for path in OWN:
            yield from _places(host, home.within(path), "", home)
    for room in rooms(host, "ruby"):
        yield from _places(host, f"{room.path}/{WITHIN}", f"{room.path}/bin", room.home, room)


def _places(
    host: Host, top: str, bins: str, home: Home | None = None, room: Room | None = None
) -> Iterator[Place | Finding]:
    found = tuple(folders(host, top))
    yield from (each for each in found if isinstance(each, Finding))
    paths = (each.path for each in found if isinstance(each, Entry))
    for path in sorted(paths, key=_numbers, reverse=True):
        yield Place(path, bins or f"{path}/bin", home, room)


def _numbers(path: str) -> tuple[int, ...]:
    """Return the numbers of a version, to sort by."""
    return tuple(int(each) for each in re.findall(r"\d{1,9}", path.rpartition("/")[2]))


def gems(host: Host, place: Place) -> Iterator[Outcome]:
    """Yield what comes of each gem in a folder of gems."""
    with_ruby = managers().gems if place.room else frozenset()
    read: dict[str, Specification] = {}
    for entry in entries(host, f"{place.path}/specifications"):
        if isinstance(entry, Finding):
            yield entry
        elif entry.is_file and entry.path.endswith(".gemspec"):
            text = content(host, entry.path)
            specification = parse_gemspec(text, escaped(entry.path)) if isinstance(text, str) else text
            if isinstance(specification, Finding):
                yield specification
            elif specification:
                read[entry.path] = specification
    if read:
        for part in ("extensions", "plugins"):
            yield Cover(f"{place.path}/{part}", "made anew by gem")
    needed = {need for each in read.values() for need in each.needs if need != each.name}
    for path, specification in read.items():
        if specification.name not in with_ruby:
            yield from _gem(place, path, specification, needed=specification.name in needed)


def _gem(place: Place, path: str, specification: Specification, *, needed: bool) -> Iterator[Outcome]:
    by = "made anew by gem for one that needs it"
    if not needed:
        room = place.room
        gem = Gem(
            user=escaped(place.home.user) if place.home else "",
            name=shown(specification.name),
            version=shown(specification.version),
            runtime=room.name if room else "",
            within=room.within if room else "",
        )
        yield gem
        by = gem.item_id()
    full = path.rpartition("/")[2].removesuffix(".gemspec")
    yield Cover(path, by)
    for part in (f"gems/{full}", f"cache/{full}.gem", f"doc/{full}", f"build_info/{full}.info"):
        yield Cover(f"{place.path}/{part}", by)
    for program in specification.programs:
        if is_name(program):
            yield Cover(f"{place.bins}/{program}", by)


def parse_gemspec(text: str, path: str) -> Specification | Finding:
    """Return what a gemspec says; the needs of those who develop the gem do not count.

    For old versions of itself RubyGems lists all of them a second time, as plain dependencies.
    """
    name, version = "", ""
    needs: dict[str, set[str]] = {"": set(), "runtime_": set(), "development_": set()}
    programs: tuple[str, ...] = ()
    for line in text.split("\n"):
        name = name or _quoted(NAME, line)
        version = version or _quoted(VERSION, line)
        need = NEED.match(line)
        listed = EXECUTABLES.match(line)
        if need:
            needs[need["kind"]].add(need["name"])
        if listed:
            programs = tuple(sorted(map(_plain, re.findall(QUOTED, listed[1]))))
    if not name or not version:
        return Finding(path, "not a gemspec as RubyGems writes it", "gem pristine --all")
    needed = needs["runtime_"] | (needs[""] - needs["development_"])
    return Specification(name, version, tuple(sorted(needed)), programs)


def _quoted(pattern: re.Pattern[str], line: str) -> str:
    match = pattern.match(line)
    return _plain(match[1]) if match else ""


def _plain(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word)
