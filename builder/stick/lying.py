"""What lies on a stick, for its owner to know it again before it is erased?"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from builder.stick.table import read_partitions
from collectors.command import run
from collectors.failure import Failure


@dataclass(frozen=True)
class Lying:
    """A partition, or (`number` is 0) the whole stick.

    `file_system` and its `label` may be "", and so may `name`, the partition's in a GPT.
    """

    number: int
    size_bytes: int
    file_system: str
    label: str
    name: str

    def __str__(self) -> str:
        place = f"partition {self.number}" if self.number else "all of it"
        size = (
            f"{self.size_bytes / 1e6:.1f} MB" if self.size_bytes < 1e9 else f"{self.size_bytes / 1e9:.1f} GB"
        )
        return ", ".join(filter(None, (place, self.label or self.name, self.file_system or "unknown", size)))


def lying(device: Path, size_bytes: int) -> list[Lying]:
    """Look at the device itself: the kernel need not know its partitions, nor udev have seen it."""
    partitions = read_partitions(device)
    if not partitions:
        whole = Lying(0, size_bytes, *_probed(device), name="")
        return [whole] if whole.file_system else []
    return [
        Lying(number, each.size_bytes, *_probed(device, each.start, each.size_bytes), each.name)
        for number, each in enumerate(partitions, start=1)
    ]


def _probed(device: Path, offset: int = 0, size_bytes: int = 0) -> tuple[str, str]:
    """Return file system and label; blkid(8) ends with 2 where it knows none, 8 where it knows several."""
    place = ("--offset", str(offset), "--size", str(size_bytes)) if size_bytes else ()
    try:
        said = run(["blkid", "--probe", "--output", "export", *place, device])
    except Failure:
        return "", ""
    return parse(said)


def parse(said: str) -> tuple[str, str]:
    """Read `blkid --output export`, which quotes as a shell does."""
    facts = dict(word.split("=", 1) for line in said.splitlines() for word in shlex.split(line)[:1])
    return facts.get("TYPE", ""), facts.get("LABEL", "")
