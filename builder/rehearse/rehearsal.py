"""How is a rehearsal held?

The ISO, as published, is booted in a VM on a blank disk: it installs by itself. The machine then boots from
that disk, restores, collects again, sends both through the report port and powers off. Nothing is believed
but the comparison of the two postures.
"""

from __future__ import annotations

import json
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builder.iso.medium import read_medium
from builder.look.carried import carried_posture
from builder.payload.payload import leads_out
from builder.rehearse.vm import OVMF, QEMU, Firmware, Slot, Vm, blank_disk, started
from builder.tools import require
from collectors.compare import Score, score
from collectors.failure import Failure
from collectors.posture import Posture
from collectors.repository import read_posture

Say = Callable[[str], None]

DISK_GIB = 12
INSTALL_SECONDS = 1800
RESTORE_SECONDS = 3600
# What the guest says on its serial console for a person to read.
SPOKEN = ("rekindle: ", "standin: ")
FATAL = (
    "rekindle: the installation failed",
    "standin: refused",
    "standin: Continue with autoinstall?",
)


@dataclass(frozen=True)
class Rehearsal:
    """What came of it: the score, the restore report as sent, and how long both halves took."""

    score: Score
    report: Mapping[str, Any]
    install_seconds: float
    restore_seconds: float


def rehearse(iso: Path, *, folder: Path, firmware: Firmware, slot: Slot, say: Say) -> Rehearsal:
    """Boot `iso` on a blank disk and score what it restores of the posture it carries.

    `folder` keeps the disk and the logs. Raises Failure when it does not get to a report.
    """
    require([QEMU, "qemu-img"], {folder: DISK_GIB * 2**28})
    if firmware != "bios" and not OVMF.is_dir():
        raise Failure("UEFI firmware for the VM is not installed", remedy="apt install ovmf")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted, conservative = carried_posture(iso), not read_medium(iso).is_standin
    disk = blank_disk(folder / "disk.qcow2", DISK_GIB)
    blank = Vm(folder=folder / "install", firmware=firmware, disk=disk, conservative=conservative)
    installed = replace(blank, folder=folder / "restore")
    began = time.monotonic()
    _run(replace(blank, medium=iso, slot=slot), INSTALL_SECONDS, say)
    restoring = time.monotonic()
    _run(installed, RESTORE_SECONDS, say)
    report, found = received(installed.report)
    return Rehearsal(score(wanted, found), report, restoring - began, time.monotonic() - restoring)


def summary(rehearsal: Rehearsal) -> dict[str, Any]:
    """Return what a program may want to know of a rehearsal, as plain data."""
    return {
        "score": rehearsal.score.model_dump(mode="json"),
        "report": rehearsal.report,
        "install_seconds": round(rehearsal.install_seconds),
        "restore_seconds": round(rehearsal.restore_seconds),
    }


def received(stream: Path) -> tuple[Mapping[str, Any], Posture]:
    """Read what the guest sent; raises Failure when it is not whole."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        try:
            with tarfile.open(stream) as tar:
                _unpack(tar, folder)
            report = json.loads((folder / "restore-report.json").read_text())
        except (OSError, tarfile.TarError, ValueError) as error:
            raise Failure(
                f"the VM sent no whole report: {error}", remedy=f"read {stream.parent / 'serial.log'}"
            ) from None
        return report, read_posture(folder / "posture")


def _unpack(tar: tarfile.TarFile, folder: Path) -> None:
    """Unpack plain files, and nothing that a guest could reach out of `folder` with."""
    for header in tar:
        stream = tar.extractfile(header) if header.isreg() else None
        if stream is None or leads_out(header.name):
            raise ValueError(f"{header.name!r} is no plain file inside it")
        place = folder / header.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(stream.read())


def _run(vm: Vm, timeout_seconds: float, say: Say) -> None:
    with started(vm) as running:
        for line in running.lines(timeout_seconds):
            if line.startswith(SPOKEN):
                say(line)
            if line.startswith(FATAL):
                raise Failure(f"the VM stopped: {line}", remedy=f"read {vm.serial_log}")
        code = running.process.returncode
    if code:
        raise Failure(f"QEMU ended with {code}", remedy=f"read {vm.folder / 'qemu.log'}")
