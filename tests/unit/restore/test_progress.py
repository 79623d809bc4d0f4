"""What a person is told of a restore is short, steady and no lie."""

from __future__ import annotations

import json

from builder.restore.progress import Course, Lines, Moment


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def heard(work: str, number: int, total: int, name: str = "x", share: float | None = None) -> str:
    return json.dumps({"work": work, "number": number, "total": total, "name": name, "share": share})


def course(**steps: int) -> tuple[Course, Clock]:
    clock = Clock()
    return Course({work.replace("_", " "): count for work, count in steps.items()}, clock), clock


def test_nothing_is_told_of_the_time_left_in_the_first_seconds() -> None:
    way, clock = course(packages=100)
    assert way.moment() is None
    way.hear(heard("packages", 50, 100, share=0.5))
    clock.now += 9
    assert way.moment() == Moment("packages", 50, 100, "x", 50, None, 9)
    clock.now += 2
    moment = way.moment()
    assert moment is not None
    assert moment.left() == "less than a minute left"


def test_the_time_left_is_as_fast_as_it_was_so_far() -> None:
    way, clock = course(packages=100)
    way.hear(heard("packages", 0, 100, share=0.0))
    clock.now += 100
    way.hear(heard("packages", 25, 100, "tree", share=0.25))
    moment = way.moment()
    assert moment is not None
    assert moment.text() == "packages 25 of 100: tree, 25 %, about 5 min left"


def test_what_counts_nothing_is_told_when_it_takes_long_and_no_item_is_said_to_be_at_work() -> None:
    way, clock = course(users=2, files=100)
    told: list[str] = []
    lines = Lines(told.append, clock)
    for event in (heard("users", 2, 2, "bob"), json.dumps({"task": "numbers for containers"})):
        way.hear(event)
        lines(way.moment())  # type: ignore[arg-type] # it was heard of
    clock.now += 12
    lines(way.moment())  # type: ignore[arg-type]
    assert [line.partition(",")[0] for line in told] == ["users 2 of 2: bob", "numbers for containers"]
    assert told[1].endswith("at it for 12 s")


def test_what_takes_longer_than_anybody_knew_has_no_time_left() -> None:
    way, clock = course(commands_snap=1)
    way.hear(heard("commands snap", 1, 1, share=0.0))
    clock.now += 15
    assert way.moment().seconds_left == 5  # type: ignore[union-attr] # it was heard of
    clock.now += 15
    assert way.moment().seconds_left is None  # type: ignore[union-attr]


def test_what_comes_later_says_that_all_before_is_done_and_nothing_goes_back() -> None:
    way, clock = course(packages=10, files=1000)
    clock.now += 60
    way.hear(heard("files", 500, 1000))
    percent = way.moment().percent  # type: ignore[union-attr]
    assert percent > 90
    way.hear(heard("packages", 1, 10))
    assert way.moment().percent == percent  # type: ignore[union-attr]


def test_side_by_side_the_slowest_counts() -> None:
    way, _ = course(commands_snap=10, commands_repos=10)
    way.hear(heard("commands repos", 10, 10, share=0.9))
    assert way.moment().percent == 0  # type: ignore[union-attr]


def test_nothing_in_a_name_reaches_the_terminal_as_a_command() -> None:
    way, _ = course(files=1)
    way.hear(heard("files", 1, 1, "\x1b[2Jx\n\u202ey"))
    assert way.moment().name == "?[2Jx??y"  # type: ignore[union-attr]
    assert way.hear(json.dumps({"line": "a\nb"})) == "a?b"
    assert way.hear('{"line": "cut sho') == ""


def test_lines_are_few_and_never_missing_for_long() -> None:
    clock, said = Clock(), []
    lines = Lines(said.append, clock)
    for number in range(1, 101):
        lines(Moment("files", number, 100, "x", number))
        clock.now += 0.1
    assert 3 <= len(said) <= 5
    assert said[0].startswith("files 1 of 100: x")
    assert any(line.startswith("files 100 of 100") for line in said)
    said.clear()
    for tick in range(300):
        lines(Moment("commands snap", 1, 2, "snap:code", 10, None, tick / 10))
        clock.now += 0.1
    assert said[0] == "snap 1 of 2: snap:code, 10 %"
    assert said[-1] == "snap 1 of 2: snap:code, 10 %, at it for 20 s"
    assert len(said) == 3


def test_hours_are_told_as_hours() -> None:
    assert Moment("files", 1, 2, "", 1, 7300).left() == "about 2 h left"
