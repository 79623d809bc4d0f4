"""How is a stick flashed?"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from builder.iso import medium
from builder.stick import data
from builder.stick.delta import candidates
from builder.stick.devices import Device
from builder.stick.disk import opened
from builder.stick.image import image
from builder.stick.table import Partition, read_table
from builder.stick.write import Watch, write
from builder.tools import require
from collectors.failure import Failure


@dataclass(frozen=True)
class Plan:
    """What a flash will do.

    `data` is the data partition that there will be: a new one with `label`, or (None) the one that is there
    and is kept. `lost` is one that is there and stands in the way of the ISO.
    """

    iso: Path
    device: Device
    data: Partition | None = None
    label: str | None = None
    lost: Partition | None = None

    @property
    def keeps_data(self) -> bool:
        """Whether a data partition that is there stays, with its files."""
        return self.data is not None and self.label is None


@dataclass(frozen=True)
class Flashed:
    """What a flash did. `skipped_bytes` were right already; `repaired_bytes` are among the written ones."""

    device: str
    iso: str
    written_bytes: int
    skipped_bytes: int
    repaired_bytes: int
    compared_bytes: int
    read_back_bytes: int
    seconds: float


def plan(iso: Path, device: Device, *, label: str | None) -> Plan:
    """Decide what becomes of the data partition; `label` asks for one. Raises Failure before the work."""
    require(["blkid", "sfdisk", *(["mkfs.exfat"] if label else [])])
    with medium.opened(iso):
        table = read_table(iso)
    if label and table is None:
        raise Failure(f"{iso.name} has no GPT for a data partition", remedy="flash without one")
    size = iso.stat().st_size
    there = data.found(read_table(Path(device.path)))
    if there and table and there.start >= size:
        return Plan(iso, device, there)
    if label is None or table is None:
        return Plan(iso, device, lost=there)
    data.refuse_label(label)
    new = data.place(size, device.size_bytes, disk=table.disk, serial=device.serial)
    return Plan(iso, device, new, label, lost=there)


def flash(planned: Plan, *, watch: Watch, say: Callable[[str], None]) -> Flashed:
    """Make the stick hold the ISO, and prove that it does; raises Failure where it does not."""
    begin = time.monotonic()
    device = planned.device
    with tempfile.TemporaryDirectory(prefix="rekindle-flash-") as work:
        wanted = image(
            planned.iso, device.size_bytes, Path(work), partition=planned.data, label=planned.label
        )
        with opened(Path(device.path)) as disk:
            may_differ = candidates(disk, wanted, planned.iso)
            tally = write(disk, wanted, may_differ, name=device.path, watch=watch, say=say)
    return Flashed(
        device=device.path,
        iso=str(planned.iso),
        written_bytes=tally.written_bytes + tally.repaired_bytes,
        skipped_bytes=wanted.size_bytes - tally.written_bytes - tally.repaired_bytes,
        repaired_bytes=tally.repaired_bytes,
        compared_bytes=tally.compared_bytes,
        read_back_bytes=tally.read_back_bytes,
        seconds=round(time.monotonic() - begin, 1),
    )
