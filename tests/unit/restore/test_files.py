"""What becomes of files that come back: what is written, what is refused, what is kept."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collectors.judgement.attributes import (
    ACCESS,
    CAPABILITY,
    DEFAULT,
    capability_bytes,
    parse_acl,
    parse_capabilities,
)
from collectors.record import escaped
from tests.unit.restore.playbook import library, shared

files = library("rekindle_files")
hearers = shared("hearers")

ME, MINE = str(os.getuid()), str(os.getgid())
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")

Back = Callable[..., dict[str, Any]]


def step(path: str | bytes | Path, **fields: Any) -> dict[str, Any]:
    name = escaped(os.fsdecode(path))
    plain = {"id": f"file:{name}", "path": name, "kind": "file", "owner": ME, "group": MINE}
    return {**plain, "mode": "0644", "target": "", "content": "", "pristine": "", "merge": False, **fields}


def begun(base: Path, check_mode: bool = False, **fields: Any) -> Any:
    """Begin a run whose plan lies in `base`; a person's home is in home/ada."""
    homes = {os.fsencode(base / "home/ada"): (int(ME), int(MINE))}
    memory = files.Memory(str(base / "merged.json"))
    skeletons = {b".bashrc": (stat.S_IFREG, b"as made")}
    folders = files.Folders(homes, check_mode)
    work = files.Work(str(base), check_mode, folders, memory, skeletons)
    return replace(work, **fields)


@pytest.fixture
def back(tmp_path: Path) -> Back:
    """Bring one step back, in a run of its own."""
    return lambda wanted, check_mode=False: files.brought_back(wanted, begun(tmp_path, check_mode))


@pytest.fixture(autouse=True)
def content(tmp_path: Path) -> Path:
    """Lay the content of `content="content"`."""
    place = tmp_path / "content"
    place.write_bytes(b"a")
    return place


def test_a_file_comes_back_once(tmp_path: Path, content: Path, back: Back) -> None:
    place = os.fsencode(tmp_path / "etc") + b"/caf\xe9\n"
    content.write_bytes(b"{{ 1 + 1 }}")
    wanted = step(place, content="content", mode="0640")
    assert back(wanted)["state"] == "restored"
    assert Path(os.fsdecode(place)).read_bytes() == b"{{ 1 + 1 }}"
    assert stat.S_IMODE(os.stat(place).st_mode) == 0o640
    assert back(wanted)["state"] == "already"
    assert os.listdir(os.path.dirname(place)) == [b"caf\xe9\n"]


@pytest.mark.parametrize("change", [{"mode": "4755"}, {"content": "other"}])
def test_a_difference_is_mended(change: dict[str, str], tmp_path: Path, back: Back) -> None:
    (tmp_path / "other").write_bytes(b"b")
    wanted = step(tmp_path / "x", content="content")
    back(wanted)
    assert back({**wanted, **change})["state"] == "restored"
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == int(change.get("mode", "0644"), 8)
    assert (tmp_path / "x").read_bytes() == (b"b" if "content" in change else b"a")


ACL = f"user::rw-,user:{ME}:r--,group::r--,group:{MINE}:rw-,mask::rw-,other::---"


def test_an_access_list_comes_back_once_and_goes_again(tmp_path: Path, back: Back) -> None:
    wanted = step(tmp_path / "x", content="content", mode="0660", acl=ACL)
    assert back(wanted)["state"] == "restored"
    raw = os.getxattr(tmp_path / "x", ACCESS)
    assert ",".join(parse_acl(raw, {}, {})) == ACL
    assert back(wanted)["state"] == "already"
    without = {**wanted, "acl": ""}
    assert back(without)["state"] == "restored"
    assert ACCESS not in os.listxattr(tmp_path / "x")
    assert back(without)["state"] == "already"


def test_a_directory_hands_its_access_list_on_to_what_is_not_from_the_posture(
    tmp_path: Path, back: Back
) -> None:
    default = ",".join(f"default:{entry}" for entry in ACL.split(","))
    wanted = step(tmp_path / "d", kind="directory", mode="0755", acl=default)
    assert back(wanted)["state"] == "restored"
    assert back(wanted)["state"] == "already"
    assert os.listxattr(tmp_path / "d") == [DEFAULT]
    assert back(step(tmp_path / "d/x", content="content"))["state"] == "restored"
    assert os.listxattr(tmp_path / "d/x") == []


