"""Which programs did pipx install, with what in their environments?

Source: pipx's `pipx_metadata.json`, one in the environment of each program; `/opt/pipx` is the place of
`pipx install --global`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from collectors.collected import Cover
from collectors.domains.languages.package import Package, command, secrets_left_out, shown, sourceless
from collectors.domains.languages.reading import (
    Table,
    content,
    entries,
    json_table,
    name_of,
    open_homes,
    word,
    words,
)
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Host
from collectors.reading.looking import Outcome, mapping
from collectors.record import escaped

GLOBAL = "/opt/pipx/venvs"
# As `pipx --global` has it, which only pipx 1.5 and later know.
OF_THE_MACHINE = ("env", "PIPX_HOME=/opt/pipx", "PIPX_BIN_DIR=/usr/local/bin", "pipx")
OWN = (".local/share/pipx/venvs", ".local/pipx/venvs")
# A requirement that says which version or where it is from.
NAMES_VERSION = re.compile(r"[=<>~@/ ]")
LOCAL = re.compile(r"(?:git\+)?file:|/|\.\.?/|~/")


class Pipx(Package):
    """A program that pipx installed; its name is that of its environment, suffix included.

    `package` is what was asked for: `black[d]==23.1.0`, or an address. `python` is the version that runs it,
    `pinned` the version of the program that must stay, "" where a newer one may come.
    """

    KIND: ClassVar[str] = "pipx"
    FREE: ClassVar[frozenset[str]] = frozenset({"version", "python"})

    package: str
    python: str = ""
    suffix: str = ""
    pip_args: tuple[str, ...] = ()
    with_dependencies: bool = False
    pinned: str = ""
    injected: tuple[str, ...] = ()
    injected_apps: tuple[str, ...] = ()

    def by_hand(self) -> str:
        """Return how pipx installs it, and then what was added to it."""
        pipx = ("pipx",) if self.user else OF_THE_MACHINE
        given = [f"--pip-args={shlex.join(self.pip_args)}"] if self.pip_args else []
        options = [f"--suffix={self.suffix}"] if self.suffix else []
        options += ["--include-deps"] if self.with_dependencies else []
        steps = [command(*pipx, "install", *options, *given, self._asked())]
        plain = [each for each in self.injected if each not in self.injected_apps]
        steps += [command(*pipx, "inject", *given, self.name, *plain)] if plain else []
        apps = self.injected_apps
        steps += [command(*pipx, "inject", "--include-apps", *given, self.name, *apps)] if apps else []
        steps += [command(*pipx, "pin", self.name)] if self.pinned else []
        return " && ".join(steps)

    def _asked(self) -> str:
        """Return what pipx is asked for: what it was, in the pinned version where it names none."""
        named = not self.pinned or NAMES_VERSION.search(self.package)
        return self.package if named else f"{self.package}=={self.pinned}"


@dataclass(frozen=True)
class Main:
    """What the metadata says of one environment."""

    package: str
    version: str
    python: str
    suffix: str = ""
    pip_args: tuple[str, ...] = ()
    with_dependencies: bool = False
    pinned: bool = False
    injected: tuple[str, ...] = ()
    injected_apps: tuple[str, ...] = ()


def found(host: Host) -> Iterator[Outcome]:
    """Yield the programs that pipx installed, and what comes back with them."""
    yield from _environments(host, GLOBAL)
    for home in open_homes(host):
        for place in OWN:
            yield from _environments(host, home.within(place), home)


def _environments(host: Host, place: str, home: Home | None = None) -> Iterator[Outcome]:
    for folder in entries(host, place):
        if isinstance(folder, Finding):
            yield folder
            continue
        if not folder.is_dir or folder.is_foreign:
            yield Cover(folder.path, "made anew by pipx")
            continue
        path = f"{folder.path}/pipx_metadata.json"
        text = content(host, path)
        main = parse_pipx(text, escaped(path)) if isinstance(text, str) else text
        if isinstance(main, Main):
            yield from _program(home, name_of(folder), folder.path, main)
            yield from secrets_left_out(path, main.package, *main.injected, *main.pip_args)
        else:
            yield main or Finding(escaped(folder.path), "no pipx_metadata.json", "pipx reinstall-all")


def _program(home: Home | None, name: str, path: str, main: Main) -> Iterator[Outcome]:
    program = Pipx(
        user=escaped(home.user) if home else "",
        name=escaped(name),
        version=shown(main.version),
        package=shown(main.package),
        python=shown(main.python),
        suffix=shown(main.suffix),
        pip_args=tuple(map(shown, main.pip_args)),
        with_dependencies=main.with_dependencies,
        pinned=shown(main.version) if main.pinned else "",
        injected=tuple(map(shown, main.injected)),
        injected_apps=tuple(map(shown, main.injected_apps)),
    )
    yield program
    yield Cover(path, program.item_id())
    local = [each for each in (main.package, *main.injected) if is_local(each)]
    if local:
        yield sourceless(program, shown(local[0]), "push that folder to a remote, and install it from there")


def is_local(requirement: str) -> bool:
    """Tell whether a requirement is a path on this machine: `/home/ada/x`, `x @ file:///home/ada/x`."""
    return bool(LOCAL.match(requirement.rpartition(" @ ")[2]))


def parse_pipx(text: str, path: str) -> Main | Finding:
    """Return what a pipx_metadata.json says."""
    data = json_table(text, path)
    if isinstance(data, Finding):
        return data
    main = mapping(data.get("main_package"))
    package = _requirement(main)
    if not package:
        return Finding(path, "names no package", "pipx reinstall-all")
    others = tuple(
        (asked, each.get("include_apps") is True)
        for each in map(mapping, mapping(data.get("injected_packages")).values())
        if (asked := _requirement(each))
    )
    return Main(
        package=package,
        version=word(main.get("package_version")),
        python=word(data.get("python_version")).removeprefix("Python "),
        suffix=word(main.get("suffix")),
        pip_args=words(main.get("pip_args")),
        with_dependencies=main.get("include_dependencies") is True,
        pinned=main.get("pinned") is True,
        injected=tuple(sorted({asked for asked, _ in others})),
        injected_apps=tuple(sorted({asked for asked, apps in others if apps})),
    )


def _requirement(package: Table) -> str:
    return word(package.get("package_or_url")) or word(package.get("package"))
