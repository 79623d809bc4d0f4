"""Files of packages that were altered are found without hashing all, whatever of their times was kept."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.coverage.ground import Unseen
from collectors.coverage.owned import Owned, Unpacked
from collectors.coverage.packaged import (
    SECOND_NS,
    Late,
    Packaged,
    begin,
    copy_end,
    packaged,
    parse_sums,
    suspected,
)
from collectors.host import Host
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import sampled

LONG_AGO = 1_600_000_000
TOOL = "/usr/bin/tool"

test_sums = sampled(
    "package-sums", lambda text, name: parse_sums(text, {"/bin": "/usr/bin", "/lib": "/usr/lib"})
)


def with_package(
    tmp_path: Path, files: dict[str, str], extra: dict[str, str | bytes | None] | None = None
) -> FakeHost:
    """Return a host on which the package `vendor` was just unpacked: files with old times, then its list."""
    folders = {str(parent) for path in files for parent in Path(path).parents}
    sums = "".join(f"{hashlib.md5(text.encode()).hexdigest()}  {path[1:]}\n" for path, text in files.items())
    host = machine(tmp_path, {**files, **(extra or {})})
    for path in files:
        if not (extra or {}).get(path):
            os.utime(tmp_path / path[1:], (LONG_AGO, LONG_AGO))
    time.sleep(0.02)  # a kernel's clock for files ticks every few milliseconds
    info = tmp_path / "var/lib/dpkg/info"
    (info / "vendor.md5sums").write_text(sums)
    (info / "vendor.list").write_text("".join(f"{path}\n" for path in ["/.", *sorted(folders), *files]))
    time.sleep(0.02)
    return host


def seen(host: Host) -> Packaged:
    return packaged(host)


def altered(path: Path, content: str, *, keep_mtime: bool) -> None:
    before = path.stat()
    path.write_text(content)
    if keep_mtime:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_what_is_as_its_package_made_it_is_not_told(tmp_path: Path) -> None:
    found = seen(with_package(tmp_path, {TOOL: "made", "/usr/share/doc/tool/README": "x"}))
    assert (found.modified, found.files) == ({}, 2)


@pytest.mark.parametrize(
    ("content", "keep_mtime"),
    [("altered and longer", False), ("edam", False), ("altered and longer", True), ("edam", True)],
    ids=["all changed", "size kept", "mtime kept", "size and mtime kept"],
)
def test_an_altered_file_is_found(tmp_path: Path, content: str, keep_mtime: bool) -> None:
    host = with_package(tmp_path, {TOOL: "made", "/usr/bin/other": "made"})
    altered(tmp_path / TOOL[1:], content, keep_mtime=keep_mtime)
    assert seen(host).modified == {TOOL: "vendor"}


def test_a_file_that_was_only_touched_is_hashed_and_not_told(tmp_path: Path) -> None:
    host = with_package(tmp_path, {TOOL: "made"})
    os.chmod(tmp_path / TOOL[1:], 0o700)
    os.utime(tmp_path / TOOL[1:])
    assert seen(host).modified == {}


def test_what_is_unchanged_by_its_times_is_never_read(tmp_path: Path) -> None:
    host = with_package(tmp_path, {TOOL: "made"})
    failing = {TOOL: AssertionError("it was read")}
    assert seen(replace(host, failing=failing)).modified == {}


def test_a_file_that_became_a_symlink_is_found(tmp_path: Path) -> None:
    host = with_package(tmp_path, {TOOL: "made"})
    (tmp_path / TOOL[1:]).unlink()
    (tmp_path / TOOL[1:]).symlink_to("/opt/tool")
    assert seen(host).modified == {TOOL: "vendor"}


def test_an_altered_file_of_the_merged_usr_is_found(tmp_path: Path) -> None:
    host = with_package(tmp_path, {"/usr/bin/sh": "made"})
    (tmp_path / "bin").symlink_to("usr/bin")
    info = tmp_path / "var/lib/dpkg/info"
    for name in ("vendor.list", "vendor.md5sums"):
        (info / name).write_text((info / name).read_text().replace("usr/bin/sh", "bin/sh"))
    time.sleep(0.02)
    altered(tmp_path / "usr/bin/sh", "edam", keep_mtime=True)
    assert seen(host).modified == {"/usr/bin/sh": "vendor"}


def test_a_diverted_file_is_the_other_packages(tmp_path: Path) -> None:
    host = with_package(
        tmp_path, {TOOL: "made"}, {"/var/lib/dpkg/diversions": f"{TOOL}\n{TOOL}.orig\nother\n"}
    )
    (tmp_path / TOOL[1:]).rename(tmp_path / f"{TOOL[1:]}.orig")
    (tmp_path / TOOL[1:]).write_text("the other package's")
    (tmp_path / "var/lib/dpkg/info/other.list").write_text(f"{TOOL}\n")
    found = seen(host)
    assert found.modified == {}
    assert [each for each in found.unowned if each[0].startswith("/usr")] == []
    altered(tmp_path / f"{TOOL[1:]}.orig", "edam", keep_mtime=True)
    assert seen(with_fresh_memory(host)).modified == {f"{TOOL}.orig": "vendor"}


def with_fresh_memory(host: FakeHost) -> FakeHost:
    return replace(host, memory={})


def test_conffiles_are_another_sections(tmp_path: Path) -> None:
    host = with_package(tmp_path, {"/etc/tool.conf": "made"})
    altered(tmp_path / "etc/tool.conf", "mine", keep_mtime=False)
    assert seen(host).modified == {}


def test_what_a_trigger_writes_again_is_not_told(tmp_path: Path) -> None:
    host = with_package(tmp_path, {"/usr/share/info/dir": "made"})
    altered(tmp_path / "usr/share/info/dir", "all menus", keep_mtime=False)
    assert seen(host).modified == {}


def test_what_lies_beside_the_files_of_packages_is_unowned(tmp_path: Path) -> None:
    host = with_package(
        tmp_path, {TOOL: "made"}, {"/usr/bin/mine": "x", "/data/deep/file": "x", "/usr/bin/new\nline": "x"}
    )
    (tmp_path / "usr/bin/alternative").symlink_to("/etc/alternatives/alternative")
    assert [each for each in seen(host).unowned if each[0].startswith(("/usr", "/data"))] == [
        ("/data", True),
        ("/usr/bin/mine", False),
        ("/usr/bin/new\nline", False),
    ]


def test_a_directory_that_cannot_be_read_is_told_and_one_that_vanished_is_not(tmp_path: Path) -> None:
    host = with_package(tmp_path, {TOOL: "made", "/usr/lib/x/y": "made"})
    failing = {
        "/usr/bin": PermissionError(13, "Permission denied"),
        "/usr/lib/x": FileNotFoundError(2, "gone"),
    }
    assert seen(replace(host, failing=failing)).unseen == (
        Unseen("/usr/bin", "Permission denied: run with sudo"),
    )


def test_another_file_system_is_never_entered(tmp_path: Path) -> None:
    host = with_package(tmp_path, {TOOL: "made", "/usr/lib/x/y": "made"})
    assert seen(replace(host, devices={"/usr/lib/x": 2})).unseen == (
        Unseen("/usr/lib/x", "another file system or subvolume"),
    )


def test_it_goes_on_beside_this_process(tmp_path: Path) -> None:
    host = with_package(tmp_path, {TOOL: "made"})
    altered(tmp_path / TOOL[1:], "edam", keep_mtime=True)
    assert begin(host)().modified == {TOOL: "vendor"}


PLAIN, COPIED = (
    Unpacked("plain", 100 * SECOND_NS, 100 * SECOND_NS),
    Unpacked("copied", 100 * SECOND_NS, 9000 * SECOND_NS),
)


def late(place: int, ctime: int, *, by_content: bool = False) -> Late:
    return Late("/x", place, ctime * SECOND_NS, by_content, is_file=True, size_bytes=1)


def test_a_copy_ends_with_the_first_pause() -> None:
    copied = Owned((PLAIN, COPIED))
    assert copy_end(copied, {8990, 9000, 9050, 9110, 9171, 20000}) == 9110
    assert copy_end(Owned((PLAIN,)), {8990, 9000}) == 0


def test_on_a_copied_root_an_inode_counts_from_the_end_of_the_copy() -> None:
    packages = Owned((PLAIN, COPIED))
    while_copied, afterwards, by_content = late(1, 9050), late(1, 9500), late(1, 9050, by_content=True)
    later_package = late(0, 9050)
    given_late = [while_copied, afterwards, by_content, later_package]
    assert suspected(given_late, packages, 9110) == [afterwards, by_content, later_package]


def test_on_a_copied_root_nothing_is_hashed_without_need(tmp_path: Path) -> None:
    host = with_package(tmp_path, {TOOL: "made"})
    os.utime(tmp_path / "var/lib/dpkg/info/vendor.list", (LONG_AGO + 1, LONG_AGO + 1))
    os.chmod(tmp_path / TOOL[1:], 0o755)
    failing = {TOOL: AssertionError("it was read")}
    assert seen(replace(host, failing=failing)).modified == {}


def test_on_a_copied_root_a_changed_content_is_found(tmp_path: Path) -> None:
    host = with_package(tmp_path, {TOOL: "made"})
    os.utime(tmp_path / "var/lib/dpkg/info/vendor.list", (LONG_AGO + 1, LONG_AGO + 1))
    altered(tmp_path / TOOL[1:], "edam", keep_mtime=False)
    assert seen(host).modified == {TOOL: "vendor"}


@given(st.text())
def test_sums_take_any_text(text: str) -> None:
    found = parse_sums(text, {"/bin": "/usr/bin"})
    assert all(len(digest) == 32 and path.startswith("/") for path, digest in found.items())
