"""How are the editors set up?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Editors(Section):
    """Extensions and settings of editors."""

    NAME: ClassVar[str] = "editors"


def collect(host: Host) -> Collected[Editors]:
    """Collect the section `editors`."""
    return Collected(Editors())
