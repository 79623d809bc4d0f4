"""Which snaps are installed, from which channel?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Snap(Section):
    """Snaps, as snapd knows them."""

    NAME: ClassVar[str] = "snap"


def collect(host: Host) -> Collected[Snap]:
    """Collect the section `snap`."""
    return Collected(Snap())
