"""The stand-in is made of the distribution's own packages, and says what it is."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from builder.standin import archive, image, packages, root, tarball
from builder.standin.archive import Release, Source
from collectors.failure import Failure
from tests.unit.fakes import FakeHost

DEBIAN = Release("debian", "12", "bookworm", "Debian GNU/Linux")
OS_RELEASE = 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'


def put(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


# Which archive


def test_the_running_release_is_read(tmp_path: Path) -> None:
    put(tmp_path, "etc/os-release", OS_RELEASE)
    assert archive.running_release(FakeHost(tmp_path)) == DEBIAN


@pytest.mark.parametrize("text", ["", 'ID=fedora\nNAME="Fedora Linux"\n'])
def test_another_distribution_is_refused(tmp_path: Path, text: str) -> None:
    put(tmp_path, "etc/os-release", text)
    with pytest.raises(Failure, match="a stand-in cannot be made of"):
        archive.running_release(FakeHost(tmp_path))


def test_one_line_sources_are_read() -> None:
    text = (
        "# a comment\n"
        "deb http://a.example/debian bookworm main contrib # why\n"
        "deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] https://b.example bookworm main\n"
        "deb-src http://a.example/debian bookworm main\n"
        "#deb http://c.example bookworm main\n"
    )
    assert list(archive.one_line(text)) == [
        Source("http://a.example/debian", "bookworm", ("main", "contrib")),
        Source("https://b.example", "bookworm", ("main",), "/usr/share/keyrings/k.gpg"),
    ]


def test_deb822_sources_are_read() -> None:
    text = (
        "Types: deb deb-src\n# a comment\nURIs: http://a.example/debian\n"
        "Suites: bookworm\n bookworm-updates\n"
        "Components: main\nSigned-By: /k.gpg\n"
        "\n"
        "Types: deb-src\nURIs: http://a.example/debian\nSuites: bookworm\nComponents: main\n"
        "\n"
        "Types: deb\nURIs: http://b.example\nSuites: bookworm\nComponents: main\nEnabled: no\n"
    )
    assert list(archive.deb822(text)) == [
        Source("http://a.example/debian", "bookworm", ("main",), "/k.gpg"),
        Source("http://a.example/debian", "bookworm-updates", ("main",), "/k.gpg"),
    ]


def test_only_the_releases_own_archive_is_used(tmp_path: Path) -> None:
    own = "deb http://a.example/debian bookworm main\n"
    put(tmp_path, "etc/apt/sources.list", own * 2 + "deb http://a.example/security bookworm-security main\n")
    put(
        tmp_path,
        "etc/apt/sources.list.d/others.list",
        "deb http://x.example bookworm stable\n"
        "deb http://x.example trixie main\n"
        "deb http://x.example bookworm-pgdg main\n"
        "deb [signed-by=/etc/apt/keyrings/x.gpg] http://x.example bookworm main\n"
        "deb cdrom:[x]/ bookworm main\n",
    )
    put(tmp_path, "etc/apt/sources.list.d/disabled.list.save", "deb http://y.example bookworm main\n")
    assert [source.line for source in archive.own_sources(FakeHost(tmp_path), DEBIAN)] == [
        "deb http://a.example/debian bookworm main",
        "deb http://a.example/security bookworm-security main",
    ]


def test_no_archive_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="names no archive of Debian GNU/Linux bookworm"):
        archive.own_sources(FakeHost(tmp_path), DEBIAN)


@pytest.mark.parametrize("distribution", ["debian", "ubuntu"])
def test_every_distribution_has_a_kernel(distribution: str) -> None:
    chosen = packages.target_packages(distribution)
    assert packages.KERNEL[distribution] in chosen
    assert list(chosen) == sorted(set(chosen))
    assert not set(chosen) & set(packages.LIVE)


# Layers


def write_tar(path: Path, members: dict[str, str | None], links: dict[str, str] | None = None) -> Path:
    """Files with a text, folders with None, and hard links."""
    with tarfile.open(path, "w") as tar:
        for name, text in members.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.type = tarfile.DIRTYPE if text is None else tarfile.REGTYPE
            entry.size = len(text or "")
            tar.addfile(entry, io.BytesIO((text or "").encode()))
        for name, to in (links or {}).items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.type, entry.linkname = tarfile.LNKTYPE, f"./{to}"
            tar.addfile(entry)
    return path


def difference(tmp_path: Path, lower: Path, upper: Path) -> dict[str, tarfile.TarInfo]:
    output = tmp_path / "difference.tar"
    tarball.write_difference(lower, upper, output, lambda name: not name.startswith("skipped"))
    with tarfile.open(output) as tar:
        return {tarball.name_of(member): member for member in tar}


def test_a_layer_has_what_is_new_or_changed_with_its_folders(tmp_path: Path) -> None:
    lower = write_tar(tmp_path / "l.tar", {"etc": None, "etc/same": "1", "etc/other": "1", "var": None})
    upper = write_tar(
        tmp_path / "u.tar",
        {
            "etc": None,
            "etc/same": "1",
            "etc/other": "2",
            "var": None,
            "usr": None,
            "usr/new": "3",
            "skipped": "4",
        },
    )
    assert set(difference(tmp_path, lower, upper)) == {"etc", "etc/other", "usr", "usr/new"}


def test_what_is_gone_is_whited_out(tmp_path: Path) -> None:
    lower = write_tar(tmp_path / "l.tar", {"etc": None, "etc/gone": "1"})
    layer = difference(tmp_path, lower, write_tar(tmp_path / "u.tar", {"etc": None}))
    assert set(layer) == {"etc", "etc/gone"}
    assert layer["etc/gone"].ischr() and (layer["etc/gone"].devmajor, layer["etc/gone"].devminor) == (0, 0)


def test_a_link_to_what_stays_below_is_a_file_of_its_own(tmp_path: Path) -> None:
    lower = write_tar(tmp_path / "l.tar", {"a": "text"})
    layer = difference(tmp_path, lower, write_tar(tmp_path / "u.tar", {"a": "text"}, links={"b": "a"}))
    assert set(layer) == {"b"}
    assert layer["b"].isreg() and layer["b"].size == len("text")


def test_scripts_of_the_overlay_run(tmp_path: Path) -> None:
    tarball.write_overlay({"usr/bin/x": b"#!/bin/sh\n", "etc/y": b"y"}, tmp_path / "o.tar", 7)
    with tarfile.open(tmp_path / "o.tar") as tar:
        modes = {tarball.name_of(member): (member.mode, member.mtime, member.uid) for member in tar}
    assert modes["usr/bin/x"] == (0o755, 7, 0)
    assert modes["etc/y"] == (0o644, 7, 0)
    assert modes["usr"] == modes["usr/bin"] == (0o755, 7, 0)


# The medium


def test_it_says_what_it_is() -> None:
    assert image.disk_info(DEBIAN) == (
        'Rekindle stand-in 12 "bookworm" - Release amd64 (20250101) for tests and the demo only'
    )
    medium = root.static_tree("medium")
    assert set(medium) == {"boot/grub/grub.cfg", "boot/grub/loopback.cfg"}
    assert all(b"stand-in (for tests and the demo only)" in text for text in medium.values())


def test_the_menus_are_of_the_vendors_form() -> None:
    menu = root.static_tree("medium")["boot/grub/grub.cfg"].decode()
    assert "set timeout=30\n" in menu
    assert "\tlinux\t/casper/vmlinuz  ---\n" in menu
    assert "autoinstall" not in menu
    loopback = root.static_tree("medium")["boot/grub/loopback.cfg"].decode()
    assert "iso-scan/filename=${iso_path} ---\n" in loopback


def test_the_manifest_lists_packages() -> None:
    status = "Package: b\nStatus: install ok installed\nVersion: 2\n\nPackage: a\nVersion: 1:1\n\n"
    assert image.manifest(status) == "a\t1:1\nb\t2\n"


def test_the_live_system_has_the_schema_and_the_installer() -> None:
    own = root.live_files("{}", "uuid")
    assert own[root.SCHEMA] == b"{}"
    assert own[root.UUID_CONF] == b"STANDIN_UUID=uuid\n"
    assert f"{root.INSTALLER}/__main__.py" in own
    assert not any("__pycache__" in name for name in own)


def test_the_targets_own_files_say_whose_they_are() -> None:
    names = root.static_tree("target")
    assert names and all("standin" in Path(name).name for name in names)
