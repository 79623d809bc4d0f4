from __future__ import annotations

import bz2
import gzip
import lzma
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.collected import Collected
from collectors.debian.sources import parse_sources
from collectors.domains import apt
from collectors.domains.apt import debs, offers
from collectors.domains.apt.indexes import stanzas_named
from collectors.domains.apt.offers import LISTS, Offer
from collectors.failure import Finding
from collectors.record import sha256
from tests.unit.domains.apt_database import DATABASE, stanza
from tests.unit.fakes import STATUS, FakeHost, machine
from tests.unit.sampled import sampled

WANTED = frozenset((b"bc", b"htop", b"xdg-utils"))

test_packages = sampled("packages", lambda text, name: raw_offers(text))


def raw_offers(text: str) -> list[tuple[str, Offer]]:
    content = text.encode(errors="surrogateescape")
    return list(offers.parse_packages(content, WANTED, "here"))


MAIN = "deb https://ada:geheim@example.org/debian bookworm main contrib\n"
FLAT = "deb [trusted=yes] file:/srv/kiln ./\n"
DEAD = "Types: deb\nURIs: https://example.org/gone_x\nSuites: bookworm\nComponents: main\n"
OFF = "Enabled: no\nTypes: deb\nURIs: https://example.org/off\nSuites: bookworm\nComponents: main\n"
STEM = f"{LISTS}/example.org_debian_dists_bookworm"
INDEX = f"{STEM}_main_binary-amd64_Packages"
OFFERED = (
    "Package: htop\nVersion: 3.2\nArchitecture: amd64\n\nPackage: steam\nVersion: 1\nArchitecture: i386\n"
)
INSTALLED = "".join(
    (
        STATUS,
        stanza("htop", Version="3.2"),
        stanza("steam", architecture="i386", Version="0.9"),
        stanza("wrong-arch", Version="1"),
        stanza("kiln", Version="1:2-1", architecture="all"),
        stanza("lost", Version="4~x"),
        stanza("gone", status="deinstall ok config-files", Version="1"),
    )
)


def indexed(tmp_path: Path, files: Mapping[str, str | bytes | None] | None = None) -> FakeHost:
    """Return a host whose sources were fetched, but for one."""
    return machine(
        tmp_path,
        {
            "/var/lib/dpkg/status": INSTALLED,
            "/etc/passwd": "ada:x:1000:1000::/home/ada:/bin/bash\n",
            "/etc/apt/sources.list": "deb https://example.org/debian bookworm main contrib\n",
            "/etc/apt/sources.list.d/dead.sources": DEAD,
            "/etc/apt/sources.list.d/off.sources": OFF,
            f"{STEM}_InRelease": "",
            INDEX: f"{OFFERED}\nPackage: wrong-arch\nVersion: 1\nArchitecture: arm64\n",
            f"{LISTS}/example.org_other_dists_x_main_binary-amd64_Packages": "Package: lost\nVersion: 4\n",
            **(files or {}),
        },
    )


def packages(found: Collected[apt.Apt]) -> dict[str, apt.Package]:
    return {each.name: each for each in found.section.packages}


def lost(found: Collected[apt.Apt]) -> list[tuple[str, str]]:
    return [(loss.kind, loss.subject) for loss in found.losses]


def test_versions_and_where_they_come_from(tmp_path: Path) -> None:
    found = packages(apt.collect(indexed(tmp_path)))
    origin = "https://example.org/debian bookworm/main"
    assert found["htop"] == apt.Package(name="htop", version="3.2", origin=origin)
    # an older one is installed: apt has a newer
    assert found["steam:i386"] == apt.Package(name="steam:i386", version="0.9")
    assert "gone" not in found


def test_a_newer_version_elsewhere_is_the_same_item() -> None:
    old, new = apt.Package(name="htop", version="1", origin="x"), apt.Package(name="htop", version="2")
    assert old.item("apt") == new.item("apt")
    assert apt.Package.model_validate("htop") == apt.Package(name="htop")


def test_what_no_source_offers_is_lost_and_so_is_a_source_that_did_not_answer(tmp_path: Path) -> None:
    found = apt.collect(indexed(tmp_path))
    assert lost(found) == [
        ("dead-source", "apt-source:/etc/apt/sources.list.d/dead.sources"),
        ("sourceless", "apt:wrong-arch"),
        ("sourceless", "apt:kiln"),
        ("sourceless", "apt:lost"),
    ]
    assert found.findings == ()


