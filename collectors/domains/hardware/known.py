"""What is known of hardware? The knowledge is data: hardware.yaml says what its keys mean."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from collectors.document import validated
from collectors.record import Record


class Instead(Record):
    """Why something is not restored, and the command for what another machine needs instead."""

    why: str
    instead: str
    packages: tuple[str, ...] = ()


class Known(Record):
    """The knowledge in hardware.yaml."""

    parts: dict[str, Instead]
    drivers: tuple[Instead, ...]
    options: tuple[str, ...]

    def driver(self, package: str) -> Instead | None:
        """Return what is known of a package if it is for hardware of one kind."""
        return next(
            (each for each in self.drivers if any(fnmatchcase(package, glob) for glob in each.packages)), None
        )


@cache
def known() -> Known:
    """Return what is known of hardware."""
    text = files("collectors.domains.hardware").joinpath("hardware.yaml").read_text("utf-8")
    return validated(text, Known, name="hardware.yaml")
