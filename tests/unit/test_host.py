from __future__ import annotations

import os
from pathlib import Path

import pytest

from collectors.failure import Failure
from collectors.host import Glance, Machine, Mount, parse_mounts, remembered, text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with links that would leave it, were they followed as they stand."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("outside")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/real").write_text("inside")
    (root / "outside").mkdir()
    (root / "outside/secret").write_text("inside too")
    return root


def link(root: Path, name: str, target: str) -> None:
    (root / "etc" / name).symlink_to(target)


@pytest.mark.parametrize(
    ("target", "content"),
    [
        ("real", b"inside"),
        ("/etc/real", b"inside"),
        ("../etc/./real", b"inside"),
        ("../../../../etc/real", b"inside"),
        ("/../../outside/secret", b"inside too"),
        ("../../outside/secret", b"inside too"),
    ],
)
def test_symlinks_resolve_inside_the_root(root: Path, target: str, content: bytes) -> None:
    link(root, "link", target)
    assert Machine(root).read("/etc/link") == content


def test_a_linked_directory_resolves_inside_the_root(root: Path) -> None:
    link(root, "dir", "/outside")
    host = Machine(root)
    assert host.list("/etc/dir") == ["secret"]
    assert host.read("/etc/dir/secret") == b"inside too"
    entry = host.look("/etc/dir/secret")
    assert entry and entry.is_file
    entry = host.look("/etc/dir")
    assert entry and entry.is_symlink
    assert host.link("/etc/dir") == "/outside"


def test_dots_after_a_link_leave_where_it_leads_to(root: Path) -> None:
    link(root, "dir", "/outside")
    assert Machine(root).read("/etc/dir/../etc/real") == b"inside"


def test_a_path_with_dots_stays_inside(root: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Machine(root).read("/../outside2/secret")
    assert Machine(root).read("/../../etc/real") == b"inside"


def test_a_loop_of_links_is_an_error_and_no_hang(root: Path) -> None:
    link(root, "a", "b")
    link(root, "b", "a")
    with pytest.raises(OSError, match="symbolic links"):
        Machine(root).read("/etc/a")


def test_only_regular_files_are_read(root: Path) -> None:
    os.mkfifo(root / "etc/pipe")
    with pytest.raises(OSError, match="not a regular file"):
        Machine(root).read("/etc/pipe")
    with pytest.raises(IsADirectoryError):
        Machine(root).read("/etc")


def test_nothing_stays_open_of_a_directory_that_was_read(root: Path) -> None:
    before = os.listdir("/proc/self/fd")
    for _ in range(5):
        with pytest.raises(IsADirectoryError):
            Machine(root).read("/etc")
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_look_tells_what_lstat_tells(root: Path) -> None:
    os.chmod(root / "etc/real", 0o4750)
    entry = Machine(root).look("/etc/real")
    assert entry is not None
    assert (entry.path, entry.permissions, entry.size_bytes) == ("/etc/real", "4750", 6)
    assert entry.is_file and not entry.is_dir and not entry.is_symlink
    assert entry.device == os.lstat(root).st_dev


def test_a_glance_tells_directories_from_all_else(root: Path) -> None:
    (root / "etc/dir").mkdir()
    link(root, "link", "dir")
    os.mkfifo(root / "etc/pipe")
    assert Machine(root).glance("/etc") == Glance(("dir",), ("link", "pipe", "real"))
    with pytest.raises(NotADirectoryError):
        Machine(root).glance("/etc/real")


def test_a_part_is_what_lies_there_and_no_more(root: Path) -> None:
    host = Machine(root)
    assert [host.part("/etc/real", *where) for where in ((0, 2), (4, 9), (9, 1))] == [b"in", b"de", b""]
    os.mkfifo(root / "etc/pipe")
    with pytest.raises(OSError, match="not a regular file"):
        host.part("/etc/pipe", 0, 1)


@pytest.mark.parametrize("path", ["/etc/none", "/etc/real/below", "/none/none"])
def test_nothing_there(root: Path, path: str) -> None:
    assert Machine(root).look(path) is None
    assert text(Machine(root), path) == ""


def test_names_are_bytes(root: Path) -> None:
    name = b"a\xff\nb"
    with open(os.path.join(os.fsencode(root), b"etc", name), "wb") as file:
        file.write(b"x\xff")
    host = Machine(root)
    (found,) = [each for each in host.list("/etc") if each != "real"]
    assert os.fsencode(found) == name
    assert host.read(f"/etc/{found}") == b"x\xff"
    assert text(host, f"/etc/{found}") == "x\udcff"


def test_a_tree_that_is_not_booted_is_asked_nothing(root: Path) -> None:
    assert not Machine(root).booted
    with pytest.raises(Failure, match="cannot be asked"):
        Machine(root).ask(["true"])


def test_the_machine_we_run_on_is_asked() -> None:
    assert Machine().booted
    assert Machine().ask(["printf", "x"]) == "x"
    assert Machine().read("/etc/os-release")


MOUNTS = r"""22 28 0:21 / /sys rw,nosuid - sysfs sysfs rw
28 1 8:2 /@ / rw,noatime shared:1 - btrfs /dev/sda2 rw,subvol=/@
31 28 0:27 / /srv/two\040words rw - nfs4 nas:/share rw,vers=4.2
32 28 0:28 / /srv/auto rw - autofs systemd-1 rw
33 32 0:29 / /srv/auto rw - ext4 /dev/sdb1 rw
no mount
"""


def test_mounts_are_told_by_path_and_the_last_one_counts() -> None:
    mounts = parse_mounts(MOUNTS)
    assert mounts["/"] == Mount("/", "btrfs", "/dev/sda2", "rw,noatime,rw,subvol=/@")
    assert mounts["/srv/two words"].kind == "nfs4"
    assert mounts["/srv/auto"].kind == "ext4"
    assert [mount.path for mount in mounts.values() if mount.is_foreign] == ["/srv/two words"]
    assert len(mounts) == 4


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuseblk", "autofs", "9p", "ceph"]
)
def test_what_may_hang_is_foreign(kind: str) -> None:
    assert Mount("/x", kind, "", "").is_foreign


