"""Where does firmware find what it boots: the MBR, the GPT, the El Torito catalogue?

Read only. Places are in sectors as each of them counts: 512 bytes in partition tables (UEFI specification,
chapter 5), 2048 in the catalogue (El Torito 1.0).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

BLOCK_BYTES, SECTOR_BYTES = 512, 2048
CODE_BYTES = 446
# Where GRUB's first sector says where the next one lies; then the disk's signature.
CODE_SAYS_BYTES = 432
PROTECTIVE, ESP_TYPE = 0xEE, 0xEF
MOST_BLOCKS = 0xFFFFFFFF
GPT_MAGIC = b"EFI PART"
ESP_GUID = bytes.fromhex("28732ac11ff8d211ba4b00a0c93ec93b")
EL_TORITO = b"EL TORITO SPECIFICATION"
# The second of the volume descriptors, and where that name stands in it.
BOOT_RECORD_SECTOR, EL_TORITO_AT = 17, 7
BIOS, UEFI = 0x00, 0xEF
_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_ENTRY = struct.Struct("<16s16sQQ")


class Wrong(Exception):  # noqa: N818 - it tells of a medium, not of this program
    """What is wrong with a structure, for a person."""


@dataclass(frozen=True)
class Partition:
    """`first` and `blocks` count 512 bytes; `is_esp` where firmware looks for boot loaders in it."""

    first: int
    blocks: int
    is_esp: bool

    @property
    def end(self) -> int:
        """The block after its last."""
        return self.first + self.blocks


@dataclass(frozen=True)
class Mbr:
    """The boot sector: whether it says that a GPT counts instead, and its partitions, in their order."""

    protective: Partition | None
    partitions: tuple[Partition, ...]


@dataclass(frozen=True)
class Gpt:
    """One of the two tables; `at` and `other` are the blocks that the headers lie at."""

    at: int
    other: int
    disk: bytes
    entries: bytes
    partitions: tuple[Partition, ...]


@dataclass(frozen=True)
class BootImage:
    """An entry of the catalogue: BIOS or UEFI, and the sector (of 2048 bytes) that its image begins at."""

    platform: int
    sector: int
    blocks: int


def read_mbr(stream: BinaryIO) -> Mbr:
    """Return what the first sector says; raises Wrong."""
    sector = _read(stream, 0, BLOCK_BYTES)
    if sector[510:] != b"\x55\xaa":
        raise Wrong("it does not end as a boot sector does")
    rows = [sector[at : at + 16] for at in range(CODE_BYTES, 510, 16)]
    found = [(row[4], _listed(row)) for row in rows]
    protective = next((partition for kind, partition in found if kind == PROTECTIVE), None)
    return Mbr(protective, tuple(partition for kind, partition in found if kind and not protective))


def read_gpt(stream: BinaryIO, at: int) -> Gpt:
    """Return the table whose header is block `at`; raises Wrong, also where a checksum does not fit."""
    block = _read(stream, at * BLOCK_BYTES, BLOCK_BYTES)
    magic, _, length, crc, _, own, other, first, last, disk, where, count, each, entries_crc = (
        _HEADER.unpack_from(block)
    )
    if magic != GPT_MAGIC:
        raise Wrong(f"there is no header in block {at}")
    if not _HEADER.size <= length <= BLOCK_BYTES or zlib.crc32(_unsigned(block[:length])) != crc:
        raise Wrong("the checksum of its header does not fit")
    if any(block[length:]):
        raise Wrong("there is something behind its header")
    if own != at:
        raise Wrong(f"its header is for block {own}, and lies in block {at}")
    entries = _read(stream, where * BLOCK_BYTES, count * each)
    if zlib.crc32(entries) != entries_crc:
        raise Wrong("the checksum of its entries does not fit")
    partitions = tuple(_partitions(entries, each))
    _refuse_misplaced(partitions, first, last)
    return Gpt(own, other, disk, entries, partitions)


def read_catalogue(stream: BinaryIO) -> tuple[int, tuple[BootImage, ...]]:
    """Return the sector of the boot catalogue, and its entries that boot; raises Wrong."""
    record = _read(stream, BOOT_RECORD_SECTOR * SECTOR_BYTES, SECTOR_BYTES)
    if not (record[:6] == b"\0CD001" and record[EL_TORITO_AT:].startswith(EL_TORITO)):
        raise Wrong("no descriptor points to it")
    at = int.from_bytes(record[71:75], "little")
    rows = _rows(_read(stream, at * SECTOR_BYTES, SECTOR_BYTES))
    validation = rows[0]
    if (
        validation[0] != 1
        or validation[30:] != b"\x55\xaa"
        or sum(struct.unpack("<16H", validation)) & 0xFFFF
    ):
        raise Wrong("the checksum of its first entry does not fit")
    return at, tuple(_boot_images(rows))


def _listed(row: bytes) -> Partition:
    first, blocks = struct.unpack("<II", row[8:])
    return Partition(first, blocks, row[4] == ESP_TYPE)


def _read(stream: BinaryIO, offset: int, size_bytes: int) -> bytes:
    stream.seek(max(0, offset))
    content = stream.read(size_bytes)
    if offset < 0 or len(content) < size_bytes:
        raise Wrong(f"byte {offset} does not lie on the medium")
    return content


def _unsigned(header: bytes) -> bytes:
    """Return a header as its checksum counts it: with zeros for itself."""
    return header[:16] + bytes(4) + header[20:]


def _partitions(entries: bytes, each: int) -> list[Partition]:
    found = (_ENTRY.unpack_from(entries, at) for at in range(0, len(entries) - _ENTRY.size + 1, each))
    return [
        Partition(first, last - first + 1, kind == ESP_GUID) for kind, _, first, last in found if any(kind)
    ]


def _refuse_misplaced(partitions: tuple[Partition, ...], first: int, last: int) -> None:
    end = first
    for partition in sorted(partitions, key=lambda each: each.first):
        if partition.first < end or partition.blocks < 1 or partition.end > last + 1:
            raise Wrong(f"the partition at block {partition.first} lies where none may lie")
        end = partition.end


def _rows(sector: bytes) -> list[bytes]:
    return [sector[at : at + 32] for at in range(0, SECTOR_BYTES, 32)]


def _boot_images(rows: list[bytes]) -> list[BootImage]:
    """Read the default entry, then the sections: a header with its platform and count, then its entries."""
    found = [(rows[0][1], rows[1])]
    at = 2
    while at < len(rows) and rows[at][0] in (0x90, 0x91):
        platform, count = rows[at][1], int.from_bytes(rows[at][2:4], "little")
        found += [(platform, row) for row in rows[at + 1 : at + 1 + count]]
        at += 1 + count
    return [
        BootImage(platform, int.from_bytes(row[8:12], "little"), int.from_bytes(row[6:8], "little"))
        for platform, row in found
        if row[0] == 0x88
    ]
