"""A rebuild beside a build of the same inputs: the same bytes, whatever happened to the slots before."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from builder.alone import alone
from builder.chain import build_iso
from builder.history import commit_posture
from builder.iso import areas, shelf
from builder.iso.prepare import layout_of
from builder.places import Places
from collectors.failure import Failure
from tests.postures import HASH, small_posture
from tests.rebuilding import Home, digest_of, killed_at, payload_areas, small_payloads
from tests.synthetic import synthetic_base

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True, scope="module")
def _small(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        small_payloads(patch, tmp_path_factory.mktemp("program"))
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def good(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What an undisturbed build gives, by the posture's name."""
    elsewhere = Home(tmp_path_factory.mktemp("good"), base)
    return {name: digest_of(elsewhere.build(name)) for name in ("ember", "ash", "birch")}


@pytest.fixture(scope="module")
def made(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("made"), base)


@pytest.fixture
def home(made: Home) -> Home:
    """Whatever was before, ember lies idle now, and ash is the latest."""
    made.rebuild("ember")
    made.rebuild("ash")
    return made


def test_rebuilds_alternate_between_two_files(home: Home, good: dict[str, str]) -> None:
    before = home.latest.resolve()
    assert home.rebuild("birch")
    assert home.latest.resolve() != before
    assert digest_of(home.latest) == good["birch"]
    assert digest_of(before) == good["ash"]
    assert [path.name for path in sorted(before.parent.iterdir())] == ["a.iso", "a.json", "b.iso", "b.json"]
    assert sorted(os.listdir(home.latest.parent)) == ["latest.iso", "slots"]
    assert os.readlink(home.latest) == f"slots/{home.latest.resolve().name}"


def test_nothing_changed_nothing_is_written(home: Home) -> None:
    before = home.seen()
    assert not home.rebuild("ash")
    assert home.seen() == before


def test_a_week_without_a_change_writes_nothing_anywhere(base: Path, tmp_path: Path) -> None:
    at = Places(tmp_path / "config", tmp_path / "state", tmp_path / "cache")
    at.config.mkdir()
    config = f"base: {base}\nallow_unverified: true\nidentity:\n  password_hash: {HASH}\n"
    at.config_file.write_text(config)
    commit_posture(at.repository, "ember", small_posture(), "all")
    said: list[str] = []
    for expected in (r"a\.iso: wrote 0\.\d MB of \d\d\.\d MB", "nothing changed: the latest .* up to date"):
        before = Home(tmp_path, base).seen()
        build_iso(at, base=None, output=None, host=None, say=said.append)
        assert re.fullmatch(expected, said[-1])
    assert Home(tmp_path, base).seen() == before


def test_only_what_changed_is_read_and_written(home: Home, monkeypatch) -> None:
    monkeypatch.setattr("builder.iso.slots.clone", lambda source, copy: False)
    home.rebuild("ember")
    read, written = [], []
    pread, pwrite = os.pread, os.pwrite

    def reading(file: int, size: int, at: int) -> bytes:
        read.append((at, size))
        return pread(file, size, at)

    def writing(file: int, block: bytes, at: int) -> int:
        written.append((at, len(block)))
        return pwrite(file, block, at)

    monkeypatch.setattr(os, "pread", reading)
    monkeypatch.setattr(os, "pwrite", writing)
    layout = layout_of(home.prepared[0])
    assert home.rebuild("ash")  # that slot holds it already
    assert {area_at(layout, *each) for each in read} == {"md5sum.txt", areas.MANIFEST, areas.SIGNATURE}
    assert written == []
    assert home.rebuild("birch")
    changed = {"autoinstall.yaml", "md5sum.txt", areas.MACHINE_CFG, areas.MANIFEST, areas.PAYLOAD}
    assert {area_at(layout, *each) for each in written} == changed
    assert sum(size for _, size in written) < 1_100_000


def area_at(layout: areas.Layout, at: int, size: int) -> str:
    return next(
        area.name for area in layout.areas if area.offset <= at and at + size <= area.offset + area.capacity
    )


def flip(file: Path, at: int) -> None:
    with file.open("r+b") as stream:
        stream.seek(at)
        byte = stream.read(1)[0]
        stream.seek(at)
        stream.write(bytes([byte ^ 0xFF]))


