"""Where does the rest of a stick become a data partition?"""

from __future__ import annotations

import uuid
from pathlib import Path

from builder.stick.table import Partition, Table
from collectors.command import run
from collectors.failure import Failure

# The partition's name in the GPT: by it a later flash knows it again, whatever its file system's label is.
NAME = "Rekindle data"
LABEL_LETTERS = 11
MIB, GIB = 2**20, 2**30
# How much the ISO may grow before the partition is in its way.
ROOM = 1.25
LEAST_BYTES = 64 * MIB


def found(table: Table | None) -> Partition | None:
    """Return the data partition that an earlier flash made."""
    partitions = table.partitions if table else ()
    return next((each for each in partitions if each.name == NAME), None)


def place(iso_bytes: int, stick_bytes: int, *, disk: str, serial: str) -> Partition:
    """Return where the partition goes: from a GiB boundary, with room for the ISO to grow, to the end.

    Its GUID follows from the GUID of the ISO's table and the stick's serial. Raises Failure without room.
    """
    start = -(-int(iso_bytes * ROOM) // GIB) * GIB
    end = (stick_bytes - MIB) // MIB * MIB
    if end - start < LEAST_BYTES:
        raise Failure(
            f"no room for a data partition: the first {start / GIB:.0f} GiB are the ISO's",
            remedy=f"take a stick of more than {(start + LEAST_BYTES) / 1e9:.1f} GB",
        )
    return Partition(start, end - start, str(uuid.uuid5(uuid.UUID(disk), f"{NAME} {serial}")).upper(), NAME)


def refuse_label(label: str) -> None:
    """Raise Failure where exFAT cannot have that label (11 UTF-16 units)."""
    if not label or len(label.encode("utf-16-le")) > 2 * LABEL_LETTERS:
        raise Failure(f"`{label}` is no label of exFAT", remedy=f"take 1 to {LABEL_LETTERS} letters")


def file_system(image: Path, size_bytes: int, label: str) -> None:
    """Make `image` an empty exFAT: sparse, with data where the partition must not keep what it held."""
    with image.open("wb") as file:
        file.truncate(size_bytes)
    run(["mkfs.exfat", "-L", label, image])
