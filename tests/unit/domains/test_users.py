from __future__ import annotations

from pathlib import Path

import pytest

from collectors.domains import users
from collectors.domains.users import Account, Group, User
from tests.unit.fakes import machine
from tests.unit.sampled import SAMPLES


def test_collects_people_and_their_groups(tmp_path: Path) -> None:
    host = machine(
        tmp_path,
        {
            "/etc/passwd": (SAMPLES / "passwd/ubuntu-24.04").read_text("utf-8"),
            "/etc/group": (SAMPLES / "group/ubuntu-24.04").read_text("utf-8"),
            "/etc/shadow": "ada:$6$salt$hash:1::::::\n",
        },
    )
    found = users.collect(host)
    assert [user.name for user in found.section.users] == ["ada", "bob", "deploy", "linuxbrew"]
    assert found.section.users[0] == User(
        name="ada",
        uid=1000,
        group="ada",
        gecos="Ada Löw,,,",
        home="/home/ada",
        shell="/bin/bash",
        groups=("adm", "docker", "film", "sudo"),
    )
    assert found.section.users[2].group == "1002"
    assert found.section.groups == (
        Group(name="ada", gid=1000),
        Group(name="bob", gid=1001),
        Group(name="film", gid=1500),
    )
    assert [each.path for each in found.section.left_out] == ["/etc/shadow"]
    assert "salt" not in repr(found)


def test_nobody_is_no_person_and_no_failure(tmp_path: Path) -> None:
    section = users.collect(machine(tmp_path)).section
    assert (section.users, section.groups, section.left_out) == ((), (), ())


@pytest.mark.parametrize(
    ("uid", "home", "shell", "person"),
    [
        (999, "/var/lib/x", "/bin/bash", False),
        (999, "/home/x", "/usr/sbin/nologin", False),
        (999, "/home/x", "/bin/false", False),
        (999, "/home/x", "", False),
        (999, "/home/x", "/bin/zsh", True),
        (1000, "/srv/x", "/usr/sbin/nologin", True),
        (59999, "/", "", True),
        (60000, "/", "/bin/sh", False),
        (65534, "/nonexistent", "/usr/sbin/nologin", False),
    ],
)
def test_person(uid: int, home: str, shell: str, person: bool) -> None:
    assert Account("x", uid, uid, "", home, shell).person is person
