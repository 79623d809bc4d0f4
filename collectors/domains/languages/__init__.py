"""What did the package managers of programming languages install?

Each module beside this one answers it for one manager. What a manager can make anew (its caches, and packages
that only another one needs) is no item.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from collectors.collected import Collected, Cover
from collectors.domains.languages import (
    brew,
    cargo,
    conda,
    gem,
    golang,
    managers,
    node,
    npm,
    pip,
    pipx,
    rustup,
    toolchains,
    uv,
)
from collectors.domains.languages.brew import Cask, Formula, Tap
from collectors.domains.languages.cargo import Cargo
from collectors.domains.languages.conda import Conda
from collectors.domains.languages.gem import Gem
from collectors.domains.languages.golang import Go
from collectors.domains.languages.node import Bun, Pnpm, Yarn
from collectors.domains.languages.npm import Npm
from collectors.domains.languages.package import launchers
from collectors.domains.languages.pip import Pip
from collectors.domains.languages.pipx import Pipx
from collectors.domains.languages.reading import closed_homes, open_homes
from collectors.domains.languages.toolchains import Toolchain, ToolchainDefault
from collectors.domains.languages.uv import Uv
from collectors.failure import Finding
from collectors.host import Host
from collectors.reading.looking import Outcome, parted
from collectors.record import Section, Thing

MODULES = (npm, node, pipx, pip, uv, cargo, golang, gem, conda, brew, toolchains, rustup)
BINS = (".local/bin", "bin", ".bun/bin", ".local/share/pnpm", ".yarn/bin")


class Languages(Section):
    """Global packages of npm, pipx, pip, uv, cargo, go, gem, conda and brew, and the runtimes they need."""

    NAME: ClassVar[str] = "languages"

    npm: tuple[Npm, ...] = ()
    pnpm: tuple[Pnpm, ...] = ()
    yarn: tuple[Yarn, ...] = ()
    bun: tuple[Bun, ...] = ()
    pipx: tuple[Pipx, ...] = ()
    pip: tuple[Pip, ...] = ()
    uv: tuple[Uv, ...] = ()
    cargo: tuple[Cargo, ...] = ()
    go: tuple[Go, ...] = ()
    gem: tuple[Gem, ...] = ()
    conda: tuple[Conda, ...] = ()
    brew: tuple[Formula, ...] = ()
    casks: tuple[Cask, ...] = ()
    taps: tuple[Tap, ...] = ()
    toolchains: tuple[Toolchain, ...] = ()
    defaults: tuple[ToolchainDefault, ...] = ()


def collect(host: Host) -> Collected[Languages]:
    """Collect the section `languages`."""
    told = [each for module in MODULES for each in module.found(host)]
    covers = [each for each in told if isinstance(each, Cover)]
    bins = ("/usr/local/bin", *(home.within(name) for home in open_homes(host) for name in BINS))
    found = parted((*told, *closed_homes(host), *managers.caches(host), *launchers(host, bins, covers)))
    section = Languages(
        left_out=found.left_out,
        npm=found.of(Npm),
        pnpm=found.of(Pnpm),
        yarn=found.of(Yarn),
        bun=found.of(Bun),
        pipx=found.of(Pipx),
        pip=found.of(Pip),
        uv=found.of(Uv),
        cargo=found.of(Cargo),
        go=found.of(Go),
        gem=found.of(Gem),
        conda=found.of(Conda),
        brew=found.of(Formula),
        casks=found.of(Cask),
        taps=found.of(Tap),
        toolchains=found.of(Toolchain),
        defaults=found.of(ToolchainDefault),
    )
    placed = tuple(sorted(set(found.covers), key=lambda cover: (cover.path, cover.by)))
    return Collected(section, {}, (*found.findings, *doubled(told)), placed, found.losses)


def doubled(outcomes: Iterable[Outcome]) -> Iterator[Finding]:
    """Yield a finding for each thing that differs from another one with its id: only the first is told."""
    by_id: dict[str, Thing] = {}
    for each in outcomes:
        if isinstance(each, Thing) and by_id.setdefault(each.item_id(), each) != each:
            yield Finding(each.item_id(), "installed twice: one of them is told", "uninstall one of them")
