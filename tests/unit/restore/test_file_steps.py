"""Which steps the section files asks for, and when each comes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest

from builder.restore.plan import planned
from builder.restore.steps.step import Target
from collectors.domains.files import Files
from collectors.domains.files.conffiles import Deleted
from collectors.domains.files.packaging import Alternative, Diversion, StatOverride
from collectors.domains.files.units import Unit
from collectors.domains.system import Release
from collectors.record import File, sha256
from tests.postures import small_posture

NEWER = Release(distribution="ubuntu", version="26.04", codename="resolute", architecture="amd64")


def planned_steps(*, on: Release | None = None, **things: Any) -> dict[str, Any]:
    posture = replace(small_posture(), files=Files(**things))
    here = small_posture(release=on) if on else small_posture()
    wanted = frozenset(thing.item_id() for thing in posture.files.things())
    plan = planned(Target(posture, here, PurePosixPath("posture"), wanted))
    return {step.id: step for steps in plan.steps.values() for step in steps}


def conffile(path: str, **fields: str) -> File:
    about = {"kind": "file", "owner": "root", "group": "root", "mode": "0644", "sha256": sha256(b"")}
    return File(path=path, **{"origin": "conffile", **about, **fields})


def test_a_diversion_comes_before_packages_and_an_override_after_people() -> None:
    steps = planned_steps(
        diversions=(Diversion(path="/usr/share/a\\xff", to="/usr/share/b"),),
        overrides=(StatOverride(path="/usr/bin/wall", owner="root", group="film", mode="2755"),),
    )
    diversion, override = (
        steps["diversion:/usr/share/a\\xff"],
        steps["statoverride:/usr/bin/wall"],
    )
    assert (diversion.section, override.section) == ("apt", "files")
    assert diversion.command.endswith(r"--divert /usr/share/b --add $'/usr/share/a\xff'")


def test_what_was_deleted_is_deleted_with_the_files() -> None:
    step = planned_steps(deleted=(Deleted(path="/etc/x", package="x"),))["deleted:/etc/x"]
    assert (step.PART, step.kind, step.path, step.first) == ("files", "absent", "/etc/x", False)


def test_units_are_disabled_by_one_command_for_each_scope() -> None:
    units = (Unit(name="a.timer"), Unit(name="-b -- $(id).timer"), Unit(name="c.socket", scope="user"))
    steps = planned_steps(units=units).values()
    assert [(step.command, step.operand) for step in steps] == [
        ("systemctl disable --", "a.timer"),
        ("systemctl disable --", "'-b -- $(id).timer'"),
        ("systemctl disable --global --", "c.socket"),
    ]


def test_a_choice_waits_for_what_it_leads_to() -> None:
    step = planned_steps(alternatives=(Alternative(name="editor", target="/opt/ed"),))["alternative:editor"]
    assert step.needs == ("/opt/ed",)


@pytest.mark.parametrize(
    ("fields", "on", "merge"),
    [
        ({}, None, False),
        ({}, NEWER, True),
        ({"origin": "unowned"}, NEWER, False),
        ({"origin": "unowned", "pristine": sha256(b"made")}, NEWER, True),
    ],
)
def test_only_on_another_release_is_a_packages_file_merged(
    fields: dict[str, str], on: Release | None, merge: bool
) -> None:
    step = planned_steps(on=on, files=(conffile("/etc/x", **fields),))["file:/etc/x"]
    assert step.merge is merge
    assert step.pristine == ("posture/pristine/etc/x" if "pristine" in fields else "")


def test_a_conffile_of_apt_that_is_merged_comes_after_the_package() -> None:
    files = (conffile("/etc/apt/a"), conffile("/etc/apt/b", origin="unowned"))
    steps = planned_steps(on=NEWER, files=files)
    assert (steps["file:/etc/apt/a"].first, steps["file:/etc/apt/b"].first) == (False, True)
