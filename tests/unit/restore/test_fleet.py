"""Many machines at once: what is heard of each, and what is refused before any is asked."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from typer.testing import CliRunner

from builder.cli import app
from builder.payload.pack import write_payload
from builder.restore import fleet, on_host
from builder.restore.fleet import Fleet, restore_fleet
from builder.restore.on_host import Answer, Request
from builder.restore.page import page, read_report
from builder.restore.report import Outcome, Report
from collectors.failure import Failure
from tests.postures import small_posture
from tests.unit.restore.playbook import OVERLAY, loaded

DOWN = "Failed to connect to the host via ssh: No route"


def report(*states: str) -> Report:
    items = (Outcome.model_validate({"id": f"apt:{n}", "state": state}) for n, state in enumerate(states))
    return Report(host="hearth", items=tuple(items))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "program").write_bytes(b"P")
    write_payload(small_posture(), tmp_path / "program", host="h", output=tmp_path / "payload.tar")
    (tmp_path / "hosts.ini").write_text("oven\ncold\n")
    return tmp_path


def heard(monkeypatch: pytest.MonkeyPatch, *events: dict[str, str]) -> None:
    """Have these events be all that is heard."""
    monkeypatch.setattr(fleet, "_events", lambda *words: iter(events))


def answer(given: Answer) -> str:
    return base64.b64encode(given.model_dump_json().encode()).decode()


def restored(place: Path, **facts: object) -> tuple[Fleet, list[str]]:
    said: list[str] = []
    asked = {"inventory": place / "hosts.ini", "reports": place / "reports", "say": said.append, **facts}
    return restore_fleet(place / "payload.tar", Request(), **asked), said


def test_a_host_that_is_down_sinks_no_other(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = Answer(report=report("restored", "already", "failed"))
    heard(
        monkeypatch,
        {"host": "oven", "doing": "restoring"},
        {"host": "cold", "unreachable": DOWN},
        {"host": "oven", "answer": answer(good)},
        {"host": "oven", "failed": "cleaning up: it is in use"},
        {"host": "wet", "failed": "restoring: no space"},
        {"host": "wet", "failed": "cleaning up: no space"},
        {"host": "odd", "answer": "bm8gYW5zd2Vy"},
        {"host": "other", "answer": answer(Answer(failure="the posture is of arm64"))},
    )
    found, said = restored(place)
    assert [*found.rows()] == [
        ("cold", "-", "-", f"not reached: {DOWN}"),
        ("odd", "-", "-", "its answer is none that is known here"),
        ("other", "-", "-", "the posture is of arm64"),
        ("oven", "2", "1", "-"),
        ("wet", "-", "-", "restoring: no space"),
    ]
    assert found.failed() == ("cold", "odd", "other", "wet")
    assert "oven: restoring" in said
    assert f"cold: not reached: {DOWN}" in said
    assert read_report(place / "reports/oven") == good.report
    assert (place / "reports/oven/report.html").read_text() == page(good.report)
    assert [path.name for path in (place / "reports").iterdir()] == ["oven"]


def test_a_name_from_an_inventory_is_no_path(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard(monkeypatch, {"host": "../../oven", "answer": answer(Answer(report=report("restored")))})
    restored(place)
    [left] = (place / "reports").iterdir()
    assert read_report(left) == report("restored")
    assert left.parent == place / "reports"


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([Answer(report=report("restored"))], 0),
        ([Answer(report=report("restored", "deferred"))], 3),
        ([Answer(report=report("deferred")), Answer(failure="down")], 1),
    ],
)
def test_the_exit_code_is_the_worst(
    place: Path, monkeypatch: pytest.MonkeyPatch, answers: list[Answer], code: int
) -> None:
    events = [{"host": f"oven{n}", "answer": answer(each)} for n, each in enumerate(answers)]
    heard(monkeypatch, *events)
    words = ["restore", "--from", place / "payload.tar", "--inventory", place / "hosts.ini"]
    done = CliRunner().invoke(app, [*map(str, words), "--reports", str(place / "reports"), "--json"])
    assert done.exit_code == code
    assert [*json.loads(done.stdout)] == [event["host"] for event in events]


def test_what_no_host_could_restore_is_refused_before_any_is_asked(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*words: object) -> None:
        raise AssertionError("a host was asked")

    monkeypatch.setattr(fleet, "_events", asked)
    with pytest.raises(Failure, match="no such inventory"):
        restored(place, inventory=place / "none.ini")
    with pytest.raises(Failure, match="is not signed"):
        restored(place, signers=place / "hosts.ini")
    with pytest.raises(Failure, match="zoe: nobody"):
        restore_fleet(
            place / "payload.tar",
            Request(map_user={"zoe": "eve"}),
            inventory=place / "hosts.ini",
            reports=place / "reports",
            say=print,
        )
    (place / "payload.tar").write_bytes((place / "payload.tar").read_bytes()[:-1])
    with pytest.raises(Failure, match="damaged"):
        restored(place)
    assert not (place / "reports").exists()


def test_an_inventory_of_nobody_is_said(place: Path) -> None:
    with pytest.raises(Failure, match="names no host that stove is for"):
        restored(place, limit="stove")


def test_a_host_answers_in_any_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "request.json").write_text(Request(only=("apt",), map_user={"ada": "eve"}).model_dump_json())
    asked: list[dict[str, object]] = []

    def restore(payload: Path, **options: object) -> Report:
        asked.append(options)
        return report("restored")

    monkeypatch.setattr(on_host, "STATE", tmp_path)
    monkeypatch.setattr(on_host, "restore", restore)
    assert on_host.main([str(tmp_path)]) == 0
    assert left(tmp_path) == Answer(report=report("restored"))
    assert (asked[0]["only"], asked[0]["map_user"], asked[0]["check"]) == (("apt",), {"ada": "eve"}, False)
    for error, said in (
        (Failure("too full", remedy="make room"), "too full; make room"),
        (ValueError("a\nb"), "ValueError: a b"),
    ):
        monkeypatch.setattr(on_host, "restore", lambda *words, error=error, **options: raises(error))
        assert on_host.main([str(tmp_path)]) == 0
        assert left(tmp_path) == Answer(failure=said)


def left(folder: Path) -> Answer:
    return Answer.model_validate_json((folder / "answer.json").read_text())


def raises(error: Exception) -> None:
    raise error


def test_events_are_lines_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    plugin = loaded("playbook/callback_plugins/rekindle_fleet.py", "rekindle_fleet")
    callback = plugin.CallbackModule()
    for name, method, facts in (
        ("copying the payload", "v2_runner_on_ok", {"content": "no"}),
        ("reading the report", "v2_runner_on_ok", {"content": "e30="}),
        ("restoring", "v2_runner_on_failed", {"stderr": "Traceback\nMemoryError\n\n", "msg": "non-zero"}),
        ("restoring", "v2_runner_on_unreachable", {"msg": DOWN}),
        ("restoring", "v2_runner_on_failed", {}),
    ):
        task = SimpleNamespace(get_name=lambda name=name: name)
        host = SimpleNamespace(get_name=lambda: "oven")
        getattr(callback, method)(SimpleNamespace(_task=task, _host=host, _result=facts))
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"host": "oven", "answer": "e30="},
        {"host": "oven", "failed": "restoring: MemoryError"},
        {"host": "oven", "unreachable": DOWN},
        {"host": "oven", "failed": "restoring: no reason was given"},
    ]


def test_the_playbook_has_no_value_of_a_posture_and_goes_on_without_a_line() -> None:
    [play] = yaml.safe_load((OVERLAY / "playbook/fleet.yaml").read_text())
    assert (play["strategy"], play["become"]) == ("free", True)
    [restoring] = (task for task in play["tasks"][0]["block"] if task["name"] == "restoring")
    assert restoring["async"] > 24 * 3600
