"""The messy desktop comes back: collected, restored onto a fresh minimal system, collected again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.standin.archive import running_release
from collectors.document import parsed
from collectors.host import Machine
from collectors.posture import SECTIONS
from tests.messy.desktop import HERE
from tests.roundtrip import Trip, round_trip

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="containers need root"),
    pytest.mark.skipif(
        running_release(Machine()).codename != "bookworm",
        reason="it names Debian 12's packages",
    ),
]

LEAST_EQUAL = 400
SECRET = b"hunter2"


@pytest.fixture(scope="module")
def trip(program_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trip]:
    folder = tmp_path_factory.mktemp("trip") / "machine"
    yield round_trip(program_cache, folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def known() -> dict[str, dict[str, Any]]:
    """Return what each section says of items that cannot be equal here: their sources cannot be reached."""
    files = {name: HERE / name / "restored.yaml" for name in SECTIONS}
    return {
        name: parsed(file.read_text("utf-8"), name=str(file)) if file.is_file() else {}
        for name, file in files.items()
    }


@pytest.mark.parametrize("section", SECTIONS)
def test_every_item_is_as_it_was_but_for_those_that_cannot_be(
    section: str, trip: Trip, known: dict[str, dict[str, Any]]
) -> None:
    differing = {name: how for name, how in trip.differing() if trip.sections[name] == section}
    expected = known[section].get("not_equal", {})
    assert {name: how for name, how in differing.items() if name not in expected} == {}
    assert sorted(expected) == sorted(differing), "some came back equal: take them out of restored.yaml"


@pytest.mark.parametrize("section", SECTIONS)
def test_what_is_not_as_it_was_is_told_with_what_a_person_can_do(section: str, trip: Trip) -> None:
    for name, _ in trip.differing():
        told = trip.report[name]
        if trip.sections[name] == section and told["state"] != "restored":
            assert told["reason"]
            assert told["remedy"]


@pytest.mark.parametrize("section", SECTIONS)
def test_what_stands_for_stores_and_vendors_was_asked_for_the_items(
    section: str, trip: Trip, known: dict[str, dict[str, Any]]
) -> None:
    asked = iter(trip.asked)
    for line in known[section].get("asked", ()):
        assert any(line == heard for heard in asked), line


def test_nearly_all_are_equal_and_a_second_run_does_none_of_them_again(trip: Trip) -> None:
    differing = dict(trip.differing())
    equal = [
        name for name, told in trip.report.items() if told["state"] != "excluded" and name not in differing
    ]
    assert len(equal) >= LEAST_EQUAL
    assert [name for name in equal if trip.again[name]["state"] != "already"] == []


def test_no_file_of_root_lies_in_a_home(trip: Trip) -> None:
    homes = {"home/ada": 1000, "srv/people/bob": 1001}
    for home, uid in homes.items():
        for folder, names, files in os.walk(trip.root / home):
            for name in (*names, *files):
                assert os.lstat(os.path.join(folder, name)).st_uid == uid, os.path.join(folder, name)


def test_no_secret_came_along(trip: Trip) -> None:
    for folder in ("var/lib/rekindle", "var/log"):
        for path in (trip.root / folder).rglob("*"):
            assert not path.is_file() or SECRET not in path.read_bytes()
