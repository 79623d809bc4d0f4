"""What lies where on an ISO, by tools that Rekindle does not build on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pycdlib

from collectors.command import run

SECTOR_BYTES = 2048
# Where the second tree of Ubuntu's ISOs begins: `-partition_offset 16`.
PARTITION_SECTOR = 16
# xorriso writes the image's own place into these bytes of a BIOS boot image (its -boot-info-table and
# --grub2-boot-info).
BOOT_INFO = (slice(8, 64), slice(2548, 2556))


class Window:
    """A file as a reader of its partition sees it."""

    mode = "rb"

    def __init__(self, file, start: int) -> None:
        self.file, self.start = file, start

    def seek(self, to: int, whence: int = 0) -> int:
        return self.file.seek(to + (self.start if whence == 0 else 0), whence) - self.start

    def tell(self) -> int:
        return self.file.tell() - self.start

    def read(self, size: int = -1) -> bytes:
        return self.file.read(size)


def tree(iso: Path, first_sector: int = 0) -> Mapping[str, tuple[tuple[int, int], ...]]:
    """Names to the (first sector on the whole disk, bytes) of each extent, as seen from `first_sector` on."""
    with iso.open("rb") as file:
        image = pycdlib.PyCdlib()
        image.open_fp(Window(file, first_sector * SECTOR_BYTES))
        found: dict[str, list[tuple[int, int]]] = {}
        folders = [("", image.get_record(rr_path="/"))]
        for place, folder in folders:
            for record in folder.children:
                if record.is_dot() or record.is_dotdot() or record.rock_ridge.is_symlink():
                    continue
                name = place + record.rock_ridge.name().decode()
                if record.is_dir():
                    folders.append((f"{name}/", record))
                else:
                    at = record.extent_location() + first_sector
                    found.setdefault(name, []).append((at, record.data_length))
        return {name: tuple(sorted(extents)) for name, extents in found.items()}


def end_of(extents: tuple[tuple[int, int], ...]) -> int:
    """Return the byte after the last one of a file."""
    at, size = extents[-1]
    return at * SECTOR_BYTES + size


def extracted(iso: Path, folder: Path) -> Path:
    """Return `folder` with all files of the ISO in it, as xorriso reads them."""
    run(["xorriso", "-osirrox", "on", "-indev", iso, "-extract", "/", folder])
    return folder


def files_of(folder: Path) -> Mapping[str, bytes]:
    """Return what is in each file below a folder."""
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def boot_entries(iso: Path) -> list[list[str]]:
    """Return the boot catalogue as xorriso reports it, without the sectors that things lie at."""
    said = run(["xorriso", "-indev", iso, "-report_el_torito", "plain"]).splitlines()
    lines = [line.split() for line in said if line.startswith("El Torito") and "catalog " not in line]
    return [words[:-1] if words[2] == "boot" else words for words in lines]


def boot_sectors(iso: Path) -> Mapping[str, int]:
    """Return the platform of each boot entry (`BIOS`), and the sector that its image begins at."""
    said = run(["xorriso", "-indev", iso, "-report_el_torito", "plain"]).splitlines()
    lines = [line.split() for line in said if line.startswith("El Torito boot img")]
    return {words[6]: int(words[-1]) for words in lines}


def esp_place(iso: Path) -> tuple[int, int]:
    """Return the first and the last block (of 512 bytes) of the EFI system partition, the second one."""
    shown = run(["sgdisk", "-i", "2", iso])
    assert "EFI system partition" in shown
    first, last = (int(found) for found in re.findall(r"(?:First|Last) sector: (\d+)", shown))
    return first, last


def esp(iso: Path) -> bytes:
    """Return the EFI system partition."""
    first, last = esp_place(iso)
    with iso.open("rb") as file:
        file.seek(first * 512)
        return file.read((last - first + 1) * 512)


def complaints(iso: Path) -> set[str]:
    """Return what sgdisk finds wrong with the partition table, figures left out."""
    said = run(["sgdisk", "-v", iso])
    assert "No problems found" in said
    return {
        re.sub(r"\d+", "N", line)
        for line in said.splitlines()
        if re.match(r"(Problem|Caution|Warning)", line)
    }


def masked(boot_image: bytes) -> bytes:
    """Return a BIOS boot image without the bytes that tell where it lies."""
    raw = bytearray(boot_image)
    for part in BOOT_INFO:
        raw[part] = bytes(len(raw[part]))
    return bytes(raw)
