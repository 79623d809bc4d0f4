"""Where is what makes the look of a desktop?

The knowledge is data: look.yaml beside this module, which says what its keys mean.
"""

from __future__ import annotations

from functools import cache

from collectors.domains.desktop.part import known
from collectors.record import Record


class Places(Record):
    """What is known of the look of a desktop."""

    bundles: dict[str, tuple[str, ...]]
    but: tuple[str, ...]
    fonts: tuple[str, ...]
    font_names: tuple[str, ...]
    files: tuple[str, ...]
    whole: tuple[str, ...]
    made: tuple[str, ...]


@cache
def places() -> Places:
    """Return what is known of the look of a desktop."""
    return known("look.yaml", Places)
