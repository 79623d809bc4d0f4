"""The whole promise: boot, install with no key pressed, restart, restore, score 100 %."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.rehearse.rehearsal import rehearse
from builder.rehearse.vm import Vm, started
from tests.sample.archive import archive
from tests.sample.posture import sample_posture

pytestmark = pytest.mark.boot

# Where a guest of QEMU's user network finds this machine.
HOST_SEEN_BY_GUEST = "10.0.2.2"
LEAST_ITEMS = 40
BOOT_SECONDS = 900


@pytest.mark.parametrize(("firmware", "slot"), [("uefi", "stick"), ("bios", "cd")])
def test_the_sample_machine_comes_back(
    author, program_cache: Path, tmp_path: Path, firmware: str, slot: str
) -> None:
    with archive(program_cache) as served:
        posture = sample_posture(served.url(HOST_SEEN_BY_GUEST), served.key)
        iso = author(posture, tmp_path / "recovery.iso")
        held = rehearse(iso, folder=tmp_path, firmware=firmware, slot=slot, say=print)
    assert held.score.missing == ()
    assert held.score.changed == ()
    assert held.score.eligible >= LEAST_ITEMS
    assert held.score.found == held.score.eligible
    states = {entry["id"]: entry["state"] for entry in held.report["items"]}
    eligible = {item.id for item in posture.items() if not item.bound}
    assert eligible <= set(states)
    assert {states[name] for name in eligible} <= {"restored", "already"}
    again = Vm(tmp_path / "again", firmware, tmp_path / "disk.qcow2", medium=iso, slot=slot)
    with started(again) as running:
        said = running.wait_for("/dev/vda .*not a candidate|standin: (storage|refused)", BOOT_SECONDS)
    assert "recovered already: take the medium out" in said
