"""The playbook's modules, without Ansible: what they decide, and what they write into a folder."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from collectors.record import escaped
from tests.unit.restore.playbook import library, loaded, shared

packages = library("rekindle_packages")
system = library("rekindle_system")
people = loaded("playbook/action_plugins/rekindle_people.py", "rekindle_people")

ME, MINE = str(os.getuid()), str(os.getgid())


@pytest.mark.parametrize("name", [b"plain", b"line\nbreak", b"caf\xe9", b"back\\x41", "ö".encode()])
def test_raw_undoes_escaped(name: bytes) -> None:
    assert shared().raw(escaped(os.fsdecode(name))) == name


def test_a_home_gets_its_mode(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert people.opened(user(uid=int(ME), home=str(home), home_mode="0750")) is False
    home.mkdir(mode=0o755)
    assert people.opened(user(uid=int(ME) + 1, home=str(home), home_mode="0750")) is False
    assert people.opened(user(uid=int(ME), home=str(home), home_mode="0750")) is True
    assert stat.S_IMODE(home.stat().st_mode) == 0o750
    assert people.opened(user(uid=int(ME), home=str(home), home_mode="0750")) is False


def test_an_account_ends_on_its_day() -> None:
    _, wanted, _ = people.user_arguments(user(expires="2026-12-31"))
    assert wanted["expires"] == 20818 * 86400
    assert "expires" not in people.user_arguments(user())[1]


POLICY = """\
tree:
  Installed: (none)
  Candidate: 2.1.0-1
  Version table:
     2.1.0-1 500
virtual:
  Installed: (none)
  Candidate: (none)
libc6:i386:
  Installed: 2.36
  Candidate: 2.36
"""


def test_candidates_are_read_from_the_policy() -> None:
    assert packages.candidates_of(POLICY) == {"tree", "libc6:i386"}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("pmstatus:tree:100.0000:Installed tree (amd64)", "tree"),
        ("pmstatus:libc6:i386:40.0:Installed libc6:i386 (i386)", "libc6:i386"),
        ("pmstatus:tree:50.0000:Unpacking tree (amd64)", ""),
        ("dlstatus:1:20.0:Retrieving file 1 of 2", ""),
        ("", ""),
    ],
)
def test_progress_is_read_from_the_status(line: str, name: str) -> None:
    assert packages.configured(line) == name


@pytest.mark.parametrize(
    ("name", "there", "offered", "failed", "state"),
    [
        ("tree", True, True, {}, "already"),
        ("tree", False, True, {}, "restored"),
        ("tree", False, False, {}, "unavailable"),
        ("tree", False, True, {"tree": "E: broken"}, "failed"),
        ("; rm -rf /", False, False, {}, "failed"),
        ("$(id)", False, False, {}, "failed"),
        ("-oAPT::Update::Pre-Invoke=id", False, False, {}, "failed"),
        ("{{ 1 + 1 }}", False, False, {}, "failed"),
    ],
)
def test_what_became_of_a_package(
    name: str, there: bool, offered: bool, failed: dict[str, str], state: str
) -> None:
    wanted = {"id": f"apt:{name}", "name": name}
    outcome = packages.package_outcome(wanted, there, offered, failed)
    assert outcome["state"] == state
    assert bool(outcome["reason"]) == bool(outcome["remedy"]) == (state not in ("already", "restored"))


def test_halving_finds_the_one_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    there: set[str] = set()

    def apt(argv: list[str], wanted: list[str], progress: str, log: str) -> tuple[int, str]:
        asked.append(wanted)
        if "bad" in wanted:
            return 100, "dpkg: error processing bad\nE: Sub-process returned an error"
        there.update(wanted)
        return 0, ""

    monkeypatch.setattr(packages, "followed", apt)
    monkeypatch.setattr(packages, "installed", lambda names: there & set(names))
    names = [f"good-{number}" for number in range(9)]
    failed = packages.installed_all([*names[:5], "bad", *names[5:]], "", os.devnull)
    assert list(failed) == ["bad"]
    assert failed["bad"] == "dpkg: error processing bad; E: Sub-process returned an error"
    assert there == set(names)
    assert len(asked) <= 10


def test_one_transaction_where_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(packages, "followed", lambda argv, *rest: (asked.append(argv), (0, ""))[1])
    assert packages.installed_all(["a1", "b1"], "", os.devnull) == {}
    assert len(asked) == 1
    assert asked[0][-2:] == ["a1", "b1"]


def test_a_source_that_cannot_be_read_is_named() -> None:
    sources = [
        {"id": "apt-source:/a", "uris": ["http://dead.invalid/main/"]},
        {"id": "apt-source:/b", "uris": ["http://good.invalid/main"]},
    ]
    said = "Hit:1 http://good.invalid/main x\nE: Failed to fetch http://dead.invalid/main/dists/x"
    notes = packages.unread(sources, said)
    assert [note["id"] for note in notes] == ["apt-source:/a"]
    assert "Failed to fetch" in notes[0]["reason"]


def test_a_file_beside_the_sources_has_no_address() -> None:
    assert packages.unread([{"id": "file:/etc/apt/preferences"}], "E: Failed to fetch http://x/") == []


NO_NETWORK = """\
Hit:1 file:/srv/local ./ InRelease
Ign:2 http://archive.invalid/debian bookworm InRelease
Err:2 http://archive.invalid/debian bookworm InRelease
  Temporary failure resolving 'archive.invalid'
