from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.debian import dpkg
from collectors.domains import apt
from collectors.domains.apt import baseline
from collectors.domains.apt.offers import LISTS
from collectors.domains.apt.sources import SOURCE_PARTS
from collectors.failure import Finding
from tests.unit.domains.apt_database import DATABASE, PACKAGES, stanza
from tests.unit.fakes import STATUS, FakeHost, machine


def test_chosen_packages_and_those_of_a_fresh_installation(tmp_path: Path) -> None:
    host = machine(tmp_path, DATABASE)
    section = apt.collect(host).section
    assert section.baseline == "priority"
    assert tuple(package.name for package in section.packages) == (
        "fonts", "htop", "kept", "linux-image-rt-amd64", "steam:i386", "ubuntu-desktop",
    )  # fmt: skip
    assert section.shipped == (
        "base-lib", "bash", "dpkg", "grub-pc", "linux-image-6.1.0-18-amd64", "nano",
    )  # fmt: skip
    assert section.holds == ("kept",)
    assert host.asked == []


def test_a_package_that_is_not_there_may_be_held_too(tmp_path: Path) -> None:
    status = STATUS + stanza("snapd", "hold ok not-installed") + stanza("gone", "hold ok config-files")
    section = apt.collect(machine(tmp_path, {"/var/lib/dpkg/status": status})).section
    assert section.holds == ("gone", "snapd")
    assert section.packages == ()


def test_packages_for_hardware_are_bound_and_so_are_their_holds(tmp_path: Path) -> None:
    status = "".join(
        (
            STATUS,
            stanza("firmware-iwlwifi"),
            stanza("nvidia-driver-550", status="hold ok installed"),
            stanza("nvidia-settings"),
        )
    )
    section = apt.collect(machine(tmp_path, {"/var/lib/dpkg/status": status})).section
    assert {item.id: item.bound for item in section.items()} == {
        "apt:dpkg": apt.SHIPPED,
        "apt:firmware-iwlwifi": "for parts of this machine",
        "apt:nvidia-driver-550": "for a graphics card of NVIDIA",
        "apt-hold:nvidia-driver-550": "for a graphics card of NVIDIA",
        "apt:nvidia-settings": "",
    }


def test_the_installers_record_is_the_baseline_where_there_is_one(tmp_path: Path) -> None:
    recorded = gzip.compress((stanza("htop") + stanza("ubuntu-desktop")).encode())
    host = machine(tmp_path, {**DATABASE, baseline.INITIAL_STATUS: recorded})
    section = apt.collect(host).section
    assert section.baseline == "installer"
    assert {"htop", "bash", "dpkg"} <= set(section.shipped)
    assert "ubuntu-desktop" in [package.name for package in section.packages]


@pytest.mark.parametrize(
    "content", [b"", b"not gzip", gzip.compress(b"", mtime=0), gzip.compress(b"x" * 99, mtime=0)[:-9]]
)
def test_a_broken_record_is_a_finding(tmp_path: Path, content: bytes) -> None:
    found = apt.collect(machine(tmp_path, {**DATABASE, baseline.INITIAL_STATUS: content}))
    assert found.section.baseline == "priority"
    assert [each.subject for each in found.findings] == [baseline.INITIAL_STATUS]


def test_an_unreadable_record_is_a_finding(tmp_path: Path) -> None:
    host = replace(machine(tmp_path, DATABASE), failing={baseline.INITIAL_STATUS: PermissionError(13, "no")})
    assert apt.collect(host).findings == (Finding(baseline.INITIAL_STATUS, "not readable", "run with sudo"),)


def test_without_extended_states_all_are_manual(tmp_path: Path) -> None:
    database = dpkg.read(machine(tmp_path, {"/var/lib/dpkg/status": PACKAGES}))
    assert len(apt.manual_packages(database)) == 14


SOURCE = b"deb [signed-by=/opt/vendor/key.gpg] https://example.org/ stable main\nnonsense here\n# c\r\n"


