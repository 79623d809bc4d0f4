"""Verifying a medium: whatever is changed on it, the check that is for it says so, and no other."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from builder.base.provenance import identified, vouched
from builder.cli import app
from builder.iso import boot, source, structures
from builder.iso.areas import MANIFEST, PAYLOAD, SIGNATURE, SIGNERS, Layout
from builder.iso.prepare import layout_of
from builder.look.shown import show_verified
from builder.look.verify import Verified, verify
from builder.payload.signature import allowed, own_key
from builder.places import Places, places
from builder.stick.table import fit
from collectors.failure import Failure
from tests import images
from tests.recovery import COMMIT, Made, copied, make_recovery, prepared_of, spoiled
from tests.synthetic import ESP_KIB, VENDORS, synthetic_base

pytestmark = pytest.mark.integration

MIB = 2**20
BLOCK, SECTOR = boot.BLOCK_BYTES, boot.SECTOR_BYTES
AUTOINSTALL = "autoinstall.yaml"
AREAS = "rekindle/areas.json"
VENDORS_FILE = "casper/vmlinuz"
ALL = (
    "length",
    "boot sector",
    "partition table",
    "backup table",
    "boot catalogue",
    "boot images",
    "ESP",
    "directories",
    "areas",
    "manifest",
    "signature",
    "area contents",
    "area padding",
    "payload",
    "base",
    "md5sum.txt",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verify")


@pytest.fixture(scope="module")
def made(folder: Path) -> Made:
    """The recovery ISO of this machine, signed by it."""
    own = folder / "own"
    own.mkdir()
    return make_recovery(own, synthetic_base(own), key=own_key(folder / "home" / "config"))


@pytest.fixture(autouse=True)
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setenv("REKINDLE_HOME", str(folder / "home"))
    return places()


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    return own_key(tmp_path / "stranger")


def looked(iso: Path, signers: Path | None = None) -> Verified:
    return verify(iso, places(), signers, lambda done, total: None)


def said(found: Verified, name: str) -> str:
    return next(check.said for check in found.checks if check.name == name)


def untold(found: Verified) -> set[str]:
    return {check.name for check in found.checks if check.ok is None}


@dataclass(frozen=True)
class Ground:
    """An ISO, and where things lie on it, in bytes."""

    iso: Path
    image: bytes
    layout: Layout

    def area(self, name: str) -> int:
        return self.layout.area(name).offset

    def tail(self, name: str) -> int:
        return self.area(name) + self.layout.area(name).capacity - 1

    def held(self, name: str) -> int:
        """How long the content of an area is."""
        text = self.image[self.area(MANIFEST) : self.tail(MANIFEST)].decode()
        return next(each["size_bytes"] for each in json.loads(text)["areas"] if each["name"] == name)

    def text(self, name: str, text: bytes, beyond: int = 0) -> int:
        """Where `text` begins in an area, or what follows it."""
        return self.image.index(text, self.area(name)) + beyond

    def file(self, name: str) -> int:
        return images.tree(self.iso)[name][0][0] * SECTOR

    def structure(self, name: str) -> int:
        return next(each.offset for each in self.layout.structures if each.name == name)

    def record(self, tree: int, name: bytes = b"VMLINUZ.;1") -> int:
        """Where a record of the tree at sector 0 or 16 begins (ECMA-119 9.1: its name is byte 33)."""
        directories = self.structure(structures.DIRECTORIES)
        found, at = [], directories
        while len(found) < 2:
            at = self.image.index(name, at + 1)
            found.append(at - 33)
        return found[bool(tree)]


@pytest.fixture(scope="module")
def ground(made: Made) -> Ground:
    return Ground(made.iso, made.iso.read_bytes(), layout_of(made.iso))


def flipped(ground: Ground, at: int) -> Mapping[int, bytes]:
    return {at: bytes([ground.image[at] ^ 1])}


PVD = 16 * SECTOR
BITS: Mapping[str, tuple[str, Callable[[Ground], int]]] = {
    "the boot code": ("boot sector", lambda on: 100),
    "the boot sector's mark": ("boot sector", lambda on: 510),
    "the protective partition's type": ("boot sector", lambda on: 446 + 4),
    "the protective partition's size": ("boot sector", lambda on: 446 + 12),
    "the GPT's disk": ("partition table", lambda on: BLOCK + 56),
    "the GPT's magic": ("partition table", lambda on: BLOCK),
    "the GPT's reserved bytes": ("partition table", lambda on: 2 * BLOCK - 1),
    "a GPT entry": ("partition table", lambda on: 2 * BLOCK + 32),
    "the backup GPT's header": ("backup table", lambda on: len(on.image) - BLOCK + 24),
    "the backup GPT's magic": ("backup table", lambda on: len(on.image) - BLOCK),
    "a backup GPT entry": ("backup table", lambda on: len(on.image) - 63 * BLOCK + 40),
    "the catalogue's checksum": ("boot catalogue", lambda on: on.structure(structures.CATALOGUE) + 28),
    "where an image lies": ("boot catalogue", lambda on: on.structure(structures.CATALOGUE) + 32 + 8),
    "the catalogue's end": ("boot catalogue", lambda on: on.structure(structures.CATALOGUE) + SECTOR - 1),
    "the BIOS image": ("boot images", lambda on: on.structure(structures.BIOS_IMAGE) + 9999),
    "the BIOS image's first code": ("boot images", lambda on: on.structure(structures.BIOS_IMAGE) + 2),
    "the BIOS image's table": ("boot images", lambda on: on.structure(structures.BIOS_IMAGE) + 12),
    "the ESP's boot sector": ("ESP", lambda on: on.structure(structures.ESP) + 11),
    "the ESP's allocation table": ("ESP", lambda on: on.structure(structures.ESP) + BLOCK + 2),
    "a file in the ESP": ("ESP", lambda on: on.structure(structures.ESP) + 2 * MIB),
    "the ESP's last byte": ("ESP", lambda on: on.structure(structures.ESP) + ESP_KIB * 1024 - 1),
    "the volume's magic": ("directories", lambda on: PVD + 1),
    "the volume's size": ("directories", lambda on: PVD + 80),
    "the volume's date": ("directories", lambda on: PVD + 813),
    "the partition's volume's magic": ("directories", lambda on: 2 * PVD + 1),
    "the partition's volume's date": ("directories", lambda on: 2 * PVD + 813),
    "where a file lies": ("directories", lambda on: on.record(0) + 2),
    "where a file lies in the partition": ("directories", lambda on: on.record(16) + 2),
    "how long a file is": ("directories", lambda on: on.record(0) + 10),
    "when a file was made": ("directories", lambda on: on.record(0) + 20),
    "when a file was made in the partition": ("directories", lambda on: on.record(16) + 20),
    "a file's name": ("directories", lambda on: on.image.index(b"vmlinuz", PVD)),
    "a vendor's file": ("md5sum.txt", lambda on: on.file(VENDORS_FILE) + 77),
    "a script of ours": ("md5sum.txt", lambda on: on.file("rekindle/installer/mark") + 7),
    "a digest": ("md5sum.txt", lambda on: on.text("md5sum.txt", VENDORS_FILE.encode()) - 10),
    "a listed name": ("md5sum.txt", lambda on: on.text("md5sum.txt", VENDORS_FILE.encode())),
    "a blank of md5sum.txt": ("md5sum.txt", lambda on: on.text("md5sum.txt", VENDORS_FILE.encode()) - 3),
    "what areas.json says": ("areas", lambda on: on.image.index(b'"offset"', on.file(AREAS)) + 11),
    "how areas.json is written": ("areas", lambda on: on.file(AREAS)),
    "areas.json's padding": ("areas", lambda on: on.file(AREAS) + 60_000),
    "the payload": ("area contents", lambda on: on.area(PAYLOAD) + 9999),
    "the payload's end": ("area contents", lambda on: on.area(PAYLOAD) + on.held(PAYLOAD) - 1),
    "the autoinstall": ("area contents", lambda on: on.area(AUTOINSTALL) + 5),
    "the menu's facts": ("area contents", lambda on: on.area("rekindle/machine.cfg") + 5),
    "the list of signers": ("area contents", lambda on: on.area(SIGNERS) + 40),
    "the payload's padding": ("area padding", lambda on: on.tail(PAYLOAD)),
    "the first byte of padding": ("area padding", lambda on: on.area(PAYLOAD) + on.held(PAYLOAD)),
    "the autoinstall's padding": ("area padding", lambda on: on.tail(AUTOINSTALL)),
    "the manifest's padding": ("area padding", lambda on: on.tail(MANIFEST)),
    "the signature's padding": ("area padding", lambda on: on.tail(SIGNATURE)),
    "the host in the manifest": ("manifest", lambda on: on.text(MANIFEST, b"ember")),
    "a digest in the manifest": ("manifest", lambda on: on.text(MANIFEST, b'"sha256": "', 15)),
    "the manifest's first byte": ("manifest", lambda on: on.area(MANIFEST)),
    "the manifest's last byte": ("manifest", lambda on: on.text(MANIFEST, b"\n}\n") + 1),
    "the signature": ("signature", lambda on: on.area(SIGNATURE) + 99),
    "the signature's end": ("signature", lambda on: on.text(SIGNATURE, b"-----END") + 6),
}
ZEROED: Mapping[str, tuple[str, Callable[[Ground], int]]] = {
    "the boot sector": ("boot sector", lambda on: 0),
    "the GPT's header": ("partition table", lambda on: BLOCK),
    "the backup GPT's header": ("backup table", lambda on: len(on.image) - BLOCK),
    "the catalogue": ("boot catalogue", lambda on: on.structure(structures.CATALOGUE)),
    "the ESP's boot sector": ("ESP", lambda on: on.structure(structures.ESP)),
    "a directory": ("directories", lambda on: on.record(0) // SECTOR * SECTOR),
    "a directory of the partition": ("directories", lambda on: on.record(16) // SECTOR * SECTOR),
    "the volume descriptor": ("directories", lambda on: PVD),
    "the partition's volume descriptor": ("directories", lambda on: 2 * PVD),
    "md5sum.txt": ("md5sum.txt", lambda on: on.area("md5sum.txt")),
    "the signature": ("signature", lambda on: on.area(SIGNATURE)),
    "the manifest": ("manifest", lambda on: on.area(MANIFEST)),
    "areas.json": ("areas", lambda on: on.file(AREAS)),
    "a vendor's file": ("md5sum.txt", lambda on: on.file(VENDORS_FILE)),
}


def test_a_recovery_iso_is_whole(made: Made) -> None:
    found = looked(made.iso)
    assert found.wrong == ()
    assert [check.name for check in found.checks] == list(ALL)
    assert untold(found) == {"base"}
    assert found.verdict == f"whole: the recovery ISO of ember, posture of {COMMIT.date[:10]}"
    assert said(found, "directories").endswith("in both trees")
    assert "this machine's own key: SHA256:" in said(found, "signature")
    assert "nobody vouched for it" in said(found, "base")


@pytest.mark.parametrize("what", list(BITS))
def test_one_bit_fails_the_check_that_is_for_it(ground: Ground, tmp_path: Path, what: str) -> None:
    check, at = BITS[what]
    assert looked(spoiled(ground.iso, tmp_path / "r.iso", flipped(ground, at(ground)))).wrong == (check,)


@pytest.mark.parametrize("what", list(ZEROED))
def test_a_sector_of_zeros_fails_the_check_that_is_for_it(ground: Ground, tmp_path: Path, what: str) -> None:
    check, at = ZEROED[what]
    length = BLOCK if "GPT" in what or what == "the boot sector" else SECTOR
    if what == "md5sum.txt":
        length = ground.layout.area(what).capacity
    changes = {at(ground): bytes(length)}
    assert looked(spoiled(ground.iso, tmp_path / "r.iso", changes)).wrong == (check,)


def test_no_bit_that_something_knows_of_is_changed_unseen(ground: Ground, tmp_path: Path) -> None:
    copy = copied(ground.iso, tmp_path / "r.iso")
    noise, known = random.Random(5), list(covered(ground))
    with copy.open("r+b", buffering=0) as file:
        for _ in range(12):
            at, size = noise.choice(known)
            place = at + noise.randrange(size)
            os.pwrite(file.fileno(), bytes([ground.image[place] ^ 1 << noise.randrange(8)]), place)
            assert looked(copy).wrong, place
            os.pwrite(file.fileno(), ground.image[place : place + 1], place)
    assert looked(copy).wrong == ()


def covered(ground: Ground) -> Iterator[tuple[int, int]]:
    """Yield where something lies, and how long it is."""
    for structure in ground.layout.structures:
        yield structure.offset, structure.size_bytes
    for extents in images.tree(ground.iso).values():
        yield from ((sector * SECTOR, size) for sector, size in extents if size)
    yield BLOCK, 63 * BLOCK
    yield len(ground.image) - 63 * BLOCK, 63 * BLOCK


@pytest.mark.parametrize("cut", [1, 400_000, 9 * MIB])
def test_what_is_cut_short_is_told_so_alone(made: Made, tmp_path: Path, cut: int) -> None:
    copy = copied(made.iso, tmp_path / "r.iso")
    os.truncate(copy, copy.stat().st_size - cut)
    found = looked(copy)
    assert found.wrong == ("length",)
    assert len(found.checks) == 1
    assert f"cut short: {copy.stat().st_size} of {made.iso.stat().st_size}" in found.checks[0].said


def test_all_that_is_wrong_is_told(ground: Ground, tmp_path: Path) -> None:
    changes = {
        **flipped(ground, 100),
        **flipped(ground, ground.file(VENDORS_FILE)),
        **flipped(ground, ground.tail(PAYLOAD)),
        **flipped(ground, ground.area(PAYLOAD)),
    }
    found = looked(spoiled(ground.iso, tmp_path / "r.iso", changes))
    assert found.wrong == ("boot sector", "area contents", "area padding", "md5sum.txt")
    assert found.verdict == f"damaged, do not rely on it: {', '.join(found.wrong)}"
    assert "payload" in untold(found)
    assert VENDORS_FILE in said(found, "md5sum.txt")
    assert PAYLOAD in said(found, "area contents")
    assert PAYLOAD not in said(found, "md5sum.txt")


@pytest.mark.parametrize(
    ("name", "check"),
    [(VENDORS_FILE, "md5sum.txt"), (PAYLOAD, "area contents"), (AREAS, "areas"), (MANIFEST, "manifest")],
)
def test_what_a_worn_stick_does_not_give_is_told_like_any_other_damage(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, name: str, check: str
) -> None:
    bad = ground.file(name) + 99

    def readinto(self: source._Local, buffer: Any, /) -> int | None:
        if self.tell() <= bad < self.tell() + len(buffer):
            raise Failure(f"{self.name}: Input/output error", remedy="try another stick or copy")
        return FileIO.readinto(self, buffer)

    monkeypatch.setattr(source._Local, "readinto", readinto)
    assert check in looked(ground.iso).wrong


@pytest.mark.parametrize("what", [b"not an iso" * 9999, b""])
def test_what_is_no_iso_is_refused(tmp_path: Path, what: bytes) -> None:
    (tmp_path / "x.iso").write_bytes(what)
    with pytest.raises(Failure, match="not an ISO image"):
        looked(tmp_path / "x.iso")


@pytest.mark.parametrize("vendor", list(VENDORS))
def test_a_vendors_iso_and_a_prepared_base_are_whole(tmp_path: Path, vendor: str) -> None:
    base = synthetic_base(tmp_path, VENDORS[vendor])
    found = looked(base)
    assert found.wrong == ()
    assert found.verdict == f"whole: {VENDORS[vendor].info}, with nothing of Rekindle on it"
    assert untold(found) == {"areas", "base"} | no_gpt(vendor)
    prepared = prepared_of(base, tmp_path).path
    found = looked(prepared)
    assert found.wrong == ()
    assert found.verdict == f"whole: {VENDORS[vendor].info}, prepared; nothing is built on it yet"
    expected = {"manifest", "signature", "area padding", "payload", "base"}
    assert untold(found) == expected | no_gpt(vendor)


def no_gpt(vendor: str) -> set[str]:
    return {"partition table", "backup table"} if vendor == "arm64-24.04" else set()


def test_an_area_of_a_prepared_base_that_is_not_empty_is_told(made: Made, tmp_path: Path) -> None:
    at = layout_of(made.prepared).area(PAYLOAD).offset
    found = looked(spoiled(made.prepared, tmp_path / "p.iso", {at + 5: b"x"}))
    assert found.wrong == ("area contents",)
    assert PAYLOAD in said(found, "area contents")


def test_a_vendors_iso_is_checked_by_what_it_has(made: Made, tmp_path: Path) -> None:
    """It knows no structures: its boot code and its ESP could be anybody's."""
    image, lies = made.base.read_bytes(), images.tree(made.base)
    for at, check in (
        (lies[VENDORS_FILE][0][0] * SECTOR, "md5sum.txt"),
        (lies["boot/grub/i386-pc/eltorito.img"][0][0] * SECTOR + 999, "boot images"),
        (BLOCK + 56, "partition table"),
        (len(image) - BLOCK + 56, "backup table"),
        (lies["boot.catalog"][0][0] * SECTOR + 28, "boot catalogue"),
        (image.index(b"VMLINUZ.;1") - 33 + 2, "directories"),
    ):
        copy = spoiled(made.base, tmp_path / "b.iso", {at: bytes([image[at] ^ 1])})
        assert looked(copy).wrong == (check,), check


