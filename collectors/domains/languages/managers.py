"""Where do the managers of runtimes keep the versions of each?

The knowledge is data: managers.yaml beside this module, which says what its keys mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from collectors.collected import Cover
from collectors.document import shipped
from collectors.domains.languages.package import shown
from collectors.domains.languages.reading import entries, folders, name_of, open_homes
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Entry, Host, remembered
from collectors.reading.looking import entry_at
from collectors.record import Record, escaped, word

ANY = "*"
# What the managers of all runtimes call one: asdf says nodejs, mise node.
OTHER_NAMES = {"nodejs": "node", "golang": "go"}


class Default(Record):
    """The file that names the versions in use, and how."""

    path: str
    format: Literal["words", "tools", "link", "mise", "volta"]


class Manager(Record):
    """One manager of versions; see managers.yaml."""

    manager: str
    runtime: str
    folder: str
    name: str
    install: str
    inner: str = ""
    choose: str = ""
    within: str = ""
    default: Default | None = None

    def told(self, pattern: str, runtime: str, *versions: str) -> str:
        """Return one of its shell commands, for a version or for several."""
        names = {"runtime": runtime, "RUNTIME": runtime.upper(), "version": versions[0]}
        several = " ".join(word(shown(each)) for each in versions)
        return pattern.format(versions=several, **{key: word(shown(name)) for key, name in names.items()})


class Managers(Record):
    """All that is known of managers."""

    managers: tuple[Manager, ...]
    caches: Mapping[str, tuple[str, ...]]
    gems: frozenset[str]


@dataclass(frozen=True)
class Version:
    """A folder (or a symlink) that is one version of a runtime: `node`, `v20.11.0`."""

    manager: Manager
    home: Home
    entry: Entry
    runtime: str
    version: str

    @property
    def name(self) -> str:
        """What follows `toolchain:~ada/` in its item's id."""
        return self.manager.name.format(runtime=escaped(self.runtime), version=escaped(self.version))

    @property
    def kind(self) -> str:
        """What the runtime is called whatever its manager calls it."""
        return OTHER_NAMES.get(self.runtime, self.runtime)

    def told(self, pattern: str) -> str:
        """Return a shell command of its manager."""
        return self.manager.told(pattern, self.runtime, self.version)


@dataclass(frozen=True)
class Room:
    """Where packages of a runtime's version are: the folder with its `bin` and `lib`."""

    path: str
    home: Home | None
    name: str
    within: str


@cache
def managers() -> Managers:
    """Return what is known of managers."""
    return shipped("collectors.domains.languages", "managers.yaml", Managers)


@remembered
def versions(host: Host) -> tuple[Version | Finding, ...]:
    """Return every version that a manager keeps in a home; a symlink among them, too."""
    return tuple(
        each
        for home in open_homes(host)
        for manager in managers().managers
        for each in _versions(host, home, manager)
    )


def rooms(host: Host, runtime: str) -> Iterator[Room]:
    """Yield where packages of `runtime` may be in the versions that managers keep."""
    for each in versions(host):
        if isinstance(each, Finding) or not (
            each.entry.is_dir and each.kind == runtime and each.manager.within
        ):
            continue
        inner = f"/{each.manager.inner}" if each.manager.inner else ""
        yield Room(f"{each.entry.path}{inner}", each.home, each.name, each.told(each.manager.within))


def caches(host: Host) -> Iterator[Cover]:
    """Yield what managers make anew."""
    for home in open_homes(host):
        for by, paths in managers().caches.items():
            for path in paths:
                if entry_at(host, home.within(path))[0]:
                    yield Cover(home.within(path), f"made anew by {by}")


def _versions(host: Host, home: Home, manager: Manager) -> Iterator[Version | Finding]:
    top = home.within(manager.folder)
    if manager.runtime != ANY:
        yield from _within(host, home, manager, manager.runtime, top)
        return
    for folder in folders(host, top):
        if isinstance(folder, Finding):
            yield folder
        else:
            yield from _within(host, home, manager, name_of(folder), folder.path)


def _within(
    host: Host, home: Home, manager: Manager, runtime: str, folder: str
) -> Iterator[Version | Finding]:
    for entry in entries(host, folder):
        if isinstance(entry, Finding):
            yield entry
        elif (entry.is_dir or entry.is_symlink) and not entry.is_foreign and name_of(entry)[0] != ".":
            yield Version(manager, home, entry, runtime, name_of(entry))
