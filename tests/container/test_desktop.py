"""Do people and their desktops come back on a machine that somebody has set up already?"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collectors.collect import collect
from collectors.compare import score
from collectors.domains.desktop import Desktop
from collectors.domains.desktop.gnome import DconfKey
from collectors.domains.desktop.kde import KdeKey
from collectors.domains.files import Files
from collectors.domains.input import Input
from collectors.domains.users import Group, Linger, User, Users
from collectors.domains.users.subids import SubIds
from collectors.host import Machine
from collectors.posture import Posture
from collectors.record import File, sha256
from tests.container.minimal import Container, container, minimal_root, remove
from tests.container.restoring import reported, restored
from tests.messy.desktop import PACKAGES
from tests.postures import small_posture

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="containers need root"),
]

SECTIONS = "users,files,desktop,input"
HASH = "$y$j9T$salt$of-the-installer"
SHELL = "/usr/local/bin/nush"
EVIL = "{{ lookup('pipe', 'touch /pwned') }}"


@pytest.fixture
def machine(program_cache: Path, tmp_path: Path) -> Iterator[Container]:
    made = container(minimal_root(program_cache, PACKAGES), tmp_path / "machine")
    yield made
    remove(made)


def test_people_and_their_desktops_come_back_where_an_installer_was(
    machine: Container, program: Path
) -> None:
    ran(machine, "useradd", "--create-home", "--uid", "1001", "--groups", "video", "ada")
    ran(machine, "usermod", "--password", HASH, "ada")
    posture = desktop_posture()
    states, reasons = told(machine, posture, program)
    result = score(posture, collect(Machine(machine.root)).posture)
    assert [name for name in (*result.missing, *result.changed) if name in states] == [], reasons
    # The range that useradd gave ada is the one that she had.
    assert {name for name, state in states.items() if state != "restored"} == {"subid:ada"}
    assert states["subid:ada"] == "already"
    assert "no package brought the group uinput" in reasons["user:ada"]
    assert "password" in reasons["user:bob"]
    assert "password" not in reasons["user:ada"]
    assert f"ada:{HASH}:" in (machine.root / "etc/shadow").read_text()
    assert strangers(machine.root / "home/ada") == strangers(machine.root / "srv/bob") == []
    modes = {
        name: mode(machine.root / "home/ada" / name)
        for name in (".ssh", ".gnupg", ".config", ".config/kwinrc")
    }
    assert modes == {".ssh": 0o700, ".gnupg": 0o700, ".config": 0o700, ".config/kwinrc": 0o600}
    said = ran(
        machine,
        "runuser",
        "-u",
        "ada",
        "--",
        *("kreadconfig5", "--file", "kwinrc", "--group", "W", "--key", "k 7"),
    )
    assert said == "$(id) 7\n"
    assert ran(machine, "runuser", "-u", "ada", "--", "dconf", "read", "/org/x/k7") == "'{{ 7 * 7 }}'\n"
    before = listing(machine.root)
    again, _ = told(machine, posture, program)
    assert set(again.values()) == {"already"}
    assert listing(machine.root) == before


def test_hostile_people_and_keys_sink_nobody(machine: Container, program: Path) -> None:
    ran(machine, "useradd", "--create-home", "--uid", "1000", "--shell", "/bin/bash", "me")
    good = desktop_posture()
    bad_users = (
        person("root", 0),
        person("-r", 1100),
        person(EVIL, 1101),
        person("climber", 1102, home="/home/../../x"),
        person("lines", 1103, gecos="a\nroot2:x:0:0::/:/bin/sh"),
        person("daemon", 1104),
    )
    bad_keys = (key(key="up", file="../../x"), key(key="no\\escape"), key(key="k", group=("W", "")))
    bad_dconf = DconfKey(user="ada", key="/org/x/evil", value="'v'\n[org/x]\npwned=true")
    posture = replace(
        good,
        users=good.users.model_copy(
            update={
                "users": (*good.users.users, *bad_users),
                "groups": (*good.users.groups, Group(name="root", gid=1300)),
            }
        ),
        desktop=good.desktop.model_copy(
            update={"kde": (*good.desktop.kde, *bad_keys), "dconf": (*good.desktop.dconf, bad_dconf)}
        ),
    )
    states, reasons = told(machine, posture, program)
    bad = {thing.item_id() for thing in (*bad_users, *bad_keys, bad_dconf)} | {"group:root"}
    assert {name for name, state in states.items() if state == "failed"} == bad
    assert all(reasons[name] for name in bad)
    # The installer's user has her number, and the range that goes with it.
    substituted = {name for name, state in states.items() if state == "substituted"}
    assert substituted == {"user:ada", "group:ada", "subid:ada"}
    assert reasons["user:ada"].startswith("its number 1000 is me's here")
    entries = dict(line.split(":", 1) for line in (machine.root / "etc/passwd").read_text().splitlines())
    assert {"me", "ada", "bob"} <= set(entries)
    assert entries["me"].startswith("x:1000:")
    assert not {"lines", "climber", "root2", "-r", EVIL} & set(entries)
    assert entries["root"].startswith("x:0:0:")
    assert strangers(machine.root / "home/ada") == []
    assert not list(machine.root.glob("pwned")) + list(machine.root.glob("x"))
    assert "pwned" not in ran(machine, "runuser", "-u", "ada", "--", "dconf", "dump", "/")


def key(**fields: Any) -> KdeKey:
    return KdeKey(**{"user": "ada", "file": "kwinrc", "group": ("W",), "value": "v", **fields})


def person(name: str, uid: int, **fields: Any) -> User:
    plain = {"gecos": EVIL, "group": name, "home": f"/home/{name}", "shell": "/bin/sh", "home_mode": "0755"}
    return User(name=name, uid=uid, **{**plain, **fields})


def desktop_posture() -> Posture:
    """Return a posture of two people, one with a desktop, whose shell comes with the files."""
    contents = {
        "/home/ada/.ssh/config": b"Host x\n",
        "/home/ada/.gnupg/gpg.conf": b"no-greeting\n",
        "/home/ada/.Xmodmap": b"keycode 191 = F13\n",
        SHELL: b'#!/bin/sh\nexec /bin/sh "$@"\n',
    }
    owned = {path: "ada" if path.startswith("/home/ada") else "root" for path in contents}
    files = {
        path: File(
            path=path,
            kind="file",
            origin="unowned" if path == SHELL else "settings",
            owner=owner,
            group=owner,
            mode="0755" if path == SHELL else "0644",
            sha256=sha256(contents[path]),
        )
        for path, owner in owned.items()
    }
    return replace(
        small_posture(),
        users=Users(
            users=(
                person("ada", 1000, shell=SHELL, groups=("film", "uinput", "video"), home_mode="0700"),
                person(
                    "bob",
                    1002,
                    group="film",
                    home="/srv/bob",
                    gecos="",
                    home_mode="0711",
                    expires="2031-02-28",
                ),
            ),
            groups=(Group(name="ada", gid=1000), Group(name="film", gid=1500)),
            sub_ids=(
                SubIds(user="ada", uids=("100000-165535",), gids=("100000-165535",)),
                SubIds(user="bob", uids=("700000-765535",), gids=("800000-865535",)),
            ),
            linger=(Linger(user="ada"),),
        ),
        files=Files(files=(files[SHELL],)),
        desktop=Desktop(
            kde=tuple(key(key=f"k {number}", value=f"$(id) {number}") for number in range(500)),
            dconf=tuple(
                DconfKey(user="ada", key=f"/org/x/k{number}", value="'{{ 7 * 7 }}'") for number in range(500)
            ),
        ),
        input=Input(files=tuple(files[path] for path in sorted(files) if path != SHELL)),
        contents=contents,
    )


def told(machine: Container, posture: Posture, program: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Restore; return the state and the reason of each item that may come back."""
    _, states = restored(machine, posture, program, "--only", SECTIONS)
    reasons = reported(machine.root, "reason")
    return {name: state for name, state in states.items() if state != "excluded"}, reasons


def ran(machine: Container, *words: str) -> str:
    done = machine.run(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout.replace("\r\n", "\n")


def strangers(home: Path) -> list[str]:
    """Return what in a home is not its owner's."""
    owner = home.stat().st_uid
    assert owner >= 1000
    return [str(path) for path in home.rglob("*") if path.lstat().st_uid != owner]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def listing(root: Path) -> dict[str, tuple[int, int, int]]:
    """Return what could have changed below /etc and the homes: each path with its mode, owner and size."""
    places = (path for top in ("etc", "home", "srv") for path in (root / top).rglob("*"))
    found = ((str(path), path.lstat()) for path in places)
    return {name: (entry.st_mode, entry.st_uid, entry.st_size) for name, entry in found}
