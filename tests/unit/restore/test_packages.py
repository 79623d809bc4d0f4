"""Packages come back: what apt and dpkg say is understood, who is to blame is found, the rest comes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.restore.playbook import library, shared

packages = library("rekindle_packages")
apt, words, naming = shared("apt"), shared("apt_complaints"), shared("apt_names")

POLICY = """\
tree:
  Installed: (none)
  Candidate: 2.1.0-1
  Version table:
     2.1.0-1 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
virtual:
  Installed: (none)
  Candidate: (none)
  Version table:
pinned-away:
  Installed: (none)
  Candidate: (none)
  Version table:
     1.0 -1
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
libc6:i386:
  Installed: 2.36
  Candidate: 2.36
"""
PLAN = """\
The following NEW packages will be installed:
  brick-000 kiln-gone libstdc++6
The following packages will be REMOVED:
  exim4* exim4-base
0 upgraded, 3 newly installed, 2 to remove and 0 not upgraded.
Need to get 1,441 kB of archives.
After this operation, 1.5 GB of additional disk space will be used.
'http://x/wall/pool/kiln-gone_1.0_all.deb' kiln-gone_1.0_all.deb 5472 SHA256:aa
'http://x/main/pool/libstdc%2b%2b6_12-1_amd64.deb' libstdc++6_12-1_amd64.deb 64432 SHA256:bb
"""
UNMET = """\
The following packages have unmet dependencies:
 kiln-rival : Conflicts: brick-001 but 1.0 is to be installed
 kiln-unmet : Depends: no-such-lib (>= 2) but it is not installable
              Depends: another but it is not installable
 kiln-old:i386 : Depends: libc6:i386 but it is not installable
E: Unable to correct problems, you have held broken packages.
"""
DPKG = """\
Setting up kiln-cold (1.0) ...
the kiln is cold
dpkg: error processing package kiln-cold (--configure):
 installed kiln-cold package post-installation script subprocess returned error exit status 1
dpkg: dependency problems prevent configuration of kiln-warm:
 kiln-warm depends on kiln-cold; however:
  Package kiln-cold is not configured yet.

dpkg: error processing package kiln-warm (--configure):
 dependency problems - leaving unconfigured
dpkg: error processing archive /tmp/apt-dpkg-install-cXz8DK/2-kiln-clash_1.0_all.deb (--unpack):
 trying to overwrite '/usr/share/brick-000/readme', which is also in package brick-000 1.0
dpkg: error processing archive /var/cache/apt/archives/0ad_1.0_amd64.deb (--unpack):
 cannot copy extracted data for './x' to '/x.dpkg-new': failed to write (No space left on device)
Errors were encountered while processing:
 kiln-cold
E: Sub-process /usr/bin/dpkg returned an error code (1)
"""
FETCH = """\
E: Failed to fetch http://x/wall/pool/kiln-gone_1.0_all.deb  404  File not found [IP: 127.0.0.1 80]
E: Failed to fetch http://x/pool/g/libstdc%2b%2b6_12-1_amd64.deb  Could not connect to x:80
E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?
"""
UPDATE = """\
Err:1 http://refuses.invalid/x sample InRelease
  Could not connect to refuses.invalid:80 (10.0.0.1). - connect (111: Connection refused)
Get:2 http://good.invalid/wall sample InRelease [538 B]
W: GPG error: http://good.invalid/strange sample InRelease: The following signatures couldn't be verified \
because the public key is not available: NO_PUBKEY D63235ACE5357218
E: The repository 'http://good.invalid/strange sample InRelease' is not signed.
W: GPG error: http://good.invalid/expired sample InRelease: The following signatures were invalid: \
EXPKEYSIG 70 K
E: The repository 'http://good.invalid/expired sample InRelease' is not signed.
E: Release file for http://good.invalid/future/dists/sample/InRelease is not valid yet (invalid for another \
9d 1h 2min 3s). Updates for this repository will not be applied.
E: The repository 'http://good.invalid/gone sample Release' does not have a Release file.
W: Failed to fetch http://refuses.invalid/x/dists/sample/InRelease  Could not connect to refuses.invalid:80
"""
NO_NETWORK = """\
Hit:1 file:/srv/local ./ InRelease
Ign:2 http://archive.invalid/debian bookworm InRelease
Err:2 http://archive.invalid/debian bookworm InRelease
  Temporary failure resolving 'archive.invalid'
