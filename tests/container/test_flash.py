"""Flashing a real block device: a loop device stands for the stick."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builder import flash
from builder.cli import app
from collectors.command import run
from collectors.failure import Failure

pytestmark = pytest.mark.container

STICK_BYTES = 16 * 2**20


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Path]:
    image = tmp_path / "stick.img"
    image.write_bytes(b"\xff" * STICK_BYTES)
    device = Path(run(["losetup", "--find", "--show", image]).strip())
    try:
        yield device
    finally:
        run(["losetup", "--detach", device])


@pytest.fixture
def iso(tmp_path: Path) -> Path:
    image = tmp_path / "r.iso"
    image.write_bytes(os.urandom(9 * 2**20 + 2048))
    return image


def flashed(*words: object, answer: str = ""):
    return CliRunner().invoke(app, ["flash", *map(str, words)], input=answer)


def test_a_stick_holds_the_iso_and_the_rest_is_left(stick: Path, iso: Path) -> None:
    done = flashed(stick, "--iso", iso, "--force", answer="y\n")
    assert done.exit_code == 0, done.output
    held = stick.read_bytes()
    size = iso.stat().st_size
    assert held[:size] == iso.read_bytes()
    assert held[size:] == b"\xff" * (STICK_BYTES - size)


def test_no_is_no(stick: Path, iso: Path) -> None:
    done = flashed(stick, "--iso", iso, "--force", answer="n\n")
    assert done.exit_code == 1
    assert stick.read_bytes() == b"\xff" * STICK_BYTES


def test_what_is_not_removable_is_refused(stick: Path, iso: Path) -> None:
    done = flashed(stick, "--iso", iso, "--yes")
    assert done.exit_code == 1
    assert "is not removable" in done.output
    assert stick.read_bytes() == b"\xff" * STICK_BYTES


def test_what_is_mounted_is_refused_even_by_force(stick: Path, iso: Path, tmp_path: Path) -> None:
    run(["mkfs.ext4", "-q", stick])
    (tmp_path / "mnt").mkdir()
    run(["mount", stick, tmp_path / "mnt"])
    try:
        done = flashed(stick, "--iso", iso, "--yes", "--force")
        assert done.exit_code == 1
        assert "is mounted at" in done.output
        with pytest.raises(Failure, match="busy"):  # the kernel's own word, should the check be raced
            flash.write(iso, stick, lambda done, total: None)
    finally:
        run(["umount", tmp_path / "mnt"])


def test_a_stick_that_is_too_small_is_refused(stick: Path, tmp_path: Path) -> None:
    with (tmp_path / "big.iso").open("wb") as big:
        big.truncate(STICK_BYTES + 1)
    done = flashed(stick, "--iso", tmp_path / "big.iso", "--yes", "--force")
    assert done.exit_code == 1
    assert "smaller than the ISO" in done.output


def test_other_bytes_read_back_are_noticed(stick: Path, iso: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash, "_digest", lambda device, size, progress: "another")
    with pytest.raises(Failure, match="gives other bytes back"):
        flash.write(iso, stick, lambda done, total: None)


def test_the_disk_of_the_running_system_is_refused_even_by_force(iso: Path) -> None:
    source = run(["findmnt", "--noheadings", "--output", "SOURCE", "/"]).split("[")[0].strip()
    parent = run(["lsblk", "--noheadings", "--nodeps", "--output", "PKNAME", source]).strip()
    disk = Path("/dev") / parent if parent else Path(source)
    refused = flash.refusal(flash.inspect_device(disk), iso.stat().st_size, force=True)
    assert refused is not None
    assert "holds the running system" in refused.message
