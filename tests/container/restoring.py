"""How does a test restore a machine, and read what came of it?"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from builder.payload.pack import write_payload
from collectors.posture import Posture
from tests.container.minimal import Container

# A machine that runs other tests, too, takes its time.
RESTORE_SECONDS = 600


def restored(
    machine: Container, posture: Posture, program: Path, *options: str, pool: bytes = b""
) -> tuple[int, dict[str, str]]:
    """Restore as a person would by hand; return the exit code and each item's state.

    `pool` is the index of what lies on the machine already.
    """
    home = machine.root / "root"
    shutil.copy(program, home / "restore.pex")
    write_payload(posture, program, host="hearth", output=home / "payload.tar", pool=pool)
    command = ("/root/restore.pex", "restore", "--from", "/root/payload.tar", "--json", *options)
    done = machine.run(*command, timeout_seconds=RESTORE_SECONDS)
    assert done.returncode in (0, 3), done.stderr
    report = json.loads(done.stdout)
    return done.returncode, {entry["id"]: entry["state"] for entry in report["items"]}


def reported(root: Path, what: str) -> dict[str, str]:
    report = json.loads((root / "var/lib/rekindle/restore-report.json").read_text())
    return {entry["id"]: entry[what] for entry in report["items"]}
