"""What is known of hardware? The knowledge is data: hardware.yaml says what its keys mean."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from collectors.document import validated
from collectors.judgement.knowledge import Instead
from collectors.record import Record


class Known(Record):
    """The knowledge in hardware.yaml."""

    parts: dict[str, Instead]
    options: tuple[str, ...]

    def by_installer(self, option: str) -> bool:
        """Tell whether an installer gives the kernel that option."""
        return any(fnmatchcase(option, pattern) for pattern in self.options)


@cache
def known() -> Known:
    """Return what is known of hardware."""
    text = files("collectors.domains.hardware").joinpath("hardware.yaml").read_text("utf-8")
    return validated(text, Known, name="hardware.yaml")
