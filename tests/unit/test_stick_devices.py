"""Which devices are sticks, and why others are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from builder.cli import app
from builder.stick.devices import Device, Facts, devices, holding, named
from builder.stick.lying import Lying, parse
from builder.stick.refusals import refusal
from collectors.failure import Failure

runner = CliRunner()
ISO, ISO_BYTES = Path("/srv/r.iso"), 10**9
NOTHING: dict[str, Any] = {
    **dict.fromkeys(("tran", "model", "serial")),
    "type": "disk",
    "size": 8 * 10**9,
    "ro": False,
    "rm": False,
    "log-sec": 512,
    "mountpoints": [None],
}


def row(name: str, *children: dict[str, Any], mount: str | None = None, **said: Any) -> dict[str, Any]:
    below = {"children": list(children)} if children else {}
    return NOTHING | {"name": name, "path": f"/dev/{name}", "mountpoints": [mount]} | said | below


def part(name: str, *children: dict[str, Any], **said: Any) -> dict[str, Any]:
    return row(name, *children, **{"type": "part", **said})


def stick(*children: dict[str, Any], **said: Any) -> dict[str, Any]:
    usb = {"rm": True, "tran": "usb", "model": "Cruzer Blade", "serial": "4C53"}
    return row("sdz", *children, **(usb | said))


def facts(*rows: dict[str, Any], backing: dict[str, str] | None = None, together: tuple = ()) -> Facts:
    return Facts(json.dumps({"blockdevices": rows}), backing or {}, tuple(map(frozenset, together)))


def device(name: str, said: Facts) -> Device:
    return {each.path: each for each in devices(said)}[f"/dev/{name}"]


def refused(said: Facts, name: str = "sdz", **options: Any) -> str | None:
    holds = f"/dev/{name}" in holding(str(ISO), said)
    failure = refusal(device(name, said), ISO, ISO_BYTES, holds_iso=holds, **options)
    assert failure is None or failure.remedy
    return failure and failure.message


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (facts(stick(ro=True)), "is read-only"),
        (facts(stick(size=0)), "has no medium in it"),
        (facts(stick(size=10**9 - 1)), "is smaller than the ISO"),
        (facts(stick(**{"log-sec": 4096})), "has sectors of 4096 bytes"),
        (facts(stick(mount="/mnt")), "is mounted at /mnt"),
        (facts(stick(part("sdz1", mount="/media/ada/OLD"))), "is mounted at /media/ada/OLD"),
        (facts(stick(part("sdz1", row("luks", type="crypt")))), r"is part of /dev/luks (crypt)"),
        (facts(stick(part("sdz1", row("vg-old", type="lvm")))), "is part of /dev/vg-old (lvm)"),
        (facts(stick(row("md0", type="raid1"))), "is part of /dev/md0 (raid1)"),
        (facts(stick(type="rom")), "is a rom, no whole disk"),
        (facts(stick(part("sdz1", mount="[SWAP]"))), "holds the running system"),
        (facts(stick(part("sdz1", row("vg-root", type="lvm", mount="/")))), "holds the running system"),
        (
            facts(stick(row("md0", part("md0p1", mount="/var"), type="raid1"))),
            "holds the running system",
        ),
        # A btrfs over two disks: only one of them shows where it is mounted.
        (
            facts(row("sda", part("sda1", mount="/")), stick(part("sdz1")), together=(("sda1", "sdz1"),)),
            "holds the running system",
        ),
        # The system lies in an image, as live systems and Wubi have it.
        (
            facts(
                stick(part("sdz1", mount="/host")),
                row("loop0", type="loop", mount="/"),
                backing={"loop0": "/host/root.img"},
            ),
            "holds the running system",
        ),
        (facts(stick(part("sdz1", mount="/srv"))), "holds /srv/r.iso itself"),
        (facts(stick(part("sdz1", row("luks", type="crypt", mount="/srv")))), "holds /srv/r.iso itself"),
    ],
)
def test_what_is_no_stick_is_refused_whatever_is_typed(said: Facts, why: str) -> None:
    for force in (None, "4C53", "/dev/sdz"):
        assert why in (refused(said, force=force) or "")


def test_a_stick_is_none_of_these() -> None:
    other = row("sda", part("sda1", mount="/"))
    assert refused(facts(stick(), other)) is None
    assert refused(facts(stick(part("sdz1"), part("sdz2")), other)) is None
    assert refused(facts(stick(part("sdz1")), other, backing={"loop0": "/srv/x"})) is None
    together = (("sda1", "sdb1"),)
    assert refused(facts(stick(part("sdz1")), other, row("sdb", part("sdb1")), together=together)) is None


@pytest.mark.parametrize("name", ["sdz1", "vg-old"])
def test_a_part_of_a_stick_is_no_stick(name: str) -> None:
    said = facts(stick(part("sdz1", row("vg-old", type="lvm"))))
    assert "no whole disk" in (refused(said, name, force="4C53") or "")


def test_a_loop_of_the_iso_is_not_written_onto_itself() -> None:
    said = facts(row("loop0", type="loop"), row("loop1", type="loop"), backing={"loop0": str(ISO)})
    assert refused(said, "loop0", force="/dev/loop0") == "/dev/loop0 is a loop of /srv/r.iso itself"
    assert refused(said, "loop1", force="/dev/loop1") is None


def test_a_fixed_disk_passes_when_its_very_serial_is_typed() -> None:
    said = facts(stick(rm=False, tran="usb"), row("sdb"))
    assert "is not removable" in (refused(said) or "")
    assert "is not S5GX" in (refused(said, force="S5GX") or "")
    assert refused(said, force="4C53") is None
    assert "is not 4C53" in (refused(said, "sdb", force="4C53") or "")
    assert refused(said, "sdb", force="/dev/sdb") is None  # it has none


def test_the_longest_mount_is_where_a_file_lies() -> None:
    said = facts(row("sda", part("sda1", mount="/")), stick(part("sdz1", mount="/srv/iso")))
    assert holding("/srv/iso/r.iso", said) == {"/dev/sdz", "/dev/sdz1"}
    assert holding("/srv/isolated.iso", said) == {"/dev/sda", "/dev/sda1"}
    assert holding("/srv/r.iso", facts(stick(mount="[SWAP]"))) == frozenset()


def test_a_label_is_read_as_it_is() -> None:
    said = "DEVNAME=/dev/sdz1\nLABEL=ADA\\'S\\ FOTOS\nTYPE=vfat\nUSAGE=filesystem\n"
    assert parse(said) == ("vfat", "ADA'S FOTOS")
    assert parse("DEVNAME=/dev/sdz\nPTTYPE=dos\n") == ("", "")
    assert str(Lying(1, 7_900_000_000, *parse(said), "")) == "partition 1, ADA'S FOTOS, vfat, 7.9 GB"
    assert str(Lying(0, 64_000_000, "", "", "")) == "all of it, unknown, 64.0 MB"


def test_only_a_block_device_is_a_device(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="is not a block device"):
        named(tmp_path / "file", [])
    with pytest.raises(Failure, match="no such device"):
        named(Path("/dev/no-such"), [])


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Two sticks and two other disks are plugged in; return an ISO."""
    disks = (
        row("sda", part("sda1", mount="/"), model="Samsung SSD", serial="S5GX", tran="sata"),
        row("sdb", model="Elements", serial="WX12", tran="usb"),
        *(stick(), stick() | {"name": "sdy", "path": "/dev/sdy", "serial": "AA01"}),
        *(row("loop0", type="loop"), row("sr0", type="rom"), row("zram0", size=0)),
    )
    monkeypatch.setattr("builder.stick.devices.read_facts", lambda: facts(*disks))
    iso = tmp_path / "r.iso"
    iso.write_bytes(bytes(4096))
    return iso


