"""Every item gets exactly one outcome, whatever the playbook got to say."""

from __future__ import annotations

import json

import pytest

from builder.restore.report import assembled
from builder.restore.restore import _selected
from collectors.failure import Failure
from collectors.record import Item

ITEMS = (
    Item("apt:htop", "1", "apt"),
    Item("apt:gone", "2", "apt"),
    Item("apt:bash", "3", "apt", bound="part of a fresh installation"),
    Item("apt-source:/etc/apt/a.list", "4", "apt"),
    Item("file:/etc/x", "5", "files"),
)


def said(*events: dict[str, object]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def heard(name: str, state: str, reason: str = "") -> dict[str, object]:
    return {"outcome": {"id": name, "state": state, "reason": reason, "remedy": ""}}


def test_every_item_has_one_outcome_in_the_postures_order() -> None:
    events = said(heard("file:/etc/x", "already"), heard("apt:htop", "restored"))
    report = assembled("ember", ITEMS, events)
    assert [outcome.id for outcome in report.items] == [item.id for item in ITEMS]
    states = {outcome.id: outcome.state for outcome in report.items}
    assert states == {
        "apt:htop": "restored",
        "apt:gone": "failed",
        "apt:bash": "excluded",
        "apt-source:/etc/apt/a.list": "failed",
        "file:/etc/x": "already",
    }


def test_what_was_never_heard_of_has_a_reason_and_a_remedy() -> None:
    outcome = assembled("ember", ITEMS[:1], "", ended="ansible-playbook was killed").items[0]
    assert (outcome.state, outcome.reason) == ("failed", "ansible-playbook was killed")
    assert outcome.remedy


def test_a_failed_task_is_the_reason_of_its_items() -> None:
    events = said({"failure": "the module crashed"})
    assert assembled("ember", ITEMS[:1], events, ended="x").items[0].reason == "the module crashed"


def test_a_note_explains_an_outcome_without_changing_its_state() -> None:
    name = "apt-source:/etc/apt/a.list"
    note = {"note": {"id": name, "reason": "404", "remedy": "look"}}
    outcome = assembled("ember", ITEMS[3:4], said(heard(name, "already"), note)).items[0]
    assert (outcome.state, outcome.reason, outcome.remedy) == ("already", "404", "look")


def test_a_line_cut_short_by_a_kill_costs_one_item_only() -> None:
    events = said(heard("apt:htop", "restored")) + '{"outcome": {"id": "apt:go'
    states = [outcome.state for outcome in assembled("ember", ITEMS[:2], events).items]
    assert states == ["restored", "failed"]


def test_gaps_and_counts() -> None:
    events = said(heard("apt:htop", "restored"), heard("apt:gone", "unavailable", "no source"))
    report = assembled("ember", ITEMS[:3], events)
    assert [outcome.id for outcome in report.gaps()] == ["apt:gone"]
    assert report.counts() == {"restored": 1, "unavailable": 1, "excluded": 1}
    assert json.loads(report.text())["items"][1]["reason"] == "no source"


@pytest.mark.parametrize(
    ("only", "skip", "kept"),
    [
        ((), (), [0, 1, 2, 3, 4]),
        (("apt",), (), [0, 1, 2, 3]),
        (("apt", "file:/etc/x"), ("apt:gone",), [0, 2, 3, 4]),
        ((), ("apt",), [4]),
    ],
)
def test_sections_and_items_can_be_chosen(
    only: tuple[str, ...], skip: tuple[str, ...], kept: list[int]
) -> None:
    assert _selected(ITEMS, only, skip) == tuple(ITEMS[number] for number in kept)


def test_a_name_that_is_nothing_is_said() -> None:
    with pytest.raises(Failure, match="no section and no item") as raised:
        _selected(ITEMS, ("atp",), ())
    assert "system, apt, snap" in raised.value.remedy


def test_how_many_tasks_changed_something_is_told_once_all_were_played() -> None:
    events = said(heard("apt:htop", "already"))
    assert assembled("ember", ITEMS[:1], events + said({"changed": 0})).changed == 0
    assert assembled("ember", ITEMS[:1], events).changed is None


def test_a_section_is_told_by_states() -> None:
    events = said(heard("apt:htop", "restored"), heard("file:/etc/x", "already"))
    table = dict(assembled("ember", ITEMS, events).table(("restored", "failed", "excluded")))
    assert table == {"apt": (1, 2, 1), "files": (0, 0, 0)}
