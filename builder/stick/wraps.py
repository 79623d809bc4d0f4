"""Does a stick hold less than it claims?

A counterfeit that claims twice its size, or many times, begins anew where it is full: what is written at an
offset lands at the same offset less a power of two, over what was there. Nothing is written to find out.
"""

from __future__ import annotations

from builder.stick.disk import Disk
from builder.stick.image import Image

LEAST_BYTES = 2**20
SECTORS_BYTES = 4096


def reappears(disk: Disk, image: Image, offset: int, size_bytes: int) -> int | None:
    """Return the most bytes that a stick can have, when it shows at `offset` what belongs elsewhere."""
    held = disk.read(offset, size_bytes)
    if len(set(held)) == 1:
        return None  # zeros are everywhere
    places = range(offset % LEAST_BYTES, image.end, LEAST_BYTES)
    others = (place for place in places if place != offset and image.says(place, size_bytes) == held)
    return min((_largest_power(abs(place - offset)) for place in others), default=None)


def end_reappears(disk: Disk, image: Image) -> int | None:
    """Return the most bytes that a stick can have, when its backup GPT lies nearer to its start, too.

    That names its own place, so it lies nowhere else by chance.
    """
    if image.tail is None:
        return None
    offset, size = image.tail.end - SECTORS_BYTES, LEAST_BYTES
    mark = image.tail.part(offset, SECTORS_BYTES).read()
    while size <= offset:
        if disk.read(offset % size, SECTORS_BYTES) == mark:
            return size
        size *= 2
    return None


def _largest_power(number: int) -> int:
    """Return the largest power of two that divides it."""
    return number & -number
