"""Timeshift's schedule comes back for other disks; a subvolume is made where it hides nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collectors.domains.snapshots import Snapshots, subvolumes
from collectors.domains.snapshots.subvolumes import Subvolume
from collectors.domains.snapshots.timeshift import Timeshift, timeshift
from tests.unit.restore.made import made
from tests.unit.restore.playbook import library
from tests.unit.sampled import SAMPLES

snapshots = library("rekindle_snapshots")

HERE, OLD = "aaaa-here", "bbbb-old"
THING = Timeshift(
    mode="btrfs",
    schedule=("weekly=3", "daily=5"),
    excludes=("/home/ada/**", r"/srv/Größe/$(id)\x0a", "+ /root/.{{ 7*7 }}'s"),
    excluded_apps=("steam",),
    with_home=True,
    device=OLD,
)


def step_of(thing: Timeshift | Subvolume) -> dict[str, Any]:
    many = (thing,)
    section = Snapshots(timeshift=many) if isinstance(thing, Timeshift) else Snapshots(subvolumes=many)
    [step] = made(section)[0]["snapshots"]
    return step


@pytest.fixture
def on_btrfs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Any, ...]]:
    """The system is on btrfs; return what is run."""
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(snapshots, "root_file_system", lambda: ("btrfs", HERE))
    monkeypatch.setattr(snapshots, "run", lambda *words: asked.append(words))
    monkeypatch.setattr(snapshots, "BY_UUID", str(tmp_path / "by-uuid"))
    monkeypatch.setattr(snapshots, "FSTAB", str(tmp_path / "fstab"))
    (tmp_path / "fstab").write_text(f"UUID={HERE} / btrfs subvol=@ 0 0")
    return asked


@pytest.mark.parametrize("thing", [THING, THING.model_copy(update={"mode": "rsync", "schedule": ()})])
def test_a_schedule_comes_back_for_this_machines_disk(
    thing: Timeshift, tmp_path: Path, on_btrfs: object
) -> None:
    place = tmp_path / "timeshift/timeshift.json"
    told = snapshots.timeshift(step_of(thing), False, str(place))
    said = json.loads(place.read_text())
    now = timeshift(said)
    assert now and now.item("snapshots") == thing.item("snapshots")
    assert now.device == (HERE if thing.mode == "btrfs" else "")
    assert (told["state"], told["reason"] == "") == ("restored", thing.mode == "btrfs")
    assert snapshots.timeshift(step_of(thing), False, str(place))["state"] == "already"


def test_samples_of_timeshift_come_back(tmp_path: Path, on_btrfs: object) -> None:
    for sample in sorted((SAMPLES / "timeshift").glob("*.json")):
        was = timeshift(json.loads(sample.read_text("utf-8")))
        if was:
            snapshots.timeshift(step_of(was), False, str(tmp_path / sample.name))
            now = timeshift(json.loads((tmp_path / sample.name).read_text()))
            assert now and now.item("snapshots") == was.item("snapshots")
    assert list(tmp_path.glob("*.json"))


def test_a_disk_that_came_along_keeps_its_snapshots(tmp_path: Path, on_btrfs: object) -> None:
    (tmp_path / "by-uuid").mkdir()
    (tmp_path / "by-uuid" / OLD).touch()
    snapshots.timeshift(step_of(THING), False, str(tmp_path / "x.json"))
    assert json.loads((tmp_path / "x.json").read_text())["backup_device_uuid"] == OLD


def test_what_timeshift_says_besides_stays_and_a_check_writes_nothing(
    tmp_path: Path, on_btrfs: object
) -> None:
    place = tmp_path / "x.json"
    place.write_text('{"date_format": "%Y", "schedule_boot": "true"}')
    before = place.read_text()
    snapshots.timeshift(step_of(THING), True, str(place))
    assert place.read_text() == before
    snapshots.timeshift(step_of(THING), False, str(place))
    said = json.loads(place.read_text())
    assert (said["date_format"], said["schedule_boot"]) == ("%Y", "false")


def test_a_subvolume_is_made_and_mounted_at_each_start(
    tmp_path: Path, on_btrfs: list[tuple[Any, ...]]
) -> None:
    place = tmp_path / "snap shots"
    thing = Subvolume(name="@snapshots", paths=(str(place),), options=("compress=zstd:1", "noatime"))
    assert snapshots.subvolume(step_of(thing), True)["state"] == "restored"
    assert on_btrfs == []
    assert snapshots.subvolume(step_of(thing), False)["state"] == "restored"
    assert [words[0] for words in on_btrfs] == ["mount", "btrfs", "umount", "mount"]
    assert on_btrfs[0][1:4] == ("-o", "subvolid=5", f"UUID={HERE}")
    assert on_btrfs[1][1:3] == ("subvolume", "create")
    assert on_btrfs[1][3].endswith(b"/@snapshots")
    lines = [
        subvolumes.Mounted(line.path, line.source, line.options)
        for line in subvolumes.parse_fstab((tmp_path / "fstab").read_text())[0]
    ]
    now = {each.name: each for each in subvolumes.subvolumes(lines)}
    assert now["@snapshots"].item("snapshots") == thing.item("snapshots")
    snapshots.subvolume(step_of(thing), False)
    assert len((tmp_path / "fstab").read_text().splitlines()) == 2


def test_a_subvolume_hides_no_files(tmp_path: Path, on_btrfs: list[tuple[Any, ...]]) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log/x").touch()
    told = snapshots.brought_back(step_of(Subvolume(name="@log", paths=(str(tmp_path / "log"),))), False)
    assert (told["state"], on_btrfs) == ("unavailable", [])
    assert "has files here" in told["reason"]


def test_another_file_system_has_no_subvolumes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "root_file_system", lambda: ("ext4", HERE))
    told = snapshots.brought_back(step_of(Subvolume(name="@", paths=("/",))), False)
    assert (told["state"], told["reason"]) == ("unavailable", "the system is on ext4 here, not on btrfs")


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x"])
def test_no_subvolume_is_made_elsewhere(name: str, tmp_path: Path, on_btrfs: list[tuple[Any, ...]]) -> None:
    thing = Subvolume(name=name, paths=(str(tmp_path / "p"),))
    assert snapshots.brought_back(step_of(thing), False)["state"] == "failed"
    assert [words[0] for words in on_btrfs] == ["mount", "umount"]


def test_the_file_system_itself_is_told() -> None:
    plan, [told] = made(Snapshots(subvolumes=(Subvolume(name="top", paths=("/mnt/top",)),)))
    assert (plan, told.state) == ({}, "unavailable")
