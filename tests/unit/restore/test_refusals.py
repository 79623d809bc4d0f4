"""What cannot be restored is refused in one line, with what helps, and nothing was touched."""

from __future__ import annotations

import fcntl
import io
import os
import re
import tarfile
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from builder.cli import app
from builder.payload.pack import write_payload
from builder.payload.signature import allowed, own_key
from builder.restore import refusals
from builder.restore import restore as restoring
from collectors import repository
from collectors.domains.apt import Apt
from collectors.domains.system import Release
from collectors.posture import Posture
from tests.postures import small_posture
from tests.unit.restore.playbook import OVERLAY

Usage = namedtuple("Usage", "total used free")
Collected = namedtuple("Collected", "posture")


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the locks lie, which are gone with the boot."""
    folder = tmp_path_factory.mktemp("run")
    for name in ("RESTORING", "PLAYING"):
        monkeypatch.setattr(f"builder.restore.play.{name}", folder / name)
    return folder


@pytest.fixture
def place(tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that has all that a restore could touch first; here one is root, on Debian."""
    monkeypatch.setenv("REKINDLE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(refusals.platform, "freedesktop_os_release", lambda: {"ID": "debian"})
    monkeypatch.setattr(refusals, "run", lambda argv: "amd64\n")
    (tmp_path / "aside").mkdir()
    monkeypatch.setattr(refusals, "ASIDE", tmp_path / "aside")
    (tmp_path / "program").write_bytes(b"P" * 2000)
    packed(tmp_path, small_posture())
    return tmp_path


def packed(place: Path, posture: Posture, **facts: object) -> None:
    write_payload(posture, place / "program", host="ember", output=place / "payload.tar", **facts)


def refused(place: Path, *options: str) -> str:
    """Ask for a restore; return the one line that says why not."""
    before = listing(place)
    words = ["restore", "--from", str(place / "payload.tar"), "--state", str(place / "state"), *options]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1, done.output
    assert listing(place) == before
    lines = [line for line in done.stderr.splitlines() if not line.startswith("signed by")]
    if lines[:1] == ["looking at what is here already"]:
        lines = lines[1:]
    [line] = lines
    assert re.fullmatch(r"rekindle: .+ \(.+\)", line), line
    return line


def listing(top: Path) -> dict[str, tuple[int, int, int]]:
    return {
        str(path): (entry.st_mode, 0 if path.is_dir() else entry.st_size, entry.st_mtime_ns)
        for path in sorted(top.rglob("*"))
        for entry in (path.lstat(),)
        if path.name != "aside"
    }


def test_who_is_not_root_is_told_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "run it with sudo" in refused(place)


@pytest.mark.parametrize(
    ("release", "refuses"),
    [
        ({"ID": "fedora", "PRETTY_NAME": "Fedora 40", "ID_LIKE": "rhel"}, True),
        ({}, True),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, False),
    ],
)
def test_another_family_of_systems_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, release: dict[str, str], refuses: bool
) -> None:
    monkeypatch.setattr(refusals.platform, "freedesktop_os_release", lambda: release)
    (place / "payload.tar").unlink()
    assert ("neither Debian nor Ubuntu" in refused(place)) == refuses


def test_a_system_that_says_nothing_of_itself_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> dict[str, str]:
        raise FileNotFoundError("os-release")

    monkeypatch.setattr(refusals.platform, "freedesktop_os_release", missing)
    assert "this system is neither" in refused(place)


def test_another_architecture_is_refused(place: Path) -> None:
    other = Release(distribution="debian", version="12", codename="bookworm", architecture="arm64")
    packed(place, small_posture(release=other))
    assert "the posture is of arm64, this machine is amd64" in refused(place)


def test_a_posture_of_a_newer_schema_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = repository.SCHEMA_VERSION + 1
    monkeypatch.setattr(repository, "SCHEMA_VERSION", newer)
    packed(place, small_posture())
    monkeypatch.setattr(repository, "SCHEMA_VERSION", newer - 1)
    line = refused(place)
    assert f"{newer} is newer than {newer - 1}" in line
    assert "upgrade Rekindle" in line


def test_a_manifest_of_a_newer_schema_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr("builder.payload.pack.SCHEMA_VERSION", 99)
        packed(place, small_posture())
    assert "made by a newer Rekindle" in refused(place)


