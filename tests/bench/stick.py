"""What does a flash cost, beside `dd` of the whole ISO?

A loop device stands for the stick, and the kernel counts what is written to it. Every flash reads all of it
back, which dd does not.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autoinstall.delivery import delivery
from builder.iso import areas
from builder.iso.fill import fill
from builder.iso.prepare import layout_of, prepare
from collectors.command import run
from tests.bench.rebuild import large_base

MIB = 2**20
BASE_BYTES, PAYLOAD_BYTES = 1024 * MIB, 20 * MIB
STICK_BYTES = 2048 * MIB
REKINDLE = Path(sys.executable).parent / "rekindle"

# What, how long, how many times dd's time, MiB written, and the target of these.
Row = tuple[str, str, str, str, str]


def rows(folder: Path) -> Iterator[Row]:
    """Yield what was flashed and what it cost."""
    first, second = _weeks(folder)
    stick = folder / "stick.img"
    with stick.open("wb") as file:
        file.truncate(STICK_BYTES)
    device = Path(run(["losetup", "--find", "--show", stick]).strip())
    try:
        yield from _flashed(device, first, second)
    finally:
        run(["losetup", "--detach", device])


def _flashed(device: Path, first: Path, second: Path) -> Iterator[Row]:
    dd, written = _costs(device, ["dd", f"if={first}", f"of={device}", "bs=4M", "oflag=direct", "conv=fsync"])
    yield "dd of the ISO", f"{dd:.1f} s", "1.00", _mib(written), ""
    run(["blkdiscard", "--force", device])
    most = f"≤ {_mib(PAYLOAD_BYTES + 2 * MIB)}"
    for what, iso, target in (
        ("first flash", first, ""),
        ("unchanged", first, "0"),
        ("a weekly change of 20 MiB", second, most),
    ):
        argv = [REKINDLE, "flash", iso, device, "--yes", "--json", "--force", device]
        seconds, written = _costs(device, argv)
        yield f"{what}, read back", f"{seconds:.1f} s", f"{seconds / dd:.2f}", _mib(written), target


def _weeks(folder: Path) -> tuple[Path, Path]:
    """Make two recovery ISOs on one base; only their payloads differ."""
    told = delivery("24.04")
    wanted = areas.capacities((told.name,), payload_bytes=PAYLOAD_BYTES)
    base = large_base(folder, BASE_BYTES)
    prepared = prepare(base, told, wanted, cache=folder, say=lambda line: None).path
    weeks = folder / "first.iso", folder / "second.iso"
    for week in weeks:
        run(["cp", "--reflink=auto", prepared, week])
        fill(week, layout_of(week), {areas.PAYLOAD: os.urandom(PAYLOAD_BYTES)})
    return weeks


def _costs(device: Path, argv: list[str | Path]) -> tuple[float, int]:
    """Return how long a program took, and how many bytes the kernel wrote for it."""
    before, begin = _written(device), time.monotonic()
    run(argv)
    return time.monotonic() - begin, _written(device) - before


def _written(device: Path) -> int:
    """Read how much was written to a block device (Documentation/block/stat.rst)."""
    return int(Path(f"/sys/block/{device.name}/stat").read_text().split()[6]) * 512


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / MIB:.1f} MiB" if size_bytes else "0"


def main() -> None:
    """Measure, and print the table."""
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 150)
    table = Table(*("a stick, a base of 1 GiB", "took", "to dd", "written", "target"))
    temporary = tempfile.TemporaryDirectory(prefix="rekindle-bench-", dir="/var/tmp")
    with temporary as folder, console.status("a stick"):
        for row in rows(Path(folder)):
            table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    main()