def test_without_a_device_the_sticks_are_listed_and_why_others_are_none(plugged: Path) -> None:
    done = runner.invoke(app, ["flash", str(plugged)])
    assert done.exit_code == 1
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows == [
        ["/dev/sdz", "Cruzer Blade", "8.0 GB", "4C53", "usb", ""],
        ["/dev/sdy", "Cruzer Blade", "8.0 GB", "AA01", "usb", ""],
        ["/dev/sda", "Samsung SSD", "8.0 GB", "S5GX", "sata", "holds the running system"],
        ["/dev/sdb", "Elements", "8.0 GB", "WX12", "usb", "is not removable"],
    ]
    assert "no device is named (name one: /dev/sdz, /dev/sdy)" in done.stderr


def test_a_person_is_asked_which(plugged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.cli.stick._somebody_is_there", lambda: True)
    chosen: list[str] = []

    def planned(iso: Path, device: Device, *, label: str | None) -> None:
        chosen.append(device.path)
        raise Failure("far enough", remedy="none")

    monkeypatch.setattr("builder.stick.flash.plan", planned)
    assert "far enough" in runner.invoke(app, ["flash", str(plugged)], input="/dev/sdy\n").stderr
    assert "is none of" in runner.invoke(app, ["flash", str(plugged)], input="/dev/sda\n").stderr
    assert (
        "far enough"
        in runner.invoke(app, ["flash", str(plugged), "--force", "WX12"], input="/dev/sdb\n").stderr
    )
    assert chosen == ["/dev/sdy", "/dev/sdb"]


def test_without_a_stick_there_is_nothing_to_ask(plugged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.stick.devices.read_facts", lambda: facts(row("sda", mount="/")))
    done = runner.invoke(app, ["flash", str(plugged)])
    assert (done.exit_code, "no stick to write" in done.stderr) == (1, True)


@pytest.mark.parametrize("turn", [1, -1])
def test_iso_and_device_are_told_apart_in_any_order(plugged: Path, turn: int) -> None:
    done = runner.invoke(app, ["flash", *[str(plugged), "/dev/no-such"][::turn]])
    assert "/dev/no-such: no such device" in done.stderr


def test_two_of_a_kind_are_wrong_usage(plugged: Path) -> None:
    for words in ([str(plugged), str(plugged)], ["/dev/sdz", "/dev/sdy"]):
        assert runner.invoke(app, ["flash", *words]).exit_code == 2


def test_without_an_iso_there_is_nothing_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REKINDLE_HOME", str(tmp_path))
    done = runner.invoke(app, ["flash"])
    assert (done.exit_code, "rekindle build" in done.stderr) == (1, True)
