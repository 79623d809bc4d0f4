"""Which files are an application's settings, and which can it make anew?

The knowledge is data: a YAML file beside each section that has one, a `Catalogue`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple

from collectors.collected import Cover
from collectors.document import shipped
from collectors.failure import Finding
from collectors.git.said import Remote
from collectors.homes import Home, homes
from collectors.host import Entry, Host
from collectors.judgement.capture import Outcome, settings, unread
from collectors.judgement.knowledge import Rule
from collectors.reading.looking import entry_at, names_in, text_in
from collectors.reading.places import expanded
from collectors.record import Record, escaped

MAX_FILES = 2000
NEVER = ("**/.git", "**/.hg", "**/.svn", "**/__pycache__", "**/node_modules", "**/.*.sw?", "**/?*~")
REMOTE = re.compile(r"(?m)^\s*url\s*=\s*(\S.*)$")


class Anew(Record):
    """What need not come back, for `by` makes it again: `made anew by vim-plug`."""

    paths: tuple[str, ...]
    by: str


class Application(Record):
    """An application and the places of its settings.

    A path begins with `/`, or with `~/` for one in each home; `*` and `?` stand for what is within a name.
    A directory is meant with all below it but for `but`, where `**/` stands for any directories or none.
    """

    name: str
    paths: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    anew: tuple[Anew, ...] = ()

    @property
    def skipped(self) -> Rule:
        """What is below `paths` and no setting."""
        anew = (path for each in self.anew for path in each.paths)
        return Rule(verdict="noise", why=self.name, paths=(*NEVER, *self.but, *anew))


class Catalogue(Record):
    """The applications of one section."""

    applications: tuple[Application, ...]


class _Place(NamedTuple):
    """A path, and the home that it is in ("" = none)."""

    home: str
    path: str


@cache
def catalogue(package: str, name: str) -> Catalogue:
    """Return the catalogue in the file `name` of a package, `collectors.domains.input`, `input.yaml`."""
    return shipped(package, name, Catalogue)


def settings_of(
    host: Host, known: Catalogue, taken: Callable[[str], bool] = lambda path: False
) -> Iterator[Outcome]:
    """Yield what comes of the settings of each application, but for paths that something else has taken."""
    open_homes = []
    for home in homes(host):
        _, findings = names_in(host, home.path)
        yield from findings
        open_homes += [] if findings else [home]
    told = set()
    for application in known.applications:
        for place in _places(host, application.paths, open_homes):
            if not isinstance(place, Finding):
                yield from _below(host, place.path, place.home, application.skipped, taken)
            elif place not in told:
                told.add(place)
                yield place


def made_anew(host: Host, known: Catalogue) -> Iterator[Cover]:
    """Yield what is there and can be made anew."""
    for application in known.applications:
        for each in application.anew:
            for place in _places(host, each.paths, homes(host)):
                if not isinstance(place, Finding):
                    yield Cover(place.path, each.by)


def _places(host: Host, patterns: Iterable[str], within: Iterable[Home]) -> Iterator[_Place | Finding]:
    """Yield each place that is there, and what could not be looked into."""
    own = [pattern for pattern in patterns if pattern.startswith("~/")]
    shared = [pattern for pattern in patterns if not pattern.startswith("~/")]
    for top, mine in (("", shared), *((home.path, [each[2:] for each in own]) for home in within)):
        paths, findings = expanded(host, top, mine)
        yield from findings
        yield from (_Place(top, path) for path in paths)


def _below(
    host: Host, path: str, home: str, skipped: Rule, taken: Callable[[str], bool]
) -> Iterator[Outcome]:
    """Yield what comes of a path and of all below it, but for what is skipped."""
    count = 0
    for leaf in _leaves(host, path, home, skipped):
        if isinstance(leaf, Finding):
            yield leaf
        elif not taken(leaf.path):
            count += 1
            if count > MAX_FILES:
                yield Finding(
                    escaped(path), f"more than {MAX_FILES} files for settings", "keep it in the cloud"
                )
                return
            yield from _judged(host, leaf.path)


def _leaves(host: Host, path: str, home: str, skipped: Rule) -> Iterator[Entry | Finding]:
    """Yield the files, links and empty directories of a place, outside of clones that have a remote."""
    entry = _look(host, path)
    folders = []
    if isinstance(entry, Finding):
        yield entry
    elif entry and entry.is_dir:
        folders.append(entry)
    elif entry:
        yield entry
    while folders:
        folder = folders.pop()
        if folder.is_foreign or _is_cloned(host, folder.path):
            continue
        try:
            entries = host.entries(folder.path)
        except OSError as error:
            yield unread(folder.path, error)
            continue
        for each in entries:
            if skipped.covers(f"~{each.path.removeprefix(home)}" if home else each.path, "any"):
                continue
            if each.is_dir:
                folders.append(each)
            else:
                yield each


def _judged(host: Host, path: str) -> Iterator[Outcome]:
    try:
        yield from settings(host, path)
    except OSError as error:
        yield unread(path, error)


def _is_cloned(host: Host, folder: str) -> bool:
    """Tell whether a directory is a clone that comes back from a remote elsewhere (section `repos`)."""
    urls = REMOTE.findall(text_in(host, f"{folder}/.git/config")[0])
    return any(not Remote("", url.strip().strip('"')).local for url in urls)


def _look(host: Host, path: str) -> Entry | Finding | None:
    entry, findings = entry_at(host, path)
    return findings[0] if findings else entry