def test_an_access_list_for_nobody_here_is_refused(tmp_path: Path, back: Back) -> None:
    outcome = back(step(tmp_path / "x", content="content", acl="user::rw-,user:no-such-user:r--"))
    assert (outcome["state"], "no-such-user" in outcome["reason"]) == ("failed", True)
    assert not (tmp_path / "x").exists()


def test_the_attributes_of_a_step() -> None:
    text = "cap_net_bind_service,cap_net_raw=ep"
    found = files.attributes_of(step("/x", acl=ACL, capabilities=capability_bytes(text).hex()))
    assert parse_capabilities(found[CAPABILITY]) == text
    assert set(found) == {CAPABILITY, ACCESS}


@NEEDS_ROOT
def test_a_set_user_id_bit_and_capabilities_outlast_the_change_of_owner(tmp_path: Path, back: Back) -> None:
    raw = capability_bytes("cap_net_raw=ep")
    wanted = step(
        tmp_path / "x", content="content", owner="1", group="1", mode="4755", capabilities=raw.hex()
    )
    assert back(wanted)["state"] == "restored"
    found = (tmp_path / "x").stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (1, 0o4755)
    assert os.getxattr(tmp_path / "x", CAPABILITY) == raw
    assert back(wanted)["state"] == "already"


def test_directories_and_symlinks(tmp_path: Path, back: Back) -> None:
    folder = step(tmp_path / "d", kind="directory", mode="1777")
    link = step(tmp_path / "l", kind="symlink", mode="", target="/no{{ }}/\\xff")
    for wanted in (folder, link):
        assert back(wanted)["state"] == "restored"
        assert back(wanted)["state"] == "already"
    assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o1777
    assert os.readlink(os.fsencode(tmp_path / "l")) == b"/no{{ }}/\xff"


def test_what_was_deleted_is_deleted_once(tmp_path: Path, back: Back) -> None:
    (tmp_path / "x").touch()
    (tmp_path / "link").symlink_to("content")
    (tmp_path / "folder").mkdir()
    for name in ("x", "link"):
        assert back(step(tmp_path / name, kind="absent"), check_mode=True)["state"] == "restored"
        assert back(step(tmp_path / name, kind="absent"))["state"] == "restored"
        assert back(step(tmp_path / name, kind="absent"))["state"] == "already"
    assert back(step(tmp_path / "nowhere/x", kind="absent"))["state"] == "already"
    assert back(step(tmp_path / "folder", kind="absent"))["reason"] == "a directory is there"
    assert sorted(os.listdir(tmp_path)) == ["content", "folder"]


def test_a_symlink_is_replaced_and_not_followed(tmp_path: Path, back: Back) -> None:
    (tmp_path / "victim").write_text("safe")
    (tmp_path / "x").symlink_to("victim")
    assert back(step(tmp_path / "x", content="content"))["state"] == "restored"
    assert (tmp_path / "victim").read_text() == "safe"
    assert (tmp_path / "x").read_text() == "a"
    assert not (tmp_path / "x").is_symlink()


def test_an_empty_directory_makes_room_and_a_full_one_does_not(tmp_path: Path, back: Back) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").touch()
    assert back(step(tmp_path / "empty", content="content"))["state"] == "restored"
    assert back(step(tmp_path / "full", content="content"))["reason"] == "a directory with files is there"
    assert (tmp_path / "full" / "precious").exists()


def test_a_file_makes_no_room_for_a_directory(tmp_path: Path, back: Back) -> None:
    (tmp_path / "x").write_text("precious")
    assert back(step(tmp_path / "x", kind="directory", mode="0755"))["reason"] == "a file is there"
    below = back(step(tmp_path / "x/y", content="content"))
    assert below["reason"] == "a file is in the place of its directory"
    assert (tmp_path / "x").read_text() == "precious"


@pytest.mark.parametrize("kind", ["file", "directory", "symlink", "absent"])
def test_a_pipe_in_the_way_is_neither_read_nor_replaced(kind: str, tmp_path: Path, back: Back) -> None:
    os.mkfifo(tmp_path / "x")
    outcome = back(step(tmp_path / "x", kind=kind, content="content", target="y"))
    assert outcome["reason"] == "a pipe, a socket or a device is there"
    assert stat.S_ISFIFO((tmp_path / "x").stat().st_mode)


