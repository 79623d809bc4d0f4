"""The runner of commands, without Ansible: bash runs them, as whoever runs the tests."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.unit.restore.conftest import Playing, commands, step
from tests.unit.restore.playbook import shared


def test_one_that_fails_sinks_no_other(playing: Playing) -> None:
    told = playing.play(step("a", "true"), step("b", "echo error: broken; exit 3"), step("c", "true"))
    assert [each["state"] for each in told.values()] == ["restored", "failed", "restored"]
    assert told["b"]["reason"] == "error: broken"


def test_a_name_that_no_command_can_have_sinks_no_other(playing: Playing) -> None:
    told = playing.play(step("a", "echo a\0b"), step("b", "true"))
    assert [each["state"] for each in told.values()] == ["failed", "restored"]


def test_what_failed_says_what_a_person_types(playing: Playing) -> None:
    told = playing.only("false", by_hand="npm install x")
    assert (told["reason"], told["remedy"]) == ("it ended with 1", "by hand: npm install x")


def test_a_failure_in_a_pipe_is_one(playing: Playing) -> None:
    assert playing.only("false | cat")["state"] == "failed"


def test_stages_come_one_after_the_other_and_lanes_side_by_side(playing: Playing) -> None:
    look = "for i in $(seq 100); do grep -q {2} {1}/began && exit 0; sleep 0.05; done; exit 9"
    meet = f"echo {{0}} >> {{1}}/began; {look}"
    here = str(playing.folder)
    told = playing.play(
        step("late", f"test -e {here}/began", stage=1),
        step("a", meet.format("a", here, "b"), lane="a"),
        step("b", meet.format("b", here, "a"), lane="b"),
    )
    assert {name: each["state"] for name, each in told.items()} == dict.fromkeys(
        ("late", "a", "b"), "restored"
    )


def test_after_what_failed_an_item_has_no_other_step(playing: Playing) -> None:
    last = f"touch {playing.folder}/ran"
    told = playing.play(step("a", "echo error: first; false"), step("a", last, stage=1), step("b", "true"))
    assert (told["a"]["state"], told["a"]["reason"]) == ("failed", "error: first")
    assert not (playing.folder / "ran").exists()
    assert playing.play(step("a", "true"), step("a", last, stage=1))["a"]["state"] == "restored"
    assert (playing.folder / "ran").exists()


def test_what_differs_in_its_operand_alone_is_one_command(playing: Playing) -> None:
    told = playing.play(
        *(step(name, f"echo >> {playing.folder}/asked", operand=name) for name in "ab"),
        step("c", f"echo >> {playing.folder}/asked", operand="c", user="me"),
    )
    assert playing.lines("asked") == ["a b", "c"]
    assert len(told) == 3
    told = [json.loads(line) for line in playing.lines("progress")]
    assert told == [
        {"work": "commands languages", "number": 2, "total": 9, "name": "a and 1 more", "share": 0.0},
        {"work": "commands languages", "number": 3, "total": 9, "name": "c", "share": 2 / 9},
    ]


def test_one_that_is_bad_among_many_is_found(playing: Playing) -> None:
    command = f"echo >> {playing.folder}/asked"
    names = [f"p{number}" for number in range(8)]
    bad = f'( case $* in *p5*) echo "E404 p5"; exit 1;; esac; {command} $* ); f'
    many = [step(name, f"f() {bad}", operand=name) for name in names]
    told = playing.play(*many)
    assert [name for name, each in told.items() if each["state"] != "restored"] == ["p5"]
    assert told["p5"]["state"] == "unavailable"
    assert playing.lines("asked") == ["p0 p1 p2 p3", "p4", "p6 p7"]


@pytest.mark.parametrize(
    ("need", "verb"),
    [("no-such-program", "install"), ("~/.nvm/nvm.sh", "put back"), ("/no/such/file", "put back")],
)
def test_what_lacks_a_program_waits(need: str, verb: str, playing: Playing) -> None:
    told = playing.play(
        step("a", "true", needs=(need,), operand="a"), step("b", "true", needs=(need,), operand="b")
    )
    assert {each["state"] for each in told.values()} == {"unavailable"}
    assert (told["a"]["reason"], told["a"]["remedy"]) == (
        f"no {need} here",
        f"{verb} {need}, then restore again",
    )
    assert playing.runner.waiting == {"a", "b"}


def test_a_program_or_a_file_that_is_here_is_enough(playing: Playing) -> None:
    (playing.folder / ".local/bin").mkdir(parents=True)
    mine = playing.folder / ".local/bin/mine"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    assert playing.only("mine", needs=("mine", "~/.local/bin/mine"), user="me")["state"] == "restored"


def test_a_person_has_their_home_and_no_questions(playing: Playing) -> None:
    playing.only('printf "%s\\n" "$PWD" "$HOME" "$USER" "$GIT_TERMINAL_PROMPT" > said; read x', user="me")
    assert playing.lines("said") == [str(playing.folder), str(playing.folder), "me", "0"]


def test_nobody_of_that_name(playing: Playing) -> None:
    told = playing.only("true", user="carol")
    assert (told["state"], told["reason"]) == ("failed", "no carol on this machine")


def test_what_takes_too_long_is_ended_with_all_it_started(playing: Playing) -> None:
    begun = time.monotonic()
    told = playing.only(
        "sleep 97 & echo $! > child; trap '' TERM; sleep 98 & wait; wait", user="me", seconds=1
    )
    assert time.monotonic() - begun < 9
    assert (told["state"], told["reason"]) == ("failed", "it took longer than 1 s")
    [child] = playing.lines("child")
    assert not is_alive(int(child))


def test_what_stays_in_the_background_is_not_waited_for(playing: Playing) -> None:
    begun = time.monotonic()
    assert playing.only("setsid sleep 5 & echo $! > child", user="me")["state"] == "restored"
    assert time.monotonic() - begun < 4
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(playing.lines("child")[0]), 9)


def test_what_fetches_is_tried_again_and_no_more_than_that(playing: Playing) -> None:
    once = "echo >> tries; test $(wc -l < tries) -gt 1 || { echo 'Connection reset by peer'; exit 1; }"
    assert playing.only(f"cd {playing.folder}; {once}", network=True)["state"] == "restored"
    never = f"cd {playing.folder}; echo >> more; echo 'error: 503 Service Unavailable'; exit 1"
    assert playing.only(never, network=True)["state"] == "failed"
    assert len(playing.lines("more")) == 3
    assert playing.only(f"cd {playing.folder}; echo >> fetched-once; echo 'error: E404'; false", network=True)
    assert len(playing.lines("fetched-once")) == 1


def test_without_a_network_the_rest_is_put_off_at_once(
    playing: Playing, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (commands, shared("complaints")):
        monkeypatch.setattr(module, "has_route", lambda: False)
    cut = f"echo >> {playing.folder}/asked; echo 'curl: (6) Could not resolve host: x'; exit 6"
    told = playing.play(
        step("a", cut, network=True), step("b", cut, network=True), step("c", "true", network=False)
    )
    assert [(each["state"], each["until"]) for each in told.values()] == [
        ("deferred", "network"),
        ("deferred", "network"),
        ("restored", ""),
    ]
    assert len(playing.lines("asked")) == 1


def test_the_log_has_what_was_said_without_credentials(playing: Playing) -> None:
    told = playing.only("echo fatal: no https://ada:hunter2@example.org/x?access_token=hunter2; exit 1")
    assert told["reason"] == "fatal: no https://***@example.org/x?access_token=***"
    assert playing.lines("log") == ["--- x", "fatal: no https://***@example.org/x?access_token=***"]


def test_of_much_that_was_said_the_last_whole_lines_are_kept(
    playing: Playing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "LAST_BYTES", 30)
    playing.only("echo git clone https://ada:hunter2@example.org/x; echo error: gone; false")
    assert playing.lines("log") == ["--- x", "error: gone"]


def test_an_orphan_runs_nothing_more(playing: Playing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REKINDLE_PID", "4194305")
    assert playing.play(step("a", f"touch {playing.folder}/ran")) == {}
    assert not (playing.folder / "ran").exists()


def test_a_killed_run_is_waited_for(tmp_path: Path) -> None:
    """The runner is killed while its command is at work; that one still holds the lock, until it ends."""
    (tmp_path / "work").mkdir()
    sleeps = step("x", f"touch {tmp_path}/begun; sleep 1; touch {tmp_path}/ended")
    held = f"""
