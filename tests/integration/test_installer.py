"""What the late-commands lay on a new system: all that restores it, nothing of a restore before."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import iso_overlay
from collectors.command import run

pytestmark = pytest.mark.integration

OVERLAY = Path(iso_overlay.__file__).parent
UNIT = "rekindle-restore.service"
PAYLOAD = b"payload" + bytes(1 << 20)


@pytest.fixture
def rekindle(tmp_path: Path) -> Path:
    """What the medium carries, with areas that are not signed."""
    folder = tmp_path / "cdrom/rekindle"
    for part in ("installer", "first-boot"):
        shutil.copytree(OVERLAY / part, folder / part)
    (folder / "payload.tar").write_bytes(PAYLOAD)
    (folder / "allowed_signers").write_text("\n" * 100)
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    for name in ("boot/efi/EFI", "etc/systemd/system", "var/lib"):
        (tmp_path / "target" / name).mkdir(parents=True)
    return tmp_path / "target"


def called(rekindle: Path, target: Path, *words: str) -> None:
    run(["sh", rekindle / "installer" / words[0], *words[1:]], env={"TARGET_MOUNT_POINT": str(target)})


def test_what_restores_the_machine_is_laid(rekindle: Path, target: Path) -> None:
    called(rekindle, target, "lay")
    payload = target / "var/lib/rekindle/payload.tar"
    assert payload.read_bytes() == PAYLOAD
    assert payload.stat().st_blocks * 512 < len(PAYLOAD)
    assert (target / "var/lib/rekindle").stat().st_mode & 0o777 == 0o700
    first_boot = target / "usr/local/lib/rekindle/first-boot"
    assert first_boot.read_bytes() == (OVERLAY / "first-boot/first-boot").read_bytes()
    assert os.access(first_boot, os.X_OK)
    wanted = target / f"etc/systemd/system/multi-user.target.wants/{UNIT}"
    assert os.readlink(wanted) == f"/etc/systemd/system/{UNIT}"
    assert (target / "etc/systemd/system" / UNIT).is_file()
    assert not (target / "etc/rekindle").exists()


def test_who_may_have_signed_is_laid_where_somebody_has(rekindle: Path, target: Path) -> None:
    (rekindle / "allowed_signers").write_text("rekindle ssh-ed25519 AAAA\n\n\n")
    called(rekindle, target, "lay")
    assert "AAAA" in (target / "etc/rekindle/allowed_signers").read_text()


def test_a_system_that_was_restored_before_is_restored_anew(rekindle: Path, target: Path) -> None:
    state = target / "var/lib/rekindle"
    (state / "restored").mkdir(parents=True)
    for name in ("restored.done", "restored.failed", "restored.waiting", "restore-report.json"):
        (state / name).touch()
    called(rekindle, target, "lay")
    left = {place.name for place in state.iterdir()}
    assert left == {"payload.tar", "restored", "restore-report.json"}


def test_a_payload_that_cannot_be_laid_ends_the_installation(rekindle: Path, target: Path) -> None:
    (rekindle / "payload.tar").unlink()
    with pytest.raises(Exception, match=r"payload\.tar"):
        called(rekindle, target, "lay")
    assert not (target / "etc/systemd/system" / UNIT).exists()


def test_the_menu_finds_its_mark_on_both_firmwares(rekindle: Path, target: Path) -> None:
    called(rekindle, target, "mark", "0f1e2d3c4b5a")
    for folder in ("boot", "boot/efi/EFI"):
        assert (target / folder / "rekindle/0f1e2d3c4b5a").is_file()


def test_without_an_esp_none_is_made(rekindle: Path, target: Path) -> None:
    (target / "boot/efi/EFI").rmdir()
    called(rekindle, target, "mark", "0f1e2d3c4b5a")
    assert (target / "boot/rekindle/0f1e2d3c4b5a").is_file()
    assert list((target / "boot/efi").iterdir()) == []
