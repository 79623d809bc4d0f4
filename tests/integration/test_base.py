"""A base from a local vendor: what is signed comes whole, and nothing else is believed."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.base import vendor
from builder.base.download import Unreachable
from builder.base.fetch import fetch
from builder.base.provenance import Base, identified
from builder.base.sums import Unverified
from builder.base.vendor import SIGNATURE, SUMS, Site, Wanted, sites
from builder.base.verify import accepted, verified
from builder.cli import app
from builder.history import commit_posture
from builder.iso import medium
from builder.payload.program import restore_program
from collectors.domains.system import Release
from collectors.failure import Failure
from tests.postures import HASH, small_posture
from tests.synthetic import synthetic_base
from tests.vendor import Key, Keys, Server, keys, serving, sums_of

pytestmark = pytest.mark.integration

NAME, OLDER = "ubuntu-24.04.10-live-server-amd64.iso", "ubuntu-24.04.4-live-server-amd64.iso"
ISO = random.Random(1).randbytes(1_500_007)
FILES = {OLDER: b"older", NAME: ISO, "ubuntu-24.04.10-desktop-amd64.iso": b"desktop"}


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    with keys(tmp_path_factory.mktemp("g")) as made:
        yield made


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


class Owner:
    """Somebody who fetches and verifies, and what they were told."""

    def __init__(self, cache: Path, ring: Keys, server: Server) -> None:
        self.cache, self.signer, self.server = cache, ring.signer(), server
        self.told: list[str] = []
        self.steps: list[tuple[int, int | None]] = []

    def fetch(self, release: str = "24.04", at: tuple[Site, ...] = (), arch: str = "amd64") -> Base:
        return fetch(
            Wanted(release, arch),
            at or sites(arch, self.server.address),
            self.signer,
            cache=self.cache,
            say=self.told.append,
            moved=lambda done, total: self.steps.append((done, total)),
        )

    def refused(self, **how: object) -> Failure:
        """Return the refusal of a fetch: one line with a remedy, and no ISO is left."""
        with pytest.raises(Failure) as raised:
            self.fetch(**how)  # type: ignore[arg-type]
        return one_line(raised.value)

    def verify(self, path: Path, **how: object) -> Base:
        return verified(
            path,
            self.signer,
            cache=self.cache,
            say=self.told.append,
            mirror=self.server.address,
            **how,  # type: ignore[arg-type]
        )

    def accept(self, path: Path) -> Base:
        return accepted(path, self.signer, cache=self.cache, say=self.told.append)

    def files(self) -> list[str]:
        """Return the names of all files in the cache."""
        return sorted(path.name for path in self.cache.rglob("*") if path.is_file())


def one_line(failure: Failure) -> Failure:
    assert failure.remedy
    assert "\n" not in str(failure)
    return failure


@pytest.fixture
def owner(tmp_path: Path, ring: Keys, server: Server) -> Owner:
    server.release("/24.04", FILES, ring.vendor)
    return Owner(tmp_path / "cache", ring, server)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.base.download.time.sleep", lambda seconds: None)


# fetch


def test_the_newest_point_release_comes_after_its_signature(owner: Owner, server: Server) -> None:
    base = owner.fetch()
    assert base.path.name == NAME
    assert base.path.read_bytes() == ISO
    assert base.verified == owner.signer.fingerprint
    assert [path for path, _ in server.asked] == [
        f"/24.04/{SUMS}",
        f"/24.04/{SIGNATURE}",
        f"/24.04/{NAME}",
    ]
    assert {path.name for path in base.path.parent.iterdir()} == {NAME, SUMS, SIGNATURE}
    assert owner.steps[-1] == (len(ISO), len(ISO))


def test_a_signature_by_a_subkey_is_its_primarys(owner: Owner, ring: Keys, server: Server) -> None:
    server.release("/24.04", FILES, ring.by_subkey)
    owner.signer = ring.signer(ring.by_subkey)
    assert owner.fetch().verified == ring.by_subkey.fingerprint


def test_a_second_signature_by_somebody_unknown_harms_nothing(
    owner: Owner, ring: Keys, server: Server
) -> None:
    server.files[f"/24.04/{SIGNATURE}"] += ring.stranger.sign(sums_of(FILES))
    assert owner.fetch().verified == ring.vendor.fingerprint


def by_stranger(ring: Keys, sums: bytes) -> bytes:
    return ring.stranger.sign(sums)


@pytest.mark.parametrize(
    ("signature", "knows_stranger", "said"),
    [
        (lambda ring, sums: ring.vendor.sign(sums + b"\n"), False, "the signature is wrong"),
        (by_stranger, False, "signed by a key that is not in"),
        (by_stranger, True, "not by the vendor's"),
        (lambda ring, sums: b"", False, "there is no signature"),
        (lambda ring, sums: b"<html>log in to this network</html>", False, "there is no signature"),
        (lambda ring, sums: ring.vendor.sign(sums, "--sign"), False, "no signature that can be checked"),
        (lambda ring, sums: ring.vendor.sign(sums, "--clearsign"), False, "no signature that can"),
    ],
)
def test_no_iso_is_asked_for_without_the_vendors_signature(
    owner: Owner,
    ring: Keys,
    server: Server,
    signature: Callable[[Keys, bytes], bytes],
    knows_stranger: bool,
    said: str,
) -> None:
    server.files[f"/24.04/{SIGNATURE}"] = signature(ring, sums_of(FILES))
    owner.signer = ring.signer(knows=(ring.stranger,) if knows_stranger else ())
    assert said in owner.refused().message
    assert not server.isos_asked()
    assert owner.files() == []


def test_a_key_that_has_expired_signs_nothing(owner: Owner, ring: Keys, server: Server) -> None:
    server.release("/24.04", FILES, ring.expired)
    owner.signer = ring.signer(ring.expired)
    failure = owner.refused()
    assert "the key that signed it has expired" in failure.message
    assert "ubuntu-keyring" in failure.remedy
    assert not server.isos_asked()


def test_no_keyring_is_said_before_anything_is_asked(owner: Owner, server: Server) -> None:
    owner.signer = vendor.Signer(owner.signer.fingerprint, Path("/nonexistent/ring.gpg"))
    failure = owner.refused()
    assert "/nonexistent/ring.gpg is not there" in failure.message
    assert failure.remedy.startswith("apt install ubuntu-keyring")
    assert server.asked == []


@pytest.mark.parametrize("content", [b"another" * 9, ISO[:-1], ISO[:700_000], ISO + b"\0"])
def test_other_bytes_than_were_signed_are_not_kept(owner: Owner, server: Server, content: bytes) -> None:
    server.files[f"/24.04/{NAME}"] = content
    failure = owner.refused()
    assert f"is not what the vendor signed: {len(content)} bytes" in failure.message
    assert owner.files() == []


def test_a_connection_that_is_cut_is_taken_up(owner: Owner, server: Server) -> None:
    server.cuts = [600_000, 300_000]
    assert owner.fetch().path.read_bytes() == ISO
    assert [wanted for _, wanted in server.isos_asked()] == [None, "bytes=600000-", "bytes=900000-"]
    assert "the connection was cut: going on at 0.6 MB" in owner.told


def test_the_next_run_goes_on(owner: Owner, server: Server) -> None:
    server.cuts = [600_000, *[0] * 9]
    failure = owner.refused()
    assert "the connection was cut" in failure.message
    assert "0.6 MB are here, and the next run goes on there" in failure.remedy
    server.cuts, server.asked[:] = [], []
    assert owner.fetch().path.read_bytes() == ISO
    assert [wanted for _, wanted in server.isos_asked()] == ["bytes=600000-"]
    assert not [name for name in owner.files() if name.endswith(".part")]


def test_a_run_killed_before_the_end_has_it_all(owner: Owner, server: Server) -> None:
    server.cuts = [600_000, *[0] * 9]
    owner.refused()
    part = next(owner.cache.rglob("*.part"))
    part.write_bytes(ISO)
    assert owner.fetch().path.read_bytes() == ISO
    assert server.isos_asked()[-1] == (f"/24.04/{NAME}", f"bytes={len(ISO)}-")


def test_a_server_that_ignores_ranges_starts_anew(owner: Owner, server: Server) -> None:
    server.cuts, server.ranges = [600_000], False
    assert owner.fetch().path.read_bytes() == ISO
    assert "the server cannot go on in the middle of a file: starting anew" in owner.told


def test_a_part_of_another_iso_is_not_gone_on_with(owner: Owner, ring: Keys, server: Server) -> None:
    server.cuts = [600_000, *[0] * 9]
    owner.refused()
    server.cuts, again = [], ISO[::-1]
    server.release("/24.04", {NAME: again}, ring.vendor)
    assert owner.fetch().path.read_bytes() == again
    assert server.isos_asked()[-1] == (f"/24.04/{NAME}", None)


def test_a_server_that_is_busy_is_asked_again(owner: Owner, server: Server) -> None:
    server.busy = 2
    assert owner.fetch().path.read_bytes() == ISO
    server.busy = 99
    assert "HTTP 503" in owner.refused(release="24.04.4").message


def test_what_is_here_is_not_downloaded_again(owner: Owner, server: Server) -> None:
    first = owner.fetch()
    shutil.rmtree(owner.cache / "bases" / "known")
    assert owner.fetch() == first
    assert len(server.isos_asked()) == 1
    assert f"{NAME} is here already" in owner.told


def test_not_found_says_what_and_where(owner: Owner, server: Server) -> None:
    failure = owner.refused(release="26.04")
    assert failure.message.startswith("ubuntu-26.04*-live-server-amd64.iso not found")
    assert f"{server.address}/26.04/{SUMS} is not there (HTTP 404)" in failure.message
    assert owner.files() == []


def test_a_flavour_that_is_not_listed_is_told(owner: Owner, server: Server) -> None:
    server.files |= {f"/22.04/{name}": server.files[f"/24.04/{name}"] for name in (SUMS, SIGNATURE)}
    assert f"{server.address}/22.04/{SUMS} does not list it" in owner.refused(release="22.04").message


def test_a_release_that_moved_is_found_there(owner: Owner, ring: Keys, server: Server) -> None:
    moved = (Site(f"{server.address}/releases"), Site(f"{server.address}/old/releases"))
    server.release("/old/releases/24.04", FILES, ring.vendor)
    assert owner.fetch(at=moved).path.read_bytes() == ISO
    assert server.asked[0] == (f"/releases/24.04/{SUMS}", None)


def test_a_release_that_moves_meanwhile_is_gone_on_with_there(
    owner: Owner, ring: Keys, server: Server
) -> None:
    server.cuts = [600_000, *[0] * 9]
    owner.refused()
    server.cuts, server.asked[:] = [], []
    del server.files[f"/24.04/{NAME}"]
    server.release("/old/24.04", FILES, ring.vendor)
    both = (Site(server.address), Site(f"{server.address}/old"))
    assert owner.fetch(at=both).path.read_bytes() == ISO
    assert server.isos_asked() == [
        (f"/24.04/{NAME}", "bytes=600000-"),
        (f"/old/24.04/{NAME}", "bytes=600000-"),
    ]


def test_arm64_lies_in_a_folder_of_its_own(owner: Owner, ring: Keys, server: Server) -> None:
    server.release(
        "/24.04/release", {"ubuntu-24.04.3-live-server-arm64.iso": b"for another machine"}, ring.vendor
    )
    assert owner.fetch(arch="arm64").path.read_bytes() == b"for another machine"


def test_offline_is_told(owner: Owner) -> None:
    with serving() as gone:
        address = gone.address
    failure = owner.refused(at=(Site(address),))
    assert f"{address}/24.04/{SUMS}: Connection refused" in failure.message
    assert "connect this machine to the network" in failure.remedy


def test_sums_that_come_by_half_are_no_wrong_signature(owner: Owner, server: Server) -> None:
    server.broken = f"/24.04/{SUMS}"
    assert owner.refused().message.endswith(f"{SUMS}: the connection was cut")


def test_no_space_is_said_before_a_byte_is_written(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage("/")._replace(free=len(ISO) - 1)
    monkeypatch.setattr("builder.tools.shutil.disk_usage", lambda folder: full)
    assert "MB are needed" in owner.refused().message
    assert all(path.stat().st_size == 0 for path in owner.cache.rglob("*.part"))


def test_two_runs_do_not_write_the_same_file(owner: Owner) -> None:
    folder = owner.cache / "bases" / NAME.removesuffix(".iso")
    folder.mkdir(parents=True)
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    assert "another run downloads" in owner.refused().message
    os.close(descriptor)


# a file that is here


def laid(folder: Path, key: Key, content: bytes = ISO, name: str = NAME) -> Path:
    """Lay an ISO into a folder, beside sums of FILES that `key` signed."""
    folder.mkdir(exist_ok=True)
    iso, sums = folder / name, sums_of(FILES)
    iso.write_bytes(content)
    (folder / SUMS).write_bytes(sums)
    (folder / SIGNATURE).write_bytes(key.sign(sums))
    return iso


def nothing_is_read(*args: object, **kwargs: object) -> None:
    raise AssertionError("this was to be known already")


def test_sums_beside_a_file_vouch_for_it_and_once_is_enough(
    owner: Owner, ring: Keys, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    iso = laid(tmp_path / "isos", ring.vendor)
    assert owner.verify(iso).verified == ring.vendor.fingerprint
    monkeypatch.setattr("builder.base.provenance.hashlib.file_digest", nothing_is_read)
    monkeypatch.setattr("builder.base.verify.signed_sums", nothing_is_read)
    assert owner.verify(iso).verified == owner.accept(iso).verified == ring.vendor.fingerprint
    assert server.asked == []


def test_whoever_may_not_write_to_the_cache_verifies_all_the_same(
    owner: Owner, ring: Keys, tmp_path: Path
) -> None:
    owner.cache = laid(tmp_path / "isos", ring.vendor) / "cache"
    assert owner.verify(tmp_path / "isos" / NAME).verified == ring.vendor.fingerprint


def test_sums_that_cannot_be_read_vouch_for_nothing(owner: Owner, ring: Keys, tmp_path: Path) -> None:
    iso = laid(tmp_path / "isos", ring.vendor)
    iso.with_name(SUMS).unlink()
    iso.with_name(SUMS).mkdir()
    with pytest.raises(Unverified, match=f"{SUMS}: Is a directory"):
        owner.verify(iso)


def test_verifying_anew_reads_every_byte(
    owner: Owner, ring: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    iso = laid(tmp_path / "isos", ring.vendor)
    owner.verify(iso)
    monkeypatch.setattr("builder.base.provenance.hashlib.file_digest", nothing_is_read)
    with pytest.raises(AssertionError, match="known already"):
        owner.verify(iso, anew=True)


def test_bytes_that_were_vouched_for_may_move(owner: Owner, ring: Keys, tmp_path: Path) -> None:
    owner.verify(laid(tmp_path / "isos", ring.vendor))
    moved = tmp_path / "base.iso"
    (tmp_path / "isos" / NAME).rename(moved)
    assert owner.verify(moved).verified == ring.vendor.fingerprint


def test_a_file_that_was_changed_is_seen_though_its_times_are_set_back(
    owner: Owner, ring: Keys, tmp_path: Path
) -> None:
    iso = laid(tmp_path / "isos", ring.vendor)
    owner.verify(iso)
    before = iso.stat()
    with iso.open("r+b") as file:
        file.write(b"x")
    os.utime(iso, ns=(before.st_atime_ns, before.st_mtime_ns))
    for trusted in (owner.verify, owner.accept):
        with pytest.raises(Failure, match="is not what the vendor signed") as raised:
            trusted(iso)
        assert "rekindle base fetch" in one_line(raised.value).remedy


def test_a_file_that_changes_while_it_is_read_is_refused(
    owner: Owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    iso = tmp_path / NAME
    iso.write_bytes(ISO)
    real = identified.__globals__["unverified"]

    def meanwhile(path: Path) -> Base:
        found = real(path)
        iso.write_bytes(b"x")
        return found

    monkeypatch.setattr("builder.base.provenance.unverified", meanwhile)
    with pytest.raises(Failure, match="changed while it was read"):
        owner.verify(iso)


def test_the_vendor_is_asked_by_the_files_name(owner: Owner, tmp_path: Path, server: Server) -> None:
    iso = tmp_path / NAME
    iso.write_bytes(ISO)
    assert owner.verify(iso).verified == owner.signer.fingerprint
    assert server.asked == [
        (f"/24.04.10/{SUMS}", None),
        (f"/24.04/{SUMS}", None),
        (f"/24.04/{SIGNATURE}", None),
    ]
    server.files.clear()
    assert owner.verify(iso).verified == owner.signer.fingerprint


def test_sums_beside_it_of_other_files_do_not_count(owner: Owner, ring: Keys, tmp_path: Path) -> None:
    iso = laid(tmp_path / "isos", ring.vendor)
    other = sums_of({"another.iso": b""})
    iso.with_name(SUMS).write_bytes(other)
    iso.with_name(SIGNATURE).write_bytes(ring.vendor.sign(other))
    assert owner.verify(iso).verified == ring.vendor.fingerprint


def test_nobody_vouches_for_an_unknown_name(owner: Owner, tmp_path: Path, server: Server) -> None:
    iso = tmp_path / "base.iso"
    iso.write_bytes(ISO)
    with pytest.raises(Unverified, match="nobody vouches for it") as raised:
        owner.verify(iso)
    assert f"put {SUMS} and {SIGNATURE}" in one_line(raised.value).remedy
    assert "--allow-unverified" in raised.value.remedy
    assert server.asked == []


def test_a_name_that_the_vendor_does_not_have_is_refused(
    owner: Owner, tmp_path: Path, server: Server
) -> None:
    iso = tmp_path / NAME.replace(".10", ".11")
    iso.write_bytes(ISO + b"x")
    with pytest.raises(Unverified, match=f"lists it at {server.address}/24.04.11/, {server.address}/24.04/"):
        owner.verify(iso)


def test_offline_a_file_without_sums_is_refused(owner: Owner, tmp_path: Path) -> None:
    iso = tmp_path / NAME
    iso.write_bytes(ISO)
    with serving() as gone:
        owner.server = gone
    with pytest.raises(Unverified, match=r"nobody vouches for it yet: .*Connection refused") as raised:
        owner.verify(iso)
    assert "connect to the network" in one_line(raised.value).remedy
    assert not isinstance(raised.value, Unreachable)


@pytest.mark.parametrize("sums", [True, False])
def test_what_nobody_vouches_for_can_be_allowed_and_is_told(
    owner: Owner, ring: Keys, tmp_path: Path, server: Server, sums: bool
) -> None:
    iso = laid(tmp_path / "isos", ring.stranger)
    if not sums:
        iso.with_name(SUMS).unlink()
    base = owner.accept(iso)
    assert base.verified == ""
    why = "signed by a key that is not in" if sums else f"no {SUMS} and {SIGNATURE} beside it"
    assert owner.told[-1].startswith(f"warning: {iso} is used unverified")
    assert why in owner.told[-1]
    assert server.asked == []


# the commands


@pytest.fixture
def home(tmp_path: Path, program_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a REKINDLE_HOME with a posture; the costly restore program comes from the tests' cache."""
    folder = tmp_path / "home"
    (folder / "config").mkdir(parents=True)
    config = f"host: ember\nidentity:\n  username: ada\n  password_hash: {HASH}\n"
    (folder / "config" / "rekindle.yaml").write_text(config)
    monkeypatch.setenv("REKINDLE_HOME", str(folder))
    monkeypatch.setattr(
        "builder.build.restore_program", lambda cache, say: restore_program(program_cache, say)
    )
    return folder


