"""Where the version of a changed file that its package brought is found."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.debian.archive import MAGIC, files_in, members
from collectors.domains import files
from collectors.domains.files.pristine import parse_history
from collectors.record import sha256
from tests.unit.domains.test_files import host_with
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import sampled

test_history = sampled("githistory", lambda text, name: parse_history(text))

MADE, MINE = b"made\n", "mine\n"


def tar(**contents: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"./etc/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def deb(name: str, data: bytes) -> bytes:
    def member(name: str, content: bytes) -> bytes:
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n"
        return header.encode() + content + b"\n" * (len(content) % 2)

    return MAGIC + member("debian-binary", b"2.0\n") + member("control.tar.xz", b"xyz") + member(name, data)


def changed(tmp_path: Path, **where: bytes) -> FakeHost:
    """Return a host with a changed /etc/x, and a file of its package's at each of `where`."""
    host = host_with(tmp_path, {"x": MINE}, x=MADE.decode())
    for path, content in where.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    return host


@pytest.mark.parametrize(
    "place",
    [
        "etc/x.dpkg-dist",
        "etc/x.dpkg-old",
        "etc/x.ucf-dist",
        "var/lib/ucf/cache/:etc:x",
        "usr/share/vendor/x",
        "usr/share/doc/vendor/examples/x.default",
    ],
)
def test_a_copy_on_the_disk(tmp_path: Path, place: str) -> None:
    host = changed(tmp_path, **{place: MADE})
    (tmp_path / "var/lib/dpkg/info/vendor.list").write_text(
        "/etc\n/usr/share/vendor/x\n/usr/share/doc/vendor/examples/x.default\n/usr/share/y\n"
    )
    found = files.collect(host)
    assert [(file.path, file.pristine) for file in found.section.files] == [("/etc/x", sha256(MADE))]
    assert found.pristine == {"/etc/x": MADE}
    assert found.contents == {"/etc/x": MINE.encode()}


def test_another_version_is_not_taken_for_it(tmp_path: Path) -> None:
    found = files.collect(changed(tmp_path, **{"etc/x.dpkg-dist": b"a later one\n"}))
    assert [file.pristine for file in found.section.files] == [""]
    assert found.pristine == {}


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    host = changed(tmp_path, **{"etc/x.dpkg-dist": MADE, "var/lib/ucf/cache/:etc:x": MADE})
    found = files.collect(replace(host, failing={"/etc/x.dpkg-dist": PermissionError(13, "no")}))
    assert (found.pristine, found.findings) == ({"/etc/x": MADE}, ())


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("data.tar", bytes),
        ("data.tar.gz", gzip.compress),
        ("data.tar.xz", lzma.compress),
    ],
)
def test_the_archive_that_apt_has(tmp_path: Path, name: str, packed: Callable[[bytes], bytes]) -> None:
    archives = "var/cache/apt/archives"
    older = deb(name, packed(tar(x=b"older\n")))
    host = changed(
        tmp_path,
        **{
            f"{archives}/vendor_1_all.deb": older,
            f"{archives}/vendor_2_all.deb": deb(name, packed(tar(y=b"", x=MADE))),
            f"{archives}/vendor-not_1_all.deb": b"",
        },
    )
    assert files.collect(host).pristine == {"/etc/x": MADE}


def test_what_the_standard_library_cannot_unpack_dpkg_deb_does(tmp_path: Path) -> None:
    path = "/var/cache/apt/archives/vendor_1_all.deb"
    host = changed(tmp_path, **{path[1:]: deb("data.tar.zst", b"\x28\xb5\x2f\xfd")})
    said = tar(x=MADE).decode(errors="surrogateescape")
    host = replace(host, given={("dpkg-deb", "--fsys-tarfile"): said})
    assert files.collect(host).pristine == {"/etc/x": MADE}
    assert host.asked == [("dpkg-deb", "--fsys-tarfile", "{}")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"!<arch>\n",
        b"!<arch>\nx",
        deb("data.tar", b"")[:-1],
        deb("data.tar.gz", b"no"),
        deb("data.tar", b"no"),
    ],
)
def test_a_broken_archive_has_nothing(tmp_path: Path, content: bytes) -> None:
    assert files_in(machine(tmp_path, {"/a.deb": content}), "/a.deb", ["/etc/x"]) == {}


@given(st.binary(max_size=300))
def test_an_archive_may_be_anything(content: bytes) -> None:
    for raw in (content, MAGIC + content, deb("data.tar", b"x")[:68] + content):
        try:
            assert all(len(each) <= len(raw) for _, each in members(raw))
        except ValueError:
            continue


@given(st.text(alphabet=st.sampled_from(":0 1aAM\0/ü\udcff\n"), max_size=80))
def test_a_history_may_be_anything(said: str) -> None:
    for versions in parse_history(said).values():
        assert versions == tuple(dict.fromkeys(versions))


def test_the_history_of_etckeeper(tmp_path: Path) -> None:
    host = changed(tmp_path, **{"etc/x": MADE})
    etc = str(tmp_path / "etc")

    def git(*words: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", "-C", etc, *identity, *words], check=True, capture_output=True)

    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "made")
    (tmp_path / "etc/x").write_text(MINE)
    git("commit", "--quiet", "--all", "--message", "mine")
    assert hashlib.md5((tmp_path / "etc/x").read_bytes()).hexdigest() != hashlib.md5(MADE).hexdigest()
    assert files.collect(host).pristine == {"/etc/x": MADE}
