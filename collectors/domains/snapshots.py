"""How are snapshots taken?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Snapshots(Section):
    """Snapshot tools and the layout that they need."""

    NAME: ClassVar[str] = "snapshots"


def collect(host: Host) -> Collected[Snapshots]:
    """Collect the section `snapshots`."""
    return Collected(Snapshots())
