"""Sticks in a real USB port: a kernel, udev and lsblk see them come, be flashed, lie and go.

One machine serves for all of it, for it takes a while to start.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from autoinstall.delivery import delivery
from builder.base.provenance import unverified
from builder.iso import areas
from builder.iso.fill import fill
from builder.iso.menu import machine_cfg
from builder.iso.prepare import layout_of, prepare
from builder.rehearse.vm import Vm, blank_disk, started
from builder.stick.table import read_table
from collectors.command import run
from tests.boot.guest import Guest, guest
from tests.boot.served import served
from tests.sticks import Flipping, Stick, Wrapping
from tests.synthetic import synthetic_base

pytestmark = pytest.mark.boot

MIB = 2**20
# The smallest that has room for a data partition, and one for the rest.
LARGE_BYTES, SMALL_BYTES = 1280 * MIB, 64 * MIB
PAYLOAD_BYTES = 6 * MIB
MENU_SECONDS = 300


@pytest.fixture(scope="module")
def isos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two recovery ISOs of the same base, a week apart. GRUB is the only thing in them that starts."""
    folder = tmp_path_factory.mktemp("isos")
    told = delivery("24.04")
    wanted = areas.capacities((told.name,), payload_bytes=1) | {areas.PAYLOAD: 8 * MIB}
    prepared = prepare(unverified(synthetic_base(folder)), told, wanted, cache=folder, say=print)
    menu = machine_cfg(medium_id="0f1e", host="ember", date="2026-11-25", disk="x", countdown_seconds=30)
    weeks = folder / "a.iso", folder / "b.iso"
    for iso in weeks:
        iso.write_bytes(prepared.path.read_bytes())
        held = {areas.MACHINE_CFG: menu.encode(), areas.PAYLOAD: os.urandom(PAYLOAD_BYTES)}
        fill(iso, layout_of(iso), held)
    return weeks


def test_sticks_come_are_flashed_lie_and_go(standin: Path, isos: tuple[Path, Path], tmp_path: Path) -> None:
    stick = tmp_path / "stick.img"
    with guest(standin, tmp_path / "vm", *isos) as machine:
        keeps_its_data(machine, isos, stick, tmp_path)
        is_unplugged(machine, isos[0], tmp_path)
        is_killed(machine, isos[0], tmp_path)
        is_counterfeit(machine, isos[0], tmp_path)
        forgets(machine, isos[0], tmp_path)
    for firmware in ("bios", "uefi"):
        boots(stick, firmware, tmp_path / firmware)


def told(machine: Guest, iso: Path, device: str, *words: str) -> dict[str, Any]:
    """Flash; return what is told to a program."""
    ended = machine.flash(f"/srv/{iso.name}", device, "--yes", "--json", *words)
    assert ended.code == 0, ended.err
    said: dict[str, Any] = json.loads(ended.out)
    return said


def holds(stick: Stick, iso: Path) -> None:
    """The stick is the ISO but for the GPT, and that is sound."""
    size = iso.stat().st_size
    table = read_table(iso)
    assert table
    assert stick.content[table.first : size] == iso.read_bytes()[table.first :]


def keeps_its_data(machine: Guest, isos: tuple[Path, Path], image: Path, folder: Path) -> None:
    stick = Stick(LARGE_BYTES, image)
    with served(stick, folder / "honest.sock") as serving, machine.plugged(serving) as device:
        listed = machine.flash(f"/srv/{isos[0].name}")
        assert listed.code == 1
        assert f"{device}\tQEMU HARDDISK\t1.3 GB\thonest\tusb\t\n" in listed.out
        assert f"name one: {device})" in listed.err
        told(machine, isos[0], device, "--data-partition", "FOTOS")
        holds(stick, isos[0])
        assert machine.run("mount", "-t", "exfat", f"{device}4", "/mnt").code == 0
        assert machine.run("cp", "/etc/os-release", "/mnt/kept").code == 0
        assert "is mounted at /mnt" in machine.flash(f"/srv/{isos[1].name}", device, "--yes").err
        assert "no whole disk" in machine.flash(f"/srv/{isos[1].name}", f"{device}1", "--yes").err
        assert machine.run("umount", "/mnt").code == 0
        stick.written.clear()
        week = told(machine, isos[1], device)
        assert PAYLOAD_BYTES <= week["written_bytes"] == stick.written_bytes <= PAYLOAD_BYTES + 2 * MIB
        holds(stick, isos[1])
        stick.written.clear()
        assert told(machine, isos[1], device)["written_bytes"] == stick.written_bytes == 0
        assert machine.run("mount", "-o", "ro", "-t", "exfat", f"{device}4", "/mnt").code == 0
        assert machine.run("cmp", "/etc/os-release", "/mnt/kept").code == 0
        assert machine.run("umount", "/mnt").code == 0
    stick.content.flush()  # type: ignore[union-attr] # it lies in a file
    assert "No problems found" in run(["sgdisk", "--verify", image])


