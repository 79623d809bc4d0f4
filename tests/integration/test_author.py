"""The recovery ISO beside the prepared base that it is made of, and what is refused before the work.

How a prepared base differs from the vendor's is in test_prepare.py.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autoinstall.config import Config, Identity
from builder.base.provenance import unverified
from builder.build import build
from builder.contents import Recovery
from builder.iso import medium
from builder.iso.prepare import layout_of
from collectors.command import run
from collectors.failure import Failure
from collectors.posture import Posture
from tests.postures import HASH, small_posture
from tests.synthetic import SERVER_2204, synthetic_base

pytestmark = pytest.mark.integration

CONFIG = Config(identity=Identity(password_hash=HASH))
ADDED = {
    "autoinstall.yaml",
    "rekindle/allowed_signers",
    "rekindle/areas.json",
    "rekindle/machine.cfg",
    "rekindle/manifest.json",
    "rekindle/manifest.json.sig",
    "rekindle/payload.tar",
    "rekindle/installer/choose_disk.py",
    "rekindle/installer/failed",
    "rekindle/installer/lay",
    "rekindle/installer/mark",
    "rekindle/installer/unpack-pool",
    "rekindle/first-boot/first-boot",
    "rekindle/first-boot/rekindle-restore.service",
    "rekindle/live/check.py",
    "rekindle/live/console.py",
    "rekindle/live/rescue.py",
    "rekindle/live/restore_only.py",
}


def built(base: Path, output: Path, cache: Path, posture: Posture | None = None) -> Path:
    recovery = Recovery("ember", posture or small_posture(), CONFIG)
    build(recovery, unverified(base), output=output, cache=cache, say=lambda line: None)
    return output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("author")


@pytest.fixture(scope="module")
def base(folder: Path) -> Path:
    return synthetic_base(folder)


@pytest.fixture(scope="module")
def recovery(folder: Path, base: Path, program_cache: Path) -> Path:
    return built(base, folder / "recovery.iso", program_cache)


def contents(iso: Path) -> dict[str, bytes]:
    with medium.opened(iso) as image:
        return {name: medium.content(image, name) for name, _, _ in medium.walk(image)}


def test_scripts_of_ours_may_be_executed_and_nothing_else(recovery: Path) -> None:
    with medium.opened(recovery) as iso:
        modes = {
            name: iso.get_record(rr_path=f"/{name}").rock_ridge.get_file_mode() & 0o777 for name in ADDED
        }
        scripts = {name for name in ADDED if medium.content(iso, name).startswith(b"#!")}
    assert "rekindle/live/rescue.py" in scripts
    assert {name for name, mode in modes.items() if mode == 0o755} == scripts
    assert {modes[name] for name in ADDED - scripts} == {0o644}


def test_all_but_its_areas_is_the_prepared_base(base: Path, recovery: Path, program_cache: Path) -> None:
    layout = layout_of(recovery)
    prepared = (program_cache / "prepared" / f"{layout.key}.iso").read_bytes()
    found = recovery.read_bytes()
    assert len(found) == len(prepared)
    at = 0
    for area in layout.areas:
        assert found[at : area.offset] == prepared[at : area.offset], f"before {area.name}"
        at = area.offset + area.capacity
    assert found[at:] == prepared[at:]
    assert set(contents(recovery)) - set(contents(base)) == ADDED
    assert found != prepared


def test_md5sums_are_right_and_complete(recovery: Path, tmp_path: Path) -> None:
    run(["xorriso", "-osirrox", "on", "-indev", recovery, "-extract", "/", tmp_path / "tree"])
    checked = run(["md5sum", "--check", "--strict", "md5sum.txt"], cwd=tmp_path / "tree")
    names = {line.split(": ")[0][2:] for line in checked.splitlines()}
    assert all(line.endswith(": OK") for line in checked.splitlines())
    assert names == set(contents(recovery)) - {
        "md5sum.txt",
        "boot.catalog",
        "boot/grub/i386-pc/eltorito.img",
    }


def test_the_same_inputs_give_the_same_bytes(
    base: Path, recovery: Path, program_cache: Path, tmp_path: Path
) -> None:
    time.sleep(1.1)  # a second later by every clock that could leak in
    again = built(base, tmp_path / "again.iso", program_cache)
    assert again.read_bytes() == recovery.read_bytes()


def test_another_posture_gives_other_bytes(
    base: Path, recovery: Path, program_cache: Path, tmp_path: Path
) -> None:
    other = built(base, tmp_path / "other.iso", program_cache, small_posture(hostname="ash"))
    assert other.read_bytes() != recovery.read_bytes()


def test_the_base_is_not_touched(base: Path, program_cache: Path, tmp_path: Path) -> None:
    before = hashlib.sha256(base.read_bytes()).digest()
    built(base, tmp_path / "r.iso", program_cache)
    assert hashlib.sha256(base.read_bytes()).digest() == before


def test_a_2204_medium_gets_a_nocloud_seed(program_cache: Path, tmp_path: Path) -> None:
    recovery = built(synthetic_base(tmp_path, SERVER_2204), tmp_path / "r.iso", program_cache)
    files = contents(recovery)
    assert {"nocloud/user-data", "nocloud/meta-data"} <= set(files)
    assert "autoinstall.yaml" not in files
    assert b"'ds=nocloud;s=/cdrom/nocloud/'" in files["boot/grub/grub.cfg"]


def leaves_nothing(folder: Path) -> bool:
    return not [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda base, iso: iso.write_bytes(b"not an iso" * 9999), "not an ISO image"),
        (lambda base, iso: iso.write_bytes(b""), "not an ISO image"),
        (
            lambda base, iso: iso.write_bytes(base.read_bytes()[: base.stat().st_size // 2]),
            "cut short",
        ),
        (lambda base, iso: iso.write_bytes(base.read_bytes()[:100_000]), "ISO image|cut short"),
        (lambda base, iso: None, "no such file"),
        (lambda base, iso: iso.mkdir(), "base.iso"),
    ],
)
def test_what_is_no_base_is_refused(
    base: Path, tmp_path: Path, spoil, said: str, program_cache: Path
) -> None:
    iso, out = tmp_path / "base.iso", tmp_path / "out"
    spoil(base, iso)
    with pytest.raises(Failure, match=said) as raised:
        built(iso, out / "r.iso", program_cache)
    assert str(iso) in raised.value.message
    assert raised.value.remedy
    assert "\n" not in str(raised.value)
    assert leaves_nothing(out)


@pytest.mark.parametrize("lack", ["casper", "boot/grub/grub.cfg", ".disk/info", "md5sum.txt"])
def test_a_medium_that_lacks_something_is_refused(tmp_path: Path, lack: str, program_cache: Path) -> None:
    base = synthetic_base(tmp_path, without=(lack,))
    with pytest.raises(Failure, match=rf"no {lack}"):
        built(base, tmp_path / "out" / "r.iso", program_cache)
    assert leaves_nothing(tmp_path / "out")


def test_an_output_that_is_a_directory_is_refused(base: Path, tmp_path: Path, program_cache: Path) -> None:
    with pytest.raises(Failure, match="is a directory"):
        built(base, tmp_path, program_cache)
    assert leaves_nothing(tmp_path)


def test_the_base_is_never_the_output(base: Path, program_cache: Path) -> None:
    before = base.read_bytes()
    with pytest.raises(Failure, match="is the base itself"):
        built(base, base, program_cache)
    assert base.read_bytes() == before


def test_another_architecture_is_refused(tmp_path: Path, program_cache: Path) -> None:
    base = synthetic_base(
        tmp_path, info='Ubuntu-Server 24.04.3 LTS "Noble Numbat" - Release arm64 (20250805.1)'
    )
    with pytest.raises(Failure, match="is for arm64, the machine is amd64"):
        built(base, tmp_path / "out" / "r.iso", program_cache)
    assert leaves_nothing(tmp_path / "out")


def test_others_cannot_read_the_iso(recovery: Path) -> None:
    assert recovery.stat().st_mode & 0o077 == 0


def test_no_space_is_said_before_the_work(
    base: Path, tmp_path: Path, program_cache: Path, monkeypatch
) -> None:
    full = shutil.disk_usage("/")._replace(free=0)
    monkeypatch.setattr("builder.tools.shutil.disk_usage", lambda folder: full)
    with pytest.raises(Failure, match="MB are needed"):
        built(base, tmp_path / "r.iso", program_cache)
    assert leaves_nothing(tmp_path)


def test_no_xorriso_is_said_before_the_work(
    base: Path, tmp_path: Path, program_cache: Path, monkeypatch
) -> None:
    monkeypatch.setattr("builder.tools.found", lambda tool: tool != "xorriso")
    with pytest.raises(Failure, match="xorriso is not installed") as raised:
        built(base, tmp_path / "r.iso", program_cache)
    assert raised.value.remedy == "apt install xorriso"
    assert leaves_nothing(tmp_path)


SLOW_BUILD = """
import builder.build as b, pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
from autoinstall.config import Config, Identity
from builder.base.provenance import unverified
from builder.contents import Recovery
from tests.postures import HASH, small_posture
real = b.fill
def slow(image, layout, contents):
    real(image, layout, contents)
    print('filled', flush=True)
    time.sleep(60)
b.fill = slow
base, output, cache = map(pathlib.Path, sys.argv[1:])
recovery = Recovery('ember', small_posture(), Config(identity=Identity(password_hash=HASH)))
b.build(recovery, unverified(base), output=output, cache=cache, say=lambda line: None)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_leaves_the_last_good_iso(
    base: Path, recovery: Path, tmp_path: Path, program_cache: Path, number: signal.Signals
) -> None:
    output = tmp_path / "recovery.iso"
    output.write_bytes(b"the last good one")
    environment = {**os.environ, "PYTHONPATH": "."}
    argv = [sys.executable, "-c", SLOW_BUILD, base, output, program_cache]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    assert process.stdout.readline() == b"filled\n"
    process.send_signal(number)
    assert process.wait(timeout=30) != 0
    assert output.read_bytes() == b"the last good one"
    built(base, output, program_cache)
    assert output.read_bytes() == recovery.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["recovery.iso"]
