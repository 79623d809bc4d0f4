"""What did the package managers of programming languages install?

Each module beside this one answers it for one manager. What a manager can make anew (its caches, and packages
that only another one needs) is no item.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from collectors.collected import Collected, Cover, Loss
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
from collectors.domains.languages.toolchains import Toolchain, ToolchainDefault
from collectors.domains.languages.uv import Uv
from collectors.failure import Finding
from collectors.homes import homes
from collectors.host import Host
from collectors.record import Section, Thing

MODULES = (npm, node, pipx, pip, uv, cargo, golang, gem, conda, brew, toolchains, rustup)
FIELDS = {
    "npm": Npm,
    "pnpm": Pnpm,
    "yarn": Yarn,
    "bun": Bun,
    "pipx": Pipx,
    "pip": Pip,
    "uv": Uv,
    "cargo": Cargo,
    "go": Go,
    "gem": Gem,
    "conda": Conda,
    "brew": Formula,
    "casks": Cask,
    "taps": Tap,
    "toolchains": Toolchain,
    "defaults": ToolchainDefault,
}
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
    bins = ("/usr/local/bin", *(home.within(name) for home in homes(host) for name in BINS))
    told += [*managers.caches(host), *launchers(host, bins, covers)]
    things, doubled = distinct(each for each in told if isinstance(each, Thing))
    return Collected(
        section(things),
        findings=tuple(dict.fromkeys((*(each for each in told if isinstance(each, Finding)), *doubled))),
        covers=tuple(sorted({each for each in told if isinstance(each, Cover)}, key=_place)),
        losses=tuple(each for each in told if isinstance(each, Loss)),
    )


def distinct(things: Iterable[Thing]) -> tuple[tuple[Thing, ...], tuple[Finding, ...]]:
    """Return the things sorted by id, the first of each; another one that differs is a finding."""
    by_id: dict[str, Thing] = {}
    findings = []
    for thing in things:
        name = thing.item_id()
        if by_id.setdefault(name, thing) != thing:
            findings.append(Finding(name, "installed twice: one of them is told", "uninstall one of them"))
    return tuple(by_id[name] for name in sorted(by_id)), tuple(findings)


def section(things: Iterable[Thing]) -> Languages:
    """Return the section of these things by their kinds."""
    ordered = tuple(things)
    by_field = {
        field: tuple(thing for thing in ordered if type(thing) is kind) for field, kind in FIELDS.items()
    }
    return Languages.model_validate(by_field)


def _place(cover: Cover) -> tuple[str, str]:
    return cover.path, cover.by
