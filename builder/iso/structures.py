"""What lies on a medium beside its files, and never changes once it is prepared?

Partition tables are not among it: on a stick they are those of a larger disk, with checksums of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from pycdlib import PyCdlib

from builder.iso import boot, medium
from builder.iso.areas import Extent, Structure
from builder.iso.boot import BIOS, BLOCK_BYTES, CODE_SAYS_BYTES, SECTOR_BYTES, BootImage, Partition, Wrong
from builder.iso.source import reading
from collectors.failure import Failure

BOOT_CODE, DIRECTORIES, CATALOGUE = "boot code", "directories", "boot catalogue"
BIOS_IMAGE, ESP = "BIOS boot image", "ESP"
SYSTEM_AREA_SECTORS = 16


def structures(image: Path) -> tuple[Structure, ...]:
    """Return them in their order on the medium, each with the SHA-256 that it has; raises Failure."""
    with reading(image) as stream, medium.within(stream, image) as iso:
        try:
            places = dict(_places(stream, files_on(iso)))
        except Wrong as problem:
            raise Failure(f"{image} does not boot: {problem}", remedy=medium.USE_LIVE_SERVER) from None
        return tuple(
            Structure(name=name, offset=at.offset, size_bytes=at.size_bytes, sha256=digest(stream, at))
            for name, at in sorted(places.items(), key=lambda place: place[1].offset)
        )


def files_on(iso: PyCdlib) -> dict[str, Extent]:
    """Return where each file lies, as a reader of the whole disk sees it."""
    return {name: Extent(sector * SECTOR_BYTES, size_bytes) for name, sector, size_bytes in medium.walk(iso)}


def digest(stream: BinaryIO, at: Extent) -> str:
    """Return the SHA-256 of what lies there; it is small."""
    stream.seek(at.offset)
    return hashlib.sha256(stream.read(at.size_bytes)).hexdigest()


def partitions(stream: BinaryIO) -> tuple[Partition, ...]:
    """Return those of the GPT, or of the MBR where there is none; raises Wrong."""
    mbr = boot.read_mbr(stream)
    return boot.read_gpt(stream, 1).partitions if mbr.protective else mbr.partitions


def boot_extent(image: BootImage, files: Mapping[str, Extent], within: tuple[Partition, ...]) -> Extent:
    """Return what a boot entry points to, a file or a partition; raises Wrong where that is nothing."""
    offset = image.sector * SECTOR_BYTES
    found = [Extent(p.first * BLOCK_BYTES, p.blocks * BLOCK_BYTES) for p in within if p.is_esp]
    found += files.values()
    for extent in found:
        if extent.offset == offset and extent.size_bytes:
            return extent
    raise Wrong(f"it points to sector {image.sector}, where no boot image lies")


def _places(stream: BinaryIO, files: Mapping[str, Extent]) -> Iterator[tuple[str, Extent]]:
    yield BOOT_CODE, Extent(0, CODE_SAYS_BYTES)
    start, end = SYSTEM_AREA_SECTORS * SECTOR_BYTES, min(extent.offset for extent in files.values())
    yield DIRECTORIES, Extent(start, end - start)
    at, images = boot.read_catalogue(stream)
    yield CATALOGUE, Extent(at * SECTOR_BYTES, SECTOR_BYTES)
    within = partitions(stream)
    for image in images:
        yield BIOS_IMAGE if image.platform == BIOS else ESP, boot_extent(image, files, within)
