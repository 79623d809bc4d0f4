"""What does a weekly rebuild cost, beside an ISO authored anew with all its boot paths?

Bases of 1, 2.7 and 8 GB, and a payload of 20 MB that changes whole from week to week: the most that there is
to write. Each run is a process of its own, begins with files that the kernel has in no cache, and ends when
all is on the disk. What it wrote is what the kernel counts for the process; on a file system of its own, for
the disk.

`rekindle build` as a person runs it starts Python and reads the posture besides; its payload is a real one.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from autoinstall.config import Config, Identity
from autoinstall.delivery import delivery
from builder.base.provenance import Base, unverified
from builder.build import rebuild
from builder.contents import Recovery
from builder.history import commit_posture
from builder.iso import areas
from builder.iso.author import author
from builder.iso.medium import read_medium
from builder.iso.prepare import prepare
from builder.whole import synced
from collectors.command import run
from collectors.failure import Failure
from tests.postures import HASH, small_posture
from tests.synthetic import synthetic_base

MIB, GB = 2**20, 10**9
SIZES_GB, SHOWN_GB = (1.0, 2.7, 8.0), 2.7
PAYLOAD_BYTES, NOISE_BYTES = 20 * 10**6, 16 * MIB
ROUNDS = 3
CACHE = Path(os.environ.get("REKINDLE_TEST_CACHE", ".cache")).absolute()
REKINDLE = Path(sys.executable).parent / "rekindle"
LIVEFS_EDIT = "livefs-edit"
CONFIG = f"""\
host: bench
base: {{base}}
allow_unverified: true
identity:
  username: ada
  password_hash: {HASH}
"""


@dataclass(frozen=True)
class Cost:
    """What one run took: `peak_bytes` is the memory of the largest of its processes."""

    seconds: float
    written_bytes: int
    peak_bytes: int


@dataclass(frozen=True)
class Targets:
    """How many times xorriso's time, on the base of 2.7 GB, and how many MiB, as far as somebody asks."""

    time: str = ""
    written: str = ""
    peak: str = ""


WEEKLY = Targets("≤ 0.050", f"≤ {(PAYLOAD_BYTES + MIB) / MIB:.1f}", "≤ 150")
NOTHING = Targets(written="0")
PREPARED = Targets("≤ 1.200")


# What was measured, what it cost, and what that is to keep within.
Row = tuple[str, Cost, Targets]


