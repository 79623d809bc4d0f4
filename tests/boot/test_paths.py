"""Every way a firmware can start the medium reaches the installer with the recovery command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.iso.author import author as author_iso
from builder.iso.medium import read_medium
from builder.rehearse.vm import Vm, blank_disk, serial_text, started
from collectors.command import run
from tests.postures import small_posture

pytestmark = pytest.mark.boot

BOOT_SECONDS = 900


@pytest.fixture(scope="session")
def recovery(author, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return author(small_posture(), tmp_path_factory.mktemp("paths") / "recovery.iso")


def is_blank(disk: Path) -> bool:
    """A qcow2 file that nothing was written to has no data."""
    return '"data": true' not in run(["qemu-img", "map", "--output=json", disk])


@pytest.mark.parametrize("slot", ["stick", "cd"])
@pytest.mark.parametrize("firmware", ["bios", "uefi", "secure-boot"])
def test_the_installer_is_reached(recovery: Path, tmp_path: Path, firmware: str, slot: str) -> None:
    vm = Vm(tmp_path, firmware, blank_disk(tmp_path / "disk.qcow2", 1), medium=recovery, slot=slot)
    with started(vm) as running:
        said = running.wait_for("the disks of this machine|standin: (refused|Continue)", BOOT_SECONDS)
    assert "nothing was erased" in serial_text(vm), said  # the disk of 1 GiB is too small: a safe end
    [line] = {
        text.split("line: ")[1] for text in serial_text(vm).splitlines() if "ernel command line: " in text
    }
    assert " autoinstall " in f" {line} "
    assert ("Secure boot enabled" in serial_text(vm)) == (firmware == "secure-boot")
    assert is_blank(vm.disk)


def vendors(base: Path, output: Path, document: str, arguments: str) -> Path:
    """Author the base with an autoinstall, its own menu kept but for the countdown and kernel arguments."""
    folder = output.parent
    menu = read_medium(base).grub_cfg.replace("timeout=30", "timeout=1")
    (folder / "grub.cfg").write_text(menu.replace("---", f"{arguments} ---"))
    (folder / "autoinstall.yaml").write_text(document)
    additions = {"boot/grub/grub.cfg": folder / "grub.cfg", "autoinstall.yaml": folder / "autoinstall.yaml"}
    author_iso(read_medium(base), additions, output)
    return output


@pytest.mark.parametrize(
    ("document", "arguments", "said"),
    [
        ("version: 1\n", "console=ttyS0", r"standin: Continue with autoinstall\?"),
        ("version: 1\nmatchh: {}\n", "console=ttyS0 autoinstall", "standin: refused: .*matchh"),
    ],
)
def test_the_standin_stops_where_ubuntu_would(
    standin: Path, tmp_path: Path, document: str, arguments: str, said: str
) -> None:
    iso = vendors(standin, tmp_path / "base.iso", document, arguments)
    vm = Vm(tmp_path / "vm", "bios", blank_disk(tmp_path / "disk.qcow2", 8), medium=iso, slot="cd")
    with started(vm) as running:
        running.wait_for(said, BOOT_SECONDS)
    assert is_blank(vm.disk)
