"""Which dotfiles are managed, by what, and what do the others say?

What a manager brings back from its remote is not captured; of the rest, the settings of the applications that
catalogue.yaml beside this module names.
"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.domains.dotfiles.chezmoi import chezmoi_sources
from collectors.domains.dotfiles.links import linked_clones
from collectors.domains.dotfiles.manager import Manager
from collectors.domains.dotfiles.repositories import home_repositories
from collectors.homes import home_of
from collectors.host import Host
from collectors.judgement.capture import gathered
from collectors.reading.catalogue import catalogue, made_anew, settings_of
from collectors.reading.looking import parted
from collectors.record import File, Section

SKELETON, SKELETON_OF_ROOT = "/etc/skel", "/usr/share/base-files"


class Dotfiles(Section):
    """Managers of dotfiles, and configuration that none of them manages."""

    NAME: ClassVar[str] = "dotfiles"

    managers: tuple[Manager, ...] = ()
    files: tuple[File, ...] = ()


def is_as_created(host: Host, path: str) -> bool:
    """Tell whether a file of a home is as it was when the account was created."""
    home = home_of(host, path)
    inner = path.removeprefix(f"{home.path}/") if home else ""
    if not inner or "/" in inner:
        return False
    try:
        origins = (f"{SKELETON}/{inner}", f"{SKELETON_OF_ROOT}/dot{inner}")
        return any(host.look(origin) and host.read(origin) == host.read(path) for origin in origins)
    except OSError:
        return False


def collect(host: Host) -> Collected[Dotfiles]:
    """Collect the section `dotfiles`."""
    managed = parted((*home_repositories(host), *chezmoi_sources(host), *linked_clones(host)))
    brought = {cover.path for cover in managed.covers}
    known = catalogue("collectors.domains.dotfiles", "catalogue.yaml")
    found = gathered(settings_of(host, known, lambda path: path in brought or is_as_created(host, path)))
    section = Dotfiles(
        managers=managed.of(Manager),
        files=found.records,
        left_out=(*managed.left_out, *found.left_out),
    )
    return Collected(
        section,
        found.contents,
        (*managed.findings, *found.findings),
        (*managed.covers, *made_anew(host, known)),
        managed.losses,
    )
