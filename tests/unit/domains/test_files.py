from __future__ import annotations

import hashlib
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.collected import Collected
from collectors.domains import files
from collectors.domains.files import Files
from collectors.failure import Finding
from collectors.judgement import capture
from collectors.judgement.capture import MAX_FILE_BYTES
from collectors.record import File, escaped
from tests.unit.fakes import STATUS, FakeHost, machine

PASSWD = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
GROUP = "root:x:0:\nadm:x:4:\n"


def md5(content: str) -> str:
    return hashlib.md5(content.encode()).hexdigest()


def host_with(tmp_path: Path, contents: dict[str, str | bytes | None], **conffiles: str) -> FakeHost:
    """Return a host with these files in /etc; `name="x"` is a conffile /etc/name that was made with "x"."""
    lines = "".join(f" /etc/{name} {md5(made)}\n" for name, made in conffiles.items())
    status = (
        f"{STATUS}\nPackage: vendor\nStatus: install ok installed\nArchitecture: all\nConffiles:\n{lines}"
    )
    return machine(
        tmp_path,
        {
            "/etc/passwd": PASSWD,
            "/etc/group": GROUP,
            "/var/lib/dpkg/status": status,
            "/var/lib/dpkg/info/vendor.list": "/.\n/etc\n/etc/vendor\n/etc/vendor/owned\n",
            **{f"/etc/{name}": content for name, content in contents.items()},
        },
    )


def paths(found: Collected[Files]) -> list[str]:
    return [file.path.removeprefix("/etc/") for file in found.section.files]


def left_out(found: Collected[Files]) -> dict[str, str]:
    return {each.path.removeprefix("/etc/"): each.reason for each in found.section.left_out}


def test_a_plain_tree_has_nothing_to_tell(tmp_path: Path) -> None:
    found = files.collect(host_with(tmp_path, {"vendor/owned": "x", "same": "made"}, same="made"))
    assert found == Collected(Files())


def test_a_changed_conffile_is_an_item(tmp_path: Path) -> None:
    found = files.collect(host_with(tmp_path, {"keyd.conf": "mine\n"}, **{"keyd.conf": "made\n"}))
    assert found.section.files == (
        File(
            path="/etc/keyd.conf",
            kind="file",
            origin="conffile",
            owner="root",
            group="root",
            mode="0644",
            sha256=hashlib.sha256(b"mine\n").hexdigest(),
            package="vendor",
        ),
    )
    assert found.contents == {"/etc/keyd.conf": b"mine\n"}


@pytest.mark.parametrize(("content", "found"), [("made", []), ("made before", []), ("mine", ["a"])])
def test_a_conffile_that_moved_has_two_packages(tmp_path: Path, content: str, found: list[str]) -> None:
    host = host_with(tmp_path, {"a": content}, a="made")
    status = tmp_path / "var/lib/dpkg/status"
    other = "\nPackage: earlier\nStatus: deinstall ok config-files\nArchitecture: all\nConffiles:\n"
    status.write_text(f"{status.read_text()}{other} /etc/a {md5('made before')}\n")
    collected = files.collect(host)
    assert paths(collected) == found
    assert {file.package for file in collected.section.files} <= {"vendor"}


def test_a_line_of_ucf_that_is_not_understood_is_a_finding(tmp_path: Path) -> None:
    host = host_with(tmp_path, {})
    (tmp_path / "var/lib/ucf").mkdir()
    (tmp_path / "var/lib/ucf/hashfile").write_text("0123  /etc/x\nnonsense\n")
    assert [each.subject for each in files.collect(host).findings] == ["/var/lib/ucf/hashfile:2"]


def test_a_conffile_that_became_a_symlink_is_an_item(tmp_path: Path) -> None:
    found = files.collect(host_with(tmp_path, {"a": "-> /srv/a"}, a="made"))
    assert [(file.kind, file.target, file.origin) for file in found.section.files] == [
        ("symlink", "/srv/a", "conffile")
    ]


def test_a_deleted_conffile_is_an_item(tmp_path: Path) -> None:
    found = files.collect(host_with(tmp_path, {"rekindle/ignore": "/etc/mine\n"}, gone="made", mine="made"))
    assert found.section.deleted == (files.Deleted(path="/etc/gone", package="vendor"),)
    assert found.section.deleted[0].by_hand() == "rm --force -- /etc/gone"
    assert found.section.deleted[0].item_id() == "deleted:/etc/gone"