W: Failed to fetch http://archive.invalid/debian/dists/x  Temporary failure resolving 'archive.invalid'
W: Some index files failed to download. They have been ignored, or old ones used instead.
"""


@pytest.mark.parametrize(
    ("code", "said", "is_out"),
    [
        (0, NO_NETWORK, True),
        (packages.TOO_LATE, "Ign:1 http://slow.invalid x InRelease\n", True),
        (0, NO_NETWORK + "Hit:3 http://good.invalid/main x InRelease\n", False),
        (0, NO_NETWORK + "Get:3 https://good.invalid/main x InRelease [1 kB]\n", False),
        (100, NO_NETWORK + "Err:3 http://old.invalid x Release\n  404  Not Found [IP: 10.0.0.1 80]\n", False),
        (100, "E: Malformed line 1 in source list /etc/apt/sources.list (type)\n", False),
        (0, "Reading package lists...\n", False),
    ],
)
def test_no_network_is_told_from_a_dead_source(code: int, said: str, is_out: bool) -> None:
    assert bool(packages.unreached(code, said)) == is_out


def test_no_network_has_apts_words() -> None:
    reason = packages.unreached(0, NO_NETWORK)
    assert reason.startswith("no network: Failed to fetch http://archive.invalid/")
    assert reason.endswith("Temporary failure resolving 'archive.invalid'")


def test_without_a_network_packages_wait_and_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(packages, "installed", lambda names: {"there"} & set(names))
    monkeypatch.setattr(packages, "asked", lambda argv: (ran.append(argv), "there\n")[1])
    names = ("there", "tree", "; rm -rf /")
    steps = [{"id": f"apt:{name}", "name": name} for name in names]
    held = [{"id": f"apt-hold:{name}", "name": name} for name in ("kiln", "-oDir=/pwned")]
    outcomes = packages.put_off(steps, held, "no network")
    assert {each["id"]: each["state"] for each in outcomes} == {
        "apt:there": "already",
        "apt:tree": "deferred",
        "apt:; rm -rf /": "failed",
        "apt-hold:kiln": "deferred",
        "apt-hold:-oDir=/pwned": "failed",
    }
    assert outcomes[1]["reason"] == "no network"
    assert outcomes[1]["remedy"] == "connect the network and restart: it goes on by itself"
    assert {argv[0] for argv in ran} == {"apt-mark"}


def test_a_warning_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "dpkg-query": "tree\\tall\\tii \\n",
        "dpkg": "amd64\\n",
        "apt-mark": "tree\\n",
        "apt-cache": "tree:\\n  Candidate: 1\\n",
    }
    for name, text in answers.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho 'W: warning: parsing file' >&2\nprintf '{text}'\n")
        program.chmod(0o755)
    monkeypatch.setitem(packages.ENVIRONMENT, "PATH", str(tmp_path))
    monkeypatch.setattr(packages, "NATIVE", set())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert packages.installed(["tree", "W"]) == {"tree"}
    assert packages.native() == {"all", "amd64"}
    assert packages.shown("showmanual") == {"tree"}
    assert packages.offered(["tree"]) == {"tree"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for folder in ("etc/default", "usr/share/zoneinfo/Europe"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "usr/share/zoneinfo/Europe/Berlin").touch()
    (tmp_path / "etc/timezone").write_text("Etc/UTC\n")
    (tmp_path / "etc/hostname").write_text("old\n")
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 old\n")
    (tmp_path / "etc/default/keyboard").write_text('XKBLAYOUT="us"\nBACKSPACE="guess"\n')
    # An owner other than root's would need root.
    whole = shared().write_whole
    monkeypatch.setattr(system, "write_whole", lambda p, c, m: whole(p, c, m, int(ME), int(MINE)))
    return f"{tmp_path}/"


KEYBOARD = {"model": "pc105", "layout": "de", "variant": "", "options": "caps:escape"}


@pytest.mark.parametrize(
    ("key", "value", "path", "text"),
    [
        ("hostname", "hearth", "etc/hostname", "hearth\n"),
        ("hostname", "hearth", "etc/hosts", "127.0.0.1 localhost\n127.0.1.1 hearth\n"),
        ("locale", "C.UTF-8", "etc/default/locale", 'LANG="C.UTF-8"\n'),
        ("timezone", "Europe/Berlin", "etc/timezone", "Europe/Berlin\n"),
        (
            "keyboard",
            KEYBOARD,
            "etc/default/keyboard",
            'BACKSPACE="guess"\nXKBMODEL="pc105"\nXKBLAYOUT="de"\nXKBOPTIONS="caps:escape"\n',
        ),
    ],
)
def test_the_system_is_told_once(root: str, key: str, value: object, path: str, text: str) -> None:
    wanted = {"id": f"system:{key}", "key": key, "value": value}
    assert system.brought_back(wanted, root, True)["state"] == "restored"
    assert system.brought_back(wanted, root, False)["state"] == "restored"
    assert Path(root, path).read_text() == text
    assert system.brought_back(wanted, root, False)["state"] == "already"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hostname", "a b"),
        ("hostname", "$(id)"),
        ("locale", "../../etc/passwd"),
        ("locale", 'C"; id; "'),
        ("timezone", "../../../etc/passwd"),
        ("timezone", "Mars/Olympus"),
        ("keyboard", {**KEYBOARD, "layout": '";id;"'}),
    ],
)
def test_the_system_is_told_nothing_odd(root: str, key: str, value: object) -> None:
    before = {path: path.read_bytes() for path in Path(root).rglob("*") if path.is_file()}
    outcome = system.brought_back({"id": "system:x", "key": key, "value": value}, root, False)
    assert outcome["state"] == "failed"
    assert {path: path.read_bytes() for path in Path(root).rglob("*") if path.is_file()} == before


def user(**fields: object) -> dict[str, object]:
    plain = {"id": "user:ada", "name": "ada-of-the-tests", "uid": 54321, "group": "root"}
    return {**plain, "gecos": "{{ 1 }}", "home": "/h", "shell": "/bin/sh", "groups": [], **fields}


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (user(), ""),
        (user(name="root"), "root is never changed"),
        (user(uid=0), "root is never changed"),
        (user(name="daemon", uid=1234), "an account of the system has that name here"),
        (user(name="-r"), "not the name of an account"),
        (user(name="a:b"), "not the name of an account"),
        (user(name="$(id)"), "not the name of an account"),
        ({"name": "daemon", "gid": 1500}, "an account of the system has that name here"),
        ({"name": "root", "gid": 1500}, "root is never changed"),
    ],
)
def test_accounts_of_the_system_are_not_touched(step: dict[str, object], reason: str) -> None:
    assert people.refused(step) == reason


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
    people.give(str(home), (int(ME), int(MINE)), (4001, 4002))
    assert given == dict.fromkeys(("home", "folder", "file", "link"), (4001, 4002))
    given.clear()
    people.give(str(home), (4003, int(MINE)), (4001, 4002))
    assert given == {}


def test_a_person_is_made_as_written() -> None:
    module, wanted, shortcomings = people.user_arguments(user(groups=["daemon"]))
    assert (module, shortcomings) == ("ansible.builtin.user", [])
    assert wanted["comment"] == "{{ 1 }}"
    assert wanted["groups"] == ["daemon"]
    assert wanted["group"] == "root"
    assert "password" not in wanted


def test_missing_groups_and_shells_are_said_and_the_person_is_made_all_the_same() -> None:
    wanted_step = user(group="no-such-group", groups=["daemon", "nor-this"], shell="/bin/no-such")
    _, wanted, shortcomings = people.user_arguments(wanted_step)
    assert "group" not in wanted
    assert wanted["groups"] == ["daemon"]
    assert wanted["shell"] == "/bin/bash"
    outcome = people.judged(wanted_step, {"changed": True}, shortcomings, True)
    assert outcome["state"] == "failed"
    assert outcome["reason"].startswith("no group no-such-group here; no group nor-this here")


@pytest.mark.parametrize(
    ("done", "shortcomings", "is_new", "state"),
    [
        ({"changed": False}, [], False, "already"),
        ({"changed": True}, [], False, "restored"),
        ({"changed": True}, [], True, "restored"),
        ({"changed": True}, ["no /bin/fish here, so /bin/bash"], True, "substituted"),
        ({"failed": True, "msg": "UID 1 in\nuse"}, [], False, "failed"),
    ],
)
def test_what_became_of_a_person(
    done: dict[str, object], shortcomings: list[str], is_new: bool, state: str
) -> None:
    outcome = people.judged(user(), done, shortcomings, is_new)
    assert outcome["state"] == state
    assert ("passwd" in outcome["remedy"]) == (is_new and not shortcomings)
    json.dumps(outcome)
