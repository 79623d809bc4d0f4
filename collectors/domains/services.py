"""Which data disks and shares are mounted, and what is shared?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Services(Section):
    """Mounts of data, shares, scheduled jobs."""

    NAME: ClassVar[str] = "services"


def collect(host: Host) -> Collected[Services]:
    """Collect the section `services`."""
    return Collected(Services())
