"""Work beside this process comes back as if it had been done here."""

from __future__ import annotations

import os

import pytest

from collectors.coverage.beside import beside


def test_the_answer_is_of_another_process() -> None:
    assert beside(os.getpid)() != os.getpid()


def test_two_go_on_at_once() -> None:
    first, second = beside(lambda: "one"), beside(lambda: "x" * 1_000_000)
    assert (first(), len(second())) == ("one", 1_000_000)


def failing() -> None:
    raise OSError(5, "Input/output error", "/x")


class UnpicklableError(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)
        self.held = lambda: two


def failing_oddly() -> None:
    raise UnpicklableError("odd", "x")


def test_what_is_raised_there_is_raised_here() -> None:
    with pytest.raises(OSError, match="Input/output error"):
        beside(failing)()
    with pytest.raises(RuntimeError, match="odd"):
        beside(failing_oddly)()


def test_an_end_before_the_answer_is_told() -> None:
    with pytest.raises(RuntimeError, match="before its answer"):
        beside(lambda: os._exit(1))()
