from __future__ import annotations

import os
from pathlib import Path

import pytest

from collectors.failure import Failure
from collectors.host import Machine, text


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


def test_look_tells_what_lstat_tells(root: Path) -> None:
    os.chmod(root / "etc/real", 0o4750)
    entry = Machine(root).look("/etc/real")
    assert entry is not None
    assert (entry.path, entry.permissions, entry.size_bytes) == ("/etc/real", "4750", 6)
    assert entry.is_file and not entry.is_dir and not entry.is_symlink
    assert entry.device == os.lstat(root).st_dev


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
