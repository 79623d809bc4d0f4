"""What are the things of hardware? All are bound: none is restored, each says what another machine needs."""

from __future__ import annotations

from typing import ClassVar

from collectors.domains.hardware.known import known
from collectors.judgement.knowledge import choices
from collectors.record import Thing


class Part(Thing):
    """A part of the machine, `graphics` and its name; `details` are `driver=nvidia`."""

    KIND: ClassVar[str] = "hardware"

    kind: str
    name: str
    details: tuple[str, ...] = ()

    def item_name(self) -> str:
        """Return `graphics/GA106 [GeForce RTX 3060]`."""
        return f"{self.kind}/{self.name}"

    def by_hand(self) -> str:
        """Return what another machine needs instead."""
        found = known().parts.get(self.kind)
        return found.instead if found else ""


class Disk(Thing):
    """A disk by what its maker wrote on it: that tells it from others of the same size.

    `partitions` are `1 536870912`: number and size in bytes.
    """

    KIND: ClassVar[str] = "disk"

    name: str
    model: str = ""
    serial: str = ""
    size_bytes: int = 0
    ids: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()

    def item_name(self) -> str:
        """Return its model and serial number, or what the kernel calls it."""
        return self.name

    def by_hand(self) -> str:
        """Return how the disks of another machine are named."""
        return "lsblk --output NAME,MODEL,SERIAL,SIZE"


class Driver(Thing):
    """A package for hardware of one kind."""

    KIND: ClassVar[str] = "driver"

    name: str

    def item_name(self) -> str:
        """Return the package."""
        return self.name

    def by_hand(self) -> str:
        """Return what another machine needs instead."""
        found = choices().driver(self.name)
        return found.instead if found else ""


class Module(Thing):
    """A kernel module that DKMS builds; `package` is "" for one that was put there by hand."""

    KIND: ClassVar[str] = "dkms"
    FREE: ClassVar[frozenset[str]] = frozenset({"version"})

    name: str
    version: str
    package: str = ""

    def item_name(self) -> str:
        """Return its name."""
        return self.name

    def by_hand(self) -> str:
        """Return how it is built again; its source has to be in /usr/src."""
        return f"apt install {self.package}" if self.package else f"dkms install {self.name}/{self.version}"


class Firmware(Thing):
    """A file or directory of firmware that no package brought."""

    KIND: ClassVar[str] = "firmware"

    path: str

    def item_name(self) -> str:
        """Return its path."""
        return self.path


def part(kind: str, name: str, *details: str) -> Part:
    """Return a part with the reason why it is bound."""
    return Part(kind=kind, name=name, details=tuple(filter(None, details)), bound=known().parts[kind].why)