DEB = b"!<arch>\n kiln"


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/var/cache/apt/archives/kiln_1%3a2-1_all.deb", ["no-candidate"]),
        ("/var/cache/vendor/kiln_2-1_all.deb", []),
        ("/var/cache/kiln_2-1_all.deb", []),
        ("/home/ada/Downloads/kiln_2-1_all.deb", []),
        ("/home/ada/Downloads/kiln_2-2_all.deb", ["sourceless"]),
    ],
)
def test_a_deb_that_is_to_be_found_is_recorded(tmp_path: Path, path: str, kinds: list[str]) -> None:
    found = apt.collect(indexed(tmp_path, {path: DEB}))
    assert [kind for kind, subject in lost(found) if subject == "apt:kiln"] == kinds
    kiln = packages(found)["kiln"]
    known = kinds != ["sourceless"]
    assert (kiln.deb, kiln.deb_sha256) == ((path, sha256(DEB)) if known else ("", ""))
    assert kiln.by_hand() == (f"apt install {path}" if known else "apt install kiln")


def test_a_deb_of_any_name_in_a_downloads_folder_is_asked_what_it_is(tmp_path: Path) -> None:
    downloads = '# a comment\nXDG_DOWNLOAD_DIR="$HOME/Herunter geladen"\n'
    files = {"/home/ada/.config/user-dirs.dirs": downloads, "/home/ada/Herunter geladen/kiln (1).deb": DEB}
    argv = ("dpkg-deb", "--field")
    said = {argv: "Package: kiln\nVersion: 1:2-1\nArchitecture: all\n"}
    found = packages(apt.collect(replace(indexed(tmp_path, files), given=said)))
    assert found["kiln"].deb == "/home/ada/Herunter geladen/kiln (1).deb"
    assert found["kiln"].by_hand() == "apt install '/home/ada/Herunter geladen/kiln (1).deb'"
    assert found["lost"].deb == ""


def test_a_command_takes_any_name() -> None:
    assert apt.Package(name="kiln", deb=r"/home/ada/l\xf6w's (1).deb").by_hand() == (
        r"apt install $'/home/ada/l\xf6w\'s (1).deb'"
    )


def test_a_deb_larger_than_a_piece_is_hashed_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debs, "CHUNK_BYTES", 3)
    found = packages(apt.collect(indexed(tmp_path, {"/var/cache/kiln_2-1_all.deb": DEB})))
    assert found["kiln"].deb_sha256 == sha256(DEB)


def test_a_package_that_became_one_for_all_architectures_is_offered(tmp_path: Path) -> None:
    host = indexed(tmp_path)
    (tmp_path / INDEX[1:]).write_text(
        "Package: kiln\nVersion: 3\nArchitecture: amd64\n\nPackage: lost\nVersion: 5\nArchitecture: all\n"
    )
    subjects = {subject for _, subject in lost(apt.collect(host))}
    assert {"apt:htop"} <= subjects
    assert not {"apt:kiln", "apt:lost"} & subjects


def test_a_source_of_sources_alone_offers_nothing(tmp_path: Path) -> None:
    host = machine(
        tmp_path, {**DATABASE, "/etc/apt/sources.list": "deb-src https://example.org/debian x main\n"}
    )
    assert (apt.collect(host).findings, apt.collect(host).losses) == ((), ())


def test_a_broken_deb_is_none(tmp_path: Path) -> None:
    found = apt.collect(indexed(tmp_path, {"/home/ada/Downloads/broken.deb": "x"}))
    assert [package.deb for package in found.section.packages] == [""] * 5
    assert found.findings == ()


def test_a_flat_archive_without_a_release_counts_as_fetched(tmp_path: Path) -> None:
    files = {
        "/etc/apt/sources.list.d/flat.list": FLAT,
        f"{LISTS}/_srv_kiln_._Packages": "Package: kiln\nVersion: 1:2-1\nArchitecture: all\n",
    }
    found = apt.collect(indexed(tmp_path, files))
    assert packages(found)["kiln"].origin == "file:/srv/kiln ./"
    assert ("sourceless", "apt:kiln") not in lost(found)


