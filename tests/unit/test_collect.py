from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from collectors import collect as collecting
from collectors.collect import COLLECTORS, Collected, collect
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
    "/etc/keyd/default.conf": "[ids]\n",
    "/etc/sub/\udcff\n%2e/.gitattributes": "odd",
}


def desktop(root: Path) -> FakeHost:
    return machine(root, DESKTOP)


def test_a_collector_for_each_section_of_the_model() -> None:
    assert list(COLLECTORS) == list(SECTIONS)


def test_collects_all_sections_and_tells_each(tmp_path: Path) -> None:
    heard: list[str] = []
    posture, findings = collect(desktop(tmp_path), heard.append)
    assert heard == ["system", "apt", "files", "users"]
    ids = {item.id for item in posture.items() if not item.bound}
    assert {
        "system:timezone",
        "apt-source:/etc/apt/sources.list",
        "file:/etc/keyd/default.conf",
        "user:ada",
        "group:ada",
    } <= ids
    assert [finding.subject for finding in findings] == ["/etc/passwd:3"]


def test_the_posture_comes_back_from_its_repository(tmp_path: Path) -> None:
    posture, _ = collect(desktop(tmp_path / "root"))
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
    assert files_of(collect(desktop(tmp_path))[0]) == files_of(collect(FakeHost(tmp_path))[0])


def test_one_failing_names_itself_after_all_were_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(host: Host) -> Collected[None]:  # type: ignore[type-var]  # it never makes a section
        raise Failure("no tool", remedy="install it")

    monkeypatch.setattr(collecting, "COLLECTORS", {**COLLECTORS, "apt": fails})
    heard: list[str] = []
    denied = replace(
        desktop(tmp_path), failing={"/etc/passwd": PermissionError(13, "Permission denied", "/etc/passwd")}
    )
    with pytest.raises(Failure) as caught:
        collect(denied, heard.append)
    assert heard == ["system", "apt", "files", "users"]
    assert caught.value.message == (
        "not collected: apt: no tool; files, users: /etc/passwd: Permission denied"
    )
    assert caught.value.remedy == "install it"


def test_a_tree_that_is_no_debian_is_one_failure(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="status is missing") as caught:
        collect(FakeHost(tmp_path))
    assert caught.value.remedy == "name the root of a Debian or Ubuntu"
