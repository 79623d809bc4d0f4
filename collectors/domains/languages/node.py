"""Which packages did pnpm, yarn and bun install globally?

Each keeps a `package.json` of its own, whose `dependencies` are what was asked for. Sources: package.json(5),
`pnpm help root`, yarn's and bun's pages on global packages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from collectors.collected import Cover
from collectors.domains.languages.npm import Manifest, read_manifest
from collectors.domains.languages.package import Package, command, secrets_left_out, shown, sourceless
from collectors.domains.languages.reading import content, folders, is_name, json_table, open_homes, word
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Host
from collectors.reading.looking import Outcome, mapping
from collectors.record import escaped

LOCAL = ("link:", "file:", "portal:", "/", "./", "../")


class NodePackage(Package):
    """A global package of another manager than npm; `asked` is the range or the address asked for."""

    COMMAND: ClassVar[tuple[str, ...]]
    BINS: ClassVar[str]

    asked: str = ""

    def by_hand(self) -> str:
        """Return how its manager installs it."""
        named = (
            self.asked if ":" in self.asked or "/" in self.asked else f"{self.name}@{self.asked or 'latest'}"
        )
        return command(*self.COMMAND, named)


class Pnpm(NodePackage):
    """A global package of pnpm."""

    KIND: ClassVar[str] = "pnpm"
    COMMAND: ClassVar[tuple[str, ...]] = ("pnpm", "add", "--global")
    BINS: ClassVar[str] = ".local/share/pnpm"


class Yarn(NodePackage):
    """A global package of yarn 1."""

    KIND: ClassVar[str] = "yarn"
    COMMAND: ClassVar[tuple[str, ...]] = ("yarn", "global", "add")
    BINS: ClassVar[str] = ".yarn/bin"


class Bun(NodePackage):
    """A global package of bun."""

    KIND: ClassVar[str] = "bun"
    COMMAND: ClassVar[tuple[str, ...]] = ("bun", "add", "--global")
    BINS: ClassVar[str] = ".bun/bin"


def found(host: Host) -> Iterator[Outcome]:
    """Yield the global packages of each of the managers."""
    for home in open_homes(host):
        for folder in folders(host, home.within(".local/share/pnpm/global")):
            if isinstance(folder, Finding):
                yield folder
            else:
                yield from _packages(host, home, folder.path, Pnpm)
        yield from _packages(host, home, home.within(".config/yarn/global"), Yarn)
        yield from _packages(host, home, home.within(".bun/install/global"), Bun)


def _packages(host: Host, home: Home, folder: str, kind: type[NodePackage]) -> Iterator[Outcome]:
    path = f"{folder}/package.json"
    text = content(host, path)
    if not isinstance(text, str):
        yield from (text,) if text else ()
        return
    asked = parse_dependencies(text, escaped(path))
    if isinstance(asked, Finding):
        yield asked
        return
    yield from secrets_left_out(path, *asked.values())
    yield Cover(folder, f"made anew by {kind.KIND}")
    for name, spec in asked.items():
        modules = f"{folder}/node_modules/{name}"
        manifest = read_manifest(host, modules) if all(map(is_name, name.split("/"))) else Manifest()
        if isinstance(manifest, Finding):
            yield manifest
            manifest = Manifest()
        package = kind(
            user=escaped(home.user), name=shown(name), version=shown(manifest.version), asked=shown(spec)
        )
        yield package
        for program in manifest.programs:
            yield Cover(home.within(kind.BINS, program), package.item_id())
        if spec.startswith(LOCAL):
            yield sourceless(package, shown(spec), "push its folder to a remote, and install it from there")


def parse_dependencies(text: str, path: str) -> dict[str, str] | Finding:
    """Return what the `dependencies` of a package.json ask for, by name, sorted."""
    data = json_table(text, path)
    if isinstance(data, Finding):
        return data
    return {name: word(spec) for name, spec in sorted(mapping(data.get("dependencies")).items()) if name}
