"""Which containers, images and projects are there?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Containers(Section):
    """Images, volumes, compose projects, distroboxes."""

    NAME: ClassVar[str] = "containers"


def collect(host: Host) -> Collected[Containers]:
    """Collect the section `containers`."""
    return Collected(Containers())
