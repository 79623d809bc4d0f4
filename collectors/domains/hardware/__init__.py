"""What is bound to this hardware?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Hardware(Section):
    """What belongs to this machine and not to its owner."""

    NAME: ClassVar[str] = "hardware"


def collect(host: Host) -> Collected[Hardware]:
    """Collect the section `hardware`."""
    return Collected(Hardware())
