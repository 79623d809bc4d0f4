from __future__ import annotations

import pytest

from collectors.command import found, masked, run
from collectors.failure import Failure


def test_returns_what_was_said_and_gives_input() -> None:
    assert run(["cat"], stdin=b"a\xff") == "a\udcff"
    assert run(["sh", "-c", "echo $LC_ALL $MORE"], env={"MORE": "more"}) == "C.UTF-8 more\n"


def test_reads_no_terminal() -> None:
    assert run(["cat"]) == ""


def test_a_missing_program_is_a_failure() -> None:
    with pytest.raises(Failure, match="no-such-program is not installed") as caught:
        run(["no-such-program"])
    assert caught.value.remedy == "install no-such-program"


def test_a_failure_has_the_last_lines_and_no_secret() -> None:
    script = "seq 9 >&2; echo key=geheim >&2; exit 3"
    with pytest.raises(Failure) as caught:
        run(["sh", "-c", script, "geheim"], secrets=["geheim", ""], remedy="mend it")
    assert "ended with 3: 6 | 7 | 8 | 9 | key=********" in caught.value.message
    assert "geheim" not in str(caught.value)
    assert str(caught.value).endswith("; mend it")


def test_a_hanging_program_is_cut_off() -> None:
    with pytest.raises(Failure, match="took longer than"):
        run(["sleep", "60"], timeout_seconds=0.05)


def test_masked() -> None:
    assert masked("a b a", ["a", ""]) == "******** b ********"


def test_found() -> None:
    assert found("sh") and not found("no-such-program")
