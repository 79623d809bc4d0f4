"""What is known of hardware? The knowledge is data: hardware.yaml says what its keys mean."""

from __future__ import annotations

from functools import cache

from collectors.document import shipped
from collectors.judgement.knowledge import Instead
from collectors.reading.patterns import matches
from collectors.record import Record


class Known(Record):
    """The knowledge in hardware.yaml."""

    parts: dict[str, Instead]
    options: tuple[str, ...]

    def by_installer(self, option: str) -> bool:
        """Tell whether an installer gives the kernel that option."""
        return matches(option, self.options)


@cache
def known() -> Known:
    """Return what is known of hardware."""
    return shipped("collectors.domains.hardware", "hardware.yaml", Known)
