"""How quick is a full collect with coverage, beside `find` and `dpkg --verify` on the same machine?

`make bench` prints one table. All of it is measured in one run: each program in a fresh process, warmed up
once before, in three rounds of which the median counts, so that a slow machine is slow for all. What the
targets are stands beside; nothing fails by a time. A program that fails is no measurement: then there is no
table.

The second half are machines made for it, of 100,000 and 1,000,000 files: is the cost linear, and the memory
that of a small one? They need about three minutes and 2 GB; `make bench QUICK=1` makes the small one only.
A second table is of the restore, in containers. A third is of rebuilds: ten minutes and 27 GB, with QUICK two
and 6 GB. The last one is of a stick: a minute and 6 GB.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from collectors.failure import Failure
from tests.bench import rebuild, stick
from tests.bench.big import Size, big_machine
from tests.bench.restore import rows

ROUNDS = 3
CACHE = Path(os.environ.get("REKINDLE_TEST_CACHE", ".cache")).absolute()
REKINDLE = Path(sys.executable).parent / "rekindle"
FIND, VERIFY, FIRST, AGAIN = "find", "dpkg --verify", "collect and coverage", "again, nothing changed"
SIZES = (Size(100_000, 1_000, 20), Size(1_000_000, 10_000, 200))
MEMORY_AT_MOST_MIB = 500
# How programs end that did their work: with losses, where a file vanished, with differences.
DONE = {"rekindle": (0, 3), "find": (0, 1), "dpkg": (0, 1, 2)}


@dataclass(frozen=True)
class Cost:
    """What one run took: `peak_bytes` is the memory of the largest of its processes."""

    seconds: float
    peak_bytes: int


def main(quick: bool) -> None:
    """Measure, and print the table."""
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 150)
    table = Table(*("machine", "what", "seconds", "to find", "target", "to verify", "target", "peak MiB"))
    for column in table.columns[2:]:
        column.justify = "right"
    with console.status("this machine"):
        _this_machine(table)
    with tempfile.TemporaryDirectory(prefix="rekindle-bench-", dir="/var/tmp") as folder:
        for size in SIZES[:1] if quick else SIZES:
            with console.status(f"a machine of {size.files:,} files"):
                _made_machine(table, Path(folder) / str(size.files), size)
    console.print(table)
    console.print(_restores(console))
    rebuild.main(quick=quick)
    stick.main()


def _restores(console: Console) -> Table:
    table = Table(*("restore", "took", "to apt-get", "target"))
    temporary = tempfile.TemporaryDirectory(prefix="rekindle-bench-", dir="/var/tmp")
    with temporary as folder, console.status("a restore in a container"):
        for row in rows(CACHE, Path(folder)):
            table.add_row(*row)
    return table


def find(root: str = "/") -> tuple[str, ...]:
    """Return the walk over all of a disk that others are held to."""
    return ("find", root, "-xdev", "-printf", r"%p %s %T@\n")


def coverage(root: str = "/") -> tuple[str, ...]:
    """Return a full collect with coverage."""
    return (str(REKINDLE), "coverage", "--root", root, "--json")


def measured(argv: Sequence[str]) -> Cost:
    """Run a program without showing what it says; raises Failure where it did not do its work."""
    with open(os.devnull, "w") as nowhere, tempfile.TemporaryFile() as said:
        begin = time.monotonic()
        streams = ((nowhere.fileno(), 1), (said.fileno(), 2))
        actions = [(os.POSIX_SPAWN_DUP2, source, stream) for source, stream in streams]
        child = os.posix_spawnp(argv[0], list(argv), os.environ, file_actions=actions)
        _, status, usage = os.wait4(child, 0)
        seconds = time.monotonic() - begin
        code = os.waitstatus_to_exitcode(status)
        if code not in DONE.get(Path(argv[0]).name, (0,)):
            said.seek(0)
            tail = said.read().decode(errors="replace").strip()[-500:]
            raise Failure(f"{' '.join(argv)} ended with {code}: {tail}", remedy="mend it, then measure")
    return Cost(seconds, usage.ru_maxrss * 1024)


def _this_machine(table: Table) -> None:
    programs = {FIND: find(), VERIFY: ("dpkg", "--verify"), FIRST: coverage(), AGAIN: coverage()}
    measured(programs[FIND])
    measured(programs[FIRST])
    rounds = [{name: measured(argv) for name, argv in programs.items()} for _ in range(ROUNDS)]
    costs = {name: _median([each[name] for each in rounds]) for name in programs}
    targets = {FIRST: ("≤ 1.5", "≤ 0.25"), AGAIN: ("≤ 1.0", "")}
    table.add_section()
    for name, cost in costs.items():
        to_find, to_verify = targets.get(name, ("", ""))
        cells = (f"{cost.seconds / costs[VERIFY].seconds:.2f}", to_verify)
        _add(table, ("this one", name), cost, costs[FIND], (to_find, *cells))


def _made_machine(table: Table, root: Path, size: Size) -> None:
    big_machine(root, size)
    measured(find(str(root)))
    rounds = [(measured(find(str(root))), measured(coverage(str(root)))) for _ in range(ROUNDS)]
    found, covered = (_median(list(costs)) for costs in zip(*rounds, strict=True))
    name = f"{size.files:,} files"
    items = f"{FIRST}: {size.items:,} items, {size.repositories} clones"
    table.add_section()
    _add(table, (name, FIND), found, found)
    _add(table, (name, items), covered, found, memory=f" (≤ {MEMORY_AT_MOST_MIB})")
    table.add_row(name, "the same, for each file", f"{covered.seconds / size.files * 1e6:.1f} µs")


def _median(costs: Sequence[Cost]) -> Cost:
    seconds = statistics.median(cost.seconds for cost in costs)
    return Cost(seconds, max(cost.peak_bytes for cost in costs))


def _add(
    table: Table,
    names: tuple[str, str],
    cost: Cost,
    found: Cost,
    others: tuple[str, str, str] = ("", "", ""),
    memory: str = "",
) -> None:
    """Add a row; `others` are the target beside find, and the ratio to verify with its target."""
    peak = f"{cost.peak_bytes / 1024**2:.0f}{memory}"
    table.add_row(*names, f"{cost.seconds:.2f}", f"{cost.seconds / found.seconds:.2f}", *others, peak)


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
