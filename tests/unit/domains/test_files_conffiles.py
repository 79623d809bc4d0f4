"""Conffiles that differ only in their mode, the owner's ignore list, and what is cut out of a file."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.domains import files
from collectors.judgement import ignored
from collectors.judgement.attributes import ACCESS, CAPABILITY, DEFAULT
from tests.unit.domains.test_files import host_with, left_out, paths
from tests.unit.sampled import sampled

test_ignore = sampled("ignore", lambda text, name: ignored.parse_ignore(text))

ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in (
        (1, 6, 2**32 - 1),
        (2, 4, 1000),
        (4, 4, 2**32 - 1),
        (0x10, 4, 2**32 - 1),
        (0x20, 0, 2**32 - 1),
    )
)
ACL_TEXT = "user::rw-,user:ada:r--,group::r--,mask::r--,other::---"
RAW = bytes.fromhex("0100000200200000000000000000000000000000")


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [
        ("made\n", 0o644, False),
        ("made\n", 0o640, True),
        ("made\n", 0o755, True),
        ("#!/bin/sh\n", 0o755, False),
        ("#!/bin/sh\n", 0o644, True),
    ],
)
def test_a_conffile_with_another_mode_is_an_item(tmp_path: Path, content: str, mode: int, told: bool) -> None:
    host = host_with(tmp_path, {"x": content}, x=content)
    os.chmod(tmp_path / "etc/x", mode)
    found = files.collect(host)
    assert paths(found) == ["x"] * told
    assert found.pristine == ({"/etc/x": content.encode()} if told else {})


def test_a_conffile_with_another_owner_is_an_item(tmp_path: Path) -> None:
    host = replace(host_with(tmp_path, {"x": "made"}, x="made"), owners={"/etc/x": (0, 4)})
    assert [(file.group, file.origin) for file in files.collect(host).section.files] == [("adm", "conffile")]


def test_modes_that_packages_give_are_not_told(tmp_path: Path) -> None:
    host = host_with(
        tmp_path, {"sudoers": "made", "cups/x.conf": "made"}, **{"sudoers": "made", "cups/x.conf": "made"}
    )
    os.chmod(tmp_path / "etc/sudoers", 0o440)
    assert paths(files.collect(host)) == []
    os.chmod(tmp_path / "etc/sudoers", 0o444)
    assert paths(files.collect(replace(host, memory={}))) == ["sudoers"]


def test_a_mode_that_dpkg_was_told_is_an_item_of_its_own(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"x": "made"}, x="made")
    (tmp_path / "var/lib/dpkg/statoverride").write_text("root adm 640 /etc/x\n")
    os.chmod(tmp_path / "etc/x", 0o640)
    found = files.collect(replace(host, owners={"/etc/x": (0, 4)}))
    assert paths(found) == []
    assert [each.item_id() for each in found.section.overrides] == ["statoverride:/etc/x"]


def test_access_lists_and_capabilities_are_kept(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"same": "made", "mine": "x", "bin": "x", "d/x": "x"}, same="made")
    xattrs = {
        "/etc/same": {ACCESS: ACL},
        "/etc/bin": {CAPABILITY: RAW},
        "/etc/d": {ACCESS: ACL, DEFAULT: ACL},
    }
    found = {file.path: file for file in files.collect(replace(host, xattrs=xattrs)).section.files}
    assert found["/etc/same"].acl == ACL_TEXT
    assert (found["/etc/bin"].acl, found["/etc/bin"].capabilities) == ("", "cap_net_raw=ep")
    default = ",".join(f"default:{entry}" for entry in ACL_TEXT.split(","))
    assert found["/etc/d"].acl == f"{ACL_TEXT},{default}"
    assert (found["/etc/mine"].acl, found["/etc/mine"].capabilities) == ("", "")


def test_attributes_that_are_not_understood_are_a_finding(tmp_path: Path) -> None:
    host = replace(host_with(tmp_path, {"a": "x", "b": "x"}), xattrs={"/etc/a": {CAPABILITY: b"\0\0\0\x09"}})
    found = files.collect(host)
    assert paths(found) == ["b"]
    assert [(each.subject, each.reason) for each in found.findings] == [
        ("/etc/a", "capabilities of an unknown revision")
    ]


def test_what_the_owner_ignores_is_left_out_and_told_once(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            "rekindle/ignore": "/etc/big\n/etc/*.tmp\nodd\n",
            "big/a": "x",
            "b.tmp": "x",
            "keep": "x",
            "c": "mine",
        },
        c="made",
    )
    found = files.collect(host)
    assert paths(found) == ["c", "keep", "rekindle", "rekindle/ignore"]
    assert left_out(found) == {"rekindle/ignore": "the owner wants it left out: /etc/big, /etc/*.tmp"}
    assert [each.subject for each in found.findings] == ["/etc/rekindle/ignore:3"]


def test_words_that_name_a_disk_are_cut_out_of_grubs_defaults_and_told(tmp_path: Path) -> None:
    line = 'GRUB_CMDLINE_LINUX="quiet resume=UUID=1a-2b mitigations=off cryptdevice=/dev/sda3:x"\n'
    found = files.collect(host_with(tmp_path, {"default/grub": f"GRUB_TIMEOUT=1\n{line}"}))
    assert paths(found) == ["default", "default/grub"]
    assert found.contents["/etc/default/grub"] == (
        b'GRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX="quiet mitigations=off "\n'
    )
    assert left_out(found) == {
        "default/grub": "names a disk of this machine, and is left out:"
        " resume=UUID=1a-2b cryptdevice=/dev/sda3:x"
    }


def test_grubs_defaults_that_only_name_a_disk_are_as_made(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"default/grub": 'A="resume=UUID=1"\n'})
    (tmp_path / "usr/share/grub/default").mkdir(parents=True)
    (tmp_path / "usr/share/grub/default/grub").write_text('A=""\n')
    found = files.collect(host)
    assert (paths(found), left_out(found)) == ([], {})
