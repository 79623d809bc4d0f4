"""How are keys remapped?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Input(Section):
    """Key remapping of every layer."""

    NAME: ClassVar[str] = "input"


def collect(host: Host) -> Collected[Input]:
    """Collect the section `input`."""
    return Collected(Input())
