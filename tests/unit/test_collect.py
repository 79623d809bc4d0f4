from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from collectors import collect as collecting
from collectors.collect import COLLECTORS, Collected, collect
from collectors.domains.users import Users
from collectors.failure import Failure
from collectors.host import Host
from collectors.posture import SECTIONS
from collectors.repository import files_of, read_posture
from tests.unit.fakes import FakeHost, machine

DESKTOP: Mapping[str, str | bytes | None] = {
    "/etc/os-release": "ID=ubuntu\nVERSION_ID=24.04\n",
    "/etc/passwd": "root:x:0:0::/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\nbad line\n",
    "/etc/group": "root:x:0:\nada:x:1000:\n",
    "/etc/apt/sources.list": "deb http://archive.example.org/ubuntu noble main\n",
    "/var/lib/apt/lists/archive.example.org_ubuntu_dists_noble_InRelease": "",
    "/etc/keyd/default.conf": "[ids]\n",
    "/etc/sub/\udcff\n%2e/.gitattributes": "odd",
}


def desktop(root: Path) -> FakeHost:
    return machine(root, DESKTOP)


def test_a_collector_for_each_section_of_the_model() -> None:
    assert list(COLLECTORS) == list(SECTIONS)


def test_collects_all_sections_and_tells_each(tmp_path: Path) -> None:
    heard: list[str] = []
    survey = collect(desktop(tmp_path), on_section=heard.append)
    assert heard == list(SECTIONS)
    ids = {item.id for item in survey.posture.items() if not item.bound}
    assert {
        "system:timezone",
        "apt-source:/etc/apt/sources.list",
        "file:/etc/keyd/default.conf",
        "user:ada",
        "group:ada",
    } <= ids
    assert [finding.subject for finding in survey.findings] == ["/etc/passwd:3"]


def test_the_posture_comes_back_from_its_repository(tmp_path: Path) -> None:
    posture = collect(desktop(tmp_path / "root")).posture
    for name, content in files_of(posture).items():
        place = tmp_path / "posture" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    again = read_posture(tmp_path / "posture")
    assert again == posture
    assert files_of(again) == files_of(posture)


def test_collecting_changes_nothing_and_asks_nothing(tmp_path: Path) -> None:
    host = desktop(tmp_path)
    before = {path: path.lstat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))}
    collect(host)
    assert {path: path.lstat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))} == before
    assert host.asked == []


def test_twice_is_the_same(tmp_path: Path) -> None:
    assert files_of(collect(desktop(tmp_path)).posture) == files_of(collect(FakeHost(tmp_path)).posture)


def fails(host: Host) -> Collected[None]:  # type: ignore[type-var]  # it never makes a section
    raise Failure("no tool", remedy="install it")


def is_denied(host: Host) -> Collected[None]:  # type: ignore[type-var]  # it never makes a section
    raise PermissionError(13, "Permission denied", "/etc/hostname")


def test_one_failing_keeps_what_it_had_and_loses_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = collect(desktop(tmp_path)).posture
    monkeypatch.setattr(collecting, "COLLECTORS", {**COLLECTORS, "apt": fails, "system": is_denied})
    (tmp_path / "etc/keyd/default.conf").write_text("changed")
    heard: list[str] = []
    survey = collect(FakeHost(tmp_path), before=before, on_section=heard.append)
    assert heard == list(SECTIONS)
    assert {name: (each.message, each.remedy) for name, each in survey.failed.items()} == {
        "system": ("not collected: /etc/hostname: Permission denied", "run with sudo"),
        "apt": ("not collected: no tool", "install it"),
    }
    assert (survey.posture.system, survey.posture.apt) == (before.system, before.apt)
    assert survey.posture.contents["/etc/apt/sources.list"] == before.contents["/etc/apt/sources.list"]
    assert survey.posture.contents["/etc/keyd/default.conf"] == b"changed"


def test_one_failing_is_empty_where_there_was_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "COLLECTORS", {**COLLECTORS, "users": fails})
    survey = collect(desktop(tmp_path))
    assert list(survey.failed) == ["users"]
    assert survey.posture.users == Users()


def test_only_some_sections_are_collected_and_the_others_stay(tmp_path: Path) -> None:
    before = collect(desktop(tmp_path)).posture
    (tmp_path / "etc/keyd/default.conf").write_text("changed")
    (tmp_path / "etc/apt/sources.list").write_text("")
    survey = collect(FakeHost(tmp_path), only=("apt",), before=before)
    assert survey.posture.files == before.files
    assert survey.posture.contents["/etc/keyd/default.conf"] == b"[ids]\n"
    assert survey.posture.apt != before.apt
    with pytest.raises(Failure, match="no earlier posture"):
        collect(FakeHost(tmp_path), only=("apt",))


def test_a_tree_that_is_no_debian_is_one_failure(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"status is missing|names no ID") as caught:
        collect(FakeHost(tmp_path))
    assert caught.value.remedy == "name the root of a Debian or Ubuntu"