def rekindle(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Run a command; return its exit code, and what it said on both streams."""
    try:
        app(list(map(str, words)), standalone_mode=False)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


def refused(done: tuple[int, str, str]) -> str:
    code, _, err = done
    assert code == 1
    return err.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return synthetic_base(tmp_path_factory.mktemp("synthetic")).read_bytes()


def test_from_the_vendors_server_to_a_recovery_iso_that_says_so(
    home: Path,
    ring: Keys,
    server: Server,
    synthetic: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vendor, "UBUNTU", ring.signer())
    commit_posture(home / "state" / "posture", "ember", small_posture(), "all")
    server.release("/24.04", {NAME: synthetic}, ring.vendor)

    code, out, err = rekindle(capsys, "base", "fetch", "--mirror", server.address)
    base = Path(out.strip())
    assert (code, base.read_bytes()) == (0, synthetic)
    assert f"signed by {ring.vendor.fingerprint}" in err
    assert rekindle(capsys, "base", "verify", base)[:2] == (
        0,
        f"{base}: signed by {ring.vendor.fingerprint}\n",
    )

    code, out, _ = rekindle(capsys, "base", "prepare", "--base", base)
    prepared = out.splitlines()[0]
    assert code == 0
    assert {"autoinstall.yaml", "rekindle/payload.tar"} <= {line.split("\t")[0] for line in out.splitlines()}

    recovery = home / "recovery.iso"
    code, _, err = rekindle(capsys, "build", "--output", recovery)
    assert code == 0
    assert "preparing" not in err
    assert manifest(recovery)["base"]["verified"] == ring.vendor.fingerprint

    assert rekindle(capsys, "base", "list")[1].count("\tthe vendor\t") == 2
    listed = json.loads(rekindle(capsys, "base", "list", "--json")[1])
    assert [(each["path"], each["verified"]) for each in listed["bases"]] == [
        (str(base), ring.vendor.fingerprint)
    ]
    assert [(each["path"], each["size_bytes"]) for each in listed["prepared"]] == [
        (prepared, Path(prepared).stat().st_size)
    ]
    assert listed["prepared"][0]["base"]["sha256"] == listed["bases"][0]["sha256"]


def test_of_several_that_were_fetched_one_must_be_named(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit_posture(home / "state" / "posture", "ember", small_posture(), "all")
    for name in (OLDER, NAME):
        iso = home / "cache" / "bases" / name.removesuffix(".iso") / name
        iso.parent.mkdir(parents=True)
        iso.write_bytes(ISO)
    said = refused(rekindle(capsys, "build"))
    assert f"{NAME}, {OLDER} were fetched (say which with --base" in said


def manifest(recovery: Path) -> dict[str, dict[str, str]]:
    with medium.opened(recovery) as iso:
        return json.loads(medium.content(iso, "rekindle/manifest.json"))


def test_an_unverified_base_needs_the_owners_word_and_the_recovery_iso_says_so(
    home: Path, synthetic: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit_posture(home / "state" / "posture", "ember", small_posture(), "all")
    base, recovery = tmp_path / "base.iso", home / "recovery.iso"
    base.write_bytes(synthetic)
    assert "nobody vouches for it" in refused(rekindle(capsys, "build", "--base", base, "--output", recovery))
    assert not recovery.exists()
    code, _, err = rekindle(capsys, "build", "--base", base, "--allow-unverified", "--output", recovery)
    assert code == 0
    assert "is used unverified" in err
    assert manifest(recovery)["base"]["verified"] == ""
    assert "\tnobody\t" in rekindle(capsys, "base", "list")[1]


def test_only_the_pinned_key_counts_whatever_the_keyring_has(
    home: Path, ring: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    iso = laid(tmp_path / "isos", ring.vendor)
    said = refused(rekindle(capsys, "base", "verify", iso, "--keyring", ring.signer().keyring))
    assert f"signed by {ring.vendor.fingerprint}, not by the vendor's 843938DF228D22F7" in said


def test_a_base_is_prepared_for_a_machine_that_is_not_known_yet(
    home: Path, synthetic: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tmp_path / "base.iso"
    base.write_bytes(synthetic)
    code, out, _ = rekindle(capsys, "base", "prepare", "--base", base, "--allow-unverified")
    assert code == 0
    assert Path(out.splitlines()[0]).parent == home / "cache" / "prepared"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--release", "25.10"], "no way is known to tell the installer of 25.10"),
        (["--release", "../24.04"], "no way is known to tell the installer of"),
        (["--mirror", "file:///srv/isos"], "not an address"),
        (["--keyring", "/nonexistent"], "/nonexistent is not there"),
    ],
)
def test_what_cannot_be_fetched_is_said_before_anything_is_asked(
    home: Path,
    ring: Keys,
    server: Server,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    said: str,
) -> None:
    monkeypatch.setattr(vendor, "UBUNTU", ring.signer())
    assert said in refused(rekindle(capsys, "base", "fetch", "--mirror", server.address, *words))
    assert server.asked == []


def test_the_release_is_the_machines(
    home: Path,
    ring: Keys,
    server: Server,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vendor, "UBUNTU", ring.signer())
    newer = Release(distribution="ubuntu", version="26.04", codename="", architecture="amd64")
    commit_posture(home / "state" / "posture", "ember", small_posture(release=newer), "all")
    refused(rekindle(capsys, "base", "fetch", "--mirror", server.address))
    assert server.asked == [(f"/26.04/{SUMS}", None)]
