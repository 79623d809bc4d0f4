"""How is a payload applied to the machine that this runs on?"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from builder.payload.payload import PLAYBOOK
from builder.restore.keep import keep
from builder.restore.plan import Plan, already, planned
from builder.restore.refusals import admitted, refuse_machine, refuse_space
from builder.restore.report import Outcome, Report, assembled
from builder.restore.steps.step import Target
from builder.whole import whole
from collectors.collect import collect
from collectors.command import run
from collectors.failure import Failure
from collectors.host import Machine
from collectors.posture import SECTIONS, Posture
from collectors.record import Item

REPORT = "restore-report.json"
LOOK_AGAIN_SECONDS = 0.2
Say = Callable[[str], None]

# Ansible runs in a Python that sees what this one sees: in a PEX no program of its own is on PATH.
PLAY = """
import json, sys
sys.path[:] = json.load(sys.stdin)
from ansible.cli.playbook import main
sys.exit(main(["ansible-playbook", *sys.argv[1:]]))
"""


def restore(
    payload: Path,
    *,
    state: Path,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    check: bool = False,
    map_user: Mapping[str, str] | None = None,
    signers: Path | None = None,
    say: Say,
) -> Report:
    """Apply `payload` here, and leave `restore-report.json` in `state`.

    `only` and `skip` name sections or item ids; the report speaks of what was asked for. `check`
    tells what would be done, touches nothing, leaves no report. `map_user` has other names for people,
    `signers` is a file of those who may have made the payload. Raises Failure before anything is touched.
    """
    refuse_machine()
    with admitted(payload, map_user=map_user or {}, signers=signers, say=say) as ours:
        items = _selected(tuple(ours.posture.items()), only, skip)
        say("looking at what is here already")
        here = collect(Machine()).posture
        plan = _planned(ours.posture, here, items)
        lacking = plan.ids() - {item.id for item in here.items()}
        refuse_space(ours.posture, lacking, ours.manifest, state)
        with _workshop(state, check) as work:
            shutil.move(ours.folder, work / "payload")
            (work / "plan.json").write_text(plan.text())
            say(f"restoring {len(plan.ids())} items of {ours.manifest.host}")
            (work / "outcomes").write_text("".join(map(_event, plan.told)))
            ended = _play(work, check, say)
            report = assembled(ours.manifest.host, items, _read(work / "outcomes"), ended=ended)
    report = report.model_copy(update={"map_user": ours.names})
    if not check:
        with whole(state / REPORT) as aside:
            aside.write_text(report.text())
        if report.waiting():
            keep(payload, state)
    return report


def _planned(posture: Posture, here: Posture, items: Sequence[Item]) -> Plan:
    """Plan what of `items` is not here as it was."""
    asked = frozenset(item.id for item in items if not item.bound)
    there = already(posture, here) & asked
    plan = planned(Target(posture, here, PurePosixPath("payload/posture"), asked - there))
    told = (Outcome(id=name, state="already") for name in sorted(there))
    return replace(plan, told=(*told, *plan.told))


def _event(outcome: Outcome) -> str:
    return json.dumps({"outcome": outcome.model_dump()}) + "\n"


@contextmanager
def _workshop(state: Path, check: bool) -> Iterator[Path]:
    """Yield an empty folder to work in; a check leaves nothing, a restore its logs."""
    if check:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    work = state / "restore"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700, parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(work / "payload", ignore_errors=True)


def _selected(items: Sequence[Item], only: Sequence[str], skip: Sequence[str]) -> tuple[Item, ...]:
    known = {*SECTIONS, *(item.id for item in items)}
    for name in (*only, *skip):
        if name not in known:
            raise Failure(
                f"{name}: no section and no item of this payload has that name",
                remedy=f"name an item's id, or one of {', '.join(SECTIONS)}",
            )
    return tuple(
        item
        for item in items
        if (not only or {item.section, item.id} & set(only)) and not {item.section, item.id} & set(skip)
    )


def _play(work: Path, check: bool, say: Say) -> str:
    """Run the playbook, repeat what it tells, and return why it did not get to its end, or ""."""
    playbook = work / "payload" / PLAYBOOK / "restore.yaml"
    progress, outcomes = work / "progress", work / "outcomes"
    for empty in (progress, outcomes):
        empty.touch()
    (work / "play.py").write_text(PLAY)
    options = ["--check"] if check else []
    with ThreadPoolExecutor(1) as pool:
        playing = pool.submit(
            run,
            [
                *(sys.executable, str(work / "play.py")),
                *("--inventory", str(playbook.parent / "hosts.yaml"), *options, str(playbook)),
            ],
            cwd=work,
            env={**_ansible(work, playbook), "REKINDLE_PLAN": str(work / "plan.json")},
            stdin=json.dumps(sys.path).encode(),
            remedy=f"read {work / 'ansible.log'}",
        )
        for line in _lines(progress, playing):
            say(line)
    try:
        (work / "said").write_text(playing.result(), errors="surrogateescape")
    except Failure as failure:
        return failure.message
    return ""


def _ansible(work: Path, playbook: Path) -> dict[str, str]:
    """Return an environment in which Ansible reads and leaves nothing outside `work`."""
    home = work / "ansible"
    return {
        "ANSIBLE_CONFIG": str(playbook.parent / "ansible.cfg"),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
        "ANSIBLE_REMOTE_TMP": str(home / "tmp"),
        "ANSIBLE_LOG_PATH": str(work / "ansible.log"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "REKINDLE_PID": str(os.getpid()),
        "REKINDLE_PROGRESS": str(work / "progress"),
        "REKINDLE_OUTCOMES": str(work / "outcomes"),
    }


def _lines(progress: Path, playing: Future[str]) -> Iterator[str]:
    """Yield the lines that come into `progress`, until all is played and read."""
    rest = ""
    with progress.open(errors="replace") as file:
        ended = False
        while not ended:
            ended = playing.done()
            *lines, rest = (rest + file.read()).split("\n")
            yield from lines
            if not ended:
                time.sleep(LOOK_AGAIN_SECONDS)


def _read(path: Path) -> str:
    return path.read_text(errors="replace")
