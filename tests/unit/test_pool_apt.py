"""What is installed on a fresh machine, what apt refuses, and what lies in the pool."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from builder.pool import apt, root, solve
from builder.pool.root import Root
from builder.pool.status import status
from builder.pool.target import Target
from builder.restore.steps.sources import Move
from collectors.domains.apt import Apt, Keyring, Package
from collectors.domains.system import Release
from tests.postures import small_posture

OFFERED = """\
Package: perl
Architecture: amd64
Version: 5.36.0-7
Priority: standard
Multi-Arch: allowed
Provides: libansicolor-perl (= 5.01),
 libcpan-meta-perl (= 2.150010)
Pre-Depends: dpkg (>= 1.17.17)
Depends: perl-base (= 5.36.0-7), libperl5.36 (= 5.36.0-7), libc6 (>= 2.35), gone (= 1)
Conflicts: libjson-pp-perl (<< 2.27200-2)
Filename: pool/p.deb

Package: perl-base
Architecture: amd64
Version: 5.36.0-7
Essential: yes

Package: stranger
Version: 1
"""
REFUSED = """\
Some packages could not be installed.
The following packages have unmet dependencies:
 kiln-unmet : Depends: no-such-lib (>= 2) but it is not installable
              Depends: another but it is not installable
 other : Breaks: kiln (< 2)