def test_a_payload_that_is_none_is_refused(place: Path) -> None:
    content = (place / "payload.tar").read_bytes()
    (place / "payload.tar").write_bytes(b"no tar" * 1000)
    assert "not a readable payload" in refused(place)
    (place / "payload.tar").write_bytes(content[: len(content) // 2])
    refused(place)
    (place / "payload.tar").write_bytes(content.replace(b"PPPP", b"PPQP", 1))
    assert "was changed" in refused(place)
    (place / "payload.tar").unlink()
    assert "No such file" in refused(place)


HOSTILE = {
    "/etc/passwd": tarfile.REGTYPE,
    "posture/../../../etc/passwd": tarfile.REGTYPE,
    "posture/link": tarfile.SYMTYPE,
    "posture/hard": tarfile.LNKTYPE,
    "posture/device": tarfile.BLKTYPE,
    "posture/pipe": tarfile.FIFOTYPE,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_leave_the_folder_or_is_no_file_is_refused(place: Path, name: str) -> None:
    with tarfile.open(place / "payload.tar", "a") as tar:
        header = tarfile.TarInfo(name)
        header.linkname, header.type = "/etc", HOSTILE[name]
        tar.addfile(header, io.BytesIO())
    assert "damaged" in refused(place)
    assert not (place / "aside/etc").exists()


def test_a_signature_of_somebody_else_is_refused(place: Path) -> None:
    key = own_key(place / "config-of-another")
    packed(place, small_posture(), key=key)
    trusted = place / "trusted"
    trusted.write_bytes(allowed(own_key(place / "mine")))
    assert "not signed by any of" in refused(place, "--signers", str(trusted))
    own = place / "home/config/allowed_signers"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_bytes(trusted.read_bytes())
    assert f"not signed by any of {own}" in refused(place)
    packed(place, small_posture())
    assert "is not signed" in refused(place)


def test_too_little_space_is_refused_with_how_much_is_missing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals.shutil, "disk_usage", lambda path: Usage(10**9, 10**9 - 2000, 2000))
    assert "lacks 1 MB: 1 MB are needed" in refused(place)
    monkeypatch.setattr(refusals.shutil, "disk_usage", lambda path: Usage(10**9, 0, 10**6))
    monkeypatch.setattr(restoring, "collect", lambda machine: Collected(replace(small_posture(), apt=Apt())))
    line = refused(place)
    assert re.search(r"lacks [1-9] MB: [2-9] MB are needed", line), line
    assert "--only" in line


def test_what_is_here_already_takes_no_space(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals.shutil, "disk_usage", lambda path: Usage(10**9, 0, 10**6))
    monkeypatch.setattr(restoring, "collect", lambda machine: Collected(small_posture()))

    def stopped(*words: object) -> None:
        raise KeyError("it got past the refusals")

    monkeypatch.setattr(restoring, "_workshop", stopped)
    with pytest.raises(KeyError):
        restoring.restore(place / "payload.tar", state=place / "state", say=print)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["ada"], "names no two people"),
        (["eve:zoe"], "eve: nobody of this posture has that name"),
        (["ada:daemon"], "daemon is an account of this system"),
        (["ada:www-data"], "www-data is an account of this system"),
        (["ada:E v e"], "'E v e' cannot be a person's name"),
    ],
)
def test_names_that_cannot_be_are_refused(place: Path, names: list[str], said: str) -> None:
    assert said in refused(place, *(word for name in names for word in ("--map-user", name)))


def test_an_unknown_item_is_refused(place: Path) -> None:
    assert "apt:none: no section and no item" in refused(place, "--only", "apt:none")


@pytest.mark.parametrize(("asked", "name"), [({}, "eve"), ({"ada": "zoe"}, "zoe")])
def test_the_names_in_a_payload_count_unless_others_are_asked_for(
    place: Path, asked: dict[str, str], name: str
) -> None:
    packed(place, small_posture(), map_user={"ada": "eve"})
    said: list[str] = []
    opened = refusals.admitted(place / "payload.tar", map_user=asked, signers=None, say=said.append)
    with opened as ours:
        assert [user.name for user in ours.posture.users.users] == [name]
        assert ours.names == {"ada": name}
        assert repository.read_posture(ours.folder / "posture") == ours.posture
    assert said == []
    assert list((place / "aside").iterdir()) == []


def test_a_second_restore_at_the_same_time_is_refused(place: Path, run: Path) -> None:
    with (run / "RESTORING").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "another restore is at work" in refused(place)


def test_what_a_killed_restore_left_aside_goes_and_what_is_at_work_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "ASIDE", tmp_path)
    (tmp_path / f"{refusals.PREFIX}killed" / "payload").mkdir(parents=True)
    # Where a host of a fleet has the payload and the program that restores it.
    [there] = (each for each in fleet_tasks() if each["name"] == "making a folder")
    others = {"another's", f"{there['ansible.builtin.tempfile']['prefix']}x1y2"}
    for name in others:
        (tmp_path / name).mkdir()
    with refusals._aside() as first, refusals._aside() as second:
        assert {each.name for each in tmp_path.iterdir()} == {first.name, second.name, *others}
    assert {each.name for each in tmp_path.iterdir()} == others


def fleet_tasks() -> list[dict[str, Any]]:
    [play] = yaml.safe_load((OVERLAY / "playbook/fleet.yaml").read_text())
    tasks: list[dict[str, Any]] = play["tasks"][0]["block"]
    return tasks
