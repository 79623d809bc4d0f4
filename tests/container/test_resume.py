"""A restore that is killed at any moment goes on when it is run again, and ends as if it had not been."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from builder.payload.pack import write_payload
from collectors.collect import collect
from collectors.compare import score
from collectors.host import Machine
from collectors.posture import Posture
from tests.container.minimal import NSPAWN, Container
from tests.sample.archive import Served
from tests.sample.posture import sample_posture

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="containers need root"),
]

KILLS = 10
# A power cut takes all that runs; a kill leaves behind what the restore started.
COMMAND = "python3 /root/restore.pex restore --from /root/payload.tar --json"
KILLED = f"""{COMMAND} > /dev/null 2>&1 &
until grep -q '{{event}}' /var/lib/rekindle/restore/progress 2> /dev/null; do sleep 0.1; done
kill -9 $!
exec {COMMAND}"""
# So that what was begun is still at work when the next one looks.
SLOW = 'DPkg::Pre-Install-Pkgs {"sleep 12";};\n'
LITTER = (".rekindle", ".rekindle-aside", ".partial", "policy-rc.d")


def test_killed_ten_times_it_ends_in_the_same_state(blank: Container, program: Path, served: Served) -> None:
    posture = sample_posture(served.url(), served.key)
    put(blank, posture, program)
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    seconds = warmed_up(blank)
    # From its start to its end, in any order: what is killed late leaves the next one less to do.
    for moment in chance.sample(range(KILLS), KILLS):
        power_cut(blank, seconds * (moment + chance.random()) / KILLS)
    report, said = finished(blank, COMMAND)
    assert_as_if_never_killed(blank, posture, report, said)
    again, _ = finished(blank, COMMAND)
    assert again["changed"] == 0
    assert {each["state"] for each in again["items"]} == {"already", "excluded"}


@pytest.mark.parametrize(("event", "waits"), [('"task": "packages"', False), ('"work": "packages"', True)])
def test_what_a_killed_restore_left_behind_ends_before_the_next_begins(
    blank: Container, program: Path, served: Served, event: str, waits: bool
) -> None:
    posture = sample_posture(served.url(), served.key)
    put(blank, posture, program)
    (blank.root / "etc/apt/apt.conf.d/99slow").write_text(SLOW)
    report, said = finished(blank, KILLED.format(event=event))
    assert not waits or "waiting for the end of what a killed restore began" in said
    assert_as_if_never_killed(blank, posture, report, said)


def test_a_second_restore_at_the_same_time_is_refused(
    blank: Container, program: Path, served: Served
) -> None:
    put(blank, sample_posture(served.url(), served.key), program)
    held = f"exec 9>/run/rekindle-restore.lock; flock 9; {COMMAND}"
    refused = blank.run("bash", "-c", held)
    assert refused.returncode == 1
    assert "another restore is at work" in refused.stderr


def put(machine: Container, posture: Posture, program: Path) -> None:
    write_payload(posture, program, host="hearth", output=machine.root / "root/payload.tar")
    shutil.copy(program, machine.root / "root/restore.pex")


def warmed_up(machine: Container) -> float:
    """Let the program unpack itself, and return about how long a restore takes from then on."""
    begun = time.monotonic()
    for _ in range(2):
        begun = time.monotonic()
        assert machine.run(*COMMAND.split(), "--check").returncode in (0, 3)
    return time.monotonic() - begun


def power_cut(machine: Container, seconds: float) -> None:
    """Restore, and after a while kill all that runs in the machine at once, as its first process dies."""
    argv = [*NSPAWN, "--as-pid2", "--pipe", f"--directory={machine.root}", *COMMAND.split()]
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        time.sleep(seconds)
        for pid in inits(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait(20)


def inits(pid: int) -> list[int]:
    """Return the processes of a container that are the first one in it: `NSpid: 4711 1`."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        status = Path(f"/proc/{child}/status").read_text().splitlines()
        spaces = next(line.split()[1:] for line in status if line.startswith("NSpid:"))
        found += [int(child)] if spaces[-1] == "1" and len(spaces) > 1 else inits(int(child))
    return found


def finished(machine: Container, command: str) -> tuple[dict[str, object], str]:
    done = machine.run("bash", "-c", command, timeout_seconds=200)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout), done.stderr


def assert_as_if_never_killed(
    machine: Container, posture: Posture, report: dict[str, object], said: str
) -> None:
    items = report["items"]
    assert isinstance(items, list)
    assert {each["state"] for each in items} <= {"restored", "already", "excluded"}, said
    result = score(posture, collect(Machine(machine.root)).posture)
    assert (result.missing, result.changed) == ((), ())
    root = machine.root
    found = [path for top in ("etc", "home", "usr", "root", "var/lib") for path in (root / top).rglob("*")]
    assert not [str(path) for path in found if path.name.endswith(LITTER)]
    assert not list((root / "var/tmp").iterdir())
