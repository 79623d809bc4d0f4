"""Every way a firmware can start the medium reaches the installer with the recovery command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autoinstall.bake import bake
from builder.iso.author import author as author_iso
from builder.iso.medium import read_medium
from builder.rehearse.vm import Vm, blank_disk, serial_text, started
from collectors.command import run
from tests.boot.conftest import CONFIG
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
        said = running.wait_for("/dev/vda .*not a candidate|standin: (refused|Continue)", BOOT_SECONDS)
    assert "too small" in said  # the disk has 1 GiB: a safe end
    assert "nothing was erased" in serial_text(vm)
    assert ("(not a candidate: the recovery medium)" in serial_text(vm)) == (slot == "stick")
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
    ("extra", "arguments", "said"),
    [
        ("", "console=ttyS0", r"standin: Continue with autoinstall\?"),
        ("matchh: {}\n", "console=ttyS0 autoinstall", "standin: refused: matchh: unknown key"),
    ],
    ids=["asks", "refuses"],
)
def test_the_standin_stops_where_ubuntu_would(
    standin: Path, tmp_path: Path, extra: str, arguments: str, said: str
) -> None:
    document = bake(small_posture(), CONFIG).text() + extra
    iso = vendors(standin, tmp_path / "base.iso", document, arguments)
    vm = Vm(tmp_path / "vm", "bios", blank_disk(tmp_path / "disk.qcow2", 8), medium=iso, slot="cd")
    with started(vm) as running:
        stopped = running.wait_for("standin: (refused|Continue|early-commands)", BOOT_SECONDS)
    assert re.search(said, stopped)
    assert is_blank(vm.disk)
