"""Which programs did no package manager install?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Programs(Section):
    """Programs that an installer of their own or a build from source put there."""

    NAME: ClassVar[str] = "programs"


def collect(host: Host) -> Collected[Programs]:
    """Collect the section `programs`."""
    return Collected(Programs())