@pytest.mark.parametrize("kind", ["ext4", "btrfs", "xfs", "zfs", "tmpfs", "overlay", "vfat"])
def test_what_is_here_is_not(kind: str) -> None:
    assert not Mount("/x", kind, "", "").is_foreign


def test_nothing_below_a_foreign_mount_is_touched(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "nas").mkdir()
    (root / "nas/file").write_text("x")
    link(root, "to-nas", "/nas/file")
    touched: list[str] = []
    real = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path, **named: touched.append(str(path)) or real(path, **named))
    host = Machine(root)
    monkeypatch.setattr("collectors.host._foreign", lambda host: frozenset({str(root / "nas")}))
    entry = host.look("/nas")
    assert entry and entry.is_dir and entry.is_foreign
    assert [each.path for each in host.entries("/") if each.is_foreign] == ["/nas"]
    for path in ("/nas/file", "/etc/to-nas"):
        with pytest.raises(OSError, match="not entered"):
            host.read(path)
    with pytest.raises(OSError, match="not entered"):
        host.list("/nas")
    assert str(root / "nas") not in touched


def test_entries_are_what_look_tells(root: Path) -> None:
    link(root, "b", "real")
    host = Machine(root)
    assert [host.look(entry.path) for entry in host.entries("/etc")] == list(host.entries("/etc"))
    assert [entry.path for entry in host.entries("/etc")] == ["/etc/b", "/etc/real"]


def test_attributes_are_those_of_the_path_itself(root: Path) -> None:
    os.setxattr(root / "etc/real", "user.x", b"1")
    link(root, "b", "real")
    assert Machine(root).attributes("/etc/real") == {"user.x": b"1"}
    assert Machine(root).attributes("/etc/b") == {}


def test_a_question_is_worked_out_once_for_each_host(root: Path) -> None:
    asked = []

    @remembered
    def question(host: object) -> int:
        asked.append(host)
        return len(asked)

    one, other = Machine(root), Machine(root)
    assert [question(one), question(one), question(other), question(one)] == [1, 1, 2, 1]


def test_a_tool_of_ours_examines_what_is_not_booted(root: Path) -> None:
    assert Machine(root).examine(["cat", "{}"], "/etc/real", env={}) == "inside"
    with pytest.raises(Failure, match="longer than"):
        Machine(root).examine(["sleep", "9"], "/etc/real", env={}, timeout_seconds=0.05)