def is_unplugged(machine: Guest, iso: Path, folder: Path) -> None:
    stick = Stick(SMALL_BYTES)
    with (
        served(stick, folder / "gone.sock", pause_after=4 * MIB) as serving,
        machine.plugged(serving) as device,
    ):
        flashing = machine.begin(flash=[f"/srv/{iso.name}", device, "--yes"])
        assert serving.paused.wait(MENU_SECONDS)
        pulling = threading.Thread(target=machine.unplug, args=(serving,))
        pulling.start()
        serving.go_on.set()
        pulling.join()
        ended = machine.wait(flashing)
    assert ended.code == 1
    [line] = [line for line in ended.err.splitlines() if line.startswith("rekindle:")]
    assert f"{device}: " in line
    assert "was it unplugged?" in line
    assert "Traceback" not in ended.err
    assert set(stick.content[:4096]) == {0xFF}  # the head is written last
    flashed_again(machine, stick, iso, folder / "back.sock")


def is_killed(machine: Guest, iso: Path, folder: Path) -> None:
    stick = Stick(SMALL_BYTES)
    with (
        served(stick, folder / "killed.sock", pause_after=4 * MIB) as serving,
        machine.plugged(serving) as device,
    ):
        flashing = machine.begin(flash=[f"/srv/{iso.name}", device, "--yes"])
        assert serving.paused.wait(MENU_SECONDS)
        child = machine.run("cat", "/run/flash.pid").out
        assert machine.run("kill", "-KILL", child).code == 0
        serving.go_on.set()
        assert machine.wait(flashing).code == -9
    assert set(stick.content[:4096]) == {0xFF}
    flashed_again(machine, stick, iso, folder / "again.sock")


def flashed_again(machine: Guest, stick: Stick, iso: Path, socket_path: Path) -> None:
    with served(stick, socket_path) as serving, machine.plugged(serving) as device:
        assert told(machine, iso, device)["skipped_bytes"] > 3 * MIB
    holds(stick, iso)


def is_counterfeit(machine: Guest, iso: Path, folder: Path) -> None:
    for size, said in ((32 * MIB, "gives other bytes back than were written, first at byte"), (64 * MIB, "")):
        stick = Wrapping(size, size // 2)
        with served(stick, folder / f"half{size}.sock") as serving, machine.plugged(serving) as device:
            ended = machine.flash(f"/srv/{iso.name}", device, "--yes")
        assert ended.code == 1
        assert said in ended.err
        assert f"is smaller than it claims, and holds no more than {size / 2e9:.3g} GB" in ended.err


def forgets(machine: Guest, iso: Path, folder: Path) -> None:
    stick = Flipping(SMALL_BYTES, at=9 * MIB + 77)
    with served(stick, folder / "flips.sock") as serving, machine.plugged(serving) as device:
        ended = machine.flash(f"/srv/{iso.name}", device, "--yes")
    assert ended.code == 1
    assert f"gives other bytes back than were written, first at byte {9 * MIB + 77} (" in ended.err


def boots(stick: Path, firmware: str, folder: Path) -> None:
    """The firmware finds its way through the moved GPT to our menu."""
    vm = Vm(folder, firmware, blank_disk(folder / "disk.qcow2", 1), medium=stick, slot="stick")
    with started(vm) as running:
        running.until(r"Recover ember as of 2026-11-25", MENU_SECONDS)
