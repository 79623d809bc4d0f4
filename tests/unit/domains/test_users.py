from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.accounts import Account
from collectors.domains import users
from collectors.domains.users import Group, Linger, SubIds, User, Users, shells
from collectors.domains.users.shadow import parse_shadow
from collectors.domains.users.subids import parse_ranges
from collectors.homes import homes
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import SAMPLES, sampled

test_shadow = sampled("shadow", lambda text, name: parse_shadow(text))
test_subid = sampled("subid", lambda text, name: parse_ranges(text, "/etc/subuid"))

PEOPLE = "root:x:0:0::/root:/bin/bash\nada:x:1000:1000::/home/ada:{}\nsys:x:999:999::/:/usr/sbin/nologin\n"
TEXT = st.text(alphabet=st.sampled_from("ada:1065$!*-\nü\udcff"), max_size=80)


def host_with(tmp_path: Path, contents: dict[str, str | bytes | None], shell: str = "/bin/bash") -> FakeHost:
    return machine(tmp_path, {"/etc/passwd": PEOPLE.format(shell), "/etc/group": "root:x:0:\n", **contents})


def test_collects_people_and_their_groups(tmp_path: Path) -> None:
    host = machine(
        tmp_path,
        {
            "/etc/passwd": (SAMPLES / "passwd/ubuntu-24.04").read_text("utf-8"),
            "/etc/group": (SAMPLES / "group/ubuntu-24.04").read_text("utf-8"),
            "/etc/shadow": "ada:$6$salt$hash:1::::::\nbob:!:1:::::20818:\n",
            "/home/ada": None,
            "/home/bob": None,
        },
    )
    found = users.collect(replace(host, owners={"/home/ada": (1000, 1000)}))
    assert [user.name for user in found.section.users] == ["ada", "bob", "deploy", "linuxbrew"]
    assert found.section.users[0] == User(
        name="ada",
        uid=1000,
        group="ada",
        gecos="Ada Löw,,,",
        home="/home/ada",
        shell="/bin/bash",
        groups=("adm", "docker", "film", "sudo"),
        home_mode="0755",
        password="set",
    )
    bob = found.section.users[1]
    assert (bob.home_mode, bob.expires, bob.password) == ("", "2026-12-31", "locked")
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
    assert section == Users()


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


def test_ranges_are_of_people_and_root_by_name_or_number(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            "/etc/subuid": "ada:100000:65536\nroot:1000000:10\nsys:1:1\n1000:200000:1\n",
            "/etc/subgid": "ada:100000:65536\nbad\n",
        },
    )
    found = users.collect(host)
    assert found.section.sub_ids == (
        SubIds(user="ada", uids=("100000-165535", "200000-200000"), gids=("100000-165535",)),
        SubIds(user="root", uids=("1000000-1000009",)),
    )
    assert [each.item_id() for each in found.section.sub_ids] == ["subid:ada", "subid:root"]
    assert found.section.sub_ids[1].by_hand() == "usermod --add-subuids 1000000-1000009 -- root"
    assert [each.subject for each in found.findings] == ["/etc/subgid:2"]


def test_who_lingers_is_an_item(tmp_path: Path) -> None:
    found = users.collect(host_with(tmp_path, {f"{users.LINGER}/ada": "", f"{users.LINGER}/gone": ""}))
    assert found.section.linger == (Linger(user="ada"),)
    assert found.section.linger[0].by_hand() == "loginctl enable-linger -- ada"


def test_the_session_and_the_picture_of_a_person_are_kept(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            f"{users.SESSIONS}/users/ada": "[User]\nSession=plasma\nSystemAccount=false\n",
            f"{users.SESSIONS}/icons/ada": b"\x89PNG\r\n",
            f"{users.SESSIONS}/users/sys": "[User]\nSystemAccount=true\n",
        },
    )
    found = users.collect(host)
    assert (
        [file.path for file in found.section.files]
        == list(found.contents)
        == [
            f"{users.SESSIONS}/icons/ada",
            f"{users.SESSIONS}/users/ada",
        ]
    )


def test_a_session_that_says_nothing_is_not_told(tmp_path: Path) -> None:
    content = "[User]\nLanguages=\nSession=\nSystemAccount=false\n"
    assert users.collect(host_with(tmp_path, {f"{users.SESSIONS}/users/ada": content})).section.files == ()


@pytest.mark.parametrize(
    ("shell", "lost"),
    [
        ("/bin/bash", False),
        ("/usr/bin/zsh", False),
        ("/home/linuxbrew/.linuxbrew/bin/fish", False),
        ("/usr/bin/nu", False),
        ("/bin/nu", False),
        ("/opt/tool/bin/nu", False),
        ("/usr/local/bin/fish", True),
        ("/usr/bin/elvish", True),
    ],
)
def test_a_shell_that_nothing_brings_is_a_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str, lost: bool
) -> None:
    monkeypatch.setattr(shells, "program_trees", lambda host: frozenset({"/opt/tool"}))
    host = host_with(tmp_path, {"/var/lib/dpkg/info/nu.list": "/usr/bin/nu\n"}, shell)
    found = users.collect(host).losses
    assert [(loss.kind, loss.subject) for loss in found] == [("unowned", shell)] * lost


def test_passwords_that_cannot_be_read_are_a_finding(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"/etc/shadow": "ada:x:1::::::\n"})
    found = users.collect(replace(host, failing={"/etc/shadow": PermissionError(13, "no")}))
    assert [(user.name, user.password) for user in found.section.users] == [("ada", "")]
    assert [each.subject for each in found.findings] == ["/etc/shadow"]


@given(TEXT)
def test_each_line_of_shadow_is_an_account_or_a_finding(text: str) -> None:
    found, findings = parse_shadow(text)
    lines = [line for line in text.split("\n") if line.strip()]
    assert len({line.split(":")[0] for line in lines}) <= len(found) + len(findings) <= len(lines)


@given(TEXT)
def test_each_line_of_ranges_is_one_or_a_finding(text: str) -> None:
    found, findings = parse_ranges(text, "/etc/subuid")
    assert len(found) + len(findings) == len([line for line in text.split("\n") if line.strip()])


def test_a_home_that_two_share_is_that_of_the_first(tmp_path: Path) -> None:
    lines = "ada:x:1000:1000::/home/ada:/bin/bash\nbob:x:1000:1000::/home/ada/:/bin/sh\n"
    host = machine(tmp_path, {"/etc/passwd": lines, "/home/ada": None})
    assert [(home.user, home.path) for home in homes(host)] == [("ada", "/home/ada")]
