"""Does firmware find what it boots on a medium?"""

from __future__ import annotations

import re
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from builder.iso import boot, structures
from builder.iso.areas import Extent
from builder.iso.boot import BIOS, BLOCK_BYTES, MOST_BLOCKS, Gpt, Wrong
from builder.look.checks import Check, Untold, checked
from builder.look.seen import Seen
from collectors.command import found, run

# Where the boot info table of El Torito images lies in one: its descriptor's sector, its own, its length, the
# sum of all that follows the table.
INFO_AT, INFO_END = 8, 64
VOLUME_DESCRIPTOR_SECTOR = 16
LOADER = re.compile(r"::/efi/boot/boot\w+\.efi", re.IGNORECASE)


def boot_checks(medium: Seen) -> Iterator[Check]:
    """Yield what each of the boot paths is found to be."""
    yield checked("boot sector", lambda: _boot_sector(medium))
    yield checked("partition table", lambda: _primary(medium))
    yield checked("backup table", lambda: _backup(medium))
    catalogue = checked("boot catalogue", lambda: _catalogue(medium))
    yield catalogue
    yield checked("boot images", lambda: _boot_images(medium, catalogue))
    yield checked("ESP", lambda: _esp(medium))


def _boot_sector(medium: Seen) -> str:
    mbr, last = boot.read_mbr(medium.stream), medium.size_bytes // BLOCK_BYTES - 1
    if mbr.protective is None and _has_gpt(medium):
        raise Wrong("it does not say that a GPT counts")
    for partition in (mbr.protective, *mbr.partitions):
        if partition and partition.end > last + 1:
            raise Wrong("it lists blocks that the medium does not have")
    if mbr.protective and not medium.is_device and mbr.protective.blocks != min(last, MOST_BLOCKS):
        raise Wrong("it does not protect all of the medium")
    _refuse_changed(medium, structures.BOOT_CODE)
    return "protective" if mbr.protective else f"lists {len(mbr.partitions)} partitions"


def _primary(medium: Seen) -> str:
    if not _has_gpt(medium):
        raise Untold("no GPT: the boot sector lists the partitions")
    table = boot.read_gpt(medium.stream, 1)
    return f"GPT with {len(table.partitions)} partitions"


def _backup(medium: Seen) -> str:
    if not _has_gpt(medium):
        raise Untold("no GPT: the boot sector lists the partitions")
    last = medium.size_bytes // BLOCK_BYTES - 1
    primary = _readable(medium)
    table = boot.read_gpt(medium.stream, primary.other if primary and medium.is_device else last)
    if table.other != 1 or (primary and (primary.other, primary.disk, primary.entries) != _of(table)):
        raise Wrong("it differs from the first one")
    if table.at < last:
        return "GPT at the end of the ISO; `rekindle flash` moves it to the end of the stick"
    return "GPT at the very end"


def _of(table: Gpt) -> tuple[int, bytes, bytes]:
    return table.at, table.disk, table.entries


def _readable(medium: Seen) -> Gpt | None:
    try:
        return boot.read_gpt(medium.stream, 1)
    except Wrong:
        return None


def _has_gpt(medium: Seen) -> bool:
    """Tell whether there is to be a GPT: any of three places says so."""
    for offset in (BLOCK_BYTES, medium.size_bytes - BLOCK_BYTES):
        if medium.read(Extent(offset, len(boot.GPT_MAGIC))) == boot.GPT_MAGIC:
            return True
    try:
        return boot.read_mbr(medium.stream).protective is not None
    except Wrong:
        return False


def _catalogue(medium: Seen) -> str:
    _, images = boot.read_catalogue(medium.stream)
    _refuse_changed(medium, structures.CATALOGUE)
    if not images:
        raise Wrong("nothing in it boots")
    return ", ".join("BIOS" if image.platform == BIOS else "UEFI" for image in images)


def _boot_images(medium: Seen, catalogue: Check) -> str:
    if not catalogue.ok:
        raise Untold("their catalogue is damaged")
    _, images = boot.read_catalogue(medium.stream)
    files = {f"{tree.first_sector}/{name}": at for tree in medium.trees for name, at in tree.files.items()}
    for image in images:
        at = structures.boot_extent(image, files, medium.partitions)
        if image.platform == BIOS:
            _refuse_other_place(medium.read(at), image.sector)
            _refuse_changed(medium, structures.BIOS_IMAGE)
    return f"{len(images)}, where the catalogue says"


def _refuse_other_place(image: bytes, sector: int) -> None:
    """Hold a BIOS image against its boot info table."""
    volume, own, length, expected = struct.unpack_from("<4I", image, INFO_AT)
    words = image[INFO_END:] + bytes(-len(image) % 4)
    total = sum(struct.unpack(f"<{len(words) // 4}I", words)) & 0xFFFFFFFF
    if (volume, own, length, expected) != (VOLUME_DESCRIPTOR_SECTOR, sector, len(image), total):
        raise Wrong("the BIOS image does not fit the table in it")


def _esp(medium: Seen) -> str:
    partition = next((each for each in medium.partitions if each.is_esp), None)
    if partition is None:
        raise Wrong("there is none")
    image = medium.read(Extent(partition.first * BLOCK_BYTES, partition.blocks * BLOCK_BYTES))
    _refuse_changed(medium, structures.ESP)
    _refuse_no_fat(image)
    if not found("mdir"):
        raise Untold("a FAT; what is in it is not known: mtools is not installed")
    loaders = [name for name in _listed(image) if LOADER.fullmatch(name)]
    if not loaders:
        raise Wrong("no EFI/boot/boot*.efi in it")
    return f"FAT with {', '.join(Path(name).name for name in loaders)}"


def _refuse_no_fat(image: bytes) -> None:
    """Hold the first sector against what every FAT has (Microsoft's FAT specification, section 3)."""
    block_bytes, _, reserved, fats = struct.unpack_from("<HBHB", image, 11)
    if image[510:512] != b"\x55\xaa" or block_bytes not in (512, 1024, 2048, 4096) or not fats:
        raise Wrong("no FAT file system begins there")
    each = (struct.unpack_from("<H", image, 22)[0] or struct.unpack_from("<I", image, 36)[0]) * block_bytes
    start = reserved * block_bytes
    if image[start : start + each] != image[start + (fats - 1) * each : start + fats * each]:
        raise Wrong("its two allocation tables differ")


def _listed(image: bytes) -> list[str]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(image)
        file.flush()
        return run(["mdir", "-b", "-/", "-i", file.name, "::"], env={"MTOOLS_SKIP_CHECK": "1"}).splitlines()


def _refuse_changed(medium: Seen, name: str) -> None:
    """Raise Wrong where areas.json knows a structure otherwise than it is."""
    known = medium.structure(name)
    if known is None:
        return
    at = Extent(known.offset, known.size_bytes)
    if structures.digest(medium.stream, at) != known.sha256:
        raise Wrong("it is not as it was prepared")
