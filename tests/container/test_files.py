"""Files come back where dpkg, systemd and people have a say in them, on a full disk, and after a kill."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.payload.pack import write_payload
from collectors.collect import collect
from collectors.domains.apt import Package
from collectors.domains.files import Files
from collectors.domains.files.conffiles import Deleted
from collectors.domains.files.packaging import Alternative, Diversion, StatOverride
from collectors.domains.files.units import Unit
from collectors.domains.system import Release
from collectors.host import Machine
from collectors.posture import Posture
from collectors.record import File, sha256
from tests.container.minimal import Container
from tests.sample.archive import VENDOR, Served
from tests.sample.posture import sample_posture

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="containers need root"),
]

BASHRC = "/etc/bash.bashrc"
GLAZE = "/etc/kiln-glaze.conf"
KILN = "/etc/kiln/kiln.conf"
FIRE = "/etc/kiln/parts/10-fire.conf"
TONGS = "/usr/share/kiln-tongs/readme"
ROOT = ("root", "root")
ADA = ("ada", "ada")
MANY = 3000


def test_what_dpkg_systemd_and_people_know_of_files(blank: Container, program: Path, served: Served) -> None:
    posture = on_the_same_release(served)
    made = blank.run("useradd", "--create-home", "--user-group", "--uid", "1000", "ada")
    assert made.returncode == 0, made.stderr
    home = blank.root / "home/ada"
    for text in ("made = yes\n", "newer = yes\n"):
        (home / f"{text.split()[0]}.conf").write_text(text)
    (home / "out").symlink_to("/etc")
    for name in ("made.conf", "newer.conf", "out"):
        os.lchown(home / name, 1000, 1000)
    report = restored(blank, posture, program)
    bad = {"file:/home/ada/out/pwned": "failed"}
    fine = ("restored", "already", "excluded")
    odd = {name: entry for name, entry in report.items() if entry["state"] not in fine}
    assert {name: entry["state"] for name, entry in odd.items()} == bad, odd
    assert not (blank.root / "etc/pwned").exists()
    found = {thing.item_id(): thing for _, thing in collect(Machine(blank.root)).posture.things()}
    for thing in posture.files.things():
        # Of homes only what somebody knows is collected.
        if not thing.item_name().startswith("/home/"):
            assert thing.item("files").fingerprint == found[thing.item_id()].item("files").fingerprint
        elif thing.item_id() not in bad:
            place = blank.root / thing.item_name()[1:]
            assert place.read_bytes() == posture.contents[thing.item_name()]
    # The diversion was there before the package, its name free for the owner's file.
    assert (blank.root / f"{TONGS[1:]}.distrib").read_text() == "tongs\n"
    assert not (blank.root / TONGS[1:]).exists()
    assert (home / "newer.conf.before-restore").read_text() == "newer = yes\n"
    assert not list(home.glob(".bashrc.*"))
    assert {place.lstat().st_uid for place in home.rglob("*")} == {1000}
    # What was deleted stays deleted, whatever is installed again.
    again = blank.run("apt-get", "-qq", "install", "--reinstall", "--allow-change-held-packages", "kiln")
    assert again.returncode == 0, again.stderr
    assert not (blank.root / FIRE[1:]).exists()
    states = {name: entry["state"] for name, entry in restored(blank, posture, program).items()}
    assert {states[thing.item_id()] for thing in posture.files.things()} - {"excluded"} == {
        "already",
        "failed",
    }


def test_conffiles_that_another_release_changed_are_merged(
    blank: Container, program: Path, served: Served
) -> None:
    release = (blank.root / BASHRC[1:]).read_bytes()
    lines = release.splitlines(keepends=True)
    base = b"".join(lines[:-3])
    owners = b"# the owner's\n" + base
    contents = {BASHRC: owners, KILN: b"heat = high\n", GLAZE: b"colour = blue\n"}
    pristine = {BASHRC: base, KILN: b"heat = warm\n"}
    posture = on_another_release(served, contents, pristine)
    report = restored(blank, posture, program)
    assert (blank.root / BASHRC[1:]).read_bytes() == b"# the owner's\n" + release
    assert "merged" in report[f"file:{BASHRC}"]["reason"]
    for path, text in ((KILN, "heat = low\n"), (GLAZE, "colour = brown\n")):
        assert report[f"file:{path}"]["state"] == "substituted"
        assert report[f"file:{path}"]["remedy"]
        assert (blank.root / path[1:]).read_text() == text
        assert (blank.root / f"{path[1:]}.owners").read_bytes() == contents[path]
    before = times(blank.root / "etc")
    again = restored(blank, posture, program)
    assert {path: again[f"file:{path}"]["state"] for path in contents} == {
        BASHRC: "already",
        KILN: "substituted",
        GLAZE: "substituted",
    }
    assert times(blank.root / "etc") == before


def test_a_full_disk_costs_the_files_that_do_not_fit(blank: Container, program: Path, served: Served) -> None:
    contents = {f"/opt/notes/{number}": b"%d" % number * 40_000 for number in range(5)}
    contents["/etc/small.conf"] = b"small\n"
    prepare(blank, only_files(served, contents), program)
    # A file system of 100 KiB, which then has room.
    script = (
        "mount -t tmpfs -o size=100k none /opt; {restore} > /root/first; find /opt -type f > /root/there; "
        "mount -o remount,size=10m /opt; {restore} > /root/second; find /opt -type f | wc -l"
    )
    restore = "/root/restore.pex restore --from /root/payload.tar --only files --json"
    done = blank.run("sh", "-c", script.format(restore=restore), timeout_seconds=200)
    first, second = (outcomes((blank.root / f"root/{name}").read_text()) for name in ("first", "second"))
    fitting = (blank.root / "root/there").read_text().split()
    assert [entry["state"] for name, entry in first.items() if name[5:] in fitting] == ["restored"] * 2
    failed = [entry for name, entry in first.items() if entry["state"] == "failed"]
    assert [entry["reason"] for entry in failed] == ["No space left on device"] * 3
    assert first["file:/etc/small.conf"]["state"] == "restored"
    assert sorted(entry["state"] for entry in second.values()) == ["already"] * 3 + ["restored"] * 3
    assert done.stdout.split() == ["5"]


def test_after_a_kill_the_rest_comes_and_nothing_is_left_over(
    blank: Container, program: Path, served: Served
) -> None:
    contents = {f"/etc/many/{number % 7}/{number}": b"%d" % number for number in range(MANY)}
    contents["/etc/ld.so.conf.d/kiln.conf"] = b"/usr/local/lib/kiln\n"
    prepare(blank, only_files(served, contents), program)
    script = (
        "/root/restore.pex restore --from /root/payload.tar --only files > /dev/null 2>&1 & "
        "while [ $(find /etc/many -type f 2> /dev/null | wc -l) -lt 300 ]; do sleep 0.02; done; kill -KILL -1"
    )
    blank.run("sh", "-c", script, timeout_seconds=200)
    there = [path for path in (blank.root / "etc/many").rglob("*") if path.is_file()]
    assert 300 <= len(there) < MANY
    # As if it had been killed with a file half written.
    (blank.root / "etc/many/0/.rekindle-aside").write_text("ha")
    report = again(blank)
    assert {entry["state"] for entry in report.values()} == {"restored", "already"}
    for path, content in contents.items():
        assert (blank.root / path[1:]).read_bytes() == content
    assert not list((blank.root / "etc").rglob(".rekindle-aside"))
    assert not (blank.root / "var/lib/rekindle/unheard.json").exists()


def on_the_same_release(served: Served) -> Posture:
    """Return a posture with everything that is told of files besides what they hold."""
    sample = with_packages(served)
    contents = {
        "/usr/local/bin/kiln-now": b"#!/bin/sh\n",
        "/home/ada/.config/kiln/deep/kiln.conf": b"warm = yes\n",
        "/home/ada/newer.conf": b"newer = no\n",
        "/home/ada/.bashrc": b"# ada's\n",
        "/home/ada/out/pwned": b"pwned",
    }
    section = Files(
        files=tuple(file(path, content) for path, content in sorted(contents.items())),
        deleted=(Deleted(path=FIRE, package="kiln"),),
        overrides=(StatOverride(path=KILN, owner="root", group="potters", mode="0640"),),
        diversions=(Diversion(path=TONGS, to=f"{TONGS}.distrib"),),
        alternatives=(
            Alternative(
                name="kiln-now", target="/usr/local/bin/kiln-now", link="/usr/bin/kiln-now", priority=5
            ),
        ),
        units=(Unit(name="apt-daily.timer"),),
    )
    kept = {path: sample.contents[path] for path in sample.contents if path.startswith("/etc/apt/")}
    return replace(sample, files=section, contents={**kept, **contents})


def on_another_release(
    served: Served, contents: Mapping[str, bytes], pristine: Mapping[str, bytes]
) -> Posture:
    """Return a posture of Debian 11 with these conffiles, and with what their packages had brought."""
    sample = with_packages(served)
    release = Release(distribution="debian", version="11", codename="bullseye", architecture="amd64")
    files = (
        file(path, content).model_copy(
            update={
                "origin": "conffile",
                "pristine": sha256(pristine[path]) if path in pristine else "",
            }
        )
        for path, content in sorted(contents.items())
    )
    return replace(
        sample,
        system=sample.system.model_copy(update={"release": release}),
        files=Files(files=tuple(files)),
        contents={**sample.contents, **contents},
        pristine=pristine,
    )


def only_files(served: Served, contents: Mapping[str, bytes]) -> Posture:
    sample = with_packages(served)
    files = tuple(file(path, content) for path, content in sorted(contents.items()))
    return replace(sample, files=Files(files=files), contents={**sample.contents, **contents})


def with_packages(served: Served) -> Posture:
    sample = sample_posture(served.url(), served.key)
    packages = tuple(Package(name=name) for name in sorted(VENDOR))
    return replace(sample, apt=sample.apt.model_copy(update={"packages": packages, "holds": ()}))


def file(path: str, content: bytes) -> File:
    owner, group = ADA if path.startswith("/home/ada/") else ROOT
    mode = "0755" if "/bin/" in path else "0644"
    plain = {"kind": "file", "origin": "settings" if owner == "ada" else "unowned", "mode": mode}
    return File(path=path, owner=owner, group=group, sha256=sha256(content), **plain)


def prepare(machine: Container, posture: Posture, program: Path) -> None:
    home = machine.root / "root"
    shutil.copy(program, home / "restore.pex")
    write_payload(posture, program, host="hearth", output=home / "payload.tar")


def restored(machine: Container, posture: Posture, program: Path) -> dict[str, Any]:
    """Restore, and return the outcomes by item."""
    prepare(machine, posture, program)
    return again(machine, "system", "apt", "users", "files")


def again(machine: Container, *sections: str) -> dict[str, Any]:
    only = ",".join(sections or ("files",))
    words = ("/root/restore.pex", "restore", "--from", "/root/payload.tar", "--json", "--only", only)
    done = machine.run(*words, timeout_seconds=200)
    assert done.returncode in (0, 3), done.stderr
    return outcomes(done.stdout)


def outcomes(said: str) -> dict[str, Any]:
    return {entry["id"]: entry for entry in json.loads(said)["items"]}


def times(top: Path) -> dict[str, int]:
    return {str(place): place.lstat().st_mtime_ns for place in top.rglob("*")}
