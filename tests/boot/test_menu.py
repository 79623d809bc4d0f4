"""What the boot menu shows, and that every entry does what it says.

Where no Linux is needed, a base without one is started: its kernel says its command line and restarts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from builder.iso.areas import Extent, located
from builder.iso.author import author as author_iso
from builder.iso.medium import opened, read_medium, walk
from builder.rehearse.vm import Running, Vm, blank_disk, serial_text, started
from tests.boot.conftest import COUNTDOWN_SECONDS, COUNTING, counting, is_blank
from tests.boot.echo_kernel import SAID, echo_kernel
from tests.postures import small_posture

pytestmark = pytest.mark.boot

MENU_SECONDS, BOOT_SECONDS = 300, 900
RECOVER = "[r] Recover ember as of 2026-11-25: erases the only internal disk"
TITLES = (
    RECOVER,
    "[g] The same in safe graphics, for a screen that stays black",
    "[o] Restore only, onto the system that is there: erases nothing",
    "[s] Rescue shell, with the payload unpacked",
    "[m] Check this medium",
    "(any key stops the countdown; a letter starts its entry)",
    "Try or Install the Rekindle stand-in (for tests and the demo only)",
)
# What follows them under UEFI.
SETTINGS = 8
DOWN, ENTER = "\x0e", "\r"
LIVE = "BOOT_IMAGE=/casper/vmlinuz fsck.mode=skip console=ttyS0,115200n8 console=tty0"
STAY = "systemd.run_success_action=none systemd.run_failure_action=none"
# Nothing that the kernel has read before counts.
CHECK = "echo 3 >/proc/sys/vm/drop_caches; python3 /cdrom/rekindle/live/check.py; echo code $?\r"
TOLD = {
    "r": f"{LIVE} autoinstall ---",
    "g": f"{LIVE} nomodeset autoinstall ---",
    "o": f"{LIVE} systemd.run=/cdrom/rekindle/live/restore_only.py {STAY}",
    "s": f"{LIVE} systemd.run=/cdrom/rekindle/live/rescue.py {STAY}",
    "m": f"{LIVE} systemd.run=/cdrom/rekindle/live/check.py {STAY}",
    DOWN * (len(TITLES) - 1) + ENTER: "BOOT_IMAGE=/casper/vmlinuz ---",
}


@pytest.fixture(scope="session")
def menu(author, standin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recovery ISO of the stand-in's boot loaders and no system."""
    folder = tmp_path_factory.mktemp("menu")
    (folder / "kernel").write_bytes(echo_kernel())
    (folder / "nothing").write_bytes(b"")
    with opened(standin) as iso:
        layers = [name for name, _, _ in walk(iso) if name.endswith(".squashfs")]
    bare = dict.fromkeys(("casper/initrd", *layers), folder / "nothing")
    author_iso(read_medium(standin), {"casper/vmlinuz": folder / "kernel", **bare}, folder / "base.iso")
    return author(small_posture(), folder / "menu.iso", base=folder / "base.iso")


@contextmanager
def at_menu(iso: Path, folder: Path, firmware: str, slot: str, disk: Path | None = None) -> Iterator[Running]:
    """Start a machine that restarts when it is told to, up to the countdown."""
    counting(iso, COUNTDOWN_SECONDS)
    disk = disk or blank_disk(folder / "disk.qcow2", 1)
    vm = Vm(folder, firmware, disk, medium=iso, slot=slot, restarts=True)
    with started(vm) as running:
        running.until(COUNTING, MENU_SECONDS)
        yield running


def told(running: Running, typed: str) -> str:
    """Choose an entry on the serial console; return the kernel's command line, the menu being there again."""
    after = running.vm.serial_log.stat().st_size
    line = running.answer(typed, f"{SAID}(.*)\r", MENU_SECONDS)[1]
    running.until(f"(?s){SAID}.*{COUNTING}", MENU_SECONDS, after=after)
    return line.strip()


def test_every_entry_tells_the_kernel_what_it_says(menu: Path, tmp_path: Path) -> None:
    with at_menu(menu, tmp_path / "stopped", "bios", "cd") as stopped:
        screen = stopped.screen_text()
        assert [title for title in TITLES if title not in screen] == []
        assert re.search(COUNTING, screen)
        stopped.press("x")
        with at_menu(menu, tmp_path / "counting", "bios", "stick") as control:
            by_itself = control.until(f"{SAID}(.*)\r", MENU_SECONDS)[1]
        assert by_itself.strip() == TOLD["r"]
        # The other one has counted to its end since this one's key was pressed.
        assert SAID not in serial_text(stopped.vm)
        assert "automatically" not in stopped.screen_text()
        assert serial_text(stopped.vm).count(RECOVER) == 1
        assert {typed: told(stopped, typed) for typed in TOLD} == TOLD


def test_a_uefi_machine_shows_the_same_and_gets_to_its_settings(menu: Path, tmp_path: Path) -> None:
    with at_menu(menu, tmp_path, "uefi", "stick") as running:
        said = serial_text(running.vm)
        assert [title for title in TITLES if said.count(title) != 1] == []
        assert said.count("UEFI Firmware Settings") == 1
        running.answer(DOWN * SETTINGS + ENTER, "Boot Maintenance Manager", MENU_SECONDS)


@contextmanager
def damaged(iso: Path, place: Extent) -> Iterator[None]:
    """Flip a byte of the ISO for a while."""
    at = place.offset + place.size_bytes // 2
    with iso.open("r+b", buffering=0) as file:
        file.seek(at)
        before = file.read(1)
        file.seek(at)
        file.write(bytes([before[0] ^ 1]))
        try:
            yield
        finally:
            file.seek(at)
            file.write(before)


def test_a_rescue_shell_answers_with_the_payload_there_and_checks_the_medium(
    recovery: Path, tmp_path: Path
) -> None:
    disk = blank_disk(tmp_path / "disk.qcow2", 1)
    with at_menu(recovery, tmp_path, "bios", "stick", disk) as running:
        running.answer("s", "leaves this shell", BOOT_SECONDS)
        running.answer("echo $((6 * 7)) $(id -u)\r", "42 0\r", BOOT_SECONDS)
        running.answer("cat posture/system.yaml\r", "hostname: ember", BOOT_SECONDS)
        running.answer("ls /run/rekindle/payload\r", r"restore\.pex", BOOT_SECONDS)
        address = "until ip -4 address | grep 'inet 10[.]'; do sleep 1; done\r"
        running.answer(address, r"inet 10\.0\.2\.\d+", BOOT_SECONDS)
        running.answer(CHECK, r"the medium is whole: every .*\r\n(?s:.*)code 0\r", BOOT_SECONDS)
        assert "rekindle: 100 % of " in serial_text(running.vm)
        assert "rekindle: damaged:" not in serial_text(running.vm)
        name = "casper/install-sources.yaml"
        with damaged(recovery, located(recovery, [name])[name]):
            running.answer(CHECK, r"THE MEDIUM IS DAMAGED(?s:.*)code 1\r", BOOT_SECONDS)
        assert re.findall(r"rekindle: damaged: (\S+)", serial_text(running.vm)) == [name]
    assert is_blank(disk)
