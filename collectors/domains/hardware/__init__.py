"""What belongs to this machine's hardware, and what does another machine need instead?

Nothing of it is restored: all is bound.
"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.domains.hardware.devices import collect_devices
from collectors.domains.hardware.drivers import collect_drivers
from collectors.domains.hardware.enrolled import collect_enrolled
from collectors.domains.hardware.things import Disk, Driver, Firmware, Module, Part
from collectors.host import Host
from collectors.reading.looking import parted
from collectors.record import Section


class Hardware(Section):
    """What belongs to this machine's hardware, and what another one needs instead."""

    NAME: ClassVar[str] = "hardware"

    parts: tuple[Part, ...] = ()
    disks: tuple[Disk, ...] = ()
    drivers: tuple[Driver, ...] = ()
    modules: tuple[Module, ...] = ()
    firmware: tuple[Firmware, ...] = ()


def collect(host: Host) -> Collected[Hardware]:
    """Collect the section `hardware`."""
    found = parted((*collect_devices(host), *collect_drivers(host), *collect_enrolled(host)))
    section = Hardware(
        parts=found.of(Part),
        disks=found.of(Disk),
        drivers=found.of(Driver),
        modules=found.of(Module),
        firmware=found.of(Firmware),
        left_out=found.left_out,
    )
    return Collected(section, {}, found.findings, found.covers, found.losses)
