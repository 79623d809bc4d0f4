"""The early-command erases the one disk it is sure of, or none."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

import iso_overlay

SOURCE = Path(iso_overlay.__file__).parent / "installer" / "choose_disk.py"
spec = importlib.util.spec_from_file_location("choose_disk", SOURCE)
choose_disk = importlib.util.module_from_spec(spec)


@pytest.fixture(autouse=True, scope="module")
def loaded():
    import sys

    sys.modules["choose_disk"] = choose_disk
    spec.loader.exec_module(choose_disk)


def row(path: str, **facts: object) -> dict:
    usual = {
        "type": "disk",
        "size": 500 * 10**9,
        "ro": False,
        "rm": False,
        "tran": "nvme",
        "model": "M",
        "serial": "S",
    }
    return {"path": path, **usual, "mountpoint": None, **facts}


def seen(*rows: dict, medium: str = "", mark: str = "rekindle-0f") -> list:
    return choose_disk.disks(json.dumps({"blockdevices": list(rows)}), medium, mark)


STICK = row("/dev/sda", tran="usb", rm=True, children=[row("/dev/sda1", type="part", mountpoint="/cdrom")])


def test_the_only_internal_disk_is_chosen() -> None:
    disks = seen(row("/dev/nvme0n1"), STICK, row("/dev/zram0"), row("/dev/loop0"), medium="/dev/sda1")
    assert choose_disk.choose(disks, {}).path == "/dev/nvme0n1"


@pytest.mark.parametrize(
    "facts",
    [
        {"tran": "usb"},
        {"rm": True},
        {"rm": "1"},
        {"ro": True},
        {"size": 10**9},
        {"size": None},
        {"mountpoint": "/x"},
    ],
)
def test_what_must_not_be_erased_is_no_candidate(facts: dict) -> None:
    with pytest.raises(choose_disk.NoDisk, match="nothing was erased: no disk fits"):
        choose_disk.choose(seen(row("/dev/sdb", **facts)), {})


def test_the_medium_is_never_chosen_even_when_it_looks_internal() -> None:
    with pytest.raises(choose_disk.NoDisk, match="the recovery medium"):
        choose_disk.choose(seen(row("/dev/vda"), medium="/dev/vda"), {})
    part = row("/dev/vda", children=[row("/dev/vda1", type="part")])
    with pytest.raises(choose_disk.NoDisk):
        choose_disk.choose(seen(part, medium="/dev/vda1"), {})


def test_two_disks_are_one_too_many_and_both_are_named() -> None:
    with pytest.raises(choose_disk.NoDisk) as raised:
        choose_disk.choose(seen(row("/dev/sda", serial="A1"), row("/dev/sdb", serial="B2")), {})
    assert "2 disks fit" in str(raised.value)
    assert "A1" in str(raised.value)
    assert "B2" in str(raised.value)


def test_a_rule_names_one_of_two() -> None:
    disks = seen(row("/dev/sda", serial="A1"), row("/dev/sdb", serial="B2"))
    assert choose_disk.choose(disks, {"serial": "B*"}).path == "/dev/sdb"


@pytest.mark.parametrize(
    ("path", "tran"),
    [("/dev/mmcblk0", None), ("/dev/mmcblk0", "mmc"), ("/dev/sdc", "iscsi"), ("/dev/sdc", "fc")],
)
def test_what_may_be_no_internal_disk_must_be_named(path: str, tran: str | None) -> None:
    seen_ = seen(row(path, tran=tran, serial="X1"))
    with pytest.raises(choose_disk.NoDisk, match="only when a rule names it"):
        choose_disk.choose(seen_, {})
    assert choose_disk.choose(seen_, {"serial": "X1"}).path == path


def restored(medium_id: str) -> dict:
    parts = [row(f"/dev/vda{number}", type="part", partlabel=None) for number in (1, 2)]
    return row("/dev/vda", serial="X1", children=[*parts, parts[1] | {"partlabel": f"rekindle-{medium_id}"}])


def test_a_restored_machine_is_not_erased_by_a_medium_left_in() -> None:
    for rule in ({}, {"serial": "X1"}):
        with pytest.raises(choose_disk.NoDisk, match="recovered by this medium: take it out"):
            choose_disk.choose(seen(restored("0f")), rule)


@pytest.mark.parametrize(("medium_id", "mark"), [("0e", "rekindle-0f"), ("0f", ""), ("", "rekindle-0f")])
def test_another_medium_recovers_it_again(medium_id: str, mark: str) -> None:
    assert choose_disk.choose(seen(restored(medium_id), mark=mark), {}).path == "/dev/vda"


def test_a_mounted_partition_makes_its_disk_one_in_use() -> None:
    used = row("/dev/vda", children=[row("/dev/vda2", type="part", mountpoint="/mnt")])
    with pytest.raises(choose_disk.NoDisk, match="in use"):
        choose_disk.choose(seen(used), {})


def test_a_rule_never_overrules_the_protection() -> None:
    with pytest.raises(choose_disk.NoDisk):
        choose_disk.choose(seen(row("/dev/sda", tran="usb", serial="B2")), {"serial": "B2"})


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with the disks of `rows`, started with the words of `said`; its autoinstall is returned."""

    def started(*rows: dict, said: str = "autoinstall ---", lsblk: str | None = None) -> Path:
        listed = json.dumps({"blockdevices": rows}) if lsblk is None else lsblk
        autoinstall, command_line = tmp_path / "autoinstall.yaml", tmp_path / "cmdline"
        autoinstall.write_text("match: {path: TOKEN}\n")
        command_line.write_text(f"BOOT_IMAGE=/casper/vmlinuz {said}\n")
        monkeypatch.setattr(choose_disk, "AUTOINSTALL", autoinstall)
        monkeypatch.setattr(choose_disk, "COMMAND_LINE", command_line)
        monkeypatch.setattr(choose_disk, "CONSOLES", (str(tmp_path / "console"),))
        monkeypatch.setattr(choose_disk, "_said", lambda *argv: listed if argv[0] == "lsblk" else "/dev/sr0")
        return autoinstall

    return started


def test_main_writes_the_chosen_path(machine) -> None:
    autoinstall = machine(row("/dev/vda"))
    assert choose_disk.main("{}", "TOKEN", "0f") == 0
    assert autoinstall.read_text() == "match: {path: /dev/vda}\n"
    assert choose_disk.main("{}", "TOKEN", "0f") == 1


def test_main_begins_again_only_when_told_to(machine) -> None:
    for said, code in (("autoinstall", 1), ("rekindle.againn", 1), ("autoinstall rekindle.again ---", 0)):
        autoinstall = machine(restored("0f"), said=said)
        assert choose_disk.main("{}", "TOKEN", "0f") == code
        assert ("TOKEN" in autoinstall.read_text()) == bool(code)


def test_main_leaves_the_file_when_no_disk_fits(machine, tmp_path) -> None:
    autoinstall = machine()
    assert choose_disk.main("{}", "TOKEN", "0f") == 1
    assert "TOKEN" in autoinstall.read_text()
    assert "nothing was erased" in (tmp_path / "console").read_text()


def test_main_says_so_when_lsblk_fails(machine, tmp_path) -> None:
    machine(lsblk="")
    assert choose_disk.main("{}", "TOKEN", "0f") == 1
    assert "nothing was erased: lsblk" in (tmp_path / "console").read_text()
