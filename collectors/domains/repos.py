"""Which git clones are in the homes, and what in them was never pushed?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Repos(Section):
    """Git clones."""

    NAME: ClassVar[str] = "repos"


def collect(host: Host) -> Collected[Repos]:
    """Collect the section `repos`."""
    return Collected(Repos())
