"""Which steps a posture asks for, and which of them a newer release must not get."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import PurePosixPath
from typing import ClassVar

from builder.restore import plan as plans
from builder.restore.plan import Plan, already, planned
from builder.restore.report import Outcome
from builder.restore.steps.commands import CommandStep, plain
from builder.restore.steps.step import Target
from collectors.debian.sources import parse_sources
from collectors.domains.apt import SourceFile
from collectors.domains.files import Files
from collectors.domains.network import Network
from collectors.domains.snap import Snap
from collectors.posture import SECTIONS, Posture
from collectors.record import File, LeftOut, Thing, sha256
from tests.postures import small_posture
from tests.sample.archive import Key
from tests.sample.posture import sample_posture

SAMPLE = sample_posture("http://127.0.0.1:1", Key(b"binary", b"armored"))

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


def plan_for(posture: Posture, *wanted: str) -> Plan:
    """Plan the items named, or all."""
    ids = frozenset(wanted or (item.id for item in posture.items() if not item.bound))
    return planned(Target(posture, small_posture(), PurePosixPath("posture"), ids))


def test_only_what_is_wanted_is_planned() -> None:
    assert plan_for(with_sources(), "apt:htop").ids() == {"apt:htop"}


def test_what_has_a_command_comes_back_by_it_and_what_has_none_is_told() -> None:
    class Pot(Thing):
        KIND: ClassVar[str] = "pot"

        name: str

        def item_name(self) -> str:
            return self.name

        def by_hand(self) -> str:
            return f"throw {shlex.quote(self.name)}" if self.name != "lost" else ""

    class Shelf(Snap):
        pots: tuple[Pot, ...] = ()

    pots = (Pot(name="; rm -rf /"), Pot(name="~ada/mine"), Pot(name="lost"))
    shelf = Shelf(pots=pots, left_out=(LeftOut(path="/etc/x", reason="x"),))
    posture = replace(small_posture(), snap=shelf)
    ids = frozenset(pot.item_id() for pot in pots)
    steps = list(plain("snap")(Target(posture, posture, PurePosixPath("posture"), ids)))
    told = [(step.id, step.user, step.command) for step in steps if isinstance(step, CommandStep)]
    assert told == [
        ("pot:; rm -rf /", "", "throw '; rm -rf /'"),
        ("pot:~ada/mine", "ada", "throw '~ada/mine'"),
    ]
    outcomes = [step for step in steps if isinstance(step, Outcome)]
    assert [(each.id, each.state) for each in outcomes] == [("pot:lost", "unavailable")]


def test_files_of_every_section_come_back() -> None:
    motd = small_posture().files.files[0]
    posture = replace(small_posture(), files=Files(), network=Network.model_construct(files=(motd,)))
    steps = plan_for(posture).steps["files"]
    assert [(step.id, step.section) for step in steps] == [("file:/etc/motd.local", "network")]


def test_what_is_here_as_it_was_is_not_done_again() -> None:
    posture = small_posture()
    assert "file:/etc/motd.local" in already(posture, posture)
    assert "file:/etc/motd.local" not in already(posture, replace(posture, files=Files()))


def test_whether_a_package_is_there_its_module_sees_for_itself() -> None:
    posture = small_posture()
    assert "apt:htop" not in already(posture, posture)


def test_what_is_not_asked_for_is_the_owners_all_the_same() -> None:
    owned = json.loads(plan_for(with_sources(), "file:/etc/motd.local").text())["owned"]
    assert owned == [package.name for package in with_sources().apt.packages]
    assert owned


def test_every_section_has_its_steps() -> None:
    assert list(plans.MAKERS) == list(SECTIONS)


def test_every_eligible_item_of_the_sample_has_exactly_one_step() -> None:
    plan = plan_for(SAMPLE)
    steps = [step.id for steps in plan.steps.values() for step in steps]
    eligible = [item.id for item in SAMPLE.items() if not item.bound]
    assert len(eligible) >= 45
    assert sorted(steps) == sorted(eligible)


def test_what_apt_obeys_comes_before_the_packages() -> None:
    paths = ("/etc/apt/apt.conf.d/99proxy", "/etc/apt/preferences.d/pin", "/etc/dpkg/dpkg.cfg")
    later = ("/etc/apt-cacher.conf", "/etc/dpkg-list")
    files = tuple(
        File(path=path, kind="directory", origin="unowned", owner="root", group="root", mode="0755")
        for path in (*paths, *later)
    )
    plan = plan_for(replace(SAMPLE, files=Files(files=files)), *(f"file:{path}" for path in (*paths, *later)))
    steps = json.loads(plan.text())["files"]
    assert [step["path"] for step in steps if step["first"]] == list(paths)
    assert [step["path"] for step in steps if not step["first"]] == list(later)


def test_the_plan_is_json_that_knows_where_contents_lie() -> None:
    files = {step["path"]: step for step in json.loads(plan_for(SAMPLE).text())["files"]}
    assert files["/etc/hearth/caf\\xe9"]["content"] == "posture/files/etc/hearth/caf\\xe9"
    assert files["/etc/hearth/{{ 1 + 1 }}"]["content"].endswith("/{{ 1 + 1 }}")
    assert files["/etc/hearth/sticky"]["content"] == ""
