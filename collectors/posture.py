"""What is a posture?

A set of items, grouped in sections, plus the content of captured files. Each section is defined where it
is collected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import get_type_hints

from collectors.domains.apt import Apt
from collectors.domains.containers import Containers
from collectors.domains.desktop import Desktop
from collectors.domains.dotfiles import Dotfiles
from collectors.domains.editors import Editors
from collectors.domains.files import Files
from collectors.domains.flatpak import Flatpak
from collectors.domains.hardware import Hardware
from collectors.domains.input import Input
from collectors.domains.languages import Languages
from collectors.domains.network import Network
from collectors.domains.programs import Programs
from collectors.domains.repos import Repos
from collectors.domains.services import Services
from collectors.domains.snap import Snap
from collectors.domains.snapshots import Snapshots
from collectors.domains.system import System
from collectors.domains.users import Users
from collectors.record import Item, Section, Thing

# 2: sections besides system, apt, files and users.
SCHEMA_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class Posture:
    """All sections of one machine.

    `contents` maps escaped absolute paths to the bytes of those files, `pristine` to the bytes of the
    versions that packages brought in their place.
    """

    system: System
    apt: Apt = field(default_factory=Apt)
    snap: Snap = field(default_factory=Snap)
    flatpak: Flatpak = field(default_factory=Flatpak)
    languages: Languages = field(default_factory=Languages)
    programs: Programs = field(default_factory=Programs)
    repos: Repos = field(default_factory=Repos)
    files: Files = field(default_factory=Files)
    users: Users = field(default_factory=Users)
    network: Network = field(default_factory=Network)
    services: Services = field(default_factory=Services)
    snapshots: Snapshots = field(default_factory=Snapshots)
    containers: Containers = field(default_factory=Containers)
    desktop: Desktop = field(default_factory=Desktop)
    input: Input = field(default_factory=Input)
    editors: Editors = field(default_factory=Editors)
    dotfiles: Dotfiles = field(default_factory=Dotfiles)
    hardware: Hardware = field(default_factory=Hardware)
    contents: Mapping[str, bytes] = field(default_factory=dict)
    pristine: Mapping[str, bytes] = field(default_factory=dict)

    def sections(self) -> tuple[Section, ...]:
        """Return the sections in the order of the model."""
        return tuple(getattr(self, name) for name in SECTIONS)

    def things(self) -> Iterator[tuple[str, Thing]]:
        """Yield every thing with the name of its section."""
        for section in self.sections():
            yield from ((section.NAME, thing) for thing in section.things())

    def items(self) -> Iterator[Item]:
        """Yield every item of every section."""
        return (thing.item(section) for section, thing in self.things())


# The sections by name, in the order of the model.
SECTIONS: Mapping[str, type[Section]] = {
    name: kind
    for name, kind in get_type_hints(Posture).items()
    if isinstance(kind, type) and issubclass(kind, Section)
}
