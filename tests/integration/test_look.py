"""Looking into recovery ISOs, taking things out of them, undoing them: files, and what lies behind a URL."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from autoinstall.config import Disk, Restore
from builder.cli import app
from builder.diff import diff
from builder.history import commit_posture
from builder.iso import areas, source
from builder.iso.areas import Layout
from builder.iso.prepare import layout_of
from builder.iso.source import Url
from builder.look import reset as resetting
from builder.look.carried import carried_posture
from builder.look.inspect import PoolUse, inspect
from builder.look.reset import reset, resettable
from builder.look.shown import show_inspection
from builder.payload.pack import Payload
from builder.payload.payload import open_payload
from builder.payload.signature import own_key
from builder.places import Places, places
from builder.pool.index import Bundled, Index
from builder.pool.pool import Pool
from collectors.command import MASK, run
from collectors.failure import Failure
from tests.images import tree
from tests.postures import HASH, small_posture
from tests.ranges import Ranges, ranges
from tests.recovery import COMMIT, CONFIG, Made, copied, make_recovery, spoiled
from tests.synthetic import INFO_2404, synthetic_base
from tests.unit.fakes import tree as fake_tree

pytestmark = pytest.mark.integration

PROGRAM_BYTES = 27 * 2**20
SEALED = b"age-encryption.org/v1\n" + bytes(range(256))
MIB = 2**20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("look")


@pytest.fixture(scope="module")
def made(folder: Path) -> Made:
    """The recovery ISO of this machine, signed by it, with a program as large as the real one."""
    own = folder / "own"
    own.mkdir()
    key = own_key(folder / "home" / "config")
    facts = {"key": key, "secrets": SEALED, "program_bytes": PROGRAM_BYTES, "capacity": 64 * MIB}
    return make_recovery(own, synthetic_base(own), **facts)


@pytest.fixture(scope="module")
def other(folder: Path) -> Made:
    """One of another posture, base and program, with a pool and other decisions, that nobody signed."""
    there = folder / "other"
    there.mkdir()
    base = synthetic_base(there, info=INFO_2404.replace("24.04.3", "24.04.4"))
    bundled = Bundled(name="apt/x.deb", size_bytes=5000, sha256="0" * 64)
    pool = Pool(Payload({"apt/x.deb": bytes(5000)}), Index(files=(bundled,)), ())
    config = CONFIG.model_copy(
        update={
            "disk": Disk(serial="S5GX*"),
            "countdown_seconds": 7,
            "restore": Restore(map_user={"ada": "eve"}),
        }
    )
    return make_recovery(there, base, posture=small_posture(hostname="ash"), pool=pool, config=config)


@pytest.fixture(autouse=True)
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setenv("REKINDLE_HOME", str(folder / "home"))
    monkeypatch.setattr(source, "PAUSE_SECONDS", 0.0)
    return places()


@pytest.fixture
def server(made: Made) -> Iterator[Ranges]:
    with ranges(made.iso) as serving:
        yield serving


def rekindle(*words: object, answer: str = "") -> Any:
    return CliRunner().invoke(app, [*map(str, words)], input=answer)


def refused(*words: object) -> str:
    """Return the one line that a refusal is; it must have a remedy and exit with 1."""
    done = rekindle(*words)
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("rekindle: ")
    assert lines[0].endswith(")")
    return lines[0]


def area(iso: Path, name: str) -> areas.Area:
    layout: Layout = layout_of(iso)
    return layout.area(name)


def members(iso: Path) -> dict[str, tarfile.TarInfo]:
    """Return the members of the payload by name; offsets are from the start of the ISO."""
    payload = area(iso, areas.PAYLOAD)
    with iso.open("rb") as file:
        file.seek(payload.offset)
        with tarfile.open(fileobj=io.BytesIO(file.read(payload.capacity))) as tar:
            found = {header.name: header for header in tar}
    for header in found.values():
        header.offset_data += payload.offset
    return found


def content(iso: Path, name: str) -> bytes:
    header = members(iso)[name]
    with iso.open("rb") as file:
        file.seek(header.offset_data)
        return file.read(header.size)


# inspect


def test_inspect_tells_all_of_it_but_what_is_secret(made: Made) -> None:
    done = rekindle("inspect", made.iso, "--json")
    assert done.exit_code == 0, done.output
    seen = json.loads(done.stdout)
    assert seen["base"] == {
        "info": INFO_2404,
        "sha256": hashlib.sha256(made.base.read_bytes()).hexdigest(),
        "verified": "",
    }
    assert (seen["host"], seen["is_standin"], seen["pool"]) == ("ember", False, None)
    assert (seen["posture_commit"], seen["posture_date"]) == (COMMIT.id, COMMIT.date)
    assert seen["items"]["apt"] == 1
    assert seen["items"]["snap"] == 0
    eligible = [item for item in small_posture().items() if not item.bound]
    assert sum(seen["items"].values()) == len(eligible)
    assert seen["left_out"] == len(list(small_posture().items())) - len(eligible)
    assert (seen["disk"], seen["countdown_seconds"]) == ("the only internal disk", 30)
    assert seen["sealed_bytes"] == len(SEALED)
    assert seen["program"] == hashlib.sha256(content(made.iso, "restore.pex")).hexdigest()
    assert seen["autoinstall"]["identity"]["password"] == MASK
    assert HASH not in done.output


def test_inspect_tells_what_the_owner_decided(other: Made) -> None:
    seen = inspect(other.iso, places())
    assert (seen.disk, seen.countdown_seconds) == ("the disk with serial S5GX*", 7)
    assert seen.map_user == {"ada": "eve"}
    assert seen.pool == PoolUse(files=1, size_bytes=tarfile.RECORDSIZE)
    assert seen.sealed_bytes == 0
    rows = rekindle("inspect", other.iso).stdout.splitlines()
    assert "machine\tember, ada as eve" in rows
    assert "without network\ta pool of 10.2 kB, files: 1" in rows
    assert "erases\tthe disk with serial S5GX*, 7 s after the boot menu comes up" in rows
    assert any(row.startswith(f"area\t{areas.POOL}\t") for row in rows)


def test_inspect_tells_where_each_area_lies_and_how_full_it_is(made: Made) -> None:
    seen = {
        each["name"]: each for each in json.loads(rekindle("inspect", made.iso, "--json").stdout)["areas"]
    }
    for name, extents in tree(made.iso).items():
        if name in seen:
            assert [(seen[name]["offset"] // 2048, seen[name]["capacity"])] == list(extents)
    last = max(header.offset_data + header.size for header in members(made.iso).values())
    payload = seen[areas.PAYLOAD]
    assert 0 < payload["offset"] + payload["used_bytes"] - last <= 2 * tarfile.RECORDSIZE
    assert payload["percent"] == round(100 * payload["used_bytes"] / payload["capacity"], 1)
    assert seen[areas.SIGNERS]["used_bytes"] == len(own_line())
    assert set(seen) == {area.name for area in layout_of(made.iso).areas}


def own_line() -> bytes:
    kind, key, *_ = run(["ssh-keygen", "-y", "-f", places().config / "signing_key"]).split()
    return f'rekindle namespaces="rekindle" {kind} {key}\n'.encode()


def test_a_remote_iso_is_read_by_the_parts_that_are_needed(made: Made, server: Ranges) -> None:
    here = inspect(made.iso, places())
    there = inspect(Url(server.url), places())
    assert replace(there, iso="") == replace(here, iso="")
    assert made.iso.stat().st_size > 70 * MIB
    assert server.sent_bytes() < 2 * MIB
    assert server.asked < 20
    program = members(made.iso)["restore.pex"]
    end = program.offset_data + program.size
    of_it = [min(last, end) - max(first, program.offset_data) for first, last in server.sent]
    assert max(of_it) < 2 * source.BLOCK_BYTES


def test_in_a_pipe_it_is_lines_of_columns(made: Made) -> None:
    rows = [line.split("\t") for line in rekindle("inspect", made.iso).stdout.splitlines()]
    assert ["section", "apt", "1"] in rows
    assert ["machine", "ember"] in rows
    assert ["base verified", "not verified"] in rows
    assert [len(row) for row in rows if row[0] == "area"] == [6] * len(layout_of(made.iso).areas)


@pytest.mark.parametrize("columns", [80, 140])
def test_on_a_terminal_nothing_is_cut_off(made: Made, columns: int) -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=columns, color_system=None)
    now = datetime.fromisoformat(COMMIT.date) + timedelta(days=12, hours=1)
    show_inspection(inspect(made.iso, places()), console, now)
    text = shown.getvalue()
    assert "12 days old" in text
    assert HASH not in text
    assert "…" not in text
    for said in (*(each.name for each in layout_of(made.iso).areas), "1 apt", "password ********", "ember"):
        assert said in text
    assert max(map(len, text.splitlines())) <= columns


def test_the_latest_is_inspected_where_none_is_named(made: Made, home: Places) -> None:
    assert f"{home.recovery_iso}: no such file" in refused("inspect")
    home.state.mkdir(exist_ok=True)
    home.recovery_iso.symlink_to(made.iso)
    try:
        assert "machine\tember\n" in rekindle("inspect").stdout
    finally:
        home.recovery_iso.unlink()


# who made it


def verdict(iso: Path, signers: Path | None = None) -> tuple[str, bool]:
    found = inspect(iso, places(), signers).signature
    return found.verdict.value, found.by.startswith("SHA256:")


def test_this_machines_own_iso_is_trusted(made: Made) -> None:
    assert verdict(made.iso) == ("trusted", True)


def test_an_iso_that_nobody_signed_says_so(other: Made) -> None:
    assert verdict(other.iso) == ("unsigned", False)
    assert "signature\tnot signed\n" in rekindle("inspect", other.iso).stdout


def test_one_of_another_machine_is_a_strangers(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "signers"
    theirs.write_bytes(own_line())
    monkeypatch.setenv("REKINDLE_HOME", str(tmp_path))
    assert verdict(made.iso) == ("stranger", True)
    assert verdict(made.iso, theirs) == ("trusted", True)
    own_key(places().config)
    assert verdict(made.iso) == ("stranger", True)
    (places().config / "allowed_signers").write_bytes(theirs.read_bytes())
    assert verdict(made.iso) == ("trusted", True)


def test_a_manifest_that_was_changed_does_not_fit_its_signature(made: Made, tmp_path: Path) -> None:
    at = area(made.iso, areas.MANIFEST).offset
    text = made.iso.read_bytes()[at : at + 2000]
    forged = spoiled(made.iso, tmp_path / "r.iso", {at + text.index(b'"the only'): b'"any othe'})
    done = rekindle("inspect", forged)
    assert done.exit_code == 3
    assert "signature\tdoes not fit" in done.stdout
    assert "its signature does not fit it" in refused("extract", forged, "--output", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_file_of_signers_that_is_not_there(made: Made, tmp_path: Path) -> None:
    assert f"{tmp_path}/none: No such file" in refused("inspect", made.iso, "--signers", tmp_path / "none")


# what is refused


def older_kind(made: Made, copy: Path) -> Path:
    """Return an ISO with a payload and without areas: their table has another name in all trees."""
    raw = copied(made.iso, copy).read_bytes()
    for name in (b"areas.json", b"AREAS.JSO", "areas.json".encode("utf-16-be")):
        assert name in raw
        raw = raw.replace(name, name[:-1] + b"x")
    copy.write_bytes(raw)
    return copy


def test_a_recovery_iso_of_the_first_kind_is_to_be_built_again(made: Made, tmp_path: Path) -> None:
    line = refused("inspect", older_kind(made, tmp_path / "r.iso"))
    assert "older Rekindle" in line
    assert "build it again" in line


def test_what_is_no_recovery_iso_is_told_from_one_that_is_not_filled(made: Made) -> None:
    assert f"{made.base}: not a recovery ISO (make one" in refused("inspect", made.base)
    assert f"{made.prepared}: not a recovery ISO yet (make one" in refused("inspect", made.prepared)


def test_what_is_no_image_at_all_is_refused(made: Made, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"not an iso" * 9999)
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    short = copied(made.iso, tmp_path / "short.iso")
    os.truncate(short, made.iso.stat().st_size // 2)
    for name, said in {
        "text": "not an ISO image",
        "empty": "not an ISO image",
        "": "is a directory",
        "none": "no such file",
        "pipe": "is neither a file nor a disk",
        "short.iso": "cut short",
        "text/r.iso": "Not a directory",
    }.items():
        assert said in refused("inspect", tmp_path / name)


@pytest.mark.parametrize(
    "member", ["manifest.json", "SHA256SUMS", "manifest.json.sig", "posture/apt.yaml", "posture/users.yaml"]
)
def test_a_payload_that_was_damaged_is_refused(made: Made, tmp_path: Path, member: str) -> None:
    header = members(made.iso)[member]
    middle = header.offset_data + header.size // 2
    byte = bytes([made.iso.read_bytes()[middle] ^ 1])
    broken = spoiled(made.iso, tmp_path / "r.iso", {middle: byte})
    assert "damaged: " in refused("inspect", broken)


def test_headers_and_areas_are_held_against_what_should_be_there(made: Made, tmp_path: Path) -> None:
    header = members(made.iso)["posture/apt.yaml"]
    mode = spoiled(made.iso, tmp_path / "a.iso", {header.offset_data - 512 + 100: b"0004755"})
    assert "the header of 'posture/apt.yaml' was changed" in refused("inspect", mode)
    told = area(made.iso, "autoinstall.yaml").offset
    assert "autoinstall.yaml was changed" in refused(
        "inspect", spoiled(made.iso, tmp_path / "b.iso", {told: b"#"})
    )


def test_a_table_of_areas_that_points_elsewhere_is_refused(made: Made, tmp_path: Path) -> None:
    text = made.iso.read_bytes()
    at = text.index(b'"offset": ', text.index(b'"areas": [')) + len(b'"offset": ')
    shifted = spoiled(made.iso, tmp_path / "r.iso", {at: b"1"})
    assert "does not lie where rekindle/areas.json says" in refused("inspect", shifted)


def test_what_a_server_may_say(server: Ranges) -> None:
    server.says = [404]
    assert "the server says 404 Not Found" in refused("inspect", server.url)
    server.says = [503] * source.ATTEMPTS
    assert "the server says 503" in refused("inspect", server.url)
    server.says, server.asked = [503] * (source.ATTEMPTS - 1), 0
    assert rekindle("inspect", server.url).exit_code == 0
    server.cuts = [1000] * source.ATTEMPTS
    assert "(check the address and the network)" in refused("inspect", server.url)
    server.cuts = [1000]
    assert rekindle("inspect", server.url).exit_code == 0


def test_a_server_that_gives_no_parts_is_not_waited_for(server: Ranges) -> None:
    server.wholes = True
    assert "gives it as a whole only (download it" in refused("inspect", server.url)
    assert server.asked == 1
    server.wholes, server.strays = False, True
    assert "other parts than asked for" in refused("inspect", server.url)


def test_a_remote_iso_that_is_replaced_in_between_is_not_mixed(server: Ranges) -> None:
    server.tags = ['"one"', '"one"', '"two"']
    assert "it was replaced while it was read (try again)" in refused("inspect", server.url)


def test_what_is_secret_in_an_address_is_not_shown(server: Ranges) -> None:
    server.says = [403]
    line = refused("inspect", f"{server.url}?X-Signature=secret#secret")
    assert server.url in line
    assert "secret" not in line
    line = refused("inspect", "http://ada:sesame@127.0.0.1:1/r.iso")
    assert "http://127.0.0.1:1/r.iso: names and passwords in a URL are not sent" in line
    assert "sesame" not in line
    assert "Connection refused" in refused("inspect", "http://127.0.0.1:1/r.iso")
    for odd in (
        "http://127.0.0.1:port/r.iso",
        "http://[::1/r.iso",
        "http://127.0.0.1:1/a b",
        "http://a\u0308..b",
    ):
        assert "not an address" in refused("inspect", odd)


# what a recovery ISO restores


def test_the_posture_comes_off_it_as_it_was_put_on(made: Made) -> None:
    assert carried_posture(made.iso) == small_posture()


def test_people_come_back_under_their_new_names(other: Made) -> None:
    assert [user.name for user in carried_posture(other.iso).users.users] == ["eve"]


def test_no_member_leads_out(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.look.carried.leads_out", lambda name: name == "posture/users.yaml")
    with pytest.raises(Failure, match="leads out of its payload"):
        carried_posture(made.iso)


# diff


def test_the_same_iso_differs_in_nothing(made: Made) -> None:
    done = rekindle("diff", made.iso, made.iso)
    assert (done.exit_code, done.stdout) == (0, f"no item differs between {made.iso} and {made.iso}\n")


def test_two_isos_differ_in_items_and_in_what_they_are_made_of(made: Made, other: Made) -> None:
    lines = rekindle("diff", made.iso, other.iso).stdout.splitlines()
    assert '~ system:hostname  value "ember" → "ash"' in lines
    assert [line.split(": ")[0] for line in lines if not line.startswith("~")] == ["base", "restore program"]
    assert "24.04.3" in lines[0].split(" → ")[0]
    assert "24.04.4" in lines[0].split(" → ")[1]
    told = json.loads(rekindle("diff", made.iso, other.iso, "--json").stdout)
    assert [change["id"] for change in told["changes"]] == ["system:hostname"]
    assert set(told["media"]) == {"base", "restore program"}
    assert told["media"]["restore program"][0] == inspect(made.iso, places()).program


def test_a_remote_iso_is_compared_without_its_program(made: Made, other: Made, server: Ranges) -> None:
    found = diff(places(), (f"{server.url}?secret", str(other.iso)), root=Path("/"), host=None, say=print)
    assert [change.item.id for change in found.changes] == ["system:hostname"]
    assert found.before == server.url
    assert server.sent_bytes() < 2 * MIB


def test_an_iso_is_compared_with_a_commit_and_with_a_machine(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REKINDLE_HOME", str(tmp_path / "home"))
    later = replace(small_posture(hostname="ash"), contents={"/etc/motd.local": b"hello\n"})
    commit_posture(places().repository, "ember", later, "later")
    done = rekindle("diff", made.iso, "HEAD", "--patch")
    assert done.exit_code == 0, done.output
    assert '~ system:hostname  value "ember" → "ash"' in done.stdout
    assert "\n-hello {{ 1 + 1 }}\n+hello\n" in done.stdout
    assert "base" not in done.stdout
    assert '"ash" → "ember"' in rekindle("diff", "HEAD", made.iso).stdout
    root = fake_tree(tmp_path / "root", {"/etc/os-release": "ID=ubuntu\n", "/etc/hostname": "birch\n"})
    assert 'value "ember" → "birch"' in rekindle("diff", made.iso, "--root", root).stdout


def test_a_path_that_is_meant_as_an_iso_is_told_to_be_missing(tmp_path: Path) -> None:
    assert "no such file" in refused("diff", tmp_path / "none", tmp_path / "none.iso")
    assert "more than two" in refused("diff", "a", "b", "c")


# extract


def test_the_payload_comes_out_as_it_was_packed(made: Made, tmp_path: Path) -> None:
    done = rekindle("extract", made.iso, "--output", tmp_path / "x.tar")
    assert done.stdout == f"{tmp_path}/x.tar\n"
    manifest = open_payload(tmp_path / "x.tar", tmp_path / "unpacked")
    assert manifest.host == "ember"
    assert (tmp_path / "x.tar").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "x.tar").stat().st_size < area(made.iso, areas.PAYLOAD).capacity


def test_single_files_come_out_under_their_names(made: Made, tmp_path: Path) -> None:
    modes = {
        "posture/apt.yaml": 0o600,
        "secrets.age": 0o600,
        "autoinstall.yaml": 0o600,
        "restore.pex": 0o755,
        "casper/initrd": 0o644,
        "boot.catalog": 0o644,
        "rekindle/payload.tar": 0o600,
    }
    done = rekindle("extract", made.iso, *modes, "--output", tmp_path / "out")
    assert done.exit_code == 0, done.output
    out = tmp_path / "out"
    found = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    assert {name: path.stat().st_mode & 0o777 for name, path in found.items()} == modes
    assert found["posture/apt.yaml"].read_bytes() == content(made.iso, "posture/apt.yaml")
    assert found["secrets.age"].read_bytes() == SEALED
    assert found["casper/initrd"].read_bytes() == (made.base.parent / "tree/casper/initrd").read_bytes()
    assert found["autoinstall.yaml"].read_bytes().endswith(b"\n")
    assert not found["autoinstall.yaml"].read_bytes().endswith(b"\n\n")
    assert done.stderr == "boot.catalog: nothing on the ISO tells what it should hold\n"


def test_a_file_goes_to_standard_output_and_only_one(made: Made) -> None:
    done = rekindle("extract", made.iso, "posture/apt.yaml", "--output", "-")
    assert done.stdout_bytes == content(made.iso, "posture/apt.yaml")
    assert "one file" in refused("extract", made.iso, "secrets.age", "restore.pex", "--output", "-")


def test_without_an_output_it_is_this_folder(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert rekindle("extract", made.iso).stdout == "payload.tar\n"
    assert rekindle("extract", made.iso, "secrets.age").stdout == "secrets.age\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["payload.tar", "secrets.age"]


def test_one_that_was_damaged_leaves_nothing_and_none_of_the_others(made: Made, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    ((at, _),) = tree(made.iso)["casper/initrd"]
    initrd = spoiled(made.iso, tmp_path / "a.iso", {at * 2048 + 100_000: b"damaged"})
    names = ("secrets.age", "casper/initrd")
    assert "casper/initrd was changed" in refused("extract", initrd, *names, "--output", tmp_path / "out")
    late = members(made.iso)["restore.pex"].offset_data + PROGRAM_BYTES - 1
    payload = spoiled(made.iso, tmp_path / "b.iso", {late: b"x"})
    for name in ("restore.pex", "rekindle/payload.tar"):
        assert "was changed" in refused("extract", payload, name, "--output", tmp_path / "out")
        done = rekindle("extract", payload, name, "--output", "-")
        assert (done.exit_code, done.stdout_bytes) == (1, b"")
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


def test_nothing_is_written_outside_of_the_folder(made: Made, tmp_path: Path) -> None:
    out, away = tmp_path / "out", tmp_path / "away"
    out.mkdir()
    away.mkdir()
    (out / "posture").symlink_to(away)
    assert "leads out of" in refused("extract", made.iso, "posture/apt.yaml", "--output", out)
    for name in ("../apt.yaml", "/etc/passwd", "posture/../../x", ""):
        assert "is no name of a file on an ISO" in refused("extract", made.iso, name, "--output", out)
    assert list(away.iterdir()) == []


def test_what_is_not_on_it_is_refused_with_what_is(made: Made, tmp_path: Path) -> None:
    assert "did you mean posture/apt.yaml?" in refused("extract", made.iso, "posture/atp.yaml")
    assert "no casper on it" in refused("extract", made.iso, "casper")
    assert "no ubuntu on it" in refused("extract", made.iso, "ubuntu")
    assert "the ISO itself" in refused("extract", made.iso, "--output", made.iso)
    assert "given twice" in refused("extract", made.iso, "secrets.age", "secrets.age", "--output", tmp_path)
    (tmp_path / "file").touch()
    assert "/file" in refused("extract", made.iso, "secrets.age", "--output", tmp_path / "file" / "x")
    assert "is a device" in refused("extract", made.iso, "secrets.age", "--output", "/dev/full")


def test_a_disk_that_is_full_is_said_and_nothing_is_left(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("builder.whole.os.fsync", full)
    out = tmp_path / "out"
    out.mkdir()
    line = refused("extract", made.iso, "secrets.age", "autoinstall.yaml", "--output", out)
    assert f"{out}: No space left on device" in line
    assert list(out.iterdir()) == []


def test_one_file_of_a_remote_iso_costs_little(made: Made, server: Ranges, tmp_path: Path) -> None:
    done = rekindle("extract", server.url, "secrets.age", "--output", tmp_path / "s")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "s").read_bytes() == SEALED
    assert server.sent_bytes() < 2 * MIB


def test_a_whole_payload_comes_over_the_network(made: Made, server: Ranges, tmp_path: Path) -> None:
    rekindle("extract", made.iso, "--output", tmp_path / "here")
    server.cuts = [10**9] * 20 + [10]
    done = rekindle("extract", server.url, "--output", tmp_path / "there")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "there").read_bytes() == (tmp_path / "here").read_bytes()
    assert server.sent_bytes() < (tmp_path / "here").stat().st_size + 4 * MIB
    assert server.asked < 60


# reset


def test_a_reset_iso_is_the_prepared_base_byte_by_byte(made: Made, tmp_path: Path) -> None:
    iso = copied(made.iso, tmp_path / "r.iso")
    assert HASH.encode() in iso.read_bytes()
    done = rekindle("reset", iso, answer="y\n")
    assert done.exit_code == 0, done.output
    assert f"{iso} is the prepared base again" in done.stdout
    assert iso.read_bytes() == made.prepared.read_bytes()
    assert HASH.encode() not in iso.read_bytes()
    again = rekindle("reset", iso, "--yes")
    assert (again.exit_code, again.stdout) == (0, f"{iso} was one already\n")


def test_no_is_no(other: Made, tmp_path: Path) -> None:
    iso = copied(other.iso, tmp_path / "r.iso")
    done = rekindle("reset", iso, answer="n\n")
    assert done.exit_code == 1
    assert "nothing was written" in done.stderr
    assert iso.read_bytes() == other.iso.read_bytes()


def killed_at(step: int, iso: Path) -> bool:
    """Reset `iso` in a process that dies at its `step`th write; tell whether it came to that."""
    child = os.fork()
    if child == 0:
        real, left = os.pwrite, [step]

        def dying(*args: object) -> int:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)  # type: ignore[arg-type]

        os.pwrite = dying  # type: ignore[assignment]
        try:
            reset(resettable(iso, iso.parent / "latest.iso"))
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_killed_at_any_write_it_is_finished_by_the_next(other: Made, tmp_path: Path) -> None:
    wanted = other.prepared.read_bytes()
    step = 0
    while killed_at(step, copied(other.iso, tmp_path / "r.iso")):
        if step:
            assert "not a recovery ISO yet" in refused("inspect", tmp_path / "r.iso")
        reset(resettable(tmp_path / "r.iso", tmp_path / "latest.iso"))
        assert (tmp_path / "r.iso").read_bytes() == wanted
        step += 1
    assert step > len(layout_of(other.iso).areas)
    assert (tmp_path / "r.iso").read_bytes() == wanted


def test_the_latest_one_is_so_no_more_and_is_not_reset_without_a_word(other: Made, tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "slots").mkdir(parents=True)
    slot = copied(other.iso, state / "slots" / "a.iso")
    beside = copied(other.iso, state / "slots" / "b.iso")
    latest = state / "latest.iso"
    latest.symlink_to("slots/a.iso")
    assert str(resettable(beside, latest)) == str(beside)
    assert str(resettable(slot, latest)) == f"{slot}, the latest recovery ISO"
    found = resettable(latest, latest)
    assert found.is_latest
    reset(found)
    assert not latest.is_symlink()
    assert slot.read_bytes() == other.prepared.read_bytes()
    assert beside.read_bytes() == other.iso.read_bytes()


def test_before_the_first_write_the_latest_one_counts_no_more(
    other: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot, latest = copied(other.iso, tmp_path / "a.iso"), tmp_path / "latest.iso"
    latest.symlink_to("a.iso")

    def cut(*args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(resetting, "fill", cut)
    with pytest.raises(KeyboardInterrupt):
        reset(resettable(slot, latest))
    assert not latest.is_symlink()


def test_what_cannot_be_reset_is_refused(made: Made, server: Ranges, tmp_path: Path) -> None:
    assert "only a file or a device can be reset" in refused("reset", server.url, "--yes")
    assert server.asked == 0
    before = made.base.read_bytes()
    assert "not a recovery ISO" in refused("reset", made.base, "--yes")
    assert made.base.read_bytes() == before
    assert "no such file" in refused("reset", tmp_path / "none", "--yes")