W: Failed to fetch http://archive.invalid/debian/dists/x  Temporary failure resolving 'archive.invalid'
W: Some index files failed to download. They have been ignored, or old ones used instead.
"""


def test_candidates_are_read_from_the_policy() -> None:
    found = apt.candidates_of(POLICY)
    assert found == {"tree": "2.1.0-1", "virtual": "", "pinned-away": "pinned", "libc6:i386": "2.36"}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("pmstatus:tree:100.0000:Installed tree (amd64)", "tree"),
        ("pmstatus:libc6:i386:40.0:Installed libc6:i386 (i386)", "libc6:i386"),
        ("pmstatus:tree:50.0000:Unpacking tree (amd64)", ""),
        ("dlstatus:1:20.0:Retrieving file 1 of 2", ""),
        ("", ""),
    ],
)
def test_progress_is_read_from_the_status(line: str, name: str) -> None:
    assert apt.configured(line) == name


def test_what_dpkg_has() -> None:
    listed = (
        "tree\tamd64\tii \t\nheld\tall\thi \t\nold\ti386\tii \t\n"
        "begun\tall\tiU \t\nagain\tall\tiF \t1.0\ngone\tall\trc \t\n"
    )
    found = apt.Here(listed, "amd64")
    assert found.there == {"tree", "tree:amd64", "held", "held:all", "old:i386"}
    assert found.held == {"held", "held:all"}
    assert (found.broken, found.unborn) == ({"begun:all", "again:all"}, {"begun:all"})


def test_what_came_for_others_sake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = tmp_path / "extended_states"
    states.write_text(
        "Package: libx\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: x\nArchitecture: amd64\n"
        "Auto-Installed: 0\n\nPackage: liby\nArchitecture: i386\nAuto-Installed: 1\n"
    )
    monkeypatch.setattr(apt, "EXTENDED_STATES", str(states))
    monkeypatch.setattr(apt, "NATIVE", ["amd64"])
    assert apt.automatic() == {"libx", "libx:amd64", "liby:i386"}


def test_what_a_plan_says() -> None:
    assert words.sizes(PLAN) == (1_441_000, 1_500_000_000)
    assert words.file_sizes(PLAN) == {"kiln-gone:all": 5472, "libstdc++6:amd64": 64432}
    assert words.removed(PLAN) == {"exim4", "exim4-base"}
    assert words.sizes("0 upgraded\n") == (0, 0)
    assert words.removed("0 upgraded\n") == set()


def test_who_does_not_go_with_the_rest() -> None:
    assert words.unmet(UNMET) == {
        "kiln-rival": "Conflicts: brick-001 but 1.0 is to be installed",
        "kiln-unmet": "Depends: no-such-lib (>= 2) but it is not installable",
        "kiln-old:i386": "Depends: libc6:i386 but it is not installable",
    }
    assert words.unmet("E: Unable to locate package nope\n") == {"nope": "no source offers it"}


def test_whom_dpkg_gave_up() -> None:
    found = words.unconfigured(DPKG)
    assert list(found) == ["kiln-cold", "kiln-warm", "kiln-clash", "0ad"]
    assert found["kiln-cold"].startswith("the kiln is cold: installed kiln-cold package post-installation")
    assert found["kiln-warm"] == "it needs kiln-cold, which could not be configured"
    assert found["kiln-clash"].startswith("trying to overwrite '/usr/share/brick-000/readme'")
    assert words.FULL.search(found["0ad"])


def test_what_could_not_be_downloaded() -> None:
    assert words.unfetched(FETCH) == {
        "kiln-gone:all": "not to be downloaded: 404 File not found [IP: 127.0.0.1 80]",
        "libstdc++6:amd64": "not to be downloaded: Could not connect to x:80",
    }


@pytest.mark.parametrize(
    ("uri", "reason", "remedy"),
    [
        ("http://good.invalid/strange/", "NO_PUBKEY D63235ACE5357218", "/etc/apt/keyrings/k.gpg"),
        (
            "http://good.invalid/expired",
            "EXPKEYSIG 70",
            "new key from the vendor into /etc/apt/keyrings/k.gpg",
        ),
        ("http://good.invalid/future", "is not valid yet", "clock"),
        ("http://good.invalid/gone", "does not have a Release file", "it is gone"),
        ("http://refuses.invalid/x", "Connection refused", "apt update"),
    ],
)
def test_why_a_source_could_not_be_read(uri: str, reason: str, remedy: str) -> None:
    found = words.of_source(UPDATE, [uri], ["/etc/apt/keyrings/k.gpg"])
    assert reason in found[0]
    assert remedy in found[1]


@pytest.mark.parametrize(
    "uri", ["http://good.invalid/wall", "http://good.invalid/g", "http://good.invalid", "/"]
)
def test_a_source_that_was_read_is_not_blamed_for_its_neighbours(uri: str) -> None:
    found = words.of_source(UPDATE, [uri], [])
    assert found is None or uri == "http://good.invalid"


@pytest.mark.parametrize(
    ("said", "is_out"),
    [
        (NO_NETWORK, True),
        ("Ign:1 http://slow.invalid x InRelease\n", True),
        ("Get:1 file:/mirror ./ Packages\nIgn:1 file:/mirror ./ Packages\n", False),
        (NO_NETWORK + "Hit:3 http://good.invalid/main x InRelease\n", False),
        (NO_NETWORK + "Get:3 https://good.invalid/main x InRelease [1 kB]\n", False),
        (NO_NETWORK + "Err:3 http://old.invalid x Release\n  404  Not Found [IP: 10.0.0.1 80]\n", False),
        ("E: Malformed line 1 in source list /etc/apt/sources.list (type)\n", False),
        ("Reading package lists...\n", False),
    ],
)
def test_no_network_is_told_from_a_dead_source(said: str, is_out: bool) -> None:
    assert bool(words.unreached(said)) == is_out


def test_no_network_has_apts_words() -> None:
    reason = words.unreached(NO_NETWORK)
    assert reason.startswith("no network: Failed to fetch http://archive.invalid/")
    assert reason.endswith("Temporary failure resolving 'archive.invalid'")


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (
            "E: Malformed entry 1 in list file /etc/apt/sources.list.d/x.list (Component)",
            "/etc/apt/sources.list.d/x.list",
        ),
        ("E: Type 'x' is not known on line 1 in source list /etc/apt/sources.list", "/etc/apt/sources.list"),
        ("E: Syntax error /etc/apt/apt.conf.d/99x:1: Extra junk at end of file", "/etc/apt/apt.conf.d/99x"),
        (
            "E: Invalid record in the preferences file /etc/apt/preferences.d/x, no Package header",
            "/etc/apt/preferences.d/x",
        ),
        (
            "E: Conflicting values set for option Signed-By regarding source http://x/debian/ sid: /a != /b",
            "http://x/debian/",
        ),
        ("W: something in list file /etc/x", ""),
        (
            "E: Malformed entry 1 in sources file /etc/apt/sources.list.d/x.sources (Suite)",
            "/etc/apt/sources.list.d/x.sources",
        ),
    ],
)
def test_what_keeps_apt_from_reading_any_source(line: str, place: str) -> None:
    assert words.unreadable(line) == ({place: line} if place else {})


KNOWN = frozenset(
    (
        *(
            "python3.12",
            "python3.11-doc",
            "libfoo6",
            "libbar7",
            "libbar8",
            "libqux5t64",
            "r8169-dkms",
            "php8.3-cli",
        ),
        *("postgresql-16", "postgresql-17", "linux-image-6.12", "openjdk-21-jdk", "libfoo6-dev"),
    )
)


@pytest.mark.parametrize(
    ("name", "version", "provided", "found"),
    [
        ("python3.11", "3.11.2-6", (), ["python3.12"]),
        ("php8.2-cli", "8.2.1", (), ["php8.3-cli"]),
        ("openjdk-17-jdk", "17.0.9+9-1", (), ["openjdk-21-jdk"]),
        ("libfoo5", "1.2", (), ["libfoo6"]),
        ("libfoo5:i386", "1.2", (), ["libfoo6:i386"]),
        ("libqux5", "1.2", (), ["libqux5t64"]),
        ("mortar", "1.0", ("mortar-ng",), ["mortar-ng"]),
        # More than one: a person has to choose.
        ("libbar6", "1", (), ["libbar7", "libbar8"]),
        ("postgresql-15", "15.3", (), ["postgresql-16", "postgresql-17"]),
        ("sand", "1.0", ("sand-fine", "sand-coarse"), ["sand-coarse", "sand-fine"]),
        # A number that is none of a version; a kernel; nothing like it.
        ("r8168-dkms", "8.051", (), []),
        ("linux-image-6.1", "6.1.0", (), []),
        ("htop", "3.2", (), []),
        ("python3.13", "3.13.0", (), []),
    ],
)
def test_the_new_name_of_a_package(
    name: str, version: str, provided: Iterable[str], found: list[str]
) -> None:
    assert naming.choices(name, version, provided, KNOWN) == found


def test_a_new_name_goes_with_its_version() -> None:
    assert naming.fits("python3.11", "python3.12", "3.12.1-1")
    assert not naming.fits("r8168-dkms", "r8169-dkms", "6.2")
    assert naming.fits("libfoo5", "libfoo6", "2.0")
    said = "Package: mortar\nReverse Provides: \nmortar-ng 1.0 (= )\nPackage: sand\nReverse Depends: \n  x\n"
    assert naming.providers(said) == {"mortar": {"mortar-ng"}}


class Pretended:
    """An apt that installs what is not `bad`, stops at the first of these, and blames them or nobody."""

    options = ()

    def __init__(self, bad: Iterable[str] = (), blames: bool = True, gone: Iterable[str] = ()) -> None:
        self.bad, self.blames, self.gone = set(bad), blames, set(gone)
        self.there: set[str] = set()
        self.asked: list[list[str]] = []

    def here(self) -> SimpleNamespace:
        return SimpleNamespace(
            there=frozenset(self.there), broken=frozenset(), unborn=frozenset(), held=frozenset()
        )

    def plan(self, told: list[str]) -> tuple[int, str]:
        lost = [name[:-1] for name in told if name.endswith("-")]
        needing = [name for name in told if name == "needs-gone" and "gone" in lost]
        return (
            (100, "\n".join(f" {n} : Depends: gone but it is not going to be installed" for n in needing))
            if needing
            else (0, "")
        )

    def install(self, told: list[str], names: list[str]) -> tuple[int, str]:
        self.asked.append(names)
        lost = [name for name in told if name in self.gone]
        if lost:
            return 100, "".join(
                f"E: Failed to fetch http://x/{name}_1_all.deb  404 Not Found\n" for name in lost
            )
        bad = [name for name in names if name in self.bad]
        self.there |= set(names) - self.bad
        if not bad:
            return 0, ""
        self.there -= set(names[names.index(bad[0]) :])
        return (
            100,
            f"dpkg: error processing package {bad[0]} (--configure):\n cold\n" if self.blames else "E: no",
        )

    def run(self, argv: list[str], names: object = ()) -> tuple[int, str]:
        return 0, ""


def played(monkeypatch: pytest.MonkeyPatch, apt_get: Pretended, names: list[str]) -> Any:
    monkeypatch.setattr(packages, "here", apt_get.here)
    monkeypatch.setattr(packages, "is_in_midst", lambda: False)
    transactions = packages.Transactions(apt_get, {name: name for name in names}, (), set())
    transactions.install(names)
    return transactions


MANY = [f"good-{number:03}" for number in range(300)]


def test_one_transaction_where_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    apt_get = Pretended()
    assert played(monkeypatch, apt_get, MANY).troubles == {}
    assert len(apt_get.asked) == 1


def test_who_is_blamed_is_left_out_and_the_others_are_installed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apt_get = Pretended(bad=["bad"])
    transactions = played(monkeypatch, apt_get, [*MANY[:100], "bad", *MANY[100:]])
    assert {name: trouble.reason for name, trouble in transactions.troubles.items()} == {"bad": "cold"}
    assert (len(apt_get.asked), apt_get.there) == (2, set(MANY))


def test_where_nobody_is_blamed_halves_find_the_one_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    apt_get = Pretended(bad=["bad"], blames=False)
    transactions = played(monkeypatch, apt_get, [*MANY[:100], "bad", *MANY[100:]])
    assert {name: trouble.reason for name, trouble in transactions.troubles.items()} == {"bad": "E: no"}
    assert apt_get.there == set(MANY)
    assert len(apt_get.asked) <= 2 + 2 * 9


def test_what_is_not_downloaded_takes_with_it_only_who_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    apt_get = Pretended(gone=["gone"])
    troubles = played(monkeypatch, apt_get, ["a1", "gone", "needs-gone", "z1"]).troubles
    assert {name: trouble.kind for name, trouble in troubles.items()} == {
        "gone": "fetch",
        "needs-gone": "fetch",
    }
    assert troubles["needs-gone"].reason == "it needs gone: not to be downloaded: 404 Not Found"
    assert apt_get.there == {"a1", "z1"}


def test_what_was_brought_is_not_removed_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    class Robber(Pretended):
        def plan(self, told: list[str]) -> tuple[int, str]:
            return 0, "The following packages will be REMOVED:\n  good\n" if "robber" in told else ""

    apt_get = Robber()
    apt_get.there = {"good"}
    monkeypatch.setattr(packages, "here", apt_get.here)
    transactions = packages.Transactions(apt_get, {"robber": "robber", "a1": "a1"}, {"good"}, set())
    transactions.install(["a1", "robber"])
    assert transactions.troubles["robber"].reason == "E: it would remove good"
    assert apt_get.there == {"good", "a1"}


def test_the_smallest_that_find_room_come_first() -> None:
    sizes = {"huge:amd64": 900, "small:all": 10, "middle:all": 50}
    packages.own.__globals__["NATIVE"][:] = ["amd64"]
    assert packages.smallest(["huge", "middle", "small"], sizes, 0.1) == ["small", "middle"]
    assert packages.smallest(["huge", "middle"], sizes, 0.0) == ["middle"]
    assert packages.smallest(["huge", "middle", "small"], sizes, 0.02) == ["small"]


def test_room_is_looked_for_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "ARCHIVES", str(tmp_path))
    monkeypatch.setattr(packages, "PROGRAMS", str(tmp_path))
    assert packages.lacking("Need to get 1 kB of archives.\n") is None
    reason, share = packages.lacking("Need to get 900,000 GB of archives.\n")
    assert "it needs 900000000 MB, and the disk of" in reason
    assert 0 <= share < 0.1


def outcome_of(name: str, **facts: Any) -> dict[str, str]:
    none: frozenset[str] = frozenset()
    usual = {"there": none, "before": none, "auto": none, "renamed": {}, "troubles": {}}
    given: dict[str, Any] = {**usual, **facts}
    before = SimpleNamespace(there=given["before"])
    found = SimpleNamespace(renamed=given["renamed"], troubles={})
    step = {"id": f"apt:{name}", "name": name}
    told: dict[str, str] = packages.package_outcome(
        step, before, given["auto"], given["there"], found, given["troubles"]
    )
    return told


def test_what_became_of_a_package() -> None:
    tree = frozenset({"tree"})
    assert outcome_of("tree", there=tree, before=tree)["state"] == "already"
    assert outcome_of("tree", there=tree, before=tree, auto=tree)["state"] == "restored"
    assert outcome_of("tree", there=tree)["state"] == "restored"
    assert outcome_of("tree", there=tree, renamed={"tree": "tree"})["state"] == "restored"
    new = outcome_of("bush", there=tree, renamed={"bush": "tree"})
    assert (new["state"], new["reason"]) == ("substituted", "here it is tree")
    away = words.Trouble("no network", "connect it", "fetch", "deferred", "network")
    assert outcome_of("tree", troubles={"tree": away})["until"] == "network"
    lost = outcome_of("tree", troubles={"tree": words.Trouble("cold")})
    assert (lost["state"], lost["reason"], "apt install tree" in lost["remedy"]) == ("failed", "cold", True)


@pytest.mark.parametrize(
    "name", ["; rm -rf /", "$(id)", "-oAPT::Update::Pre-Invoke=id", "{{ 1 + 1 }}", "", "A"]
)
def test_what_is_no_name_never_reaches_apt(name: str) -> None:
    assert not packages.NAME.fullmatch(name)


@pytest.mark.parametrize(
    ("step", "state_reason", "remedy"),
    [
        ({"name": "x"}, "no source offers it", "add its source"),
        ({"name": "x:i386"}, "no source offers it for i386", "add its source"),
        ({"name": "x", "deb": "/home/ada/x.deb"}, "its file was /home/ada/x.deb", "bring that file back"),
        (
            {"name": "x", "origin": "http://refuses.invalid/x sample/main"},
            "Connection refused",
            "restore again",
        ),
        (
            {"name": "x", "origin": "http://good.invalid/wall sample/main"},
            "no source offers it",
            "add its source",
        ),
    ],
)
def test_what_no_source_offers(step: dict[str, str], state_reason: str, remedy: str) -> None:
    found = packages.not_offered(step, [], UPDATE)
    assert (found.state, state_reason in found.reason, remedy in found.remedy) == ("unavailable", True, True)


def test_a_file_on_the_disk_is_taken_only_if_it_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "kept 1.deb").write_bytes(b"deb")
    digest = "9dd1d21f08fc8bba6b38b4d9bcd06ac3e5a4ee9e2ba0a19ba25a8b5b3fca9ae2"
    step = {"name": "kept:i386", "deb": f"{tmp_path}/kept\\x201.deb", "deb_sha256": digest}
    assert packages.deb_of(step, str(tmp_path)) == ""
    same = {**step, "deb_sha256": hashlib.sha256(b"deb").hexdigest()}
    copy = packages.deb_of(same, str(tmp_path))
    assert copy == f"{tmp_path}/debs/kept_i386.deb"
    assert Path(copy).read_bytes() == b"deb"
    assert packages.deb_of({**same, "deb": f"{tmp_path}/no.deb"}, str(tmp_path)) == ""


@pytest.mark.parametrize("program", ["dpkg", "apt-get"])
def test_a_script_that_hangs_is_ended(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / program
    fake.write_text("#!/bin/sh\necho configuring\nexec sleep 20\n")
    fake.chmod(0o755)
    monkeypatch.setitem(apt.ENVIRONMENT, "PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(apt, "STILL_SECONDS", {"dlstatus": 0, "pmstatus": 0})
    monkeypatch.setattr(apt, "LOCKS", ())
    began = time.monotonic()
    runner = apt.Apt("", str(tmp_path / "log"))
    assert runner.run([program, "--configure", "-a"]) == (apt.TOO_LATE, "configuring\n")
    assert time.monotonic() - began < 10


def test_a_download_that_stands_still_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(apt.time, "monotonic", lambda: now)
    watch = apt.Watch(frozenset({"tree"}))
    watch.read("dlstatus:1:20.0:Retrieving\n")
    now = 100.0
    watch.read("dlstatus:2:20.0:Retrieving\n")
    assert not watch.is_still()
    now = 121.0
    assert watch.is_still()
    watch.read("dlstatus:2:20.1:Retrieving\npmstatus:tree:10:Unpacking tree\n")
    now = 2000.0
    assert not watch.is_still()


def test_who_holds_a_lock_is_waited_for_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, progress = tmp_path / "lock", tmp_path / "progress"
    lock.touch()
    monkeypatch.setattr(apt, "LOCKS", (str(lock),))
    assert apt.holder() == ""
    code = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'w'); fcntl.lockf(file, fcntl.LOCK_EX); "
        "print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        monkeypatch.setattr(apt, "LOCK_SECONDS", 0)
        with pytest.raises(apt.LockedError, match=rf"\(process {other.pid}\) holds {lock}"):
            time.sleep(0.01)
            apt.wait_for_locks(str(progress))
        monkeypatch.setattr(apt, "LOCK_SECONDS", 60)

        def dies(_seconds: float) -> None:
            other.kill()
            other.wait()

        monkeypatch.setattr(apt.time, "sleep", dies)
        apt.wait_for_locks(str(progress))
    assert f"holds {lock}" in json.loads(progress.read_text().splitlines()[-1])["line"]


def test_a_clock_that_is_behind_is_set_forward_and_never_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    monkeypatch.setattr(packages.time, "clock_settime", lambda clock, seconds: told.append(seconds))
    monkeypatch.setattr(packages, "date_of", lambda uri: {"http://a": 0.0, "http://b": 1e9}[uri])
    apt_get = SimpleNamespace(progress="")
    sources = [{"uris": ["http://a"]}, {"uris": ["http://b"]}]
    monkeypatch.setattr(packages.time, "time", lambda: 1e9 + 5)
    assert not packages.clock_is_set(apt_get, sources)
    monkeypatch.setattr(packages.time, "time", lambda: 2e9)
    assert not packages.clock_is_set(apt_get, sources)
    assert told == []
    monkeypatch.setattr(packages.time, "time", lambda: 5.0)
    assert packages.clock_is_set(apt_get, sources)
    assert told == [1e9]


def test_a_proxy_that_does_not_answer_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = tmp_path / "99proxy"
    conf.write_text('Acquire::http::Proxy "http://127.0.0.2:9";\n')
    dump = (
        'Acquire::http::Proxy "http://127.0.0.2:9";\nAcquire::https::Proxy::x "http://127.0.0.1:1/";\n'
        'Acquire::ftp::Proxy "DIRECT";\n'
    )
    monkeypatch.setattr(packages, "asked", lambda argv: dump)
    monkeypatch.setattr(packages, "answers", lambda proxy: proxy.endswith(":1/"))
    options, notes = packages.without_dead_proxies(
        [{"id": "file:x", "path": str(conf)}, {"id": "y", "path": "/no"}]
    )
    assert options == ["-o", "Acquire::http::Proxy=DIRECT"]
    assert [note["id"] for note in notes] == ["file:x"]


def test_nothing_listens_at_a_dead_proxy() -> None:
    assert not packages.answers("http://127.0.0.2:9")
    assert not packages.answers("http://[::x")


def test_a_file_without_which_apt_reads_more_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad.list"
    bad.write_text("deb nonsense\n")
    said = [
        f"E: Malformed entry 1 in list file {bad} (URI)\nE: The list of sources could not be read.\n",
        "Hit:1 http://x y\n",
    ]
    monkeypatch.setattr(packages, "without_dead_proxies", lambda obeyed: ([], []))
    apt_get = SimpleNamespace(update=lambda: (0, said.pop(0)), options=[], progress="")
    step = {"id": "apt-source:bad", "path": str(bad), "uris": []}
    _, outcomes, _ = packages.indexes(apt_get, [step], [])
    assert (outcomes[0]["id"], outcomes[0]["state"]) == ("apt-source:bad", "failed")
    assert "Malformed entry 1" in outcomes[0]["reason"]
    assert not bad.exists()
    assert (tmp_path / "bad.list.disabled").exists()


def test_the_keys_of_a_source_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.list"
    path.write_text("deb [arch=amd64 signed-by=/a.gpg,/b.gpg] http://x y main\nSigned-By: /c.gpg\n")
    assert packages.keys_of({"path": str(path)}) == ["/a.gpg", "/b.gpg", "/c.gpg"]


def test_a_warning_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "dpkg-query": "tree\\tall\\tii \\t\\n",
        "dpkg": "amd64\\n",
        "apt-cache": "tree:\\n  Candidate: 1\\n",
    }
    for name, text in answers.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho 'W: warning: parsing file' >&2\nprintf '{text}'\n")
        program.chmod(0o755)
    monkeypatch.setitem(apt.ENVIRONMENT, "PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(apt, "NATIVE", [])
    assert apt.here().there == {"tree", "tree:all"}
    assert apt.NATIVE == ["amd64"]
    assert apt.policies(["tree"]) == {"tree": "1"}
