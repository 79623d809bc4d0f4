"""Which programs of the catalogue are there, in which version, and what does each bring back?

Nothing is run to learn a version: names, links and files tell it, or it is not told.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import ClassVar

from collectors.collected import Cover, Loss
from collectors.domains.programs.catalogue import Recipe, Version, catalogue, filled
from collectors.domains.programs.places import Scope, scopes
from collectors.host import Host, remembered
from collectors.reading.looking import Outcome
from collectors.record import Thing, escaped

MAX_VERSION_FILE_BYTES = 256 * 1024
SAFE_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,60}")


class Program(Thing):
    """A program that an installer of its own put there: `claude-code` of `ada`, "" the machine's.

    `place` is where it was found and `version` what it was, "" where that cannot be told. `install` and
    `verify` are run by `user` in their home, by root in / where that is "".
    """

    KIND: ClassVar[str] = "program"
    FREE: ClassVar[frozenset[str]] = frozenset({"title", "version", "place", "install", "verify"})

    name: str
    title: str
    user: str = ""
    version: str = ""
    place: str = ""
    install: str = ""
    verify: str = ""

    def item_name(self) -> str:
        """Return `~ada/claude-code`, or `ollama`."""
        return f"~{self.user}/{self.name}" if self.user else self.name

    def by_hand(self) -> str:
        """Return the vendor's command."""
        if not self.install:
            return ""
        return by_user(self.user, self.install)


@remembered
def installed(host: Host) -> tuple[Outcome, ...]:
    """Return the programs of the catalogue, what they bring back, and what is lost all the same."""
    return tuple(each for scope in scopes(host) for each in (*_programs(host, scope), *_losses(host, scope)))


@remembered
def recipe_trees(host: Host) -> frozenset[str]:
    """Return the paths that recipes bring back."""
    return frozenset(each.path for each in installed(host) if isinstance(each, Cover))


def by_user(user: str, command: str) -> str:
    """Return the shell command that runs `command` as that person in their home, as root for ""."""
    whose = f"sudo -iu {shlex.quote(user)}" if user else "sudo"
    return f"{whose} sh -c {shlex.quote(command)}"


def _programs(host: Host, scope: Scope) -> Iterator[Outcome]:
    for name, recipe in catalogue(host)[0].recipes.items():
        found = scope.places(host, recipe.found)
        if found:
            program = _program(host, scope, name, recipe, found[0])
            yield program
            yield from _brought(host, scope, recipe, found, program)


def _program(host: Host, scope: Scope, name: str, recipe: Recipe, place: str) -> Program:
    version = version_of(host, scope, recipe.version)
    folder = PurePosixPath(place).parent
    values = {"place": place, "folder": str(folder), "above": str(folder.parent), "version": version}
    quoted = {key: shlex.quote(escaped(value)) for key, value in values.items()}
    bound = _bound(recipe, version)
    return Program(
        name=name,
        title=recipe.title,
        user=scope.user,
        version=version,
        place=escaped(place),
        install="" if bound else filled(recipe.install, quoted),
        verify=filled(recipe.verify, quoted),
        bound=bound,
    )


def _bound(recipe: Recipe, version: str) -> str:
    """Return why only a person can bring it back, "" where its command does."""
    if recipe.person:
        return f"only a person can get it: {recipe.person}"
    if "{version}" in recipe.install and not version:
        return "its version cannot be told here, and its address needs it: a person must get it"
    return ""


def _brought(
    host: Host, scope: Scope, recipe: Recipe, found: tuple[str, ...], program: Program
) -> Iterator[Outcome]:
    """Yield the cover of each path that comes back; the loss where only a person can get it."""
    if program.bound:
        remedy = f"keep its installer in the cloud; {program.title} was in {program.place}"
        yield Loss("no-recipe", program.item_id(), program.bound, remedy)
    places = {*found, *scope.places(host, recipe.brings)}
    kept = set(scope.places(host, recipe.but))
    for path in sorted(places):
        yield from (Cover(each, program.item_id()) for each in _without(host, path, kept))


def _without(host: Host, path: str, kept: set[str]) -> Iterator[str]:
    """Yield `path`, or what is in it where something of the owner's lies in it, too."""
    if path in kept:
        return
    if not any(each.startswith(f"{path}/") for each in kept):
        yield path
        return
    try:
        for name in host.list(path):
            yield from _without(host, f"{path}/{name}", kept)
    except OSError:
        return


def _losses(host: Host, scope: Scope) -> Iterator[Loss]:
    for known in catalogue(host)[0].losses:
        for path in scope.places(host, known.paths):
            remedy = filled(known.remedy, {"path": shlex.quote(escaped(path))})
            yield Loss("uncovered", escaped(path), known.reason, by_user(scope.user, remedy))


def version_of(host: Host, scope: Scope, versions: Iterable[Version]) -> str:
    """Return the version that the first one of `versions` tells, "" where none does."""
    for version in versions:
        told = (
            found[1]
            for path in scope.places(host, (version.path,))
            if (found := re.search(version.match, _telling(host, version, path))) and found[1]
        )
        newest = max((word for word in told if SAFE_VERSION.fullmatch(word)), key=_numbers, default="")
        if newest:
            return newest
    return ""


def _telling(host: Host, version: Version, path: str) -> str:
    """Return what tells the version; what cannot be read tells none."""
    try:
        if version.link:
            return host.link(path)
        if version.file:
            return host.part(path, 0, MAX_VERSION_FILE_BYTES).decode(errors="replace")
        return path
    except OSError:
        return ""


def _numbers(version: str) -> tuple[list[int], str]:
    return [int(number[:18]) for number in re.findall(r"\d+", version)], version
