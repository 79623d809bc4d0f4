"""Nothing of the old hardware comes back; the new machine's drivers are installed where Ubuntu knows them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from builder.restore.plan import Plan, planned
from builder.restore.report import assembled
from builder.restore.steps.step import Target
from collectors.domains.hardware import Hardware
from collectors.domains.hardware.things import Driver, part
from tests.postures import small_posture
from tests.unit.restore.playbook import library

drivers = library("rekindle_drivers")

NVIDIA = Driver(name="nvidia-driver-550", bound="for a graphics card of NVIDIA")
BATTERY = part("battery", "X1")
OLD = Hardware(parts=(part("fingerprint", "ada"), BATTERY), drivers=(NVIDIA,))


def plan(asked: frozenset[str], here: Hardware = Hardware()) -> Plan:  # noqa: B008 - frozen
    posture = replace(small_posture(), hardware=OLD)
    machine = replace(small_posture(), hardware=here)
    return planned(Target(posture, machine, PurePosixPath("p"), bound=asked))


def test_each_part_tells_what_another_machine_needs() -> None:
    ids = frozenset(item.id for item in OLD.items())
    told = plan(ids).told
    events = "".join(json.dumps({"outcome": each.model_dump()}) + "\n" for each in told)
    report = {each.id: each for each in assembled("ember", OLD.items(), events).items}
    assert {each.state for each in report.values()} == {"excluded"}
    assert report["hardware:fingerprint/ada"].remedy == "fprintd-enroll"
    assert report["driver:nvidia-driver-550"].remedy == "ubuntu-drivers install"
    assert report[BATTERY.item_id()].remedy == ""


def test_drivers_are_installed_where_they_were_asked_for_and_none_is_here() -> None:
    ids = frozenset(item.id for item in OLD.items())
    assert len(plan(ids).steps["drivers"]) == 1
    assert plan(frozenset()).steps == {}
    assert plan(ids - {NVIDIA.item_id()}).steps == {}
    assert plan(ids, Hardware(drivers=(NVIDIA,))).steps == {}


@pytest.mark.parametrize(
    ("script", "changed", "line"),
    [
        ("echo ok", True, ""),
        ("echo All the available drivers are already installed.", False, ""),
        ("echo No drivers found for installation.", False, ""),
        ("echo E: no network; exit 1", True, "drivers: E: no network: run `ubuntu-drivers install`"),
        ("", False, ""),
    ],
)
def test_what_ubuntu_says_of_drivers(script: str, changed: bool, line: str, tmp_path: Path) -> None:
    if script:
        program = tmp_path / "ubuntu-drivers"
        program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n{script}\n')
        program.chmod(0o755)
    assert drivers.installed(str(tmp_path)) == (changed, line)
    assert not script or (tmp_path / "asked").read_text() == "install\n"
