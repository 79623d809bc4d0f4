"""Flashing real block devices: loop devices stand for sticks, and the kernel counts what is written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from autoinstall.delivery import delivery
from builder.base.provenance import unverified
from builder.cli import app
from builder.iso import areas
from builder.iso.fill import fill
from builder.iso.prepare import layout_of, prepare
from builder.stick import data, disk
from builder.stick.devices import Facts, devices, read_facts
from builder.stick.table import read_table
from collectors.command import run
from collectors.failure import Failure
from tests.synthetic import synthetic_base

pytestmark = pytest.mark.container

MIB, GIB = 2**20, 2**30
STICK_BYTES = 3 * GIB
MARK = b"\xa5" * 4096
runner = CliRunner()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory):
    """Prepare a small base with a payload area of that many bytes."""
    folder = tmp_path_factory.mktemp("flash")
    base, told = unverified(synthetic_base(folder)), delivery("24.04")

    def made(payload_bytes: int) -> Path:
        wanted = areas.capacities((told.name,), payload_bytes=1) | {areas.PAYLOAD: payload_bytes}
        return prepare(base, told, wanted, cache=folder, say=print).path

    return made


@pytest.fixture(scope="module")
def iso(prepared) -> Path:
    return prepared(8 * MIB)


def filled(iso: Path, copy: Path, payload: bytes) -> Path:
    """Return what a week later is built on the same base."""
    copy.write_bytes(iso.read_bytes())
    fill(copy, layout_of(copy), {areas.PAYLOAD: payload, areas.MANIFEST: b"{}", "autoinstall.yaml": b"#\n"})
    return copy


@contextmanager
def looped(image: Path, *options: str) -> Iterator[Path]:
    device = Path(run(["losetup", "--find", "--show", *options, image]).strip())
    try:
        yield device
    finally:
        run(["losetup", "--detach", device])


def blank(path: Path, size_bytes: int = STICK_BYTES) -> Path:
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return path


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Path]:
    with looped(blank(tmp_path / "stick.img")) as device:
        yield device


def flashed(stick: Path, *words: object, answer: str = "", force: bool = True):
    forced = ["--force", str(stick)] if force else []
    return runner.invoke(app, ["flash", str(stick), *map(str, words), *forced], input=answer)


def done(stick: Path, *words: object, answer: str = "y\ny\n") -> dict[str, Any]:
    """Flash it, and return what is told to a program."""
    ended = flashed(stick, *words, "--json", answer=answer)
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout[ended.stdout.index("{") :])  # the runner shows the answers, too


def written(stick: Path) -> int:
    """Return how many bytes the kernel wrote to it (Documentation/block/stat.rst)."""
    return int(Path(f"/sys/block/{stick.name}/stat").read_text().split()[6]) * 512


def content(place: Path, offset: int, size_bytes: int) -> bytes:
    with place.open("rb") as file:
        file.seek(offset)
        return file.read(size_bytes)


def mark(stick: Path, *offsets: int) -> None:
    for offset in offsets:
        with stick.open("r+b") as file:
            file.seek(offset)
            file.write(MARK)
            os.fsync(file.fileno())


def assert_sound(stick: Path) -> None:
    """No tool has anything to say against its partition table."""
    for argv, verdict in (
        (["sgdisk", "--verify", stick], "No problems found"),
        (["sfdisk", "--verify", stick], "No errors detected"),
        (["parted", "--script", stick, "print"], "Partition Table: gpt"),
    ):
        said = subprocess.run(argv, capture_output=True, text=True, check=True)
        assert verdict in said.stdout
        assert said.stderr == ""


def holds(stick: Path, iso: Path) -> None:
    """The stick is the ISO with the GPT of a disk of its size."""
    table, original = read_table(stick), read_table(iso)
    assert table and original
    size = iso.stat().st_size
    assert content(stick, table.first, size - table.first) == content(iso, table.first, size - table.first)
    assert table.disk == original.disk
    assert table.partitions[:3] == original.partitions
    assert table.last > original.last
    boot, entries = content(stick, 0, 512), content(iso, 0, 512)
    assert boot[:446] == entries[:446]  # the code that a BIOS starts
    assert boot[462:] == entries[462:]  # the entry that is marked active, for BIOSes that look for one
    assert boot[462] == 0x80
    assert_sound(stick)


def test_a_stick_holds_the_iso_and_the_rest_is_left(stick: Path, iso: Path) -> None:
    mark(stick, iso.stat().st_size, 2 * GIB)
    ended = flashed(stick, iso, answer="y\n")
    assert ended.exit_code == 0, ended.output
    holds(stick, iso)
    assert content(stick, iso.stat().st_size, len(MARK)) == content(stick, 2 * GIB, len(MARK)) == MARK


@pytest.mark.parametrize("more", [0, 512, 8192, 300 * 1024])
def test_a_stick_that_is_hardly_larger_is_large_enough(iso: Path, tmp_path: Path, more: int) -> None:
    with looped(blank(tmp_path / "stick.img", iso.stat().st_size + more)) as stick:
        done(stick, iso)
        assert_sound(stick)
        table = read_table(stick)
        assert table
        assert content(stick, table.first, table.last - table.first) == content(
            iso, table.first, table.last - table.first
        )[: iso.stat().st_size] + bytes(max(0, table.last - iso.stat().st_size))


def test_an_unchanged_stick_is_not_written(stick: Path, iso: Path) -> None:
    done(stick, iso)
    before = written(stick)
    told = done(stick, iso)
    assert written(stick) == before
    assert told["written_bytes"] == 0
    assert told["read_back_bytes"] == told["skipped_bytes"] > iso.stat().st_size


def test_a_weekly_change_costs_its_payload(stick: Path, iso: Path, tmp_path: Path) -> None:
    payload = os.urandom(3 * MIB)
    done(stick, filled(iso, tmp_path / "a.iso", os.urandom(2 * MIB)))
    before = written(stick)
    later = filled(iso, tmp_path / "b.iso", payload)
    told = done(stick, later)
    assert len(payload) <= written(stick) - before == told["written_bytes"] <= len(payload) + 2 * MIB
    assert told["compared_bytes"] < iso.stat().st_size  # the base was believed, and proved
    holds(stick, later)


def test_of_another_base_what_differs_is_written(stick: Path, prepared, iso: Path) -> None:
    done(stick, iso)
    other = prepared(10 * MIB)
    before = written(stick)
    told = done(stick, other)
    assert 0 < told["written_bytes"] == written(stick) - before < other.stat().st_size
    assert told["compared_bytes"] > other.stat().st_size
    holds(stick, other)


def test_what_another_program_changed_is_repaired(stick: Path, iso: Path) -> None:
    done(stick, iso)
    squashfs = areas.located(iso, ["casper/ubuntu-server-minimal.squashfs"])
    [extent] = squashfs.values()
    mark(stick, extent.offset)
    ended = flashed(stick, iso, "--yes")
    assert ended.exit_code == 0
    assert "had changed since it was flashed" in ended.stderr
    holds(stick, iso)


def test_a_partition_that_a_live_system_added_goes(stick: Path, iso: Path) -> None:
    done(stick, iso)
    run(["sfdisk", "--quiet", "--append", "--no-reread", stick], stdin=b"start=100MiB\n")
    before = written(stick)
    done(stick, iso)
    holds(stick, iso)
    assert written(stick) - before <= MIB


def test_no_is_no(stick: Path, iso: Path) -> None:
    before = written(stick)
    assert flashed(stick, iso, answer="n\n").exit_code == 1
    assert written(stick) == before


def refused(stick: Path, iso: Path, *words: str, force: bool = True) -> str:
    """Flash in vain; nothing was written."""
    before = written(stick)
    ended = flashed(stick, iso, "--yes", *words, force=force)
    assert ended.exit_code == 1
    assert written(stick) == before
    return ended.stderr


def test_what_is_not_removable_is_refused(stick: Path, iso: Path) -> None:
    assert f"is not removable (name the stick; --force {stick}" in refused(stick, iso, force=False)


@contextmanager
def mounted(device: Path, place: Path) -> Iterator[Path]:
    place.mkdir()
    run(["mount", device, place])
    try:
        yield place
    finally:
        run(["umount", place])


def test_what_is_mounted_is_refused_even_by_force(stick: Path, iso: Path, tmp_path: Path) -> None:
    run(["mkfs.ext4", "-q", stick])
    with mounted(stick, tmp_path / "mnt") as place:
        assert f"is mounted at {place}" in refused(stick, iso)
        copy = place / "r.iso"
        copy.write_bytes(iso.read_bytes())
        assert f"holds {copy} itself" in refused(stick, copy)
        with pytest.raises(Failure, match="busy"), disk.opened(stick):  # the kernel's own word, were it raced
            pass


def test_each_disk_of_a_mounted_btrfs_is_refused(stick: Path, iso: Path, tmp_path: Path) -> None:
    with looped(blank(tmp_path / "other.img")) as other:
        run(["mkfs.btrfs", "--quiet", "--data", "raid1", stick, other])
        with mounted(other, tmp_path / "mnt") as place:
            assert f"is mounted at {place}" in refused(stick, iso)
            assert f"is mounted at {place}" in refused(other, iso)


def test_swap_is_the_running_systems(stick: Path, iso: Path) -> None:
    run(["mkswap", stick])
    run(["swapon", stick])
    try:
        assert "holds the running system" in refused(stick, iso)
    finally:
        run(["swapoff", stick])


def test_a_loop_of_the_iso_is_refused(iso: Path, tmp_path: Path) -> None:
    copy = filled(iso, tmp_path / "r.iso", b"")
    with looped(copy) as device:
        assert "is a loop of" in refused(device, copy)


@pytest.mark.parametrize(
    ("size_bytes", "options", "why"),
    [
        (4 * MIB, (), "smaller than the ISO"),
        (GIB, ("--read-only",), "is read-only"),
        (GIB, ("--sector-size", "4096"), "sectors of 4096 bytes"),
    ],
)
def test_what_is_unfit_is_refused(
    iso: Path, tmp_path: Path, size_bytes: int, options: tuple[str, ...], why: str
) -> None:
    with looped(blank(tmp_path / "stick.img", size_bytes), *options) as device:
        assert why in refused(device, iso)


def test_what_is_no_iso_is_refused(stick: Path, iso: Path, tmp_path: Path) -> None:
    noise = tmp_path / "noise.iso"
    noise.write_bytes(os.urandom(MIB))
    assert "not an ISO image" in refused(stick, noise)


def test_an_iso_without_a_gpt_is_written_as_it_is(stick: Path, iso: Path, tmp_path: Path) -> None:
    no_gpt = filled(iso, tmp_path / "r.iso", b"")
    with no_gpt.open("r+b") as file:
        file.write(bytes(32 * 1024))
    assert "has no GPT for a data partition" in refused(stick, no_gpt, "--data-partition", "X")
    done(stick, no_gpt)
    assert content(stick, 0, no_gpt.stat().st_size) == no_gpt.read_bytes()
    before = written(stick)
    done(stick, no_gpt)
    assert written(stick) == before


def test_the_disk_of_the_running_system_is_known() -> None:
    facts: Facts = read_facts()
    assert any(device.runs_the_system for device in devices(facts) if device.kind == "disk")


def test_a_stick_that_goes_half_way_is_told_in_one_line(
    stick: Path, iso: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, blocks = disk._Direct.write, []

    def unplugged(self: Any, offset: int, block: bytes) -> None:
        blocks.append(offset)
        if len(blocks) == 3:
            os.truncate(tmp_path / "stick.img", MIB)
            run(["losetup", "--set-capacity", stick])
        real(self, offset, block)

    monkeypatch.setattr(disk._Direct, "write", unplugged)
    ended = flashed(stick, iso, "--yes")
    assert ended.exit_code == 1
    assert isinstance(ended.exception, SystemExit)
    [line] = [line for line in ended.stderr.splitlines() if line.startswith("rekindle:")]
    assert f"{stick}: " in line and " at byte " in line and "flash again" in line


KILLED = """
import os, signal, sys
from builder.cli import app
from builder.stick import disk
real, last = disk._Direct.write, int(sys.argv.pop(1))
def write(self, offset, block):
    if offset <= last < offset + len(block):
        real(self, offset, block[: len(block) // 1024 * 512])
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, offset, block)
disk._Direct.write = write
app()
"""


@pytest.mark.parametrize(
    ("last", "same_base"),
    [(40_000, False), (9 * MIB, False), (STICK_BYTES - 512, False), (600, False), (9 * MIB, True)],
    ids=["base", "area", "end", "head", "area of the same base"],
)
def test_killed_at_any_write_the_next_flash_ends_good(
    stick: Path, iso: Path, prepared, tmp_path: Path, last: int, same_base: bool
) -> None:
    later = filled(iso, tmp_path / "b.iso", os.urandom(5 * MIB))
    done(stick, iso if same_base else prepared(10 * MIB))
    argv = [sys.executable, "-c", KILLED, last, "flash", stick, later, "--yes", "--force", stick]
    ended = subprocess.run(list(map(str, argv)), env={**os.environ, "PYTHONPATH": "."}, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert done(stick, later)["repaired_bytes"] == 0  # what a killed run left is not believed
    holds(stick, later)


@pytest.fixture
def small_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data partitions may begin every 32 MiB, so that the test has little to read."""
    monkeypatch.setattr(data, "GIB", 32 * MIB)


@pytest.fixture
def with_data(small_room: None, iso: Path, tmp_path: Path) -> Iterator[Path]:
    """A stick with a data partition that something lies in."""
    with looped(blank(tmp_path / "small.img", 160 * MIB)) as stick:
        done(stick, iso, "--data-partition", "FOTOS")
        mark(stick, 100 * MIB)
        yield stick


@contextmanager
def data_of(stick: Path) -> Iterator[Path]:
    table = read_table(stick)
    assert table
    part = table.partitions[3]
    where = ("--offset", str(part.start), "--sizelimit", str(part.size_bytes))
    with looped(stick, *where) as partition:
        yield partition


def test_the_rest_becomes_a_data_partition(stick: Path, iso: Path) -> None:
    done(stick, iso, "--data-partition", "FOTOS")
    holds(stick, iso)
    table = read_table(stick)
    assert table
    [part] = table.partitions[3:]
    assert (part.start, part.name) == (GIB, "Rekindle data")
    assert STICK_BYTES - (part.start + part.size_bytes) <= 2 * MIB
    with data_of(stick) as partition:
        said = run(["blkid", "--probe", "--output", "export", partition])
        assert "TYPE=exfat" in said and "LABEL=FOTOS" in said
        assert "clean" in run(["fsck.exfat", "-n", partition])


def test_a_data_partition_is_kept_with_its_files(
    with_data: Path, iso: Path, prepared, tmp_path: Path
) -> None:
    table = read_table(with_data)
    with data_of(with_data) as partition:
        before = partition.read_bytes()
    for later, words in (
        (filled(iso, tmp_path / "b.iso", os.urandom(MIB)), ()),
        (prepared(10 * MIB), ("--data-partition", "OTHER")),
    ):
        ended = flashed(with_data, later, "--yes", *words)
        assert "data partition was kept" in ended.stdout
        holds(with_data, later)
        now = read_table(with_data)
        assert table and now and now.partitions[3] == table.partitions[3]
    with data_of(with_data) as partition:
        assert partition.read_bytes() == before
    kept = written(with_data)
    done(with_data, later)
    assert written(with_data) == kept


def test_a_data_partition_in_the_way_is_erased_only_when_told_twice(with_data: Path, prepared) -> None:
    large = prepared(20 * MIB)
    before = written(with_data)
    yes = flashed(with_data, large, "--yes")
    once = flashed(with_data, large, answer="y\nn\n")
    assert (yes.exit_code, once.exit_code) == (1, 1)
    assert "would erase it" in yes.stderr
    assert "erase it with all its files?" in once.stderr
    assert written(with_data) == before
    done(with_data, large, answer="y\ny\n")
    holds(with_data, large)
    table = read_table(with_data)
    assert table and len(table.partitions) == 3


def test_what_is_erased_is_shown(stick: Path, iso: Path) -> None:
    run(["mkfs.ext4", "-q", "-L", "OLD", stick])
    ended = flashed(stick, iso, answer="n\n")
    assert "erases all of it, OLD, ext4, 3.2 GB" in ended.stderr
    run(
        ["sfdisk", "--quiet", "--wipe", "always", "--no-reread", stick],
        stdin=b"label: dos\nstart=1MiB, size=64MiB\n",
    )
    [line] = [line for line in flashed(stick, iso, answer="n\n").stderr.splitlines() if "erases" in line]
    assert line == "erases partition 1, unknown, 67.1 MB"
    run(["wipefs", "--all", "--quiet", stick])
    assert "erases" not in flashed(stick, iso, answer="n\n").stderr


def test_what_is_kept_is_shown(with_data: Path, iso: Path) -> None:
    said = flashed(with_data, iso, answer="n\n").stderr.splitlines()
    assert [line.split(",")[:2] for line in said if "partition 4" in line] == [
        ["keeps partition 4", " FOTOS"]
    ]
    assert len([line for line in said if line.startswith("erases partition")]) == 3


@pytest.mark.parametrize(
    ("size_bytes", "label", "why"),
    [(GIB, "X", "no room for a data partition"), (3 * GIB, "TWELVELETTER", "is no label of exFAT")],
)
def test_a_data_partition_that_cannot_be_is_told_before_the_work(
    iso: Path, tmp_path: Path, size_bytes: int, label: str, why: str
) -> None:
    with looped(blank(tmp_path / "stick.img", size_bytes)) as stick:
        assert why in refused(stick, iso, "--data-partition", label)
