"""All of a messy desktop is found, each item with its facts, and nothing else."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from builder.standin.archive import running_release
from collectors.collect import Survey, collect
from collectors.document import parsed
from collectors.host import Machine
from collectors.posture import SECTIONS
from collectors.record import AtPath, LeftOut, Thing, unescaped
from collectors.repository import files_of
from tests.messy.desktop import HERE, messy_desktop

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="containers need root"),
    pytest.mark.skipif(
        running_release(Machine()).codename != "bookworm",
        reason="it names Debian 12's packages",
    ),
]

LEAST_ITEMS = 150
# Planted by the makers where a careless collector would take them along.
SECRET = b"hunter2"


@pytest.fixture(scope="module")
def root(program_cache: Path) -> Path:
    return messy_desktop(program_cache)


@pytest.fixture(scope="module")
def survey(root: Path) -> Survey:
    return collect(Machine(root))


@pytest.fixture(scope="module")
def expected() -> dict[str, dict[str, Any]]:
    files = {name: HERE / name / "expected.yaml" for name in SECTIONS}
    return {name: parsed(file.read_text("utf-8"), name=str(file)) for name, file in files.items()}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_is_found_with_its_facts_and_nothing_else(
    section: str, survey: Survey, root: Path, expected: dict[str, dict[str, Any]]
) -> None:
    things = [thing for thing in getattr(survey.posture, section).things() if not isinstance(thing, LeftOut)]
    wanted = expected[section].get("items", {})
    assert {thing.item_id(): facts(thing) for thing in things} == {
        name: with_content(name, given, root) for name, given in wanted.items()
    }


@pytest.mark.parametrize("section", SECTIONS)
def test_what_is_left_out_is_told_with_its_reason(
    section: str, survey: Survey, expected: dict[str, dict[str, Any]]
) -> None:
    told = {each.path: each.reason for each in getattr(survey.posture, section).left_out}
    assert told == expected[section].get("left_out", {})


def test_what_would_be_lost_is_told(survey: Survey, expected: dict[str, dict[str, Any]]) -> None:
    wanted = [loss for part in expected.values() for loss in part.get("losses", ())]
    assert sorted([each.kind, each.subject] for each in survey.losses) == sorted(wanted)


def test_what_could_not_be_captured_is_told(survey: Survey, expected: dict[str, dict[str, Any]]) -> None:
    wanted = [subject for part in expected.values() for subject in part.get("findings", ())]
    assert sorted(each.subject for each in survey.findings) == sorted(wanted)
    assert survey.failed == {}


def test_there_is_much_to_find_in_every_section(survey: Survey) -> None:
    items = list(survey.posture.items())
    assert len({item.id for item in items}) == len(items)
    assert len([item for item in items if not item.bound]) >= LEAST_ITEMS
    assert {item.section for item in items} == set(SECTIONS)


def test_no_secret_is_captured(root: Path, survey: Survey) -> None:
    assert [name for name, content in files_of(survey.posture).items() if SECRET in content] == []
    assert SECRET.decode() not in repr((survey.losses, survey.findings, survey.covers))


def test_a_collection_changes_nothing_and_is_the_same_again(root: Path, survey: Survey) -> None:
    before = listing(root)
    assert files_of(collect(Machine(root)).posture) == files_of(survey.posture)
    assert listing(root) == before


def facts(thing: Thing) -> dict[str, Any]:
    """Return what must be equal after a restore, and why it is bound; defaults left out."""
    return thing.model_dump(mode="json", exclude_defaults=True, exclude=set(thing.FREE) | identity(thing))


def identity(thing: Thing) -> set[str]:
    return {"path"} if isinstance(thing, AtPath) else set()


def with_content(name: str, given: dict[str, Any], root: Path) -> dict[str, Any]:
    """Put the SHA-256 of what the machine has at the item's path for the word `content`."""
    if given.get("sha256") != "content":
        return given
    content = (root / unescaped(name.partition(":")[2]).lstrip("/")).read_bytes()
    return {**given, "sha256": hashlib.sha256(content).hexdigest()}


def listing(root: Path) -> dict[str, tuple[int, int, int]]:
    """Return the change time, the time of content and the size of everything."""
    found = {}
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            place = os.path.join(folder, name)
            entry = os.lstat(place)
            found[place] = (entry.st_ctime_ns, entry.st_mtime_ns, entry.st_size)
    return found
