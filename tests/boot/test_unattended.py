"""The whole promise: boot, install with no key pressed, restart, restore, score 100 %.

The disk that came of it then serves for what a medium does that is left in, and what another one does.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from builder.pool import repository
from builder.pool.pool import Pool, gather_pool
from builder.pool.target import read_target
from builder.rehearse.rehearsal import Rehearsal, rehearse
from builder.rehearse.vm import Vm, serial_text, started
from collectors.posture import Posture
from tests.boot.conftest import COUNTDOWN_SECONDS, COUNTING, counting, is_blank, overlay
from tests.sample.archive import archive
from tests.sample.posture import sample_posture

pytestmark = pytest.mark.boot

# Where a guest of QEMU's user network finds this machine.
HOST_SEEN_BY_GUEST = "10.0.2.2"
LEAST_ITEMS = 40
MENU_SECONDS, BOOT_SECONDS = 300, 900
# What the installed system's own boot loader offers first.
INSTALLED = r"\*(Debian|Ubuntu)"
DOWN, ENTER = "\x0e", "\r"


@pytest.mark.parametrize(("firmware", "slot", "offline"), [("uefi", "stick", False), ("bios", "cd", True)])
def test_the_sample_machine_comes_back(
    author,
    standin: Path,
    recovery: Path,
    program_cache: Path,
    tmp_path: Path,
    firmware: str,
    slot: str,
    offline: bool,
) -> None:
    """From its sources, or, when these are gone, from what the medium has."""
    iso = tmp_path / "recovery.iso"
    with ExitStack() as served_until:
        served = served_until.enter_context(archive(program_cache))
        posture = sample_posture(served.url(HOST_SEEN_BY_GUEST), served.key)
        pool = pooled(sample_posture(served.url(), served.key), standin, tmp_path) if offline else None
        author(posture, iso, pool=pool)
        if offline:
            served_until.close()
        held = rehearse(iso, folder=tmp_path, firmware=firmware, slot=slot, say=print)
    assert_all_is_back(held, posture)
    recovered = Vm(
        tmp_path / "again", firmware, tmp_path / "disk.qcow2", medium=iso, slot=slot, restarts=True
    )
    {"uefi": left_in_under_uefi, "bios": left_in_under_bios}[firmware](recovered, recovery)


def pooled(posture: Posture, base: Path, folder: Path) -> Pool:
    """Gather what the base lacks, as this machine reaches it."""
    key = repository.own_key(folder / repository.KEY)
    pool = gather_pool(posture, read_target(base), folder=folder / "pool", key=key, say=print)
    assert pool.gaps == ()
    return pool


def assert_all_is_back(held: Rehearsal, posture: Posture) -> None:
    assert held.score.missing == ()
    assert held.score.changed == ()
    assert held.score.eligible >= LEAST_ITEMS
    assert held.score.found == held.score.eligible
    states = {entry["id"]: entry["state"] for entry in held.report["items"]}
    eligible = {item.id for item in posture.items() if not item.bound}
    assert eligible <= set(states)
    assert {states[name] for name in eligible} <= {"restored", "already"}


def begun(recovered: Vm, name: str, **changes: object) -> Vm:
    """Return another start of the recovered machine, that changes nothing on its disk."""
    folder = recovered.folder / name
    return replace(recovered, folder=folder, disk=overlay(recovered.disk, folder / "disk.qcow2"), **changes)


def left_in_under_uefi(recovered: Vm, other: Path) -> None:
    for firmware in ("uefi", "secure-boot"):
        the_restored_system_is_the_default(begun(recovered, firmware, firmware=firmware))
    counting(recovered.medium, COUNTDOWN_SECONDS)
    the_installer_of_the_vendor_asks_and_the_disk_is_protected(begun(recovered, "vendor"))
    another_medium_recovers_again(begun(recovered, "other", firmware="secure-boot", medium=other))


def the_restored_system_is_the_default(vm: Vm) -> None:
    with started(vm) as running:
        running.until(f"(?s)Boot the restored system: ember .*{INSTALLED}", MENU_SECONDS)
    assert "[r] Recover again: erases the only internal disk" in serial_text(vm)


def the_installer_of_the_vendor_asks_and_the_disk_is_protected(vm: Vm) -> None:
    """Without the menu's word, the mark on the disk is what holds."""
    with started(vm) as running:
        running.until(COUNTING, MENU_SECONDS)
        running.answer(DOWN * 7 + ENTER, r"standin: Continue with autoinstall\?", BOOT_SECONDS)
        said = running.answer("yes\r", "/dev/vda .*not a candidate.*|standin: storage", BOOT_SECONDS)[0]
    assert "recovered by this medium: take it out" in said
    assert is_blank(vm.disk)


def another_medium_recovers_again(vm: Vm) -> None:
    counting(vm.medium, 1)
    with started(vm) as running:
        running.until("the disk to erase is /dev/vda ", BOOT_SECONDS)
    assert "Boot the restored system" not in serial_text(vm)
    assert "Secure boot enabled" in serial_text(vm)


def left_in_under_bios(recovered: Vm, other: Path) -> None:
    counting(recovered.medium, COUNTDOWN_SECONDS)
    counting(other, COUNTDOWN_SECONDS)
    with started(begun(recovered, "bios")) as running:
        running.until(COUNTING, MENU_SECONDS)
        line = running.answer("r", "Command line: (.*)\r", MENU_SECONDS)[1]
        assert {"autoinstall", "rekindle.again"} <= set(line.split())
        running.ask("system_reset")
        running.until_on_screen(INSTALLED, MENU_SECONDS)
    a_system_is_restored_without_being_installed(begun(recovered, "other", medium=other))


def a_system_is_restored_without_being_installed(vm: Vm) -> None:
    """And the medium, left in, then starts it."""
    with started(vm) as running:
        running.until(COUNTING, MENU_SECONDS)
        running.answer("o", r"rekindle: restoring (Debian|Ubuntu).* on /dev/vda\d\r", BOOT_SECONDS)
        restarting = running.until("this machine restarts, and restores itself", BOOT_SECONDS)
        assert "nothing was installed and nothing erased" in restarting.string
        after = vm.serial_log.stat().st_size
        running.until("Boot the restored system: ember", BOOT_SECONDS, after=after)
        running.until("rekindle: .*", BOOT_SECONDS, after=after)
