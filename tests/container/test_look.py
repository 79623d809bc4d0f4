"""Looking into what is on a device, and undoing it there: a loop device stands for the stick."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builder.cli import app
from builder.iso.source import reading
from builder.look.inspect import inspect
from builder.places import places
from collectors.command import run
from collectors.failure import Failure
from tests.images import PARTITION_SECTOR, SECTOR_BYTES
from tests.postures import HASH
from tests.recovery import Made, copied, make_recovery
from tests.synthetic import synthetic_base

pytestmark = pytest.mark.container

REST_BYTES = 5 * 2**20


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("device")
    return make_recovery(folder, synthetic_base(folder))


@contextmanager
def attached(image: Path, *options: str) -> Iterator[Path]:
    device = Path(run(["losetup", "--find", "--show", *options, image]).strip())
    try:
        yield device
    finally:
        run(["losetup", "--detach", device])


@pytest.fixture
def stick(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stick with a recovery ISO and something else behind it."""
    monkeypatch.setenv("REKINDLE_HOME", str(tmp_path / "home"))
    image = copied(made.iso, tmp_path / "stick.img")
    with image.open("ab") as file:
        file.write(b"\xee" * REST_BYTES)
    with attached(image) as device:
        yield device


def rekindle(*words: object, answer: str = ""):
    return CliRunner().invoke(app, [*map(str, words)], input=answer)


def test_a_stick_is_looked_into_as_its_iso_is(made: Made, stick: Path, tmp_path: Path) -> None:
    on_stick, in_file = (inspect(place, places()) for place in (stick, made.iso))
    assert {**on_stick.plain(), "iso": ""} == {**in_file.plain(), "iso": ""}
    assert "no item differs" in rekindle("diff", stick, made.iso).stdout
    done = rekindle("extract", stick, "casper/initrd", "--output", tmp_path / "initrd")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "initrd").read_bytes() == (made.base.parent / "tree/casper/initrd").read_bytes()


def test_a_stick_is_reset_and_what_is_behind_the_iso_is_left(made: Made, stick: Path) -> None:
    done = rekindle("reset", stick, answer="y\n")
    assert done.exit_code == 0, done.output
    held = stick.read_bytes()
    assert held == made.prepared.read_bytes() + b"\xee" * REST_BYTES
    assert HASH.encode() not in held


def test_a_stick_that_is_in_use_is_not_reset(made: Made, stick: Path) -> None:
    mounted = os.open(stick, os.O_RDONLY | os.O_EXCL)  # as a mount holds it
    try:
        done = rekindle("reset", stick, "--yes")
    finally:
        os.close(mounted)
    assert done.exit_code == 1
    assert f"{stick} is mounted, or in use (umount {stick}*)" in done.stderr
    assert stick.read_bytes()[:-REST_BYTES] == made.iso.read_bytes()


def test_a_partition_is_not_taken_for_the_stick(made: Made, tmp_path: Path, stick: Path) -> None:
    image = copied(made.iso, tmp_path / "part.img")
    with attached(image, "--offset", str(PARTITION_SECTOR * SECTOR_BYTES)) as partition:
        for command in ("inspect", "reset"):
            done = rekindle(command, partition)
            assert done.exit_code == 1
            assert "name the whole stick and no partition" in done.stderr
    assert image.read_bytes() == made.iso.read_bytes()


def test_a_device_that_one_may_not_read(stick: Path) -> None:
    groups = os.getgroups()
    os.setgroups([])
    os.seteuid(65534)
    try:
        with pytest.raises(Failure, match=f"{stick}: Permission denied") as caught, reading(stick):
            pass
    finally:
        os.seteuid(0)
        os.setgroups(groups)
    assert "sudo" in caught.value.remedy
