"""A prepared base beside its base, on every layout that Ubuntu's ISOs have."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pycdlib
import pytest

from autoinstall.config import Config, Identity
from builder.base.provenance import unverified
from builder.build import build, rebuild
from builder.contents import Recovery
from builder.iso import areas, medium, shelf
from builder.iso.author import author
from builder.iso.medium import read_medium
from builder.iso.prepare import Prepared, layout_of
from collectors.command import run
from collectors.failure import Failure
from tests import images
from tests.postures import HASH, small_posture
from tests.recovery import prepared_of
from tests.synthetic import SERVER_2404, VENDORS, Vendor, synthetic_base

pytestmark = pytest.mark.integration

REPLACED = {"boot/grub/grub.cfg", "boot/grub/loopback.cfg", "md5sum.txt"}
# What holds places on the medium, and is no file of the vendor's.
MOVED = {"boot.catalog", "boot/boot.cat", "boot/grub/i386-pc/eltorito.img"}
# Where a large file is looked at: both sides of what one record can hold, of 4 GiB, its end.
MARKED_AT = (0, 4294965240, 4294965248, 4294967288, 4294967296, 4300 * 2**20 - 8)


@dataclass(frozen=True)
class Pair:
    """A base and what came of it: the ISOs, and their files as xorriso extracts them."""

    vendor: Vendor
    base: Path
    prepared: Prepared
    before: Mapping[str, bytes]
    after: Path

    @property
    def iso(self) -> Path:
        return self.prepared.path

    @property
    def names(self) -> list[str]:
        return [area.name for area in self.prepared.layout.areas]


@pytest.fixture(scope="module", params=list(VENDORS))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp(request.param)
    vendor = VENDORS[request.param]
    base = synthetic_base(folder, vendor)
    prepared = prepared_of(base, folder / "cache")
    before = images.files_of(images.extracted(base, folder / "before"))
    return Pair(vendor, base, prepared, before, images.extracted(prepared.path, folder / "after"))


def test_areas_come_after_all_that_never_changes(pair: Pair) -> None:
    whole = images.tree(pair.iso)
    static = {name: extents for name, extents in whole.items() if name not in pair.names}
    listed = pair.prepared.layout.areas
    assert max(map(images.end_of, static.values())) <= listed[0].offset
    assert set(pair.before) - {"md5sum.txt"} <= set(static)
    for area, following in pairwise(listed):
        assert area.offset + area.capacity == following.offset, following.name
    assert listed[-1].name == "md5sum.txt"


def test_the_table_says_where_the_areas_lie_and_what_they_hold(pair: Pair) -> None:
    whole, image = images.tree(pair.iso), pair.iso.read_bytes()
    for area in pair.prepared.layout.areas:
        assert whole[area.name] == ((area.offset // images.SECTOR_BYTES, area.capacity),)
        held = image[area.offset : area.offset + area.capacity]
        if area.pristine is not None:
            assert held == area.pristine.encode().ljust(area.capacity, area.padding), area.name
    assert pair.prepared.layout == layout_of(pair.iso)
    assert {"rekindle/payload.tar", "rekindle/manifest.json", "md5sum.txt"} < set(pair.names)


def test_both_directory_trees_agree(pair: Pair) -> None:
    whole = images.tree(pair.iso)
    assert whole == images.tree(pair.iso, images.PARTITION_SECTOR)
    assert set(whole) > set(pair.before)


def test_joliet_names_the_same_files(pair: Pair) -> None:
    image = pycdlib.PyCdlib()
    image.open(str(pair.iso))
    at = image.get_record(joliet_path="/rekindle/payload.tar").extent_location()
    assert ((at, 64 * 2**20),) == images.tree(pair.iso)["rekindle/payload.tar"]
    assert image.get_record(joliet_path="/casper/vmlinuz").data_length == len(pair.before["casper/vmlinuz"])
    image.close()


def test_every_file_of_the_vendor_is_byte_identical(pair: Pair) -> None:
    after = images.files_of(pair.after)
    assert set(pair.before) <= set(after)
    for name in set(pair.before) - REPLACED - MOVED:
        assert after[name] == pair.before[name], name
    for name in {"boot/grub/i386-pc/eltorito.img"} & set(pair.before):
        assert images.masked(after[name]) == images.masked(pair.before[name])
    assert os.readlink(pair.after / "ubuntu") == "."


def test_what_is_new_is_rekindles_and_how_the_installer_is_told(pair: Pair) -> None:
    told = {"nocloud/user-data", "nocloud/meta-data"} if "22.04" in pair.vendor.info else {"autoinstall.yaml"}
    new = set(images.files_of(pair.after)) - set(pair.before)
    assert {name for name in new if not name.startswith("rekindle/")} == told


def test_the_menus_offer_recovery_first_and_keep_the_vendors_entries(pair: Pair) -> None:
    assert ("boot/grub/loopback.cfg" in pair.before) == bool(pair.vendor.loopback_cfg)
    for name in {"boot/grub/grub.cfg", "boot/grub/loopback.cfg"} & set(pair.before):
        menu, vendor = (pair.after / name).read_text(), pair.before[name].decode()
        head, _, entries = vendor.partition("menuentry")
        assert menu.startswith(head)
        assert menu.endswith("menuentry" + entries)
        ours = menu[len(head) : -len("menuentry" + entries)]
        assert "autoinstall" in ours
        assert ("iso-scan/filename=${iso_path}" in ours) == name.endswith("loopback.cfg")
        assert ("'ds=nocloud;s=/cdrom/nocloud/'" in ours) == ("22.04" in pair.vendor.info)


def test_the_boot_entries_are_the_same(pair: Pair) -> None:
    entries = images.boot_entries(pair.iso)
    assert entries == images.boot_entries(pair.base)
    platforms = [words[6] for words in entries if words[2] == "boot"]
    assert platforms == (["UEFI"] if "arm64" in pair.vendor.info else ["BIOS", "UEFI"])


def test_the_boot_entries_point_to_their_images(pair: Pair) -> None:
    sectors = images.boot_sectors(pair.iso)
    assert sectors.pop("UEFI") * images.SECTOR_BYTES == images.esp_place(pair.iso)[0] * 512
    bios = images.tree(pair.iso).get("boot/grub/i386-pc/eltorito.img")
    assert sectors == ({"BIOS": bios[0][0]} if bios else {})


def test_the_boot_code_is_the_same(pair: Pair) -> None:
    """All before the partition table but the 8 bytes that tell where GRUB goes on."""

    def code(iso: Path) -> bytes:
        with iso.open("rb") as file:
            sector = file.read(512)
        return sector[:432] + sector[440:446]

    assert code(pair.iso) == code(pair.base)
    assert any(code(pair.iso)) == ("amd64" in pair.vendor.info)


def test_the_esp_is_byte_identical(pair: Pair) -> None:
    assert images.esp(pair.iso) == images.esp(pair.base)


def test_the_partition_table_is_as_clean_as_the_bases(pair: Pair) -> None:
    def has_gpt(iso: Path) -> tuple[bool, bool]:
        """Whether there is a header, and its backup in the last sector of all."""
        image = iso.read_bytes()
        return image[512:520] == b"EFI PART", image[-512:-504] == b"EFI PART"

    assert images.complaints(pair.iso) <= images.complaints(pair.base)
    expected = pair.vendor is not VENDORS["arm64-24.04"]
    assert has_gpt(pair.iso) == has_gpt(pair.base) == (expected, expected)


def test_md5sums_are_right_and_complete(pair: Pair) -> None:
    checked = run(["md5sum", "--check", "--strict", "md5sum.txt"], cwd=pair.after).splitlines()
    assert all(line.endswith(": OK") for line in checked)
    assert {line.split(": ")[0][2:] for line in checked} == set(images.files_of(pair.after)) - MOVED - {
        "md5sum.txt"
    }


def test_the_volume_keeps_its_names_and_its_date(pair: Pair) -> None:
    def volume(iso: Path) -> list[bytes]:
        with medium.opened(iso) as image:
            pvd = image.pvd
            dates = (pvd.volume_creation_date, pvd.volume_modification_date)
            names = (pvd.system_identifier, pvd.volume_identifier, pvd.volume_set_identifier)
            return [*names, *(date.date_str for date in dates)]

    assert volume(pair.iso) == volume(pair.base)


def test_the_base_is_not_touched(pair: Pair) -> None:
    assert unverified(pair.base).sha256 == pair.prepared.layout.base.sha256


def test_the_same_base_gives_the_same_bytes_anywhere(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / 'it\'s a "där", twice: 1,2'
    folder.mkdir()
    base = folder / "other name.iso"
    os.link(pair.base, base)
    while time.time() < pair.iso.stat().st_ctime + 1:
        pass  # a second later by every clock that could leak in
    for name, value in {"TZ": "Asia/Kathmandu", "LANG": "tr_TR.UTF-8", "LC_TIME": "de_DE.UTF-8"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    old = os.umask(0o077)
    try:
        again = prepared_of(base, folder / "cache")
    finally:
        os.umask(old)
    assert again.path.name == pair.iso.name
    assert again.path.read_bytes() == pair.iso.read_bytes()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_base(tmp_path_factory.mktemp("base"))


def cut_short(image: Path) -> None:
    os.truncate(image, image.stat().st_size // 2)


def written_to(image: Path) -> None:
    with image.open("r+b") as file:
        file.seek(image.stat().st_size // 2)
        file.write(b"damage")


def swapped(image: Path) -> None:
    image.unlink()
    image.write_bytes(b"")


def unrecorded(image: Path) -> None:
    image.with_suffix(".json").unlink()


def recorded_badly(image: Path) -> None:
    image.with_suffix(".json").write_text("{")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("spoil", [cut_short, written_to, swapped, unrecorded, recorded_badly])
def test_a_prepared_base_that_is_not_as_it_was_put_is_made_anew(
    base: Path, cache: Path, spoil: Callable[[Path], None]
) -> None:
    first = prepared_of(base, cache).path
    whole = first.read_bytes()
    spoil(first)
    told: list[str] = []
    again = prepared_of(base, cache, say=told.append)
    assert again.path == first
    assert again.path.read_bytes() == whole
    assert [line.split()[0] for line in told] == ["preparing"]


def test_a_prepared_base_is_made_once(base: Path, cache: Path) -> None:
    first = prepared_of(base, cache)
    state = first.path.stat()
    told: list[str] = []
    assert prepared_of(base, cache, say=told.append) == first
    assert told == []
    assert first.path.stat().st_mtime_ns == state.st_mtime_ns
    assert first.path.stat().st_ino == state.st_ino


def test_what_nobody_uses_and_what_killed_runs_left_is_removed(base: Path, cache: Path) -> None:
    used, unused = prepared_of(base, cache).path, prepared_of(base, cache, 60 * 10**6).path
    folder = used.parent
    long_ago = time.time() - shelf.UNUSED_SECONDS - 60
    os.utime(unused.with_suffix(".json"), (long_ago, long_ago))
    (folder / ".dead.iso.partial").write_bytes(b"half")
    (folder / ".dead.iso.work" / "rekindle").mkdir(parents=True)
    os.utime(used.with_suffix(".json"), (long_ago, long_ago))
    prepared_of(base, cache)
    assert {path.name for path in folder.iterdir()} == {".lock", used.name, used.with_suffix(".json").name}


def test_a_failed_preparation_leaves_nothing_and_says_why_in_one_line(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: object, **named: object) -> None:
        (tmp_path / "not.empty").write_bytes(b"something" * 9999)
        author(read_medium(base), {}, tmp_path / "not.empty")

    monkeypatch.setattr("builder.iso.prepare.author", fails)
    with pytest.raises(Failure, match="xorriso ended with") as raised:
        prepared_of(base, tmp_path / "cache")
    assert "\n" not in str(raised.value)
    assert "-compliance" not in raised.value.message
    assert [path.name for path in (tmp_path / "cache" / "prepared").iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("payload_bytes", "capacity"),
    [
        (0, 64),
        (50 * 10**6, 64),
        (60 * 10**6, 128),
        (107 * 10**6, 128),
        (108 * 10**6, 256),
        (2 * 10**9, 3072),
        (5 * 10**9, 6144),
    ],
)
def test_capacity_leaves_room_to_spare(payload_bytes: int, capacity: int) -> None:
    assert areas.capacity_for(payload_bytes) == capacity * 2**20


def test_a_rebuild_whose_payload_outgrew_its_area_prepares_anew(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, latest, program = tmp_path / "cache", tmp_path / "state" / "latest.iso", tmp_path / "program"
    monkeypatch.setattr("builder.build.restore_program", lambda *args, **options: program)
    recovery = Recovery("ember", small_posture(), Config(identity=Identity(password_hash=HASH)))

    def rebuilt(payload_bytes: int) -> tuple[int, list[str]]:
        program.write_bytes(b"")
        os.truncate(program, payload_bytes)
        told: list[str] = []
        rebuild(recovery, unverified(base), latest=latest, cache=cache, say=told.append)
        return layout_of(latest).area(areas.PAYLOAD).capacity, [line for line in told if "preparing" in line]

    anew = [f"preparing {SERVER_2404.info} (once)"]
    assert rebuilt(1000) == (64 * 2**20, anew)
    assert rebuilt(50 * 10**6) == (64 * 2**20, [])
    assert rebuilt(60 * 10**6) == (128 * 2**20, anew)
    assert len(list((cache / "prepared").glob("*.iso"))) == 2


def test_arm64_is_prepared_but_not_built(tmp_path: Path, program_cache: Path) -> None:
    base = synthetic_base(tmp_path, VENDORS["arm64-24.04"])
    release = small_posture().system.release.model_copy(update={"architecture": "arm64"})
    recovery = Recovery(
        "ember", small_posture(release=release), Config(identity=Identity(password_hash=HASH))
    )
    with pytest.raises(Failure, match="no restore program for arm64 yet") as raised:
        build(recovery, unverified(base), output=tmp_path / "out" / "r.iso", cache=program_cache, say=print)
    assert raised.value.remedy
    assert not (tmp_path / "out").exists()
    assert prepared_of(base, tmp_path / "cache").path.is_file()


def test_a_file_past_four_gibibytes_survives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.whole.synced", lambda path: None)  # gone before any disk has it
    name, size = "casper/large.squashfs", 4300 * 2**20
    with (tmp_path / "large").open("wb") as file:
        for at in MARKED_AT:
            file.seek(at)
            file.write(f"{at:08x}".encode())
        file.truncate(size)
    base = synthetic_base(tmp_path, large={name: tmp_path / "large"})
    prepared = prepared_of(base, tmp_path / "cache")
    extents = images.tree(prepared.path)[name]
    assert len(extents) == 2
    assert sum(length for _, length in extents) == size
    assert extents == images.tree(prepared.path, images.PARTITION_SECTOR)[name]
    with medium.opened(prepared.path) as iso:
        assert (name, extents[0][0], size) in set(medium.walk(iso))
    with prepared.path.open("rb") as image:
        for at in MARKED_AT:
            image.seek(extents[0][0] * images.SECTOR_BYTES + at)
            assert image.read(8).decode() == f"{at:08x}"[:8]
    assert images.end_of(extents) <= prepared.layout.areas[0].offset
    assert images.complaints(prepared.path) == set()
    prepared.path.unlink()
