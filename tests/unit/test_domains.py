"""A domain is whole: a section, a collector, a role, tests on samples, a row in the docs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.collect import COLLECTORS
from collectors.posture import SECTIONS
from collectors.record import Thing

ROOT = Path(__file__).parents[2]


def test_every_section_is_collected_where_it_is_defined() -> None:
    assert list(COLLECTORS) == list(SECTIONS)
    for name, kind in SECTIONS.items():
        assert name == kind.NAME
        assert kind.__module__ == f"collectors.domains.{name}"


def test_no_two_things_of_the_posture_share_a_kind() -> None:
    named: dict[str, set[type[Thing]]] = {}
    for kind in every_kind(Thing):
        if "KIND" in kind.__dict__ and kind.__module__.startswith("collectors."):
            named.setdefault(kind.KIND, set()).add(kind)
    assert len(named) > 60
    shared = [kinds for kinds in named.values() if len(kinds) > 1]
    assert shared == []


def every_kind(of: type[Thing]) -> Iterator[type[Thing]]:
    for kind in of.__subclasses__():
        yield kind
        yield from every_kind(kind)


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize(
    "part",
    [
        "iso_overlay/playbook/roles/{}/tasks/main.yaml",
        "tests/unit/domains/test_{}.py",
        "tests/messy/{}/make.sh",
        "tests/messy/{}/expected.yaml",
    ],
)
def test_every_section_has_its_parts(section: str, part: str) -> None:
    assert (ROOT / part.format(section)).is_file()


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_is_restored_and_told_in_the_docs(section: str) -> None:
    playbook = ROOT / "iso_overlay/playbook"
    marks = (rf"role: {section}\b", rf"(?m)^        {section}:$")
    texts = [(playbook / name).read_text() for name in ("restore.yaml", "hosts.yaml")]
    assert sum(bool(re.search(mark, text)) for mark, text in zip(marks, texts, strict=True)) == 1
    assert f"| {section} |" in (ROOT / "README.md").read_text()
