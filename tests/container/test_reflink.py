"""Rebuilds on real file systems: what is shared, what is copied, and what a power cut leaves."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from builder.iso.prepare import layout_of
from collectors.command import run
from tests.rebuilding import Home, digest_of, disk, small_payloads, watched
from tests.synthetic import synthetic_base

pytestmark = pytest.mark.container

# Nothing is written to the disk but what somebody waits for, and a copy of a disk has its own's name.
OPTIONS = {
    "ext4": ("noatime", "commit=600"),
    "btrfs": ("noatime", "commit=600"),
    "xfs": ("noatime", "nouuid"),
}
REFLINKS = ("btrfs", "xfs")
SLACK_BYTES = 2**20


@pytest.fixture(autouse=True, scope="module")
def _small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
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


@pytest.fixture(params=list(OPTIONS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def image(kind: str, base: Path, tmp_path: Path) -> Path:
    """A disk on which ember lies idle, and ash is the latest."""
    image = tmp_path / "disk.img"
    with disk(image, kind, tmp_path / "mount", *OPTIONS[kind]) as mount:
        home = Home(mount, base)
        home.rebuild("ember")
        home.rebuild("ash")
    return image


def shared_bytes(file: Path) -> int:
    """Return how much of a file lies in blocks that another file has, too."""
    lines = run(["filefrag", "-v", "-b1", file]).splitlines()
    extents = [re.match(r"\s*\d+:.*?:.*?: +(\d+):(.*)", line) for line in lines]
    return sum(int(found[1]) for found in extents if found and "shared" in found[2])


def used_bytes(mount: Path) -> int:
    os.sync()
    state = os.statvfs(mount)
    return (state.f_blocks - state.f_bfree) * state.f_frsize


def sectors(mount: Path) -> tuple[int, int]:
    """Return how many bytes were read from the disk below, and written to it (iostats.rst of Linux)."""
    os.sync()
    device = Path(run(["findmnt", "--noheadings", "--output", "SOURCE", mount]).strip())
    fields = (Path("/sys/class/block") / device.name / "stat").read_text().split()
    return int(fields[2]) * 512, int(fields[6]) * 512


def test_slots_share_the_base_where_the_file_system_can(
    kind: str, base: Path, good: dict[str, str], tmp_path: Path
) -> None:
    said: list[str] = []
    with disk(tmp_path / "disk.img", kind, tmp_path / "mount") as mount:
        home = Home(mount, base)
        assert home.rebuild("ember", said.append)
        before = used_bytes(mount)
        for name in ("ash", "birch", "ember"):
            assert home.rebuild(name, said.append)
            assert digest_of(home.latest) == good[name]
        (prepared,) = home.prepared
        size, areas = prepared.stat().st_size, sum(area.capacity for area in layout_of(prepared).areas)
        grown = used_bytes(mount) - before
        shared = [shared_bytes(slot) for slot in home.slots]
        if kind in REFLINKS:
            assert min(shared) >= size - areas
            assert grown < areas + SLACK_BYTES
            assert not any("cannot share" in line for line in said)
        else:
            assert shared == [0, 0]
            assert size <= grown < size + SLACK_BYTES
            assert sum("cannot share" in line for line in said) == 2
        assert {slot.stat().st_mode & 0o777 for slot in home.slots} == {0o600}
        assert home.prepared == [prepared]
        os.truncate(home.idle, size + SLACK_BYTES)
        assert home.rebuild("birch")
        assert digest_of(home.latest) == good["birch"]


def test_a_build_elsewhere_is_for_its_owner_alone_and_shares(kind: str, base: Path, tmp_path: Path) -> None:
    with disk(tmp_path / "disk.img", kind, tmp_path / "mount") as mount:
        home = Home(mount, base)
        home.build("ember").unlink()
        before = used_bytes(mount)
        output = home.build("ash")
        assert output.stat().st_mode & 0o777 == 0o600
        assert (used_bytes(mount) - before < SLACK_BYTES * 4) == (kind in REFLINKS)


def test_no_rebuild_reads_or_writes_the_base(kind: str, image: Path, base: Path, tmp_path: Path) -> None:
    with disk(image, kind, tmp_path / "mount", *OPTIONS[kind]) as mount:
        home = Home(mount, base)
        (prepared,) = home.prepared
        payload = layout_of(prepared).area("rekindle/payload.tar").capacity
        before = sectors(mount)
        assert home.rebuild("birch")
        read, written = (after - then for after, then in zip(sectors(mount), before, strict=True))
        assert read < prepared.stat().st_size / 2
        assert 0 < written < payload + SLACK_BYTES
        before = sectors(mount)
        assert not home.rebuild("birch")
        assert sectors(mount)[1] - before[1] < SLACK_BYTES / 16  # a journal is closed now and then


def test_a_power_cut_at_any_time_leaves_the_latest_good(
    kind: str, image: Path, base: Path, good: dict[str, str], tmp_path: Path
) -> None:
    """What is on the disk now is all that a cut leaves; the next rebuild gives what is asked for even so."""
    cuts = tmp_path / "cuts"
    cuts.mkdir()

    def cut() -> None:
        run(["cp", "--sparse=always", image, cuts / f"{len(os.listdir(cuts)):02}.img"])

    with disk(image, kind, tmp_path / "mount", *OPTIONS[kind]) as mount:
        watched(partial(Home(mount, base).rebuild, "birch"), cut)
    seen = []
    for left in sorted(cuts.iterdir()):
        with disk(left, kind, tmp_path / "mount", *OPTIONS[kind]) as mount:
            home = Home(mount, base)
            seen.append(digest_of(home.latest))
            for name in ("ember", "birch"):  # the first is what the slot held that was being written
                home.rebuild(name)
                assert digest_of(home.latest) == good[name]
        left.unlink()
    switched = seen.index(good["birch"])
    assert set(seen[:switched]) == {good["ash"]}
    assert set(seen[switched:]) == {good["birch"]}
    assert switched > 5