import sys
sys.path.insert(0, {str(Path.cwd())!r})
from tests.unit.restore.playbook import library
commands = library("rekindle_commands")
with commands.alone({str(tmp_path / "work")!r}, "languages") as lock:
    runner = commands.Runner("languages", 1, "", {str(tmp_path / "work/log")!r}, lock)
    runner.lane([{sleeps!r}])
"""
    with subprocess.Popen([sys.executable, "-c", held]) as process:
        until((tmp_path / "begun").exists)
        process.kill()
    with pytest.raises(BlockingIOError), (tmp_path / ".languages.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with commands.alone(str(tmp_path / "work"), "languages"):
        assert (tmp_path / "ended").exists()


def test_who_waits_is_written_down_for_later(tmp_path: Path) -> None:
    commands.write_waits(str(tmp_path / "waits"), {"npm:ö", "a"})
    assert json.loads((tmp_path / "waits").read_text()) == ["a", "npm:ö"]
    assert commands.read_waits(str(tmp_path / "waits")) == {"a", "npm:ö"}
    assert commands.read_waits(str(tmp_path / "none")) == frozenset()


class Module:
    """What Ansible gives a module: its parameters, and a way to answer."""

    check_mode = False
    answer: ClassVar[dict[str, Any]] = {}

    def __init__(self, **params: Any) -> None:
        self.params = params

    def exit_json(self, **answer: Any) -> None:
        Module.answer = answer
        raise SystemExit(0)


def test_what_waited_is_done_later_and_nothing_else(
    playing: Playing, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = playing.folder / "work"
    work.mkdir()
    late = str(playing.folder / "late")
    steps = [step("a", "echo a >> asked", user="me"), step("b", "echo b >> asked", user="me", needs=(late,))]
    (work / "plan.json").write_text(json.dumps({"commands": steps}))

    def states(*, again: bool) -> dict[str, str]:
        params = {"plan": str(work / "plan.json"), "progress": "", "section": "languages", "again": again}
        monkeypatch.setattr(commands, "AnsibleModule", lambda **_: Module(**params))
        with pytest.raises(SystemExit):
            commands.main()
        return {each["id"]: each["state"] for each in Module.answer["outcomes"]}

    assert states(again=False) == {"a": "restored", "b": "unavailable"}
    assert states(again=True) == {"b": "unavailable"}
    Path(late).touch()
    assert states(again=True) == {"b": "restored"}
    assert states(again=True) == {}
    assert playing.lines("asked") == ["a", "b"]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(happened: Any) -> None:
    for _ in range(400):
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError
