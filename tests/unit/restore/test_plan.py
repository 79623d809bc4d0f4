"""Which steps a posture asks for, and which of them a newer release must not get."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import PurePosixPath
from typing import ClassVar

import pytest

from builder.restore.plan import of_another_release, planned
from collectors.debian.sources import parse_sources
from collectors.domains.apt import SourceFile
from collectors.domains.files import Files
from collectors.domains.network import Network
from collectors.domains.snap import Snap
from collectors.posture import Posture
from collectors.record import LeftOut, Thing, sha256
from tests.postures import small_posture

TEXTS = {
    "/etc/apt/sources.list.d/ubuntu.list": "deb http://archive.invalid/ubuntu noble-updates main\n",
    "/etc/apt/sources.list.d/vendor.list": "deb http://vendor.invalid stable main\n",
    "/etc/apt/sources.list.d/flat.list": "deb http://flat.invalid ./\n",
}


def with_sources() -> Posture:
    posture = small_posture()
    sources = tuple(
        SourceFile(
            path=path,
            format="one-line",
            sha256=sha256(text.encode()),
            entries=parse_sources(text, path=path)[0],
        )
        for path, text in sorted(TEXTS.items())
    )
    apt = posture.apt.model_copy(update={"sources": sources})
    return replace(posture, apt=apt)


@pytest.mark.parametrize("codename", ["resolute", ""])
def test_sources_of_the_old_release_are_not_for_another(codename: str) -> None:
    assert of_another_release(with_sources(), codename) == ("apt-source:/etc/apt/sources.list.d/ubuntu.list",)


def test_on_the_same_release_all_sources_come_back() -> None:
    assert of_another_release(with_sources(), "noble") == ()


def test_only_what_is_wanted_is_planned() -> None:
    plan = planned(with_sources(), lambda name: name == "apt:htop", PurePosixPath("posture"))
    assert [step.id for step in plan.packages] == ["apt:htop"]
    assert plan.sources == plan.files == plan.users == ()


def test_what_no_module_brings_back_is_pending_with_the_command_that_does() -> None:
    class Pot(Thing):
        KIND: ClassVar[str] = "pot"

        name: str

        def item_name(self) -> str:
            return self.name

        def by_hand(self) -> str:
            return f"throw {shlex.quote(self.name)}"

    class Shelf(Snap):
        pots: tuple[Pot, ...] = ()

    shelf = Shelf(
        pots=(Pot(name="; rm -rf /"), Pot(name="mine")), left_out=(LeftOut(path="/etc/x", reason="x"),)
    )
    posture = replace(small_posture(), snap=shelf)
    plan = planned(posture, lambda name: name != "pot:mine", PurePosixPath("posture"))
    assert [step.model_dump() for step in plan.pending] == [
        {"id": "pot:; rm -rf /", "section": "snap", "by_hand": "throw '; rm -rf /'"}
    ]


def test_files_of_every_section_come_back() -> None:
    motd = small_posture().files.files[0]
    posture = replace(small_posture(), files=Files(), network=Network.model_construct(files=(motd,)))
    plan = planned(posture, lambda name: True, PurePosixPath("posture"))
    assert [step.path for step in plan.files] == ["/etc/motd.local"]