@pytest.mark.parametrize(
    "path", ["etc/passwd", "../../etc/passwd", "/etc/../passwd", "/etc//passwd", "/etc/", "/", "/a\\x00b"]
)
def test_a_path_that_leads_elsewhere_is_refused(path: str, back: Back) -> None:
    outcome = back({**step("/x", content="content"), "path": path})
    assert (outcome["state"], outcome["reason"]) == ("failed", "not a plain absolute path")
    assert outcome["remedy"]


def test_nothing_is_written_or_deleted_through_a_symlinked_directory(tmp_path: Path, back: Back) -> None:
    (tmp_path / "outside/deeper").mkdir(parents=True)
    (tmp_path / "outside/there").touch()
    out = step(tmp_path / "in", kind="symlink", mode="", target="outside")
    assert back(out)["state"] == "restored"
    wanted = (
        step(tmp_path / "in/x", content="content"),
        step(tmp_path / "in/deeper/x", content="content"),
        step(tmp_path / "in/there", kind="absent"),
    )
    for each in wanted:
        assert back(each)["reason"] == "its directory is a symlink on this machine"
    assert sorted(os.listdir(tmp_path / "outside")) == ["deeper", "there"]
    assert os.listdir(tmp_path / "outside/deeper") == []


def test_a_directory_that_is_exchanged_meanwhile_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "secret").mkdir()
    work = begun(tmp_path)
    assert files.brought_back(step(tmp_path / "mine/a", content="content"), work)["state"] == "restored"
    (tmp_path / "mine").rename(tmp_path / "moved")
    (tmp_path / "mine").symlink_to("secret")
    assert files.brought_back(step(tmp_path / "mine/b", content="content"), work)["state"] == "restored"
    assert sorted(os.listdir(tmp_path / "moved")) == ["a", "b"]
    assert os.listdir(tmp_path / "secret") == []


def test_nothing_is_written_for_a_stranger_nor_below_their_directory(tmp_path: Path) -> None:
    work = begun(tmp_path)
    theirs = step(tmp_path / "d", kind="directory", owner="no-such-user", mode="0700")
    inside = step(tmp_path / "d/x", content="content", mode="4755")
    outcomes = [files.brought_back(each, work) for each in (theirs, inside)]
    assert [each["reason"] for each in outcomes] == [
        f"no no-such-user:{MINE} on this machine",
        "its directory did not come back",
    ]
    assert not (tmp_path / "d").exists()


def test_a_check_writes_nothing(tmp_path: Path, back: Back) -> None:
    (tmp_path / ".rekindle-aside").touch()
    (tmp_path / "x").write_text("other")
    assert back(step(tmp_path / "new" / "x", content="content"), check_mode=True)["state"] == "restored"
    assert back(step(tmp_path / "x", content="content"), check_mode=True)["state"] == "restored"
    assert sorted(os.listdir(tmp_path)) == [".rekindle-aside", "content", "x"]
    assert (tmp_path / "x").read_text() == "other"


