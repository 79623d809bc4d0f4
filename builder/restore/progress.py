"""How far is a restore, and how long will it still take?

The playbook's modules append events to a file, one JSON object a line: `{"line": "fetching the indexes"}`
is for a person as it is; `{"task": "mounts"}` is what begins, `{"work": "packages", "number": 3, "total":
18, "name": "tree", "share": 0.51}` how far a kind of work is. `share` is null where `number` tells it: that
one is at work.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

Clock = Callable[[], float]

# The kinds of work in the order of restore.yaml, and about how many seconds a step takes; those in one row go
# side by side. What is not here takes no time that a person would notice.
ROWS: tuple[Mapping[str, float], ...] = (
    {"files first": 0.001},
    {"sources": 1.0},
    {"commands apt": 0.5},
    {"packages": 1.5},
    {"users": 0.5},
    {"commands users": 0.5},
    {
        "commands snap": 20.0,
        "commands flatpak": 25.0,
        "commands languages": 8.0,
        "commands editors": 4.0,
        "commands repos": 6.0,
        "commands dotfiles": 3.0,
    },
    {"files": 0.001},
    {"commands files": 0.2},
    {"commands desktop": 0.2},
    {"commands input": 0.2},
    {"commands services": 1.0},
    {"commands snapshots": 1.0},
    {"commands programs": 20.0},
    {"commands containers": 1.0},
    {"commands hardware": 5.0},
)
# Before that, a guess at the time left would be none but a guess; nor is it told from less of a kind of work.
HONEST_SECONDS, HONEST_WORK_SECONDS, HONEST_SHARE = 10.0, 5.0, 0.05
# A person reads a line at the most, and at the least, so often.
LINE_SECONDS, STILL_SECONDS = 5.0, 10.0
MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class Moment:
    """How far it is: the `number`th of `total` of a kind of work, and of all `percent`.

    `total` is 0 where the work is one task that counts nothing.
    `seconds_left` is None while nobody can tell; `seconds` is how long this item has been at work.
    """

    work: str
    number: int
    total: int
    name: str
    percent: int
    seconds_left: float | None = None
    seconds: float = 0.0

    def text(self) -> str:
        """Return it in one line: `packages 3 of 18: tree, 41 %, about 6 min left`."""
        return ", ".join(filter(None, (self.where(), f"{self.percent} %", self.left())))

    def where(self) -> str:
        """Return `packages 3 of 18: tree`."""
        name = f": {self.name}" if self.name else ""
        return f"{self.what()} {self.number} of {self.total}{name}" if self.total else self.what()

    def what(self) -> str:
        """Return the kind of work for a person: `flatpak` for `commands flatpak`."""
        return self.work.removeprefix("commands ").removesuffix(" first")

    def left(self) -> str:
        """Return the time left for a person, "" while nobody can tell."""
        if self.seconds_left is None:
            return ""
        if self.seconds_left < MINUTE:
            return "less than a minute left"
        if self.seconds_left < 1.5 * HOUR:
            return f"about {round(self.seconds_left / MINUTE)} min left"
        return f"about {round(self.seconds_left / HOUR)} h left"


@dataclass
class Work:
    """One kind of work: how long it should take, when it began, how much of it is done, from 0 to 1."""

    expected: float
    since: float | None = None
    share: float = 0.0

    def left(self, now: float) -> float | None:
        """Return the seconds left: as fast as so far, else as expected; None where that is over."""
        taken = now - self.since if self.since is not None else 0.0
        if taken >= HONEST_WORK_SECONDS and self.share >= HONEST_SHARE:
            return taken / self.share * (1 - self.share)
        if taken > self.expected and self.share < 1:
            return None
        return min(self.expected * (1 - self.share), max(self.expected - taken, 0.0))


@dataclass
class Course:
    """The way of one restore, of which `steps` says how many there are of each kind of work."""

    steps: Mapping[str, int]
    clock: Clock = time.monotonic
    rows: list[dict[str, Work]] = field(init=False)
    begun: float = field(init=False)
    last: tuple[str, int, int, str] | None = None
    since: float = 0.0

    def __post_init__(self) -> None:
        """Expect what is known of such work."""
        self.begun = self.clock()
        self.rows = [
            {work: Work(self.steps[work] * seconds) for work, seconds in row.items() if self.steps.get(work)}
            for row in ROWS
        ]

    def hear(self, line: str) -> str:
        """Take in one line of the progress file, and return what it says to a person, or ""."""
        try:
            event = json.loads(line)
        except ValueError:
            return ""
        if "line" in event:
            return printable(event["line"])
        if "task" in event:
            self.last, self.since = (printable(event["task"]), 0, 0, ""), self.clock()
            return ""
        work, number, total, share = (event[key] for key in ("work", "number", "total", "share"))
        self.last = (work, number, total, printable(event["name"]))
        self.since = self.clock()
        self._advance(work, share if share is not None else (number - 1) / max(total, 1))
        return ""

    def moment(self) -> Moment | None:
        """Return how far it is now; None before anything was heard of."""
        if self.last is None:
            return None
        now = self.clock()
        left = self._left(now) if now - self.begun >= HONEST_SECONDS else None
        return Moment(*self.last, self._percent(), left, now - self.since)

    def _advance(self, work: str, share: float) -> None:
        """Note how much of a kind of work is done: of all that comes before it, everything."""
        if not any(work in row for row in self.rows):
            return
        for row in takewhile(lambda row: work not in row, self.rows):
            for each in row.values():
                each.share = 1.0
        mine = next(row[work] for row in self.rows if work in row)
        mine.since = self.clock() if mine.since is None else mine.since
        mine.share = max(mine.share, min(share, 1.0))

    def _left(self, now: float) -> float | None:
        lefts = [[work.left(now) for work in row.values()] for row in self.rows if row]
        slowest = [max((each for each in row if each is not None), default=0.0) for row in lefts]
        return None if any(None in row for row in lefts) else sum(slowest)

    def _percent(self) -> int:
        rows = [row.values() for row in self.rows if row]
        whole = sum(max(work.expected for work in row) for row in rows)
        left = sum(max(work.expected * (1 - work.share) for work in row) for row in rows)
        return min(int(100 * (whole - left) / whole), 99) if whole else 0


@dataclass
class Lines:
    """Tells moments in lines, for whoever sees no bar: not each, and none only while nothing goes on."""

    say: Callable[[str], None]
    clock: Clock = time.monotonic
    told: tuple[str, int] = ("", 0)
    at: float = float("-inf")
    works: set[str] = field(default_factory=set)

    def __call__(self, moment: Moment) -> None:
        """Tell a moment if it is time to."""
        text, quiet = moment.text(), self.clock() - self.at
        is_first = bool(moment.total) and moment.work not in self.works
        is_new = (
            bool(moment.total)
            and (moment.work, moment.number) != self.told
            and (quiet >= LINE_SECONDS or moment.number == moment.total)
        )
        if not (is_first or is_new or quiet >= STILL_SECONDS):
            return
        still = f", at it for {round(moment.seconds)} s" if moment.seconds >= STILL_SECONDS else ""
        self.say(f"{text}{still}")
        self.works.add(moment.work)
        self.told, self.at = (moment.work, moment.number), self.clock()


def printable(text: str) -> str:
    """Return a text in one line that does nothing to a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
