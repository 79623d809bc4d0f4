from __future__ import annotations

from pathlib import Path

import pytest

from collectors.debian import dpkg
from collectors.failure import Failure
from tests.unit.fakes import FakeHost, machine

MD5 = "0123456789abcdef0123456789abcdef"


def package(name: str, *conffiles: str, state: str = "installed") -> dpkg.Package:
    made = tuple(dpkg.Conffile(path, MD5) for path in conffiles)
    return dpkg.Package(name, "amd64", "install", state, conffiles=made)


def test_no_database_is_a_failure_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="status is missing") as caught:
        dpkg.read(FakeHost(tmp_path))
    assert caught.value.remedy


def test_reads_all_its_files(tmp_path: Path) -> None:
    host = machine(
        tmp_path,
        {
            "/var/lib/dpkg/diversions": "/etc/a\n/etc/a.real\nb\n",
            "/var/lib/apt/extended_states": "Package: x\nArchitecture: amd64\nAuto-Installed: 1\n",
        },
    )
    database = dpkg.read(host)
    assert [each.name for each in database.packages] == ["dpkg"]
    assert database.architecture == "amd64"
    assert database.diversions == (dpkg.Diversion("/etc/a", "/etc/a.real", "b"),)
    assert database.automatic == {("x", "amd64")}
    assert database.findings == ()
    assert host.asked == []


def test_owners_follow_diversions(tmp_path: Path) -> None:
    host = machine(
        tmp_path,
        {
            "/var/lib/dpkg/info/a.list": "/.\n/etc\n/etc/shared\n/usr/bin/a\n",
            "/var/lib/dpkg/info/b:amd64.list": "/etc/shared\n/etc/b\n",
            "/var/lib/dpkg/info/c.md5sums": "/etc/none\n",
            "/var/lib/dpkg/diversions": "/etc/shared\n/etc/shared.real\nb\n",
        },
    )
    owners = dpkg.owners(host, dpkg.read(host), ("/etc/",))
    assert owners == {"/etc/shared.real": "a", "/etc/shared": "b", "/etc/b": "b"}


def test_a_local_diversion_moves_every_packages_file(tmp_path: Path) -> None:
    host = machine(
        tmp_path,
        {
            "/var/lib/dpkg/info/a.list": "/etc/issue\n",
            "/var/lib/dpkg/diversions": "/etc/issue\n/etc/issue.orig\n:\n",
        },
    )
    assert dpkg.owners(host, dpkg.read(host), ("/etc/",)) == {"/etc/issue.orig": "a"}


def test_conffiles_lie_where_diversions_put_them() -> None:
    database = dpkg.Database((), (dpkg.Diversion("/etc/x", "/etc/x.real", "other"),))
    placed = dpkg.placed_conffiles((package("a", "/etc/x", "/etc/y"),), database)
    assert [conffile.path for conffile, _ in placed] == ["/etc/x.real", "/etc/y"]


def test_a_package_brings_what_it_needs_and_no_more() -> None:
    needy = dpkg.Package("a", "amd64", "install", "installed", needs=("b", "missing"))
    chain = dpkg.Package("b", "amd64", "install", "installed", needs=("a", "c"))
    gone = package("c", state="config-files")
    database = dpkg.Database((needy, chain, gone, package("d")))
    assert dpkg.with_needs(["a", "missing"], database) == {"a", "b"}


@pytest.mark.parametrize(
    ("state", "there"),
    [("installed", True), ("unpacked", True), ("config-files", False), ("not-installed", False)],
)
def test_installed(state: str, there: bool) -> None:
    assert package("a", state=state).installed is there