def test_a_stick_whose_table_reaches_to_its_end_is_whole(made: Made, tmp_path: Path) -> None:
    stick = copied(made.iso, tmp_path / "stick")
    fit(stick, stick.stat().st_size + 32 * MIB)
    assert looked(stick).wrong == ()
    image = stick.read_bytes()
    assert looked(spoiled(stick, tmp_path / "s", {len(image) - 20 * 1024: b"x"})).wrong == ("backup table",)


def test_a_device_that_goes_on_behind_the_iso_is_whole(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `dd` leaves it: the backup table lies where the ISO ends."""
    stick = copied(made.iso, tmp_path / "stick")
    os.truncate(stick, stick.stat().st_size + 32 * MIB)
    assert looked(stick).wrong == ("boot sector", "backup table")  # of a file it is nothing good
    monkeypatch.setattr("builder.look.seen.Seen.is_device", True)
    found = looked(stick)
    assert found.wrong == ()
    assert "`rekindle flash` moves it" in said(found, "backup table")
    damaged = spoiled(stick, tmp_path / "s", {made.iso.stat().st_size - 20 * 1024: b"x"})
    assert looked(damaged).wrong == ("backup table",)


def test_without_anybody_trusted_a_signature_proves_no_maker(
    made: Made, ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REKINDLE_HOME", str(tmp_path / "elsewhere"))
    found = looked(made.iso)
    assert found.wrong == ()
    assert "signature" in untold(found)
    assert "not by whom" in said(found, "signature")
    assert "--signers" in said(found, "signature")
    assert found.verdict.endswith("; whose it is, nobody here can tell")
    at = ground.area(SIGNERS) + 60
    assert looked(spoiled(made.iso, tmp_path / "r.iso", flipped(ground, at))).wrong == ("area contents",)
    at = ground.area(SIGNATURE) + 99
    assert looked(spoiled(made.iso, tmp_path / "r.iso", flipped(ground, at))).wrong == ("signature",)


def test_who_is_not_named_is_not_trusted(made: Made, home: Places, tmp_path: Path, stranger: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.write_bytes(allowed(home.config / "signing_key"))
    other.write_bytes(allowed(stranger))
    assert looked(made.iso, own).wrong == ()
    found = looked(made.iso, other)
    assert found.wrong == ("signature",)
    assert f"not one of {other}: SHA256:" in said(found, "signature")


def test_an_iso_that_somebody_else_built_and_signed_is_not_this_machines(
    made: Made, tmp_path: Path, stranger: Path
) -> None:
    there = tmp_path / "there"
    there.mkdir()
    assert looked(make_recovery(there, made.base, key=stranger).iso).wrong == ("signature",)


def test_a_signature_that_was_removed_is_missed(made: Made, ground: Ground, tmp_path: Path) -> None:
    blank = b"\n" * ground.layout.area(SIGNATURE).capacity
    found = looked(spoiled(made.iso, tmp_path / "r.iso", {ground.area(SIGNATURE): blank}))
    assert found.wrong == ("signature",)
    assert said(found, "signature") == "not signed"


def test_an_unsigned_iso_is_held_against_its_sums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REKINDLE_HOME", str(tmp_path / "elsewhere"))
    iso = make_recovery(tmp_path, synthetic_base(tmp_path)).iso
    found = looked(iso)
    assert found.wrong == ()
    assert said(found, "signature") == "not signed"
    ground = Ground(iso, iso.read_bytes(), layout_of(iso))
    for name, check in ((MANIFEST, "manifest"), (PAYLOAD, "area contents")):
        changes = flipped(ground, ground.area(name) + 30)
        assert looked(spoiled(iso, tmp_path / "u.iso", changes)).wrong == (check,)


def test_a_base_on_this_machine_is_compared_with(made: Made, ground: Ground, tmp_path: Path) -> None:
    """Whoever changes a file and its digest is still caught where the base itself is at hand."""
    at = ground.file(VENDORS_FILE)
    content = bytearray(ground.image[at : at + len(read(made.base, VENDORS_FILE))])
    content[5] ^= 1
    digest = hashlib.md5(content).hexdigest().encode()
    line = ground.text("md5sum.txt", VENDORS_FILE.encode()) - 36
    forged = spoiled(made.iso, tmp_path / "f.iso", {at: bytes(content), line: digest})
    assert looked(forged).wrong == ()
    identified(made.base, places().cache, print)
    assert looked(made.iso).wrong == ()
    assert f"compared with {made.base}" in said(looked(made.iso), "base")
    found = looked(forged)
    assert found.wrong == ("base",)
    assert VENDORS_FILE in said(found, "base")
    shutil.rmtree(places().cache)


def read(iso: Path, name: str) -> bytes:
    [(sector, size)] = images.tree(iso)[name]
    return iso.read_bytes()[sector * SECTOR : sector * SECTOR + size]


def test_a_verified_base_says_by_whom(tmp_path: Path) -> None:
    base = synthetic_base(tmp_path)
    fingerprint = "8439" * 10
    vouched(identified(base, places().cache, print), fingerprint, places().cache)
    found = looked(base)
    assert "base" not in untold(found)
    assert fingerprint in said(found, "base")
    shutil.rmtree(places().cache)


def rekindle(*words: object) -> Any:
    return CliRunner().invoke(app, ["verify", *map(str, words)])


def test_the_command_says_it_in_lines_for_a_pipe(made: Made, ground: Ground, tmp_path: Path) -> None:
    done = rekindle(made.iso)
    assert done.exit_code == 0
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == [*ALL, "verdict"]
    assert {row[1] for row in rows[:-1]} == {"ok", "-"}
    assert rows[-1][2].startswith("whole: the recovery ISO of ember")
    done = rekindle(spoiled(made.iso, tmp_path / "r.iso", flipped(ground, 100)))
    assert done.exit_code == 1
    assert "boot sector\tWRONG\t" in done.stdout
    assert "do not rely on it: boot sector" in done.stdout


def test_the_command_says_it_for_a_program(made: Made, ground: Ground, tmp_path: Path) -> None:
    told = json.loads(rekindle(made.iso, "--json").stdout)
    assert told["whole"] is True
    assert {check["name"]: check["ok"] for check in told["checks"]}["base"] is None
    done = rekindle(spoiled(made.iso, tmp_path / "r.iso", flipped(ground, 100)), "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["whole"] is False


def test_a_terminal_gets_a_table_with_the_verdict_below(made: Made) -> None:
    shown = Console(force_terminal=True, width=100, record=True, file=io.StringIO())
    show_verified(looked(made.iso), shown)
    lines = shown.export_text().rstrip().splitlines()
    assert sum("✓" in line for line in lines) == len(ALL) - 1
    assert lines[-1].startswith("whole: the recovery ISO of ember")
    assert max(map(len, lines)) <= 100


def test_progress_is_of_bytes_and_ends(made: Made) -> None:
    told: list[tuple[int, int | None]] = []
    verify(made.iso, places(), None, lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
