"""What nothing brings back is told, grouped and the worst first; what comes back is not."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.collect import Survey
from collectors.collected import Cover, Loss
from collectors.coverage import unowned
from collectors.coverage.coverage import Coverage, coverage
from collectors.coverage.ground import Unseen, ground
from collectors.coverage.knowledge import loss_kinds, noise
from collectors.coverage.lost import quoted, ranked
from collectors.domains.files import Files
from collectors.host import Mount
from collectors.record import File, LeftOut
from tests.postures import small_posture
from tests.unit.fakes import FakeHost, machine

ADA = "/home/ada"
PASSWD = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
OWNED = "/.\n/usr\n/usr/bin\n/usr/lib\n/home\n/opt\n/etc\n/var\n/var/lib\n/var/lib/db\n/root\n"


def host_with(tmp_path: Path, files: dict[str, str | bytes | None]) -> FakeHost:
    return machine(
        tmp_path, {"/etc/passwd": PASSWD, "/root": None, "/var/lib/dpkg/info/base.list": OWNED, **files}
    )


def survey(
    *,
    captured: tuple[str, ...] = (),
    left_out: tuple[str, ...] = (),
    covers: dict[str, str] | None = None,
    losses: tuple[Loss, ...] = (),
) -> Survey:
    files = Files(
        files=tuple(
            File(path=path, kind="file", origin="unowned", owner="root", group="root", mode="0644")
            for path in captured
        ),
        left_out=tuple(LeftOut(path=path, reason="secret") for path in left_out),
    )
    contents = dict.fromkeys(captured, b"x")
    posture = replace(small_posture(), files=files, contents=contents)
    return Survey(
        posture=posture,
        findings=(),
        covers=tuple(Cover(path, by) for path, by in (covers or {}).items()),
        losses=losses,
        failed={},
    )


def told(found: Coverage) -> dict[str, str]:
    return {loss.subject: loss.kind for loss in found.losses}


def test_nothing_is_lost_of_a_plain_machine(tmp_path: Path) -> None:
    host = host_with(
        tmp_path, {"/etc/anything": "x", f"{ADA}/.cache/x/y": "x", "/var/log/x": "x", "/tmp/x": "x"}
    )
    found = coverage(host, survey())
    assert (found.losses, found.unseen, found.clouds, found.totals.lost_files) == ((), (), (), 0)


def test_a_tree_is_one_loss_with_its_size_its_files_and_its_age(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        f"/data/a/{n}/file{m}": b"12345" for n in range(8) for m in range(50)
    }
    host = host_with(tmp_path, files)
    for path in files:
        os.utime(tmp_path / path[1:], (1_600_000_000, 1_600_000_000))
    os.utime(tmp_path / "data/a/3/file7", (1_700_000_000, 1_700_000_000))
    (loss,) = coverage(host, survey()).losses
    assert loss == Loss(
        "unowned",
        "/data",
        "no package owns it",
        "rclone copyto /data REMOTE:data",
        size_bytes=8 * 50 * 5,
        files=400,
        newest=1_700_000_000,
    )


def test_homes_are_told_by_the_folders_that_a_person_knows(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            f"{ADA}/Documents/deep/er/letter": "x",
            f"{ADA}/src/one/main.c": "x",
            f"{ADA}/src/two/main.c": "x",
            f"{ADA}/.config/app/settings": "x",
            f"{ADA}/.local/share/game/save": "x",
            f"{ADA}/.thing/x": "x",
            f"{ADA}/note.txt": "x",
            f"{ADA}/Music/.directory": "x",
            f"{ADA}/Videos": None,
            "/root/work.txt": "x",
        },
    )
    assert told(coverage(host, survey())) == {
        f"{ADA}/Documents": "uncovered",
        f"{ADA}/src/one": "uncovered",
        f"{ADA}/src/two": "uncovered",
        f"{ADA}/note.txt": "uncovered",
        "/root/work.txt": "uncovered",
        f"{ADA}/.config/app": "application-data",
        f"{ADA}/.local/share/game": "application-data",
        f"{ADA}/.thing": "application-data",
    }


def test_a_home_elsewhere_is_a_home(tmp_path: Path) -> None:
    host = machine(
        tmp_path,
        {
            "/etc/passwd": "ada:x:1000:1000::/srv/people/ada:/bin/bash\n",
            "/srv/people/ada/Documents/x": "x",
            "/srv/people/ada/.cache/x": "x",
        },
    )
    assert told(coverage(host, survey())) == {"/srv/people": "unowned"}


def test_what_comes_back_is_no_loss(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            f"{ADA}/src/pushed/a": "x",
            f"{ADA}/src/mine/a": "x",
            f"{ADA}/Nextcloud/a": "x",
            f"{ADA}/.config/Nextcloud/nextcloud.cfg": "0\\Folders\\1\\localPath=/home/ada/Nextcloud/\n",
            f"{ADA}/.bashrc": "x",
            f"{ADA}/.ssh/id": "x",
            "/opt/tool/bin/x": "x",
            "/opt/mine/x": "x",
        },
    )
    found = coverage(
        host,
        survey(
            captured=(f"{ADA}/.bashrc", f"{ADA}/.config/Nextcloud/nextcloud.cfg"),
            left_out=(f"{ADA}/.ssh/id",),
            covers={f"{ADA}/src/pushed": "repo:~ada/src/pushed", "/opt/tool": "program:tool"},
        ),
    )
    assert told(found) == {f"{ADA}/src/mine": "uncovered", "/opt/mine": "unowned"}
    assert [(kept.path, kept.by) for kept in found.clouds] == [(f"{ADA}/Nextcloud", "Nextcloud")]
    assert found.totals.left_out == 1


def test_of_a_folder_that_is_partly_covered_the_rest_is_told(tmp_path: Path) -> None:
    host = host_with(tmp_path, {f"{ADA}/Documents/repo/x": "12345", f"{ADA}/Documents/y": "123"})
    (loss,) = coverage(host, survey(covers={f"{ADA}/Documents/repo": "repo:~ada/Documents/repo"})).losses
    assert (loss.subject, loss.size_bytes, loss.files) == (f"{ADA}/Documents", 3, 1)


def test_a_cover_by_another_name_of_its_directory_covers(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"/lib": "-> usr/lib", "/usr/lib/tool/x": "x"})
    assert told(coverage(host, survey(covers={"/lib/tool": "program:tool"}))) == {}


def test_what_a_new_home_has_is_no_loss_until_it_changes(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {"/etc/skel/.bashrc": "as made", "/etc/skel/.profile": "as made"}
    host = host_with(tmp_path, {**files, f"{ADA}/.bashrc": "as made", f"{ADA}/.profile": "my own"})
    assert told(coverage(host, survey())) == {f"{ADA}/.profile": "application-data"}


def test_what_services_keep_is_told_where_it_is_large(tmp_path: Path) -> None:
    host = host_with(
        tmp_path, {"/var/lib/db/one": "x", "/var/lib/db/two/x": "x", "/var/lib/mine/x": b"x" * 70_000}
    )
    assert told(coverage(host, survey())) == {"/var/lib/mine": "state"}
    (tmp_path / "var/lib/db/two/y").write_bytes(b"x" * (noise().state.above_bytes + 1))
    assert told(coverage(replace(host, memory={}), survey())) == {
        "/var/lib/db": "state",
        "/var/lib/mine": "state",
    }


def test_a_sparse_file_counts_by_what_is_on_the_disk(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"/data/image": "x"})
    os.truncate(tmp_path / "data/image", 4 * 1024**3)
    (loss,) = coverage(host, survey()).losses
    assert loss.size_bytes <= 8192


def test_many_files_in_one_directory_are_one_loss_and_a_few_are_each_told(tmp_path: Path) -> None:
    many: dict[str, str | bytes | None] = {f"{ADA}/note{n}": "x" for n in range(30)}
    host = host_with(tmp_path, {**many, "/opt/a": "x", "/opt/b": "x"})
    found = coverage(host, survey())
    assert told(found) == {ADA: "uncovered", "/opt/a": "unowned", "/opt/b": "unowned"}
    assert (found.losses[0].files, found.losses[0].reason[:8]) == (30, "30 files")


def test_what_is_scattered_below_a_directory_of_the_system_is_one_loss(tmp_path: Path) -> None:
    host = host_with(tmp_path, {f"/usr/lib/{n}/{m}/x": "x" for n in "abcd" for m in "abcd"})
    assert told(coverage(host, survey())) == {"/usr/lib/" + each: "unowned" for each in "abcd"}
    owned = "".join(f"/usr/lib/vendor/{n}\n" for n in range(20)) + "/usr/lib/vendor\n"
    files: dict[str, str | bytes | None] = {f"/usr/lib/vendor/{n}/x": "x" for n in range(20)}
    host = host_with(tmp_path / "b", {**files, "/var/lib/dpkg/info/vendor.list": owned})
    assert told(coverage(host, survey())) == {"/usr/lib/vendor": "unowned"}


NAMES = ["new\nline", "quo'te\"", "ümläut", "a b", "back\\slash", "\udcff\udcfe", "-dash", "*"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_bytes(tmp_path: Path, name: str) -> None:
    (loss,) = coverage(host_with(tmp_path, {f"/data {name}/x": "x"}), survey()).losses
    for word in (loss.subject, loss.remedy):
        assert word.encode().decode().isprintable()


def test_a_name_is_one_word_of_bash() -> None:
    assert [quoted(each) for each in ("/a", "/a b", "/it's\n", "/\udcff")] == [
        "/a",
        "'/a b'",
        r"$'/it\'s\x0a'",
        r"$'/\xff'",
    ]


def test_a_collectors_loss_gets_its_size_and_is_told_once(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"/opt/tool/x": "12345", "/data/in/tree": "123", "/data/x": "1"})
    losses = (
        Loss("no-recipe", "/opt/tool", "by hand", "write a recipe"),
        Loss("sourceless", "/data/in/tree", "a binary", "keep it"),
        Loss("unpushed", "repo:~ada/x", "3 commits", "git push"),
    )
    found = coverage(host, survey(losses=losses))
    assert [(loss.kind, loss.subject, loss.size_bytes, loss.reason) for loss in found.losses] == [
        ("unpushed", "repo:~ada/x", 0, "3 commits"),
        ("sourceless", "/data/in/tree", 3, "a binary"),
        ("no-recipe", "/opt/tool", 5, "by hand"),
        ("unowned", "/data", 1, "no package owns it"),
    ]


def test_a_collectors_loss_is_none_where_its_place_comes_back_unless_it_is_not_settled_by_that(
    tmp_path: Path,
) -> None:
    host = host_with(tmp_path, {"/opt/tool/x": "x", f"{ADA}/src/x/y": "x"})
    losses = (
        Loss("unowned", "/opt/tool", "large", "keep it"),
        Loss("untracked", f"{ADA}/src/x/y", "never committed", "git add"),
    )
    covers = {"/opt/tool": "program:tool", f"{ADA}/src/x": "repo:~ada/src/x"}
    found = coverage(host, survey(losses=losses, covers=covers))
    assert told(found) == {f"{ADA}/src/x/y": "untracked"}


def test_an_unknown_program_on_path_is_sourceless(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"/usr/bin/mine": "x"})
    os.chmod(tmp_path / "usr/bin/mine", 0o755)
    found = coverage(host, survey())
    assert told(found) == {"/usr/bin/mine": "sourceless"}
    assert [program.confidence for program in found.programs] == ["unknown"]


def test_the_worst_kind_comes_first_and_of_a_kind_the_largest(tmp_path: Path) -> None:
    def loss(kind: str, subject: str, size: int = 0) -> Loss:
        return Loss(kind, subject, "r", "c", size)

    small, large, work = loss("unowned", "/a", 1), loss("unowned", "/b", 2), loss("unpushed", "repo:x")
    assert ranked([small, large, work, small]) == (work, large, small)


def test_every_kind_of_loss_in_the_code_is_ranked() -> None:
    ranks = [kind.rank for kind in loss_kinds().values()]
    assert ranks == sorted(ranks)
    assert set(ranks) == {1, 2, 3, 4}


def test_groups_are_by_kind(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"/data/x": "x", f"{ADA}/Documents/x": "x", f"{ADA}/Music/x": "x"})
    groups = coverage(host, survey()).groups()
    assert [(group.kind.kind, len(group.losses)) for group in groups] == [("uncovered", 2), ("unowned", 1)]


def test_an_unreadable_directory_is_told_as_not_looked_at(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"/data/a/x": "x", "/data/b/x": "x"})
    found = coverage(replace(host, failing={"/data/a": PermissionError(13, "Permission denied")}), survey())
    assert found.unseen == (Unseen("/data/a", "Permission denied: run with sudo"),)
    assert found.losses[0].files == 1


def test_a_wide_tree_is_looked_at_by_two_processes_with_the_same_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = host_with(tmp_path, {f"/data/{n}/{m}/x": "12" for n in range(20) for m in range(15)})
    (alone,) = coverage(host, survey()).losses
    monkeypatch.setattr(unowned, "MANY", 10_000)
    (together,) = coverage(replace(host, memory={}), survey()).losses
    assert alone == together
    assert alone.files == 300


def test_the_same_twice(tmp_path: Path) -> None:
    host = host_with(
        tmp_path, {**{f"/data/{name}/x": "x" for name in NAMES}, f"{ADA}/a/b": "x", "/opt/x": "x"}
    )
    assert coverage(host, survey()) == coverage(replace(host, memory={}), survey())


def mounts(*lines: tuple[str, str, str]) -> dict[str, Mount]:
    return {path: Mount(path, kind, source, "rw") for path, kind, source in lines}


def test_only_what_belongs_to_the_system_is_looked_at(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            f"{ADA}/Documents/x": "x",
            "/srv/x": "x",
            "/data/x": "x",
            "/nas/x": "x",
            "/stick/x": "x",
            "/opt/x": "x",
        },
    )
    mounted = mounts(
        ("/", "btrfs", "/dev/sda2"),
        ("/home", "btrfs", "/dev/sda2"),
        ("/data", "ext4", "/dev/sdb1"),
        ("/nas", "nfs4", "nas:/x"),
        ("/run/user/1000/doc", "fuse.portal", "portal"),
        ("/proc", "proc", "proc"),
        ("/snap/core/1", "squashfs", "/dev/loop3"),
    )
    devices = {f"{ADA}": 2, f"{ADA}/Documents": 2, "/home": 2, "/data": 3, "/nas": -1}
    found = coverage(replace(host, mounts=mounted, devices=devices), survey())
    assert told(found) == {
        f"{ADA}/Documents": "uncovered",
        "/srv/x": "unowned",
        "/opt/x": "unowned",
        "/stick": "unowned",
    }
    assert found.unseen == (
        Unseen("/data", "another disk or subvolume (/dev/sdb1)"),
        Unseen("/nas", "a network or FUSE mount (nfs4)"),
    )


def test_the_ground_of_a_tree_that_is_not_booted_is_its_root(tmp_path: Path) -> None:
    assert ground(host_with(tmp_path, {})).tops == {"/": 1}