def test_a_deleted_conffile_of_an_older_version_is_no_news(tmp_path: Path) -> None:
    host = host_with(tmp_path, {}, old="made")
    status = tmp_path / "var/lib/dpkg/status"
    status.write_text(status.read_text().replace(md5("made"), f"{md5('made')} obsolete"))
    assert files.collect(host).section == Files()


def test_an_unowned_file_keeps_its_owner_and_mode(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"sudoers.d/ada": "x\n", "by-number": "x\n"})
    os.chmod(tmp_path / "etc/sudoers.d/ada", 0o440)
    owners = {"/etc/sudoers.d/ada": (1000, 4), "/etc/by-number": (4242, 4343)}
    found = files.collect(replace(host, owners=owners))
    assert [(file.path, file.owner, file.group, file.mode) for file in found.section.files] == [
        ("/etc/by-number", "4242", "4343", "0644"),
        ("/etc/sudoers.d", "root", "root", "0755"),
        ("/etc/sudoers.d/ada", "ada", "adm", "0440"),
    ]


NAMES = ["new\nline", "quo'te\"", "ümläut", "a b", "back\\slash", "percent%20", "\udcff\udcfe", "-dash", "*"]


def test_names_are_bytes(tmp_path: Path) -> None:
    found = files.collect(host_with(tmp_path, dict.fromkeys(NAMES, "x")))
    assert paths(found) == sorted(escaped(name) for name in NAMES)
    assert set(found.contents) == {f"/etc/{escaped(name)}" for name in NAMES}


def test_a_symlinks_target_is_as_written(tmp_path: Path) -> None:
    found = files.collect(host_with(tmp_path, {"a": "-> ../no\nwhere/\udcff"}))
    assert [file.target for file in found.section.files] == [r"../no\x0awhere/\xff"]


def test_a_directory_is_an_item_unless_it_is_plumbing(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            "empty": None,
            "odd/x.dpkg-old": "noise",
            "plain/x.dpkg-old": "noise",
            "mine/conf": "x",
            "secret/id_rsa": "x",
            "opt": None,
        },
    )
    os.chmod(tmp_path / "etc/odd", 0o700)
    assert paths(files.collect(host)) == ["empty", "mine", "mine/conf", "odd"]


def test_links_that_enable_packages_units_are_not_told_but_the_owners_are(tmp_path: Path) -> None:
    wants = "systemd/system/multi-user.target.wants"
    host = host_with(
        tmp_path,
        {
            f"{wants}/ssh.service": "-> /lib/systemd/system/ssh.service",
            f"{wants}/nftables.service": "-> /lib/systemd/system/nftables.service",
            "systemd/system/masked.service": "-> /dev/null",
        },
    )
    mirror = tmp_path / "var/lib/systemd/deb-systemd-helper-enabled"
    (mirror / "multi-user.target.wants").mkdir(parents=True)
    (mirror / "multi-user.target.wants/ssh.service").touch()
    # a package that brings a unit without enabling it leaves only this one
    (mirror / "nftables.service.dsh-also").write_text(f"/etc/{wants}/nftables.service\n")
    assert paths(files.collect(host))[-2:] == ["systemd/system/masked.service", f"{wants}/nftables.service"]


def test_what_ucf_and_postinst_made_is_not_told_until_it_changes(tmp_path: Path) -> None:
    host = host_with(
        tmp_path, {"ucf-same": "made", "ucf-changed": "mine", "profile": "made", "inputrc": "mine"}
    )
    (tmp_path / "var/lib/ucf").mkdir()
    (tmp_path / "var/lib/ucf/hashfile").write_text(
        f"{md5('made')}  /etc/ucf-same\n{md5('made')}  /etc/ucf-changed\n"
    )
    for copy in ("base-files/profile", "readline/inputrc"):
        (tmp_path / "usr/share" / copy).parent.mkdir(parents=True)
        (tmp_path / "usr/share" / copy).write_text("made")
    assert paths(files.collect(host)) == ["inputrc", "ucf-changed"]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("# made\n\nmozilla/a.crt\n!mozilla/gone.crt\n", []),
        ("mozilla/a.crt\n!mozilla/b.crt\n", ["ca-certificates.conf"]),
        ("mozilla/a.crt\nown/c.crt\n", ["ca-certificates.conf"]),
        ("mozilla/a.crt\n!own/gone.crt\n", ["ca-certificates.conf"]),
    ],
)
def test_certificates_that_the_owner_refuses_are_told_but_not_those_that_the_package_dropped(
    tmp_path: Path, lines: str, found: list[str]
) -> None:
    there = {f"../usr/share/ca-certificates/mozilla/{name}.crt": "x" for name in "ab"}
    assert paths(files.collect(host_with(tmp_path, {"ca-certificates.conf": lines, **there}))) == found


