"""How does the desktop look and behave?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Desktop(Section):
    """Settings of KDE Plasma and GNOME, fonts, themes, default applications."""

    NAME: ClassVar[str] = "desktop"


def collect(host: Host) -> Collected[Desktop]:
    """Collect the section `desktop`."""
    return Collected(Desktop())
