"""What did the package managers of programming languages install?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Languages(Section):
    """Global packages of npm, pipx, pip, uv, cargo, go, gem, conda and brew, and the runtimes they need."""

    NAME: ClassVar[str] = "languages"


def collect(host: Host) -> Collected[Languages]:
    """Collect the section `languages`."""
    return Collected(Languages())
