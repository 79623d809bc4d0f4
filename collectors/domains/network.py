"""How is this machine connected?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Network(Section):
    """Connections, names, firewall, printers."""

    NAME: ClassVar[str] = "network"


def collect(host: Host) -> Collected[Network]:
    """Collect the section `network`."""
    return Collected(Network())
