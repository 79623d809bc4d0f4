"""Every way a firmware can start the medium reaches the installer with the recovery command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoinstall.bake import bake
from builder.iso.author import author as author_iso
from builder.iso.medium import read_medium
from builder.rehearse.vm import Vm, blank_disk, serial_text, started
from tests.boot.conftest import CONFIG, counting, is_blank
from tests.postures import small_posture

pytestmark = pytest.mark.boot

BOOT_SECONDS = 900


@pytest.mark.parametrize(("firmware", "slot"), [("bios", "stick"), ("uefi", "cd"), ("secure-boot", "cd")])
def test_the_installer_is_started(recovery: Path, tmp_path: Path, firmware: str, slot: str) -> None:
    """What comes after the kernel is the same; the other ways are gone to the end in test_unattended.py."""
    counting(recovery, 1)
    vm = Vm(tmp_path, firmware, blank_disk(tmp_path / "disk.qcow2", 1), medium=recovery, slot=slot)
    with started(vm) as running:
        line = running.until(r"Kernel command line: (.*)\r", BOOT_SECONDS)[1]
    assert " autoinstall " in f" {line} "
    assert ("Secure boot enabled" in serial_text(vm)) == (firmware == "secure-boot")


def vendors(base: Path, output: Path, document: str, arguments: str) -> Path:
    """Author the base with an autoinstall, its own menu kept but for the countdown and kernel arguments."""
    folder = output.parent
    menu = read_medium(base).grub_cfg.replace("timeout=30", "timeout=1")
    (folder / "grub.cfg").write_text(menu.replace("---", f"{arguments} ---"))
    (folder / "autoinstall.yaml").write_text(document)
    additions = {"boot/grub/grub.cfg": folder / "grub.cfg", "autoinstall.yaml": folder / "autoinstall.yaml"}
    author_iso(read_medium(base), additions, output)
    return output


def test_the_standin_refuses_what_ubuntu_would_let_through(standin: Path, tmp_path: Path) -> None:
    """And it goes no further: that it asks without `autoinstall`, test_unattended.py sees."""
    document = bake(small_posture(), CONFIG, medium_id="0f").text() + "matchh: {}\n"
    iso = vendors(standin, tmp_path / "base.iso", document, "console=ttyS0 autoinstall")
    vm = Vm(tmp_path / "vm", "bios", blank_disk(tmp_path / "disk.qcow2", 8), medium=iso, slot="cd")
    with started(vm) as running:
        stopped = running.wait_for("standin: (refused|Continue|early-commands)", BOOT_SECONDS)
    assert "standin: refused: matchh: unknown key" in stopped
    assert is_blank(vm.disk)