def sources(tmp_path: Path) -> FakeHost:
    return machine(
        tmp_path,
        {
            **DATABASE,
            "/etc/apt/sources.list": "",
            "/etc/apt/sources.list.d/vendor.list": SOURCE,
            "/etc/apt/sources.list.d/vendor.list.save": SOURCE,
            "/etc/apt/sources.list.d/off.sources": "Enabled: no\nTypes: deb\nURIs: x:/\nSuites: /\n"
            "Signed-By: /usr/share/keyrings/bash.gpg /usr/share/keyrings/htop.gpg /usr/share/keyrings/none\n",
            "/etc/apt/keyrings/a.asc": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
            "/etc/apt/keyrings/a.asc~": "older",
            "/etc/apt/trusted.gpg": b"\x99\x01\x0d\x04key",
            "/etc/apt/trusted.gpg.d/bash.gpg": "the distribution's own",
            "/opt/vendor/key.gpg": b"\x99\x01\x0d\x04key",
            "/usr/share/keyrings/bash.gpg": "the distribution's own",
            "/usr/share/keyrings/htop.gpg": "a vendor's package brings it",
            "/var/lib/dpkg/info/bash.list": "/usr/share/keyrings/bash.gpg\n/etc/apt/trusted.gpg.d/bash.gpg\n",
            "/var/lib/dpkg/info/htop.list": "/usr/share/keyrings/htop.gpg\n",
        },
    )


def test_sources_are_captured_byte_for_byte(tmp_path: Path) -> None:
    found = apt.collect(sources(tmp_path))
    assert [(each.path, each.format, len(each.entries)) for each in found.section.sources] == [
        ("/etc/apt/sources.list", "one-line", 0),
        ("/etc/apt/sources.list.d/off.sources", "deb822", 1),
        ("/etc/apt/sources.list.d/vendor.list", "one-line", 1),
    ]
    assert found.contents["/etc/apt/sources.list.d/vendor.list"] == SOURCE
    assert [each.subject for each in found.findings] == ["/etc/apt/sources.list.d/vendor.list:2", LISTS]


@pytest.mark.parametrize("name", ["my notes.list", ".kept.list", "löw.sources"])
def test_what_apt_passes_over_is_captured_and_counts_for_nothing(tmp_path: Path, name: str) -> None:
    path = f"{SOURCE_PARTS}/{name}"
    files = {path: b"deb https://example.org/ stable main\nnonsense\n", f"{LISTS}/x_InRelease": ""}
    found = apt.collect(machine(tmp_path, {**DATABASE, **files}))
    (source,) = found.section.sources
    assert (source.path, source.entries) == (path, ())
    assert found.contents[path] == files[path]
    assert (found.findings, found.losses) == ((), ())


def test_keyrings_are_captured_but_for_the_distributions_own(tmp_path: Path) -> None:
    found = apt.collect(sources(tmp_path))
    assert [each.path for each in found.section.keyrings] == [
        "/etc/apt/keyrings/a.asc",
        "/etc/apt/trusted.gpg",
        "/opt/vendor/key.gpg",
        "/usr/share/keyrings/htop.gpg",
    ]
    assert found.contents["/opt/vendor/key.gpg"] == b"\x99\x01\x0d\x04key"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/apt/sources.list", "deb https://ada:geheim@example.org/ stable main\n"),
        ("/etc/apt/sources.list", "deb https://token:@example.org/ stable main\n"),
        ("/etc/apt/sources.list", "deb https://token@example.org/ stable main\n"),
        ("/etc/apt/sources.list.d/a.sources", "Types: deb\nURIs: https://e.org/?token=geheim\nSuites: /\n"),
        ("/etc/apt/keyrings/a.asc", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n"),
        ("/etc/apt/keyrings/a.gpg", b"\x95\x03\x98\x04abcd\x01rest"),
    ],
)
def test_secrets_are_left_out_and_listed(tmp_path: Path, path: str, content: str | bytes) -> None:
    found = apt.collect(machine(tmp_path, {**DATABASE, path: content}))
    assert [each.path for each in found.section.left_out] == [path]
    assert (found.section.sources, found.section.keyrings) == ((), ())
    assert found.contents == {}


def test_an_unreadable_keyring_is_a_finding(tmp_path: Path) -> None:
    host = replace(sources(tmp_path), failing={"/etc/apt/trusted.gpg": PermissionError(13, "no")})
    assert Finding("/etc/apt/trusted.gpg", "not readable", "run with sudo") in apt.collect(host).findings


def test_architectures_that_were_added(tmp_path: Path) -> None:
    host = machine(tmp_path, {**DATABASE, "/var/lib/dpkg/arch": "amd64\ni386\narm64\n"})
    section = apt.collect(host).section
    assert section.architectures == ("arm64", "i386")
    things = {thing.item_id(): thing.by_hand() for thing in section.things()}
    assert things["apt-arch:i386"] == "dpkg --add-architecture i386"
    assert things["apt-hold:kept"] == "apt-mark hold kept"
