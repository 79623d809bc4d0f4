"""How quick is a full collect with coverage, beside `find` and `dpkg --verify` on the same machine?

`make bench` prints one table. All of it is measured in one run: each program in a fresh process, warmed up
once before, in three rounds of which the median counts, so that a slow machine is slow for all. What the
targets are stands beside; nothing fails by a time.

The second half are machines made for it, of 100,000 and 1,000,000 files: is the cost linear, and the memory
that of a small one? They need about three minutes and 2 GB; `make bench QUICK=1` makes the small one only.
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

from tests.bench.big import Size, big_machine

ROUNDS = 3
REKINDLE = Path(sys.executable).parent / "rekindle"
FIND, VERIFY, FIRST, AGAIN = "find", "dpkg --verify", "collect and coverage", "again, nothing changed"
SIZES = (Size(100_000, 1_000, 20), Size(1_000_000, 10_000, 200))
MEMORY_AT_MOST = "500 MiB"


@dataclass(frozen=True)
class Cost:
    """What one run took: `peak_bytes` is the memory of the largest of its processes."""

    seconds: float
    peak_bytes: int


def main(quick: bool) -> None:
    """Measure, and print the table."""
    console = Console()
    table = Table(*("what", "seconds", "to find", "target", "to verify", "target", "peak memory"))
    for column in table.columns[1:]:
        column.justify = "right"
    with console.status("this machine"):
        _this_machine(table)
    with tempfile.TemporaryDirectory(prefix="rekindle-bench-", dir="/var/tmp") as folder:
        for size in SIZES[:1] if quick else SIZES:
            with console.status(f"a machine of {size.files:,} files"):
                _made_machine(table, Path(folder) / str(size.files), size)
    console.print(table)


def find(root: str = "/") -> tuple[str, ...]:
    """Return the walk over all of a disk that others are held to."""
    return ("find", root, "-xdev", "-printf", r"%p %s %T@\n")


def coverage(root: str = "/") -> tuple[str, ...]:
    """Return a full collect with coverage."""
    return (str(REKINDLE), "coverage", "--root", root, "--json")


def measured(argv: Sequence[str]) -> Cost:
    """Run a program without showing what it says; its exit code may tell of findings."""
    with open(os.devnull, "w") as nowhere:
        begin = time.monotonic()
        actions = [(os.POSIX_SPAWN_DUP2, nowhere.fileno(), each) for each in (1, 2)]
        child = os.posix_spawnp(argv[0], list(argv), os.environ, file_actions=actions)
        _, _, usage = os.wait4(child, 0)
        return Cost(time.monotonic() - begin, usage.ru_maxrss * 1024)


def _this_machine(table: Table) -> None:
    programs = {FIND: find(), VERIFY: ("dpkg", "--verify"), FIRST: coverage(), AGAIN: coverage()}
    measured(programs[FIND])
    measured(programs[FIRST])
    rounds = [{name: measured(argv) for name, argv in programs.items()} for _ in range(ROUNDS)]
    costs = {name: _median([each[name] for each in rounds]) for name in programs}
    targets = {FIRST: ("≤ 1.5", "≤ 0.25"), AGAIN: ("≤ 1.0", "")}
    table.add_section()
    for name, cost in costs.items():
        _add(table, f"this machine: {name}", cost, costs[FIND], costs[VERIFY], targets.get(name, ("", "")))


def _made_machine(table: Table, root: Path, size: Size) -> None:
    big_machine(root, size)
    measured(find(str(root)))
    rounds = [(measured(find(str(root))), measured(coverage(str(root)))) for _ in range(ROUNDS)]
    found, covered = (_median(list(costs)) for costs in zip(*rounds, strict=True))
    name = f"{size.files:,} files, {size.items:,} items, {size.repositories} clones"
    table.add_section()
    _add(table, f"{name}: {FIND}", found, found, None, ("", ""))
    _add(table, f"{name}: {FIRST}", covered, found, None, ("", ""), f" (≤ {MEMORY_AT_MOST})")
    each = covered.seconds / size.files * 1e6
    table.add_row(f"{name}: for each file", f"{each:.1f} µs", "", "", "", "", "")


def _median(costs: Sequence[Cost]) -> Cost:
    seconds = statistics.median(cost.seconds for cost in costs)
    return Cost(seconds, max(cost.peak_bytes for cost in costs))


def _add(
    table: Table,
    name: str,
    cost: Cost,
    found: Cost,
    verified: Cost | None,
    targets: tuple[str, str],
    memory_target: str = "",
) -> None:
    table.add_row(
        name,
        f"{cost.seconds:.2f}",
        f"{cost.seconds / found.seconds:.2f}",
        targets[0],
        f"{cost.seconds / verified.seconds:.2f}" if verified else "",
        targets[1],
        f"{cost.peak_bytes / 1024**2:.0f} MiB{memory_target}",
    )


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
