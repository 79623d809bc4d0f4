"""How does sfdisk read and write a partition table?

Rekindle writes no GPT of its own: sfdisk does, on a sparse file of the stick's size, and that is copied.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collectors.command import run
from collectors.failure import Failure

SECTOR_BYTES = 512
BASIC_DATA = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
# The first sector of a hybrid ISO: the code that a BIOS starts, then four partition entries of the MBR.
CODE_BYTES, ENTRY_BYTES = 446, 16


@dataclass(frozen=True)
class Partition:
    """One entry of a table; `start` and `size_bytes` are in bytes, `uuid` is its GUID."""

    start: int
    size_bytes: int
    uuid: str
    name: str


@dataclass(frozen=True)
class Table:
    """A GPT: `disk` is its GUID; [`first`, `last`) are the bytes that partitions may use."""

    disk: str
    first: int
    last: int
    partitions: tuple[Partition, ...]


def read_table(path: Path) -> Table | None:
    """Return the GPT of a device or an image, by its backup where that alone is right; None without one."""
    said = _said(path)
    if said is None or said["label"] != "gpt":
        return None
    first, last = said["firstlba"] * SECTOR_BYTES, (said["lastlba"] + 1) * SECTOR_BYTES
    return Table(said["id"], first, last, tuple(_partitions(said)))


def read_partitions(path: Path) -> list[Partition]:
    """Return the partitions of whatever table there is, in their order; none where there is no table."""
    return _partitions(_said(path) or {})


def _said(path: Path) -> dict[str, Any] | None:
    try:
        said = run(["sfdisk", "--json", path])
    except Failure:
        return None  # sfdisk knows no table there, or none that it can read
    table: dict[str, Any] = json.loads(said)["partitiontable"]
    return table


def _partitions(said: dict[str, Any]) -> list[Partition]:
    """Read them from `sfdisk --json`: those of an MBR have neither a name nor a GUID."""
    return [
        Partition(
            row["start"] * SECTOR_BYTES, row["size"] * SECTOR_BYTES, row.get("uuid", ""), row.get("name", "")
        )
        for row in said.get("partitions", [])
    ]


def fit(image: Path, size_bytes: int, data: Partition | None = None) -> Table:
    """Make the table of `image`, the head of an ISO in a file of the stick's size, one of that size.

    The backup goes to its end, and the partition `data` is added. The boot code stays, and so do the other
    entries of the MBR: BIOSes that insist on an active partition find theirs there. The same input gives the
    same bytes.
    """
    with image.open("r+b") as file:
        boot = file.read(SECTOR_BYTES)
        file.truncate(size_bytes)
    quiet = ("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel")
    run([*quiet, "--relocate", "gpt-bak-std", image])
    if data:
        run([*quiet, "--append", image], stdin=_line(data).encode())
    with image.open("r+b") as file:
        protective = file.read(CODE_BYTES + ENTRY_BYTES)[CODE_BYTES:]
        file.seek(0)
        file.write(boot[:CODE_BYTES] + protective + boot[CODE_BYTES + ENTRY_BYTES :])
    table = read_table(image)
    if table is None:
        raise Failure("sfdisk made no partition table", remedy="report this with `sfdisk --version`")
    return table


def _line(partition: Partition) -> str:
    """Write a line of sfdisk's script format (sfdisk(8), "Named-fields format")."""
    start, size = partition.start // SECTOR_BYTES, partition.size_bytes // SECTOR_BYTES
    name = partition.name
    return f'start={start}, size={size}, type={BASIC_DATA}, uuid={partition.uuid}, name="{name}"\n'
