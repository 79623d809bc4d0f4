"""How do people, their groups and their numbers for containers come back?"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from builder.restore.steps import users as maker
from builder.restore.steps.commands import CommandStep
from builder.restore.steps.step import Target
from builder.restore.steps.users import SubIdStep, UserStep, steps
from collectors.domains.users import Group, Linger, User, Users
from collectors.domains.users.subids import SubIds, parse_ranges
from tests.postures import small_posture
from tests.unit.restore.playbook import library, loaded, shared

people = loaded("playbook/action_plugins/rekindle_people.py", "rekindle_people")
subids = library("rekindle_subids")

ME, MINE = os.getuid(), os.getgid()


def user(**fields: Any) -> dict[str, Any]:
    plain = {"id": "user:ada", "name": "ada-of-the-tests", "uid": 54321, "group": "root", "gids": {}}
    plain |= {"gecos": "{{ 1 }}", "home": "/h", "shell": "/bin/sh", "groups": [], "home_mode": ""}
    return {**plain, "expires": "", "password": "locked", **fields}


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (user(), ""),
        (user(home="/home/ada/"), ""),
        (user(name="ada.l-2$"), ""),
        (user(name="root"), "root is never changed"),
        (user(uid=0), "root is never changed"),
        (user(name="daemon", uid=1234), "an account of the system has that name here"),
        (user(name="daemon", uid=1, home="/home/daemon"), "an account of the system has that name here"),
        *(
            (user(name=odd), "not the name of an account")
            for odd in ("-r", "a:b", "$(id)", "1000", "a/b", "a\n")
        ),
        *(
            (user(home=odd), "its home is no plain absolute path")
            for odd in ("", "home/ada", "../../x", "/home/../etc", "/home//ada", "/home/a\nb", "/home/a:b")
        ),
        ({"name": "daemon", "gid": 1500}, "an account of the system has that name here"),
        ({"name": "root", "gid": 1500}, "root is never changed"),
        ({"name": "{{ 1 }}", "gid": 1500}, "not the name of an account"),
    ],
)
def test_accounts_of_the_system_are_not_touched(step: dict[str, Any], reason: str) -> None:
    assert people.refused(step) == reason


@pytest.mark.parametrize(
    ("home", "shell", "reason"),
    [
        ("/home/eve", "/usr/bin/zsh", ""),
        ("/home/eve", "/usr/sbin/nologin", "an account of the system has that name here"),
        ("/var/lib/eve", "/bin/bash", "an account of the system has that name here"),
    ],
)
def test_a_person_may_have_a_number_of_the_system(
    home: str, shell: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = people.pwd.struct_passwd(("eve", "x", 499, 100, "", home, shell))
    monkeypatch.setattr(people.pwd, "getpwnam", lambda name: entry)
    assert people.refused(user(name="eve", uid=499, home="/home/eve")) == reason


@pytest.mark.parametrize(
    ("wanted", "there", "moves"),
    [
        ({"ada": 1000}, {"ada": 1000}, []),
        ({"ada": 1000}, {}, []),
        ({"ada": 1000, "bob": 1001}, {"bob": 1000}, [("bob", 1001)]),
        (
            {"ada": 1000, "bob": 1001},
            {"ada": 1001, "bob": 1000},
            [("ada", 1002), ("bob", 1001), ("ada", 1000)],
        ),
        ({"ada": 1001, "bob": 1002}, {"ada": 1000, "bob": 1001}, [("bob", 1002), ("ada", 1001)]),
        # A stranger keeps his number; bob makes room for ada all the same.
        ({"ada": 1000, "bob": 1001}, {"bob": 1000, "carl": 1001}, [("bob", 1002)]),
        ({"bob": 1001}, {"bob": 1000, "carl": 1001}, []),
    ],
)
def test_everybody_gets_the_number_they_had(
    wanted: dict[str, int], there: dict[str, int], moves: list[tuple[str, int]]
) -> None:
    assert list(people.moves(wanted, there)) == moves


def test_a_home_is_given_to_the_new_numbers_and_nobody_elses_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, tuple[int, int]] = {}

    def chown(name: str, uid: int, gid: int, *, dir_fd: int | None = None, follow_symlinks: bool) -> None:
        assert not follow_symlinks
        given[os.path.basename(name)] = (uid, gid)

    home = tmp_path / "home"
    (home / "folder").mkdir(parents=True)
    (home / "folder" / "file").touch()
    (home / "link").symlink_to("/etc")
    monkeypatch.setattr(people.os, "chown", chown)
    people.give(str(home), (ME, MINE), (4001, 4002))
    assert given == dict.fromkeys(("home", "folder", "file", "link"), (4001, 4002))
    given.clear()
    people.give(str(home), (4003, MINE), (4001, 4002))
    assert given == {}


def test_a_home_gets_its_mode(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert people.opened(user(uid=ME, home=str(home), home_mode="0750")) is False
    home.mkdir(mode=0o755)
    assert people.opened(user(uid=ME + 1, home=str(home), home_mode="0750")) is False
    assert people.opened(user(uid=ME, home=str(home), home_mode="0750")) is True
    assert stat.S_IMODE(home.stat().st_mode) == 0o750
    assert people.opened(user(uid=ME, home=str(home), home_mode="0750")) is False


def test_an_account_ends_on_its_day() -> None:
    _, wanted, _ = people.user_arguments(user(expires="2026-12-31"))
    assert wanted["expires"] == 20818 * 86400
    assert "expires" not in people.user_arguments(user())[1]


def test_a_person_is_made_as_written() -> None:
    module, wanted, shortfalls = people.user_arguments(user(groups=["daemon"]))
    assert (module, shortfalls) == ("ansible.builtin.user", [])
    assert wanted["comment"] == "{{ 1 }}"
    assert wanted["groups"] == ["daemon"]
    assert (wanted["group"], wanted["uid"], wanted["system"]) == ("root", 54321, False)
    assert "password" not in wanted


def test_who_had_no_home_gets_none() -> None:
    assert people.user_arguments(user())[1]["create_home"] is False
    assert people.user_arguments(user(home_mode="0700"))[1]["create_home"] is True


def test_a_number_of_the_system_is_given_as_one() -> None:
    assert people.user_arguments(user(uid=499))[1]["system"] is True


def test_who_has_no_shell_gets_none() -> None:
    assert people.user_arguments(user(shell=""))[1]["shell"] == ""


def test_a_number_that_is_a_strangers_is_not_taken() -> None:
    _, wanted, shortfalls = people.user_arguments(user(uid=1))
    assert "uid" not in wanted
    assert shortfalls == [("its number 1 is daemon's here", "give daemon another one, then restore again")]
    _, wanted, shortfalls = people.group_arguments({"name": "film-of-the-tests", "gid": 1})
    assert "gid" not in wanted
    step = {"id": "group:film", "name": "film-of-the-tests", "gid": 1}
    assert people.judged(step, {"changed": True}, shortfalls)["state"] == "substituted"


def test_groups_that_are_missing_are_made_before_the_person() -> None:
    step = user(group="team-of-the-tests", groups=["daemon", "uinput-of-tests", "ada-of-the-tests", "-x"])
    step["gids"] = {"team-of-the-tests": 54322}
    missing = people.missing_groups(step)
    assert missing == ["team-of-the-tests", "uinput-of-tests", "ada-of-the-tests", "-x"]
    assert [people.missing_group_arguments(step, name) for name in missing] == [
        {"name": "team-of-the-tests", "gid": 54322},
        {"name": "uinput-of-tests", "system": True},
        None,
        None,
    ]
    _, wanted, _ = people.user_arguments(step, frozenset(missing[:2]))
    assert (wanted["group"], wanted["groups"]) == ("team-of-the-tests", ["daemon", "uinput-of-tests"])
    told = people.judged(step, {"changed": True}, [], ["uinput-of-tests"])
    assert (told["state"], told["reason"]) == (
        "restored",
        "no package brought the group uinput-of-tests, so it is made",
    )


def test_missing_groups_and_shells_are_said_and_the_person_is_made_all_the_same() -> None:
    step = user(group="no-such-group", groups=["daemon", "nor-this"], shell="/bin/no-such")
    _, wanted, shortfalls = people.user_arguments(step)
    assert "group" not in wanted
    assert wanted["groups"] == ["daemon"]
    assert wanted["shell"] == "/bin/bash"
    told = people.judged(step, {"changed": True}, shortfalls)
    assert told["state"] == "failed"
    assert told["reason"].startswith("no group no-such-group here; no group nor-this here")
    assert "install it, then restore again" in told["remedy"]


@pytest.mark.parametrize("shell", ["../../bin/sh", "sh", "/etc/passwd", "/no/such"])
def test_what_nobody_can_log_in_to_is_no_shell(shell: str) -> None:
    assert people.user_arguments(user(shell=shell))[1]["shell"] == "/bin/bash"


def test_a_shell_that_comes_later_is_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shell = tmp_path / "nush"
    entry = people.pwd.struct_passwd(("ada-of-the-tests", "x", 54321, 1, "", "/h", "/bin/bash"))
    monkeypatch.setattr(people.pwd, "getpwnam", lambda name: entry)
    step = user(shell=str(shell))
    assert people.is_shell_new(step) is False
    shell.touch(mode=0o755)
    assert people.is_shell_new(step) is True
    assert people.is_shell_new(user(shell="/bin/bash")) is False
    assert people.is_shell_new(user(name="-r", shell=str(shell))) is False


@pytest.mark.parametrize(
    ("done", "shortfalls", "state"),
    [
        ({"changed": False}, [], "already"),
        ({"changed": True}, [], "restored"),
        ({"changed": True}, [("no /bin/fish here, so /bin/bash", "install it")], "substituted"),
        ({"changed": False}, [("no /bin/fish here, so /bin/bash", "install it")], "substituted"),
        ({"failed": True, "msg": "UID 1 in\nuse"}, [], "failed"),
    ],
)
def test_what_became_of_a_person(done: dict[str, Any], shortfalls: list[tuple[str, str]], state: str) -> None:
    told = people.judged(user(), done, shortfalls)
    assert told["state"] == state
    json.dumps(told)


@pytest.mark.parametrize(
    ("hashed", "password", "is_asked"),
    [
        ("!", "set", True),
        ("!", "none", True),
        ("!", "", True),
        ("!", "locked", False),
        ("$y$x", "set", False),
    ],
)
def test_a_password_is_asked_for_where_there_was_one(
    hashed: str, password: str, is_asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shadow").write_text(f"ada:*:1::::::\nada-of-the-tests:{hashed}:1::::::\n")
    monkeypatch.setattr(people, "SHADOW", str(tmp_path / "shadow"))
    told = people.judged(user(password=password), {"changed": True}, [])
    assert ("passwd ada-of-the-tests" in told["remedy"]) == is_asked
    assert "$y$x" not in str(told)


SUBUID = "# mine\nnotes:100:1000\nada:100000:65536\nbob:165536:65536\ndave:300000:65536\n54321:900000:10\n"


def ranges(name: str, *uids: str, **fields: Any) -> dict[str, Any]:
    plain = {"id": f"subid:{name}", "user": name, "uids": list(uids), "gids": list(uids)}
    return {**plain, "people": ["ada", "bob", "carol", "dave"], "by_hand": "usermod x", **fields}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    numbers = {"ada": 1000, "bob": 1001, "carol": 54321, "dave": 1003, "root": 0, "eve": 1004}
    monkeypatch.setattr(subids, "number_of", numbers.get)
    monkeypatch.setattr(
        subids, "PLACES", {"uids": str(tmp_path / "subuid"), "gids": str(tmp_path / "subgid")}
    )
    # An owner other than root's would need root.
    whole = shared().write_whole
    monkeypatch.setattr(subids, "write_whole", lambda p, c, m: whole(p, c, m, ME, MINE))
    for name in ("subuid", "subgid"):
        (tmp_path / name).write_text(SUBUID)
    return tmp_path


def states(*steps: dict[str, Any], check: bool = False) -> dict[str, str]:
    return {each["id"]: each["state"] for each in subids.brought_back(list(steps), check)}


def test_ranges_come_back_as_they_were_and_once(files: Path) -> None:
    wanted = (
        ranges("ada", "100000-165535"),
        ranges("bob", "231072-296607", "700000-700999"),
        ranges("carol", "296608-362143", "900000-900009"),
        ranges("root", "1000000-1000000"),
    )
    expected = {
        "subid:ada": "already",
        **dict.fromkeys(("subid:bob", "subid:carol", "subid:root"), "restored"),
    }
    assert states(*wanted, check=True) == expected
    assert (files / "subuid").read_text() == SUBUID
    assert states(*wanted) == expected
    # What dave was given when he was made is carol's.
    text = (
        "# mine\nnotes:100:1000\nada:100000:65536\nbob:231072:65536\nbob:700000:1000\n"
        "carol:296608:65536\ncarol:900000:10\nroot:1000000:1\n"
    )
    assert (files / "subuid").read_text() == (files / "subgid").read_text() == text
    assert parse_ranges((files / "subuid").read_text().replace("# mine\n", ""), "x")[1] == ()
    assert set(states(*wanted).values()) == {"already"}


def test_a_strangers_ranges_stay_and_are_given_to_nobody(files: Path) -> None:
    told = {
        each["id"]: each
        for each in subids.brought_back(
            [ranges("bob", "900-1000", people=[]), ranges("carol", "500-600", uids=["500-600"], people=[])],
            False,
        )
    }
    assert {name: each["state"] for name, each in told.items()} == {
        "subid:bob": "substituted",
        "subid:carol": "substituted",
    }
    assert told["subid:bob"]["reason"] == "its numbers are notes's here"
    assert (files / "subuid").read_text() == SUBUID
    assert states(ranges("eve", "900-1000")) == {"subid:eve": "failed"}


@pytest.mark.parametrize("odd", ["0-1000", "5-4", "1-2\nroot:0:9", "", "x-y", "-1", "1-99999999999"])
def test_what_is_no_range_is_refused_and_the_others_come_back(odd: str, files: Path) -> None:
    assert states(ranges("ada", odd), ranges("bob", "500000-500001")) == {
        "subid:ada": "failed",
        "subid:bob": "restored",
    }
    assert "ada:100000:65536\n" in (files / "subuid").read_text()


def test_nobody_gets_no_range(files: Path) -> None:
    stranger = ranges("no-such-user:x\n", "500000-500001")
    assert states(stranger) == {"subid:no-such-user:x\n": "failed"}
    assert states(ranges("frida", "500000-500001", people=["frida"]), check=True) == {
        "subid:frida": "restored"
    }
    assert states(ranges("frida", "500000-500001", people=["frida"])) == {"subid:frida": "failed"}


def test_the_steps_of_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker, "LINGER", str(tmp_path / "a/linger"))
    ada = User(
        name="ada", uid=1000, group="ada", gecos="", home="/home/ada", shell="", groups=("film", "uinput")
    )
    users = Users(
        groups=(Group(name="ada", gid=1000), Group(name="film", gid=1500)),
        users=(ada,),
        sub_ids=(SubIds(user="ada", uids=("1-2",)),),
        linger=(Linger(user="../../x; id"),),
    )
    whole = replace(small_posture(), users=users)
    wanted = frozenset(item.id for item in users.items())
    made = list(steps(Target(whole, whole, PurePosixPath("p"), wanted)))
    (person,) = (each for each in made if isinstance(each, UserStep))
    assert person.gids == {"ada": 1000, "film": 1500}
    (numbers,) = (each for each in made if isinstance(each, SubIdStep))
    assert numbers.people == ("ada",)
    (lingers,) = (each for each in made if isinstance(each, CommandStep))
    assert lingers.user == ""
    assert os.system(lingers.command) != 0
    assert list(tmp_path.iterdir()) == []