def test_a_full_disk_leaves_no_part_of_a_file_and_stops_no_other(
    tmp_path: Path, back: Back, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_text("as it was")

    def full(descriptor: int, wanted: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(files, "give", full)
        outcome = back(step(tmp_path / "x", content="content"))
    assert (outcome["state"], outcome["reason"]) == ("failed", "No space left on device")
    assert outcome["remedy"] == "make room, then restore again"
    assert (tmp_path / "x").read_text() == "as it was"
    assert sorted(os.listdir(tmp_path)) == ["content", "x"]
    assert back(step(tmp_path / "x", content="content"))["state"] == "restored"


def test_what_a_killed_run_left_is_gone_with_the_next(tmp_path: Path, back: Back) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    back(step(folder / "x", content="content"))
    (folder / ".rekindle-aside").write_text("half a fi")
    assert back(step(folder / "x", content="content"))["state"] == "already"
    assert os.listdir(folder) == ["x"]


# Homes


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / "home/ada"
    place.mkdir(parents=True)
    return place


def test_what_is_in_the_way_in_a_home_is_kept(home: Path, back: Back) -> None:
    (home / "x").write_text("newer")
    (home / "link").symlink_to("elsewhere")
    outcome = back(step(home / "x", content="content"))
    assert outcome["state"] == "restored"
    assert outcome["reason"] == "what was there is kept beside it as x.before-restore"
    assert outcome["remedy"]
    assert back(step(home / "link", content="content"))["reason"].endswith("link.before-restore")
    assert (home / "x.before-restore").read_text() == "newer"
    assert os.readlink(home / "link.before-restore") == "elsewhere"
    assert (home / "x").read_text() == (home / "link").read_text() == "a"
    assert back(step(home / "x", content="content"))["state"] == "already"


def test_a_second_version_is_kept_beside_the_first(home: Path, back: Back) -> None:
    for text in ("one", "two"):
        (home / "x").write_text(text)
        back(step(home / "x", content="content"))
    assert (home / "x.before-restore").read_text() == "one"
    assert (home / "x.before-restore.1").read_text() == "two"


def test_a_run_that_was_killed_between_keeping_and_writing_keeps_once(home: Path, back: Back) -> None:
    (home / "x").write_text("newer")
    os.link(home / "x", home / "x.before-restore")
    assert "x.before-restore" in back(step(home / "x", content="content"))["reason"]
    assert sorted(os.listdir(home)) == ["x", "x.before-restore"]


def test_what_the_system_laid_into_a_home_is_not_kept(home: Path, tmp_path: Path, back: Back) -> None:
    (tmp_path / "made").write_text("by the package")
    (home / ".bashrc").write_text("as made")
    (home / "empty").touch()
    (home / "same").write_bytes(b"a")
    (home / "pristine").write_text("by the package")
    for name in (".bashrc", "empty", "same", "pristine"):
        wanted = step(home / name, content="content", mode="0600", pristine="made")
        outcome = back(wanted)
        assert (outcome["state"], outcome["reason"]) == ("restored", "")
    assert sorted(os.listdir(home)) == [".bashrc", "empty", "pristine", "same"]
    assert {(home / name).read_bytes() for name in os.listdir(home)} == {b"a"}


def test_outside_of_homes_nothing_is_kept(tmp_path: Path, back: Back) -> None:
    (tmp_path / "x").write_text("other")
    assert back(step(tmp_path / "x", content="content"))["reason"] == ""
    assert sorted(os.listdir(tmp_path)) == ["content", "x"]


@NEEDS_ROOT
@pytest.mark.parametrize("is_there", [True, False])
def test_directories_in_a_home_are_its_owners(is_there: bool, tmp_path: Path) -> None:
    home = tmp_path / "home/ada"
    if is_there:
        home.mkdir(parents=True)
        os.chown(home, 4001, 4002)
    work = begun(tmp_path, folders=files.Folders({os.fsencode(home): (4001, 4002)}, False))
    wanted = step(home / ".config/app/x", content="content", owner="4001", group="4002")
    assert files.brought_back(wanted, work)["state"] == "restored"
    for place in (home, home / ".config", home / ".config/app", home / ".config/app/x"):
        assert (place.stat().st_uid, place.stat().st_gid) == (4001, 4002)
    assert stat.S_IMODE((home / ".config").stat().st_mode) == 0o700
    assert (tmp_path / "home").stat().st_uid == 0
    outside = step(tmp_path / "opt/app/x", content="content", owner="4001", group="4002")
    assert files.brought_back(outside, work)["state"] == "restored"
    assert (tmp_path / "opt/app").stat().st_uid == 0
    assert stat.S_IMODE((tmp_path / "opt/app").stat().st_mode) == 0o755


def test_a_home_may_lie_behind_a_symlink_and_what_is_in_it_may_not(tmp_path: Path, back: Back) -> None:
    (tmp_path / "disk/ada").mkdir(parents=True)
    (tmp_path / "home").symlink_to("disk")
    (tmp_path / "disk/ada/.config").symlink_to("/etc")
    assert back(step(tmp_path / "home/ada/x", content="content"))["state"] == "restored"
    assert (tmp_path / "disk/ada/x").read_bytes() == b"a"
    refused = back(step(tmp_path / "home/ada/.config/x", content="content"))
    assert refused["reason"] == "its directory is a symlink on this machine"


def test_homes_are_peoples_and_roots() -> None:
    found = files.homes()
    assert found[b"/root"] == (0, 0)
    assert b"/" not in found
    assert b"/usr/sbin" not in found


# A newer release

BASE = "one\ntwo\nthree\nfour\nfive\n"
OWNERS = BASE.replace("two", "TWO")


@pytest.fixture
def release(tmp_path: Path, content: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the path of a conffile, and the step for it."""
    content.write_text(OWNERS)
    (tmp_path / "base").write_text(BASE)
    (tmp_path / "etc").mkdir()
    place = tmp_path / "etc/x.conf"
    yield place, step(place, content="content", pristine="base", merge=True)


@pytest.mark.parametrize("there", [None, BASE, OWNERS])
def test_what_the_release_left_alone_is_the_owners(
    there: str | None, release: tuple[Path, dict[str, Any]], back: Back
) -> None:
    place, wanted = release
    if there is not None:
        place.write_text(there)
        place.chmod(0o600)
    outcome = back(wanted)
    assert (outcome["state"], outcome["reason"]) == ("restored", "")
    assert place.read_text() == OWNERS
    assert back(wanted)["state"] == "already"


def test_both_changes_are_merged_once(release: tuple[Path, dict[str, Any]], back: Back) -> None:
    place, wanted = release
    place.write_text(BASE.replace("five", "FIVE"))
    assert back(wanted, check_mode=True)["state"] == "restored"
    assert "FIVE" in place.read_text()
    assert "TWO" not in place.read_text()
    outcome = back(wanted)
    assert (outcome["state"], "merged" in outcome["reason"]) == ("restored", True)
    assert place.read_text() == "one\nTWO\nthree\nfour\nFIVE\n"
    assert back(wanted)["state"] == "already"
    place.write_text("what somebody made of it")
    assert back(wanted)["state"] == "already"
    assert place.read_text() == "what somebody made of it"
    assert os.listdir(place.parent) == ["x.conf"]


def test_a_merged_file_that_was_lost_is_merged_again(
    release: tuple[Path, dict[str, Any]], back: Back
) -> None:
    place, wanted = release
    for _ in range(2):
        place.write_text(BASE.replace("five", "FIVE"))
        assert "merged" in back(wanted)["reason"]
    place.unlink()
    assert back(wanted)["state"] == "restored"
    assert place.read_text() == OWNERS


def test_a_run_that_was_killed_after_merging_changes_nothing_more(
    release: tuple[Path, dict[str, Any]], back: Back, tmp_path: Path
) -> None:
    place, wanted = release
    place.write_text(BASE.replace("five", "FIVE"))
    back(wanted)
    (tmp_path / "merged.json").write_text('{"cut short')
    assert back(wanted)["state"] == "restored"
    assert place.read_text() == "one\nTWO\nthree\nfour\nFIVE\n"


@pytest.mark.parametrize(
    ("there", "pristine"),
    [
        (BASE.replace("two", "zwei").encode(), "base"),
        (BASE.replace("two", "\0").encode(), "base"),
        (b"five\n", ""),
    ],
)
def test_on_a_conflict_the_releases_is_in_force_and_the_owners_beside_it(
    there: bytes, pristine: str, release: tuple[Path, dict[str, Any]], back: Back
) -> None:
    place, wanted = release
    place.write_bytes(there)
    wanted = {**wanted, "pristine": pristine, "mode": "4755"}
    assert back(wanted, check_mode=True)["state"] == "substituted"
    assert os.listdir(place.parent) == ["x.conf"]
    first, second = back(wanted), back(wanted)
    assert first["state"] == second["state"] == "substituted"
    assert first["reason"] == second["reason"]
    assert first["reason"].endswith(f"{place}.owners")
    assert ("new" in first, second["new"]) == (False, False)
    assert place.read_bytes() == there
    assert place.with_name("x.conf.owners").read_text() == OWNERS
    assert stat.S_IMODE(place.with_name("x.conf.owners").stat().st_mode) == 0o755
    place.write_text("what somebody made of both")
    assert back(wanted)["state"] == "already"
    assert place.read_text() == "what somebody made of both"


def test_a_conflict_that_somebody_decided_is_none_any_more(
    release: tuple[Path, dict[str, Any]], back: Back
) -> None:
    place, wanted = release
    place.write_text(BASE.replace("two", "zwei"))
    back(wanted)
    place.with_name("x.conf.owners").unlink()
    assert back(wanted)["state"] == "already"
    assert os.listdir(place.parent) == ["x.conf"]


def test_a_symlink_of_the_release_stays(release: tuple[Path, dict[str, Any]], back: Back) -> None:
    place, wanted = release
    place.symlink_to("/usr/share/x.conf")
    assert back(wanted)["state"] == "substituted"
    assert place.is_symlink()


def test_on_the_same_release_the_owners_is_in_force(release: tuple[Path, dict[str, Any]], back: Back) -> None:
    place, wanted = release
    place.write_text(BASE.replace("two", "zwei"))
    assert back({**wanted, "merge": False})["state"] == "restored"
    assert place.read_text() == OWNERS


# Who must hear of it


@pytest.mark.parametrize(
    ("path", "commands"),
    [
        ("/etc/default/grub", ["update-grub"]),
        ("/etc/default/grub.d/mode.cfg", ["update-grub"]),
        ("/etc/default/grub-btrfs", []),
        ("/etc/modprobe.d/x.conf", ["update-initramfs -u -k all"]),
        ("/etc/modules-load.d/x.conf", []),
        (
            "/etc/udev/hwdb.d/90-x.hwdb",
            [
                "systemd-hwdb update",
                "udevadm control --reload",
                "udevadm trigger --subsystem-match=input",
            ],
        ),
        ("/etc/keyd/default.conf", ["systemctl try-restart keyd.service"]),
        ("/home/ada/etc/default/grub", []),
        ("/etc/locale.gen", ["locale-gen"]),
    ],
)
def test_who_must_hear_of_a_file(path: str, commands: list[str]) -> None:
    assert hearers.hearers([path]) == commands


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay programs that write down what they were asked, and one that fails."""
    said = tmp_path / "said"
    said.touch()
    for name, end in (("update-grub", "echo no root >&2; exit 1"), ("systemctl", "exit 1"), ("dconf", "")):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "${{0##*/}} $*" >> {said}\n{end}\n')
        program.chmod(0o755)
    monkeypatch.setattr(hearers, "PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(hearers, "UNHEARD", str(tmp_path / "state/unheard.json"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return said


def test_each_hears_once_and_what_fails_is_a_note(programs: Path) -> None:
    changed = {path: f"file:{path}" for path in ("/etc/default/grub", "/etc/dconf/a", "/etc/dconf/b")}
    changed["/etc/systemd/system/x.service"] = "file:unit"
    lines: list[str] = []
    notes = hearers.told(changed, [], lines.append)
    assert programs.read_text().splitlines() == ["dconf update", "systemctl daemon-reload", "update-grub "]
    assert [(note["id"], note["remedy"]) for note in notes] == [
        ("file:/etc/default/grub", "run `update-grub`")
    ]
    assert notes[0]["reason"] == "it is back, but `update-grub` failed: no root"
    assert lines == ["dconf update", "systemctl daemon-reload", "update-grub"]


def test_nobody_hears_of_nothing_but_what_a_killed_run_left(programs: Path) -> None:
    assert hearers.told({"/etc/motd": "file:/etc/motd"}, [], print) == []
    assert programs.read_text() == ""
    hearers.remember(["update-grub", "no-such-command"])
    assert hearers.told({}, hearers.unheard(), print) == []
    assert programs.read_text() == "update-grub \n"
    hearers.remember([])
    assert hearers.unheard() == []


@NEEDS_ROOT
def test_an_immutable_file_is_told_how_to_change(tmp_path: Path, back: Back) -> None:
    (tmp_path / "x").write_text("fixed")
    if os.system(f"chattr +i {tmp_path}/x 2> /dev/null"):
        pytest.skip("the file system knows no such flag")
    try:
        outcome = back(step(tmp_path / "x", content="content"))
    finally:
        os.system(f"chattr -i {tmp_path}/x")
    assert (outcome["state"], "chattr -i" in outcome["remedy"]) == ("failed", True)
    assert sorted(os.listdir(tmp_path)) == ["content", "x"]
    assert (tmp_path / "x").read_text() == "fixed"


@pytest.mark.parametrize(
    "facts",
    [{"owner": "9" * 40}, {"owner": "a\0b"}, {"mode": "rwx"}, {"acl": "evil::rwx"}],
)
def test_facts_that_are_none_sink_no_other_file(facts: dict[str, str], back: Back, tmp_path: Path) -> None:
    told = back(step(tmp_path / "x", content="content", **facts))
    assert (told["state"], told["remedy"] != "") == ("failed", True)
    assert not (tmp_path / "x").exists()