class Home:
    """A folder with a cache and two slots, in which weeks pass."""

    def __init__(self, folder: Path, base: Base) -> None:
        self.folder, self.base = folder, base
        self.cache, self.latest = folder / "cache", folder / "state" / "latest.iso"
        self.program = folder / "program"
        self.cache.mkdir(parents=True)

    def prepare(self) -> None:
        """Prepare the base."""
        told = delivery(read_medium(self.base.path).release)
        wanted = areas.capacities((told.name,), payload_bytes=PAYLOAD_BYTES)
        prepare(self.base, told, wanted, cache=self.cache, say=_silent)

    def next_week(self) -> None:
        """Let nothing in the payload be as it was; the rest of it is small."""
        _noise(self.program, PAYLOAD_BYTES - MIB // 2)

    def rebuild(self) -> None:
        """Bring the latest up to date."""
        recovery = Recovery("bench", small_posture(), Config(identity=Identity(password_hash=HASH)))
        with patch("builder.build.restore_program", lambda cache, say: self.program):
            rebuild(recovery, self.base, latest=self.latest, cache=self.cache, say=_silent)

    def files(self) -> list[Path]:
        """Return the large ones."""
        return [self.base.path, self.program, *self.folder.rglob("*.iso")]


def table(folder: Path, *, quick: bool) -> Table:
    """Measure in `folder`, which needs 27 GB of space (`quick`: the base of 1 GB alone, and 6 GB)."""
    shown = Table(
        "base", "what", "seconds", "to xorriso", "target", "MiB written", "target", "peak MiB", "target"
    )
    for column in shown.columns[2:]:
        column.justify = "right"
    _warm_up(folder)
    for size_gb in SIZES_GB[:1] if quick else SIZES_GB:
        shown.add_section()
        rows = _rows(folder, int(size_gb * GB), every=quick or size_gb == SHOWN_GB)
        xorriso: Cost | None = None
        for what, cost, targets in rows:
            xorriso = xorriso or cost
            shown.add_row(
                f"{size_gb:g} GB",
                what,
                f"{cost.seconds:.2f}",
                f"{cost.seconds / xorriso.seconds:.3f}",
                targets.time if size_gb == SHOWN_GB else "",
                f"{cost.written_bytes / MIB:.1f}",
                targets.written,
                f"{cost.peak_bytes / MIB:.0f}",
                targets.peak,
            )
    return shown


def _rows(folder: Path, size_bytes: int, *, every: bool) -> Iterator[Row]:
    """Yield what is measured on a base of that size, xorriso first; `every` way there is if asked for."""
    base = large_base(folder, size_bytes)
    yield from islice(_others(base.path, folder), None if every else 1)
    home = Home(folder / "home", base)
    yield "first preparation", _cost(home.prepare, home.files()), PREPARED
    if not every:
        _hollow(base.path)  # it is not read any more, and there may be no room for it
    yield from _weeks(home)
    if every:
        yield from _by_command(home)
    shutil.rmtree(home.folder)
    for kind in ("btrfs", "xfs") if every else ():
        with _disk(folder / f"{kind}.img", kind, 3 * size_bytes) as mount:
            other = Home(mount / "home", base)
            other.prepare()
            yield from ((f"{what}, {kind}", *rest) for what, *rest in _weeks(other, _device(mount)))
    base.path.unlink()


def _warm_up(folder: Path) -> None:
    """Let Python make what it makes at first use: the command pays for that, as for Python's start."""
    small = Home(folder / "small", unverified(synthetic_base(folder / "small")))
    small.next_week()
    small.rebuild()
    shutil.rmtree(small.folder)


def _others(base: Path, folder: Path) -> Iterator[Row]:
    """Yield what other tools take to put the payload on the base; a copy alone, too."""
    payload, output = folder / "payload", folder / "output.iso"
    _noise(payload, PAYLOAD_BYTES)
    argvs: list[tuple[str, list[str | Path]]] = [
        (
            "xorriso, -map and replay",
            [
                *("xorriso", "-indev", base, "-outdev", output, "-boot_image", "any", "replay"),
                *("-map", payload, "/rekindle/payload.tar"),
            ],
        ),
        ("cp", ["cp", base, output]),
    ]
    if shutil.which(LIVEFS_EDIT):
        argvs.append((LIVEFS_EDIT, [LIVEFS_EDIT, base, output, "--cp", payload, "new/iso/payload.tar"]))
    for what, argv in argvs:
        cost = _cost(partial(_run_whole, argv, output), [base, payload])
        output.unlink()
        yield what, cost, Targets()


def _run_whole(argv: list[str | Path], output: Path) -> None:
    run(argv)
    synced(output)


def _weeks(home: Home, device: str = "") -> Iterator[Row]:
    """Yield what the first two weeks cost in a home, all others, and one in which nothing changed."""
    for what in ("first build", "second build"):
        home.next_week()
        yield what, _cost(home.rebuild, home.files(), device), Targets()
    costs = []
    for _ in range(ROUNDS):
        home.next_week()
        costs.append(_cost(home.rebuild, home.files(), device))
    yield "rebuild", _median(costs), WEEKLY
    yield "rebuild, nothing changed", _cost(home.rebuild, home.files(), device), NOTHING


def _by_command(home: Home) -> Iterator[Row]:
    """Yield what the command costs with a real payload, of which little changes."""
    (home.folder / "config").mkdir()
    (home.folder / "config" / "rekindle.yaml").write_text(CONFIG.format(base=home.base.path))
    for name in ("program", "pex"):  # wheels are fetched once for all tests
        (CACHE / name).mkdir(parents=True, exist_ok=True)
        (home.cache / name).symlink_to(CACHE / name)
    environment = {"REKINDLE_HOME": str(home.folder), "PYTHONDONTWRITEBYTECODE": ""}
    command = partial(run, [REKINDLE, "build"], env=environment)
    costs = []
    for name in ("ember", "ash", "birch", "cedar", "dogwood"):
        commit_posture(home.folder / "state" / "posture", "bench", small_posture(hostname=name), name)
        costs.append(_cost(command, home.files()))
    yield "`rekindle build`, a small change", _median(costs[2:]), replace(WEEKLY, time="")
    yield "`rekindle build`, nothing changed", _cost(command, home.files()), NOTHING


def large_base(folder: Path, size_bytes: int) -> Base:
    """Make a base of that size, most of it noise."""
    small = folder / "small"
    layers = {f"casper/{n}.squashfs": folder / f"{n}.squashfs" for n in range(-(-size_bytes // GB))}
    for place in layers.values():
        _noise(place, size_bytes // len(layers))
    base = folder / "base.iso"
    author(read_medium(synthetic_base(small)), layers, base)
    for place in (*layers.values(), small):
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    return unverified(base)


def _noise(file: Path, size_bytes: int) -> None:
    """Write what no file system makes smaller, quicker than it is made."""
    noise = memoryview(os.urandom(NOISE_BYTES))
    with file.open("wb") as stream:
        for number in range(-(-size_bytes // NOISE_BYTES)):
            turn = number * 4099 % NOISE_BYTES
            left = size_bytes - stream.tell()
            stream.write((bytes(noise[turn:]) + bytes(noise[:turn]))[:left])
        stream.flush()
        os.fsync(stream.fileno())


def _hollow(base: Path) -> None:
    """Let a base have no more than its directories and what lies at its end."""
    edge = 64 * MIB
    run(
        [
            "fallocate",
            "--punch-hole",
            "--offset",
            str(edge),
            "--length",
            str(base.stat().st_size - 2 * edge),
            base,
        ]
    )


def _cost(work: Callable[[], object], files: list[Path], device: str = "") -> Cost:
    """Do `work` in a child that finds none of `files` in memory; raises Failure where it fails."""
    _forget(files)
    before, begin = _written(device), time.monotonic()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except Failure as failure:
            print(failure, file=sys.stderr)
        finally:
            os._exit(status)
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - begin
    if status:
        raise Failure("what was to be measured failed", remedy="see the lines above")
    written = _written(device) - before if device else usage.ru_oublock * 512
    return Cost(seconds, written, usage.ru_maxrss * 1024)


def _forget(files: list[Path]) -> None:
    for file in files:
        if file.exists():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _written(device: str) -> int:
    """Return how much was written to a block device, all of its file system (block/stat.rst of Linux)."""
    if not device:
        return 0
    os.sync()
    return int((Path("/sys/block") / device / "stat").read_text().split()[6]) * 512


@contextmanager
def _disk(image: Path, kind: str, size_bytes: int) -> Iterator[Path]:
    mount = image.with_suffix("")
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(size_bytes)
    run([f"mkfs.{kind}", image])
    run(["mount", "-o", "loop,noatime", image, mount])
    try:
        yield mount
    finally:
        run(["umount", mount])
        image.unlink()


def _device(mount: Path) -> str:
    return Path(run(["findmnt", "--noheadings", "--output", "SOURCE", mount]).strip()).name


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        max(cost.written_bytes for cost in costs),
        max(cost.peak_bytes for cost in costs),
    )


def _silent(line: str) -> None:
    pass


def main(*, quick: bool) -> None:
    """Measure, and print the table."""
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 150)
    temporary = tempfile.TemporaryDirectory(prefix="rekindle-bench-", dir="/var/tmp")
    with temporary as folder, console.status("rebuilds"):
        console.print(table(Path(folder), quick=quick))


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
