"""Which dotfiles are managed, and which are not?"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.host import Host
from collectors.record import Section


class Dotfiles(Section):
    """Managers of dotfiles, and configuration that none of them manages."""

    NAME: ClassVar[str] = "dotfiles"


def collect(host: Host) -> Collected[Dotfiles]:
    """Collect the section `dotfiles`."""
    return Collected(Dotfiles())