def flip_and_turn_back_the_clock(file: Path) -> None:
    state = file.stat()
    flip(file, 3_000_000)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def swap(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(bytes(file.stat().st_size))
    other.replace(file)


SPOILS: dict[str, Callable[[Path], object]] = {
    "a byte of its base part": lambda slot: flip(slot, 3_000_000),
    "a byte of it, and the clock turned back": flip_and_turn_back_the_clock,
    "its first sector": lambda slot: flip(slot, 0),
    "its last byte": lambda slot: flip(slot, slot.stat().st_size - 1),
    "cut short": lambda slot: os.truncate(slot, 5_000_000),
    "emptied": lambda slot: os.truncate(slot, 0),
    "longer": lambda slot: os.truncate(slot, slot.stat().st_size + 4096),
    "another file": swap,
    "gone": lambda slot: slot.unlink(),
    "its record gone": lambda slot: slot.with_suffix(".json").unlink(),
    "its record cut": lambda slot: os.truncate(slot.with_suffix(".json"), 9),
    "its record of another kind": lambda slot: slot.with_suffix(".json").write_text("[]"),
    "both gone": lambda slot: shutil.rmtree(slot.parent),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
@pytest.mark.parametrize("which", ["idle", "latest"])
def test_what_somebody_did_to_a_slot_is_mended(
    home: Home, good: dict[str, str], spoil: Callable[[Path], object], which: str
) -> None:
    spoil(home.idle if which == "idle" else home.latest.resolve())
    for name in ("ash", "birch", "ash"):
        home.rebuild(name)
        assert digest_of(home.latest) == good[name]


def test_what_is_kept_by_another_name_stays(home: Home, good: dict[str, str], tmp_path: Path) -> None:
    kept = tmp_path / "kept.iso"
    kept.hardlink_to(home.latest.resolve())
    for name in ("birch", "ember", "birch"):
        home.rebuild(name)
        assert digest_of(home.latest) == good[name]
    assert digest_of(kept) == good["ash"]


def test_who_reads_a_slot_reads_on(home: Home, good: dict[str, str]) -> None:
    with home.latest.open("rb") as upload:
        for name in ("birch", "ember", "birch"):
            home.rebuild(name)
            assert digest_of(home.latest) == good[name]
        assert hashlib.file_digest(upload, "sha256").hexdigest() == good["ash"]
    inodes = {slot.stat().st_ino for slot in home.slots}
    home.rebuild("ash")
    assert {slot.stat().st_ino for slot in home.slots} == inodes  # nobody reads any more


def test_the_link_may_be_gone(home: Home, good: dict[str, str]) -> None:
    home.latest.unlink()
    assert home.rebuild("birch")
    assert digest_of(home.latest) == good["birch"]


def test_a_folder_in_the_place_of_the_link_is_refused(home: Home) -> None:
    home.latest.unlink()
    home.latest.mkdir()
    with pytest.raises(Failure, match="is a directory"):
        home.rebuild("birch")
    home.latest.rmdir()


def test_a_prepared_base_that_is_gone_is_made_again_and_slots_stay(home: Home, good: dict[str, str]) -> None:
    inode = home.idle.stat().st_ino
    home.prepared[0].unlink()
    said: list[str] = []
    assert home.rebuild("birch", said.append)
    assert digest_of(home.latest) == good["birch"]
    assert home.latest.resolve().stat().st_ino == inode
    assert any("preparing" in line for line in said)
    assert not any("comparing" in line for line in said)


def test_a_larger_area_replaces_both_slots_and_the_prepared_base(
    home: Home, good: dict[str, str], monkeypatch
) -> None:
    old, kept = home.prepared[0], home.prepared[0].with_name("young.iso")
    kept.write_bytes(b"prepared just now")
    shelf.put(kept)
    payload_areas(monkeypatch, 2**22)
    for name, count in (("birch", 3), ("ember", 2), ("ash", 2)):
        two_days_ago(old)
        assert home.rebuild(name)
        assert digest_of(home.latest) == digest_of(home.build(name)) != good[name]
        assert len(home.prepared) == count  # as long as a slot is made of it, the old one stays
    assert not old.exists()
    assert kept.exists()
    two_days_ago(kept)
    home.rebuild("birch")
    assert len(home.prepared) == 1


def two_days_ago(prepared: Path) -> None:
    if prepared.exists():
        then = time.time() - 2 * shelf.DAY_SECONDS
        os.utime(prepared.with_suffix(".json"), (then, then))


def test_space_is_checked_before_a_slot_is_copied(home: Home, good: dict[str, str], monkeypatch) -> None:
    monkeypatch.setattr("builder.iso.slots.clone", lambda source, copy: False)
    home.idle.unlink()
    full = shutil.disk_usage("/")._replace(free=1_000_000)
    monkeypatch.setattr("builder.tools.shutil.disk_usage", lambda folder: full)
    with pytest.raises(Failure, match=r"has 1 MB free and \d\d MB are needed"):
        home.rebuild("birch")
    assert digest_of(home.latest) == good["ash"]


def test_a_full_disk_is_one_line(home: Home, good: dict[str, str], monkeypatch) -> None:
    def full(*arguments: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(Failure, match=r"latest\.iso: No space left"):
        patch.setattr(os, "pwrite", full)
        home.rebuild("birch")
    assert digest_of(home.latest) == good["ash"]
    assert home.rebuild("birch")
    assert digest_of(home.latest) == good["birch"]


def test_of_two_builds_one_waits(home: Home, good: dict[str, str]) -> None:
    waits = threading.Event()
    second = threading.Thread(
        target=home.rebuild, args=("birch", lambda line: "waiting" in line and waits.set())
    )
    with alone(home.cache, print):
        second.start()
        assert waits.wait(timeout=60)
        assert digest_of(home.latest) == good["ash"]
    second.join(timeout=60)
    assert digest_of(home.latest) == good["birch"]


@pytest.mark.parametrize("lost", [False, True], ids=["patched", "made anew"])
def test_killed_at_any_step_the_latest_stays_good(
    home: Home, good: dict[str, str], lost: bool, monkeypatch
) -> None:
    """Each time one step later, until it ends before; what comes next gives what was asked for."""
    monkeypatch.setattr("builder.iso.slots.clone", lambda source, copy: False)
    monkeypatch.setattr("builder.iso.slots.BLOCK_BYTES", 2**22)  # few steps where there would be many alike
    old, new, steps = "ash", "birch", 0
    while True:
        if lost:
            home.idle.unlink(missing_ok=True)
        if not killed_at(steps, partial(home.rebuild, new)):
            break
        assert digest_of(home.latest) in {good[old], good[new]}
        home.rebuild(new)
        assert digest_of(home.latest) == good[new]
        old, new, steps = new, old, steps + 1
    assert digest_of(home.latest) == good[new]
    assert steps > 15
