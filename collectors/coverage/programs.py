"""Where does each program on PATH come from?

Sources: login.defs(5), environment(7) for the PATH; dpkg's lists, alternatives and the covers of the
collectors for what brought a program there.
"""

from __future__ import annotations

import posixpath
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from collectors.coverage.owned import Owned, aliases, placed
from collectors.document import shipped
from collectors.homes import homes
from collectors.host import Host
from collectors.reading.looking import text_in
from collectors.reading.places import expanded
from collectors.record import Record, escaped

EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
LINKS_AT_MOST = 8
PATH_VALUE = re.compile(
    r"(?m)(?:^|;|&&|\bthen\b)[ \t]*(?:export[ \t]+|set[ \t]+-\S+[ \t]+)?"
    r"(?:(?:ENV_|ENV_SU)?PATH\b|fish_add_path\b)[ \t=]*([^;\n]+)"
)

Confidence = Literal["certain", "likely", "unknown"]


class Managed(Record):
    """A directory whose programs are of one manager."""

    manager: str
    folder: str
    until: str = ""


class Known(Record):
    """programs.yaml."""

    system: tuple[str, ...]
    home: tuple[str, ...]
    files: tuple[str, ...]
    home_files: tuple[str, ...]
    managed: tuple[Managed, ...]


@dataclass(frozen=True)
class Program:
    """A program on PATH: `/usr/bin/git`, `apt`, `git`, `https://example.org/debian bookworm/main`, `certain`.

    `path` is escaped. Its confidence is `certain` where a package owns it, `likely` where it is in what an
    item brings back or is captured; then `package` is what the item's id says.
    """

    path: str
    manager: str = ""
    package: str = ""
    origin: str = ""
    confidence: Confidence = "unknown"


@dataclass(frozen=True)
class Sources:
    """What programs may come from: packages with their origins, covers by path, captured paths."""

    owned: Owned
    origins: Mapping[str, str] = field(default_factory=dict)
    covers: Mapping[str, str] = field(default_factory=dict)
    captured: frozenset[str] = frozenset()


def programs(host: Host, sources: Sources) -> tuple[Program, ...]:
    """Return where each program on anybody's PATH comes from, sorted by path."""
    found = (
        provenance(path, links, sources)
        for folder in path_folders(host)
        for path, links in executables(host, folder)
    )
    return tuple(sorted(found, key=lambda program: program.path))


def provenance(path: str, links: tuple[str, ...], sources: Sources) -> Program:
    """Return where a program comes from; `links` are the paths that it leads to as a symlink."""
    places = (path, *links)
    managed = next((each for each in known().managed if posixpath.dirname(path) == each.folder), None)
    if managed:
        name = posixpath.basename(path)
        package = name.partition(managed.until)[0] if managed.until else name
        return Program(escaped(path), managed.manager, escaped(package), confidence="likely")
    for place in places:
        if package := sources.owned.package(place):
            return Program(escaped(path), "apt", package, sources.origins.get(package, ""), "certain")
    for place in places:
        if by := _cover(place, sources.covers):
            manager, _, package = by.partition(":")
            return Program(escaped(path), manager if package else "", package or by, confidence="likely")
    for place in places:
        if place in sources.captured:
            return Program(escaped(path), "file", escaped(place), confidence="likely")
    return Program(escaped(path))


def path_folders(host: Host) -> tuple[str, ...]:
    """Return the directories on anybody's PATH that are there, each once, symlinked ones by their target."""
    wanted = [*known().system, *(_named(host, known().files, "/root"))]
    for home in homes(host):
        wanted += expanded(host, home.path, known().home)[0]
        wanted += _named(host, [home.within(name) for name in known().home_files], home.path)
    renamed = aliases(host)
    found = dict.fromkeys(placed(path, renamed) for path in wanted)
    return tuple(
        path for path in found if (entry := host.look(path)) and entry.is_dir and not entry.is_foreign
    )


def parse_path(content: str, home: str) -> tuple[str, ...]:
    """Return the absolute directories in the lines of a shell's file, or of login.defs, that set PATH."""
    found = []
    for value in PATH_VALUE.findall(content):
        for word in re.split(r"[\s:;]+", value.replace('"', "").replace("'", "")):
            path = re.sub(
                r"^(?:\$HOME|\$\{HOME\}|~|@\{HOME\})(?=/)", lambda _: home, word.removeprefix("PATH=")
            )
            if path.startswith("/") and "$" not in path:
                found.append(posixpath.normpath(path))
    return tuple(dict.fromkeys(found))


def executables(host: Host, folder: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each program in a directory, with the paths that it leads to as a symlink."""
    try:
        entries = host.entries(folder)
    except OSError:
        return
    for entry in entries:
        if entry.is_file and entry.mode & EXECUTABLE:
            yield entry.path, ()
        elif entry.is_symlink:
            links = tuple(_followed(host, entry.path))
            end = host.look(links[-1]) if links else None
            if end and end.is_file and end.mode & EXECUTABLE:
                yield entry.path, links


@cache
def known() -> Known:
    """Return what is known of PATH."""
    return shipped("collectors.coverage", "programs.yaml", Known)


def _followed(host: Host, path: str) -> Iterator[str]:
    """Yield the paths that a symlink leads to, one after the other."""
    for _ in range(LINKS_AT_MOST):
        entry = host.look(path)
        if not entry or not entry.is_symlink:
            return
        target = posixpath.join(posixpath.dirname(path), host.link(path))
        path = placed(posixpath.normpath(target), aliases(host))
        yield path


def _cover(path: str, covers: Mapping[str, str]) -> str:
    """Return what brings `path` back, or a directory that it is in."""
    while path not in covers and path != "/":
        path = posixpath.dirname(path)
    return covers.get(path, "")


def _named(host: Host, paths: Iterable[str], home: str) -> list[str]:
    return [folder for path in paths for folder in parse_path(text_in(host, path)[0], home)]
