"""Which blocks of a stick need be compared before anything is written?

A stick that carries the same prepared base, whole, differs from the ISO in areas alone. That is believed so
that a weekly flash reads the base once; it is proved when all is read back.
"""

from __future__ import annotations

from pathlib import Path

from builder.iso import medium
from builder.iso.areas import AREAS, Area, located, read_layout
from builder.stick.disk import Disk
from builder.stick.image import Image, Span
from builder.stick.table import SECTOR_BYTES
from builder.stick.write import Candidate


def candidates(disk: Disk, image: Image, iso: Path) -> Candidate:
    """Return what tells of a block whether it may differ: those of areas may.

    Every one may where the stick has another base, or none, or another table, or was not flashed to the end:
    its head is then another one.
    """
    areas = _areas_of_same_base(disk, iso)
    if areas is None or disk.read(image.head.offset, image.head.size_bytes) != image.head.read():
        return lambda block: True
    return lambda block: any(_meet(block, area) for area in areas)


def _areas_of_same_base(disk: Disk, iso: Path) -> tuple[Area, ...] | None:
    """Return the areas that ISO and stick have in common, None where their `areas.json` differ."""
    with medium.opened(iso) as opened:
        if not medium.has(opened, AREAS):
            return None
    extent = located(iso, [AREAS])[AREAS]
    text = Span(extent.offset, -(-extent.size_bytes // SECTOR_BYTES) * SECTOR_BYTES, iso, extent.offset)
    if disk.read(text.offset, text.size_bytes) != text.read():
        return None
    return read_layout(text.read()[: extent.size_bytes], str(iso)).areas


def _meet(block: Span, area: Area) -> bool:
    return block.offset < area.offset + area.capacity and area.offset < block.end