@pytest.mark.parametrize(
    ("ending", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)]
)
def test_a_packed_index_is_read(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    host = indexed(tmp_path)
    (tmp_path / INDEX[1:]).unlink()
    (tmp_path / f"{INDEX}{ending}"[1:]).write_bytes(pack(OFFERED.encode()))
    assert packages(apt.collect(host))["htop"].origin != ""


def test_a_field_is_found_where_it_begins_a_line_and_nowhere_else() -> None:
    content = b"Package: a\nBuilt-Package: b\nDescription: Package: c\n\nVersion: 2\nPackage: b\n\n"
    assert list(stanzas_named(content, "Package", {b"a", b"b", b"c"})) == [
        ("a", "Package: a\nBuilt-Package: b\nDescription: Package: c"),
        ("b", "Version: 2\nPackage: b"),
    ]


def test_apt_unpacks_what_python_cannot(tmp_path: Path) -> None:
    host = indexed(tmp_path, {f"{INDEX}.lz4": "packed"})
    (tmp_path / INDEX[1:]).unlink()
    answering = replace(host, given={("/usr/lib/apt/apt-helper", "cat-file"): OFFERED})
    assert packages(apt.collect(answering))["htop"].origin != ""


@pytest.mark.parametrize("ending", [".gz", ".xz", ".bz2", ".lz4", ".zst"])
def test_an_index_that_cannot_be_unpacked_is_a_finding_and_nothing_counts_as_lost(
    tmp_path: Path, ending: str
) -> None:
    found = apt.collect(indexed(tmp_path, {f"{STEM}_contrib_binary-amd64_Packages{ending}": b"\x1f\x8bx"}))
    assert [each.subject for each in found.findings] == [f"{STEM}_contrib_binary-amd64_Packages{ending}"]
    assert [kind for kind, _ in lost(found)] == ["dead-source"]


def test_where_nothing_was_ever_fetched_that_is_the_finding(tmp_path: Path) -> None:
    found = apt.collect(machine(tmp_path, {**DATABASE, "/etc/apt/sources.list": FLAT}))
    assert found.findings == (Finding(LISTS, offers.NEVER, "apt update"),)
    assert found.losses == ()


def test_lists_that_are_not_readable_are_a_finding(tmp_path: Path) -> None:
    host = replace(indexed(tmp_path), failing={LISTS: PermissionError(13, "no")})
    assert apt.collect(host).findings == (Finding(LISTS, "not readable", "run with sudo"),)


def test_a_source_with_a_password_gives_an_origin_without_it(tmp_path: Path) -> None:
    found = apt.collect(indexed(tmp_path, {"/etc/apt/sources.list": MAIN}))
    assert packages(found)["htop"].origin == "/etc/apt/sources.list bookworm/main"
    assert "geheim" not in repr(found)


# What `apt-get update --print-uris` of apt 2.6 said.
STEMS = {
    "http://user:pa%40ss@example.org:8080/deb~ian_x/": "example.org:8080_deb%7eian%5fx_",
    "file:/srv/repo/": "_srv_repo_",
    "file:///srv/repo2/": "_srv_repo2_",
    "cdrom:[Debian GNU/Linux 12 _Bookworm_ - DVD]/": "Debian%20GNU_Linux%2012%20%5fBookworm%5f%20-%20DVD_",
    "mirror+file:/etc/apt/mirrors.txt/": "_etc_apt_mirrors.txt_",
    "https://example.org/a+b/amd64/": "example.org_a+b_amd64_",
}


@pytest.mark.parametrize("uri", STEMS)
def test_a_list_has_the_name_that_apt_gives_it(uri: str) -> None:
    assert offers.list_stem(uri) == STEMS[uri]


@pytest.mark.parametrize(
    ("source", "stem", "label"),
    [
        ("deb https://example.org/flat ./", "example.org_flat_._", "https://example.org/flat ./"),
        ("deb https://example.org/flat2 /", "example.org_flat2_", "https://example.org/flat2 /"),
        ("deb file:/srv/repo sub/", "_srv_repo_sub_", "file:/srv/repo sub/"),
        ("deb https://u:p@e.org/$(ARCH)?k=1 s main", "e.org_amd64?k%3d1_dists_s_", "https://e.org/amd64 s"),
    ],
)
def test_an_archive_has_its_place_in_the_lists(source: str, stem: str, label: str) -> None:
    entries, _ = parse_sources(source, path="x.list")
    assert [(each.stem, each.label) for each in offers.archives_of({"x": entries}, frozenset(), "amd64")] == [
        (stem, label)
    ]


def test_ids_are_unique(tmp_path: Path) -> None:
    ids = [item.id for item in apt.collect(indexed(tmp_path)).section.items()]
    assert len(ids) == len(set(ids)) > 5


FIELDS = st.sampled_from(("Package: htop", "Package: bc", "Version: 1", " more", "x", ""))
LINES = st.lists(st.one_of(FIELDS, st.text(max_size=9))).map("\n".join)


@given(LINES)
def test_each_stanza_of_a_wanted_package_is_an_offer(text: str) -> None:
    names = re.findall(r"(?<![^\n])Package: (htop|bc)(?![^\n])", text)
    assert [name for name, _ in raw_offers(text)] == names


@given(st.text(max_size=60))
def test_names_of_lists_and_fields_take_any_text(text: str) -> None:
    assert "/" not in offers.list_stem(text)
    assert len(debs.parse_fields(text)) == 3
    assert debs.download_folder(text)