E: Unable to correct problems, you have held broken packages.
"""


def test_a_fresh_machine_has_what_the_base_tells_and_nothing_else() -> None:
    stanzas = stanzas_of({"perl": "5.36.0-5", "perl-base": "5.36.0-4", "own:i386": "3"})
    own, perl, base = stanzas
    assert "Package: own\nStatus: install ok installed\nArchitecture: i386\nVersion: 3\n" in own
    assert "Version: 5.36.0-5\n" in perl
    assert "Multi-Arch: allowed\n" in perl
    assert "Provides: libansicolor-perl (= 5.01), libcpan-meta-perl (= 2.150010)\n" in perl
    assert "Essential: yes\n" in base
    assert "Filename" not in perl
    assert "stranger" not in "".join(stanzas)


def test_only_an_exact_dependency_on_what_is_installed_stays_in_that_version() -> None:
    installed = {"perl": "5.36.0-5", "perl-base": "5.36.0-4"}
    assert relations(stanzas_of(installed)[0]) == [("Depends", "perl-base (= 5.36.0-4)")]


def test_what_is_offered_in_the_very_version_is_as_it_is_offered() -> None:
    installed = {"perl": "5.36.0-7", "perl-base": "5.36.0-7"}
    depends = "perl-base (= 5.36.0-7), libperl5.36 (= 5.36.0-7), libc6 (>= 2.35), gone (= 1)"
    assert relations(stanzas_of(installed)[0]) == [
        ("Pre-Depends", "dpkg (>= 1.17.17)"),
        ("Depends", depends),
        ("Conflicts", "libjson-pp-perl (<< 2.27200-2)"),
    ]
    guarded = stanzas_of(installed, guarded=True)[0]
    assert relations(guarded) == [("Depends", "perl-base (= 5.36.0-7)")]


def stanzas_of(packages: dict[str, str], *, guarded: bool = False) -> list[str]:
    return status(packages, OFFERED, "amd64", guarded=guarded).split("\n\n")


def relations(stanza: str) -> list[tuple[str, str]]:
    return re.findall("^(Pre-Depends|Depends|Conflicts): (.*)$", stanza, re.M)


@pytest.mark.parametrize(
    ("said", "names", "blamed"),
    [
        (
            REFUSED,
            ("kiln-unmet", "good"),
            {"kiln-unmet": "Depends: no-such-lib (>= 2) but it is not installable"},
        ),
        ("E: Unable to locate package gone\n", ("gone", "good"), {"gone": solve.NOT_OFFERED}),
        ("E: Package 'old' has no installation candidate\n", ("old",), {"old": solve.NOT_OFFERED}),
        ("E: The list of sources could not be read.\n", ("good",), {}),
    ],
)
def test_whom_apt_blames(said: str, names: tuple[str, ...], blamed: dict[str, str]) -> None:
    assert solve._blamed(said, names) == blamed


class Faked(Root):
    """An apt that refuses any installation with `bad` in it, and blames nobody, but for `worse`."""

    def said(self, *argv: str, hear: Callable[[str], None] = lambda line: None) -> tuple[int, str]:
        """Answer like apt-get."""
        names = argv[len(solve.PLAN) :]
        if "worse" in names:
            return 100, " worse : Depends: no-such-lib but it is not installable\n"
        if any(name.startswith("bad") for name in names):
            return 100, "E: Error, pkgProblemResolver::Resolve generated breaks.\n"
        return 0, "".join(f"'http://x.invalid/{name}.deb' {name}.deb 10 SHA256:0\n" for name in names)


def test_whom_apt_blames_the_others_are_still_solved_for_together(tmp_path: Path) -> None:
    found = solve.solved(Faked(tmp_path), {name: name for name in ("a", "worse", "b")})
    assert found.groups == [["a", "b"]]
    assert found.troubles == {"worse": "Depends: no-such-lib but it is not installable"}


def test_where_apt_blames_none_halves_are_tried(tmp_path: Path) -> None:
    names = ["a", "b", "bad-1", "c", "bad-2"]
    found = solve.solved(Faked(tmp_path), {name: name for name in names})
    assert set(found.files) == {"a.deb", "b.deb", "c.deb"}
    assert found.files["a.deb"].size_bytes == 10
    assert [name for group in found.groups for name in group] == ["a", "b", "c"]
    assert set(found.troubles) == {"bad-1", "bad-2"}
    assert found.troubles["bad-1"] == "Error, pkgProblemResolver::Resolve generated breaks."


def test_each_tenth_of_a_download_is_told() -> None:
    told: list[str] = []
    heard = apt._tenths(40, told.append)
    for number in range(40):
        heard(f"Get:{number} http://x.invalid sample/main amd64 tree\n")
        heard("Reading package lists...\n")
    assert told == [f"{number} of 40 packages are downloaded" for number in range(4, 44, 4)]


def test_what_is_of_no_use_any_more_goes_and_the_rest_is_laid_once(tmp_path: Path) -> None:
    archives = Root(tmp_path / ".apt").archives
    archives.mkdir(parents=True)
    for name in ("tree_2%3a1.0~x_amd64.deb", "old_1_all.deb"):
        (archives / name).write_text(name)
    (tmp_path / "old_1_all.deb").write_text("old")
    (tmp_path / "Packages").touch()
    files = [archives / "tree_2%3a1.0~x_amd64.deb"]
    assert apt._laid(files, tmp_path) == ("tree_1.0~x_amd64.deb",)
    inode = (tmp_path / "tree_1.0~x_amd64.deb").stat().st_ino
    assert apt._laid(files, tmp_path) == ("tree_1.0~x_amd64.deb",)
    assert sorted(place.name for place in tmp_path.iterdir()) == [".apt", "Packages", "tree_1.0~x_amd64.deb"]
    assert [place.name for place in archives.iterdir()] == ["tree_2%3a1.0~x_amd64.deb"]
    assert (tmp_path / "tree_1.0~x_amd64.deb").stat().st_ino == inode


def test_what_a_restore_would_not_install_is_not_bundled() -> None:
    packages = (
        Package(name="htop"),
        Package(name="nvidia-driver-550", bound="this graphics card"),
        Package(name="on-base"),
        Package(name="; rm -rf"),
    )
    target = Target(release="24.04", codename="noble", architecture="amd64", packages={"on-base": "1"})
    posture = replace(small_posture(), apt=Apt(packages=packages))
    assert [package.name for package in apt._wanted(posture, target)] == ["htop"]


def test_a_source_of_another_release_is_asked_for_the_bases() -> None:
    then = Release(distribution="ubuntu", version="22.04", codename="jammy", architecture="amd64")
    move = Move(then, then.model_copy(update={"version": "24.04", "codename": "noble"}))
    text = "deb http://mirror.invalid/ubuntu jammy-updates main\ndeb http://x.invalid/22.04/ ./\n"
    moved = root._moved(text, "/etc/apt/sources.list", move)
    assert moved == "deb http://mirror.invalid/ubuntu noble-updates main\ndeb http://x.invalid/24.04/ ./\n"


def test_a_key_is_taken_from_where_it_lies_here(tmp_path: Path) -> None:
    key = "/etc/apt/keyrings/a.gpg"
    posture = replace(small_posture(), apt=Apt(keyrings=(Keyring(path=key, sha256="0"),)))
    target = Target(release="24.04", codename="noble", architecture="amd64", packages={})
    text = f"deb [signed-by={key}] http://x.invalid a b\ndeb [signed-by={key}2] http://y.invalid a b\n"
    moved = root._source("/etc/apt/sources.list", text.encode(), posture, target, tmp_path).decode()
    assert moved == text.replace(f"{key}]", f"{tmp_path}{key}]")