def test_what_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"a": "x", "b": "x", "c/d": "x", "e": "x"}, e="made")
    failing = {
        "/etc/a": PermissionError(13, "no"),
        "/etc/b": FileNotFoundError(2, "gone"),
        "/etc/c": PermissionError(13, "no"),
        "/etc/e": OSError(5, "Input/output error"),
    }
    found = files.collect(replace(host, failing=failing))
    assert found.section.files == (
        File(path="/etc/c", kind="directory", origin="unowned", owner="root", group="root", mode="0755"),
    )
    assert found.findings == (
        Finding("/etc/a", "not readable", "run with sudo"),
        Finding("/etc/b", "vanished, or points to nothing", "collect again"),
        Finding("/etc/c", "not readable", "run with sudo"),
        Finding("/etc/e", "Input/output error", "look at it by hand"),
    )


def test_a_large_file_is_a_finding(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"fits": b"x" * MAX_FILE_BYTES, "large": b"x" * (MAX_FILE_BYTES + 1)})
    found = files.collect(host)
    assert paths(found) == ["fits"]
    assert [finding.subject for finding in found.findings] == ["/etc/large"]


def test_a_sparse_file_of_4_gib_is_not_read(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"sparse": ""}, sparse="made")
    os.truncate(tmp_path / "etc/sparse", 4 * 1024**3)
    failing = {"/etc/sparse": RuntimeError("it was read")}
    found = files.collect(replace(host, failing=failing))
    assert [finding.reason[:9] for finding in found.findings] == ["too large"]


def test_sockets_and_pipes_are_told_and_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = host_with(tmp_path, {})
    os.mkfifo(tmp_path / "etc/pipe")
    monkeypatch.chdir(tmp_path / "etc")  # the path of a socket has at most 107 bytes
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        assert left_out(files.collect(host)) == {"pipe": capture.SPECIAL, "socket": capture.SPECIAL}


def test_another_file_system_is_never_entered(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"nas/file": "x", "bind": "x"})
    found = files.collect(replace(host, devices={"/etc/nas": 2, "/etc/nas/file": 2, "/etc/bind": 2}))
    assert left_out(found) == {"bind": capture.MOUNTED, "nas": capture.MOUNTED}
    assert paths(found) == []


def test_the_history_of_etckeeper_is_left_out(tmp_path: Path) -> None:
    found = files.collect(host_with(tmp_path, {".git/config": "x", ".gitignore": "x"}))
    assert paths(found) == [".gitignore"]
    assert list(left_out(found)) == [".git"]


def test_an_unchanged_conffile_is_not_told_even_at_a_secret_place(tmp_path: Path) -> None:
    contents: dict[str, str | bytes | None] = {"msmtprc": "made", "fstab": "made"}
    found = files.collect(host_with(tmp_path, contents, msmtprc="made", fstab="made"))
    assert left_out(found) == {}


def test_what_other_sections_have_is_not_told_here(tmp_path: Path) -> None:
    contents: dict[str, str | bytes | None] = dict.fromkeys(
        (
            "shadow", "gshadow", "subuid", "hostname", "apt/sources.list", "apt/sources.list.d/a.list",
            "apt/sources.list.d/a.sources", "apt/keyrings/a.gpg", "apt/trusted.gpg", "rekindle/rekindle.yaml",
            "systemd/system/rekindle-refresh.timer",
        ),
        "x",
    )  # fmt: skip
    found = files.collect(host_with(tmp_path, contents))
    assert (paths(found), left_out(found)) == ([], {})


def test_the_same_twice(tmp_path: Path) -> None:
    host = host_with(tmp_path, {**dict.fromkeys(NAMES, "x"), "z": "mine", "a/b/c": "x"}, z="made")
    assert files.collect(host) == files.collect(host)
