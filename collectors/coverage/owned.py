"""Which package put each path there, and when?

dpkg(1): `info/NAME.list` has the paths, and is written when the package is unpacked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from collectors.debian import dpkg
from collectors.host import Host, remembered

# Symlinks of the merged /usr and of /run; packages name files by them (file-hierarchy(7)).
FOLDERS_WITH_ALIASES = ("/", "/var")


@dataclass(frozen=True)
class Unpacked:
    """A package with the times of its list: `name` is `libc6:amd64` where dpkg keeps it so."""

    name: str
    mtime_ns: int
    ctime_ns: int

    @property
    def package(self) -> str:
        """The name without the architecture."""
        return self.name.partition(":")[0]


@dataclass(frozen=True)
class Owned:
    """All that packages brought: `by_path` maps each path to the place of its package in `packages`."""

    packages: tuple[Unpacked, ...] = ()
    by_path: Mapping[str, int] = field(default_factory=dict)

    def package(self, path: str) -> str:
        """Return the package that owns `path`, "" where none does."""
        place = self.by_path.get(path)
        return "" if place is None else self.packages[place].package


@remembered
def owned(host: Host) -> Owned:
    """Return what the packages of `host` own, at the paths where symlinks and diversions put it."""
    renamed, diversions = aliases(host), dpkg.read(host).diversions
    packages: list[Unpacked] = []
    by_path: dict[str, int] = {}
    for name, content in dpkg.lists(host).items():
        entry = host.look(f"{dpkg.LISTS}/{name}.list")
        package = Unpacked(name, entry.mtime_ns, entry.ctime_ns) if entry else Unpacked(name, 0, 0)
        paths = dict.fromkeys(paths_in(content, renamed), len(packages))
        by_path.update(_diverted(paths, package.package, diversions))
        packages.append(package)
    return Owned(tuple(packages), by_path)


def paths_in(content: str, renamed: Mapping[str, str]) -> list[str]:
    """Return the paths of a `.list` file, each below where its first directories lead to."""
    lines = f"\n{content}\n"
    for alias, target in renamed.items():
        for end in ("/", "\n"):
            lines = lines.replace(f"\n{alias}{end}", f"\n{target}{end}")
    return [line for line in lines.split("\n") if line]


@remembered
def aliases(host: Host) -> Mapping[str, str]:
    """Return where the symlinked directories of the system lead to: `/bin` to `/usr/bin`."""
    found = {}
    for folder in FOLDERS_WITH_ALIASES:
        if not host.look(folder):
            continue
        for entry in host.entries(folder):
            if entry.is_symlink:
                target = host.link(entry.path)
                found[entry.path] = target if target.startswith("/") else f"{folder.rstrip('/')}/{target}"
    return {alias: target.rstrip("/") for alias, target in found.items() if target.strip("/")}


def placed(path: str, renamed: Mapping[str, str]) -> str:
    """Return where a path lies when its first directories are symlinks: `/usr/bin/sh` for `/bin/sh`."""
    for alias, target in renamed.items():
        if path == alias or path.startswith(f"{alias}/"):
            return f"{target}{path[len(alias) :]}"
    return path


def _diverted(paths: dict[str, int], package: str, diversions: Iterable[dpkg.Diversion]) -> dict[str, int]:
    """Return the paths of a package where diversions let them lie (dpkg-divert(1))."""
    for each in diversions:
        if each.path in paths and each.package != package:
            paths[each.to] = paths.pop(each.path)
    return paths
