"""Every item gets exactly one outcome, whatever the playbook got to say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from builder.restore.plan import planned
from builder.restore.report import assembled
from builder.restore.restore import _selected
from collectors.domains.files import Files
from collectors.failure import Failure
from collectors.record import File, Item
from tests.sample.archive import Key
from tests.sample.posture import sample_posture

ITEMS = (
    Item("apt:htop", "1", "apt"),
    Item("apt:gone", "2", "apt"),
    Item("apt:bash", "3", "apt", bound="part of a fresh installation"),
    Item("apt-source:/etc/apt/a.list", "4", "apt"),
    Item("file:/etc/x", "5", "files"),
)
SAMPLE = sample_posture("http://127.0.0.1:1", Key(b"binary", b"armored"))


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


def test_every_eligible_item_of_the_sample_has_exactly_one_step() -> None:
    plan = planned(SAMPLE, lambda name: True, PurePosixPath("payload/posture"))
    steps = [step["id"] for part in plan.model_dump().values() for step in part]
    eligible = [item.id for item in SAMPLE.items() if not item.bound]
    assert len(eligible) >= 45
    assert sorted(steps) == sorted(eligible)


def test_what_apt_obeys_comes_before_the_packages() -> None:
    paths = ("/etc/apt/apt.conf.d/99proxy", "/etc/apt/preferences.d/pin", "/etc/dpkg/dpkg.cfg")
    later = ("/etc/apt-cacher.conf", "/etc/dpkg-list")
    files = Files(
        files=tuple(
            File(path=path, kind="directory", origin="unowned", owner="root", group="root", mode="0755")
            for path in (*paths, *later)
        )
    )
    plan = planned(replace(SAMPLE, files=files), lambda name: True, PurePosixPath("p"))
    assert [step.id for step in plan.sources if step.id.startswith("file:")] == [f"file:{p}" for p in paths]
    assert [step.path for step in plan.files] == list(later)


def test_only_what_is_wanted_is_planned() -> None:
    plan = planned(SAMPLE, "apt:tree".__eq__, PurePosixPath("p"))
    assert [step.name for step in plan.packages] == ["tree"]
    assert plan.files == plan.users == plan.sources == ()


def test_the_plan_is_json_that_knows_where_contents_lie() -> None:
    plan = planned(SAMPLE, lambda name: True, PurePosixPath("payload/posture"))
    files = {step["path"]: step for step in json.loads(plan.model_dump_json())["files"]}
    assert files["/etc/hearth/caf\\xe9"]["content"] == "payload/posture/files/etc/hearth/caf\\xe9"
    assert files["/etc/hearth/{{ 1 + 1 }}"]["content"].endswith("/{{ 1 + 1 }}")
    assert files["/etc/hearth/sticky"]["content"] == ""


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
