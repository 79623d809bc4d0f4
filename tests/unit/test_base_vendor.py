"""Which ISO is wanted, and where it may lie."""

from __future__ import annotations

import pytest

from builder.base.vendor import UBUNTU, Site, Wanted, folders, sites, wanted_by

NAMES = [
    "ubuntu-24.04.4-live-server-amd64.iso",
    "ubuntu-24.04.10-live-server-amd64.iso",
    "ubuntu-24.04.9-live-server-amd64.iso",
    "ubuntu-24.04.11-live-server-arm64.iso",
    "ubuntu-24.04.12-desktop-amd64.iso",
    "ubuntu-24.10-live-server-amd64.iso",
    "ubuntu-24.04.13-live-server-amd64.iso.zsync",
    "ubuntu-24.04.14-beta-live-server-amd64.iso",
    "../ubuntu-24.04.15-live-server-amd64.iso",
]


@pytest.mark.parametrize(
    ("wanted", "newest"),
    [
        (Wanted("24.04"), "ubuntu-24.04.10-live-server-amd64.iso"),
        (Wanted("24.04.4"), "ubuntu-24.04.4-live-server-amd64.iso"),
        (Wanted("24.04", "arm64"), "ubuntu-24.04.11-live-server-arm64.iso"),
        (Wanted("24.04", flavour="desktop"), "ubuntu-24.04.12-desktop-amd64.iso"),
        (Wanted("24.10"), "ubuntu-24.10-live-server-amd64.iso"),
        (Wanted("24.04.1"), None),
        (Wanted("22.04"), None),
    ],
)
def test_the_newest_is_by_version_and_of_what_is_wanted(wanted: Wanted, newest: str | None) -> None:
    assert wanted.newest(NAMES) == newest


def test_a_first_release_is_older_than_its_first_point() -> None:
    names = ["ubuntu-26.04-live-server-amd64.iso", "ubuntu-26.04.1-live-server-amd64.iso"]
    assert Wanted("26.04").newest(names) == names[1]


def test_a_name_says_what_it_is() -> None:
    assert wanted_by("ubuntu-24.04.4-live-server-arm64.iso") == Wanted("24.04.4", "arm64", "live-server")
    assert wanted_by("debian-12.5.0-amd64-netinst.iso") is None


def test_a_point_release_is_looked_for_in_its_own_folder_first() -> None:
    assert folders(Wanted("24.04.4"), (Site("http://a/"), Site("http://b", "release/"))) == [
        "http://a/24.04.4/",
        "http://a/24.04/",
        "http://b/24.04.4/release/",
        "http://b/24.04/release/",
    ]
    assert folders(Wanted("24.04"), (Site("http://a"),)) == ["http://a/24.04/"]


def test_the_vendors_own_sites() -> None:
    assert folders(Wanted("24.04"), sites("amd64", None)) == [
        "https://releases.ubuntu.com/24.04/",
        "https://old-releases.ubuntu.com/releases/24.04/",
    ]
    assert folders(Wanted("24.04"), sites("arm64", None)) == [
        "https://cdimage.ubuntu.com/releases/24.04/release/",
        "https://old-releases.ubuntu.com/releases/24.04/",
    ]
    assert UBUNTU.fingerprint == "843938DF228D22F7B3742BC0D94AA3F0EFE21092"


def test_a_mirror_alone_is_asked() -> None:
    assert folders(Wanted("24.04"), sites("amd64", "http://m/ubuntu-releases/")) == [
        "http://m/ubuntu-releases/24.04/"
    ]
    assert folders(Wanted("24.04"), sites("arm64", "http://m")) == ["http://m/24.04/release/"]
