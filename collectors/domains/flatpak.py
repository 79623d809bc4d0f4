"""Which flatpaks are installed, and from which remotes?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Flatpak(Section):
    """Flatpak applications, their remotes and what they may do."""

    NAME: ClassVar[str] = "flatpak"


def collect(host: Host) -> Collected[Flatpak]:
    """Collect the section `flatpak`."""
    return Collected(Flatpak())
