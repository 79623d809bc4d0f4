"""How is the playbook played, and how is it told what goes on?"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from builder.payload.manifest import PLAYBOOK
from builder.restore.plan import Plan
from builder.restore.progress import Course, Lines, Moment
from collectors.command import run
from collectors.failure import Failure

LOOK_AGAIN_SECONDS = 0.2
# As long as one command may take.
ORPHANS_SECONDS = 3600
# Both are gone with the boot. Whoever restores holds the first one; the second one is held by all that the
# playbook started, too, and so outlives a restore that is killed.
RESTORING, PLAYING = Path("/run/rekindle-restore.lock"), Path("/run/rekindle-playbook.lock")
Say = Callable[[str], None]
Watch = Callable[[Moment], None]

# Ansible runs in a Python that sees what this one sees: in a PEX no program of its own is on PATH.
PLAY = """
import fcntl, json, os, sys
sys.path[:] = json.load(sys.stdin)
lock = open(os.environ["REKINDLE_LOCK"], "a") if "REKINDLE_LOCK" in os.environ else None
if lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
from ansible.cli.playbook import main
sys.exit(main(["ansible-playbook", *sys.argv[1:]]))
"""


@contextmanager
def alone(say: Say) -> Iterator[None]:
    """Let no other restore begin, and wait for what a killed one began.

    Raises Failure while another one is at work.
    """
    with RESTORING.open("a") as restoring, PLAYING.open("a") as playing:
        if not _locked(restoring):
            raise Failure("another restore is at work", remedy="wait until it is done")
        if not _locked(playing):
            say("waiting for the end of what a killed restore began")
            _wait_for(playing)
        fcntl.flock(playing, fcntl.LOCK_UN)
        yield


def _wait_for(file: IO[str]) -> None:
    until = time.monotonic() + ORPHANS_SECONDS
    while not _locked(file):
        if time.monotonic() > until:
            raise Failure("what a killed restore began does not end", remedy="restart, then restore again")
        time.sleep(LOOK_AGAIN_SECONDS)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def play(work: Path, plan: Plan, *, check: bool, say: Say, watch: Watch | None = None) -> str:
    """Play the playbook in `work`, and return why it did not get to its end, or "".

    `say` hears lines, `watch` how far it is, several times a second; without it `say` hears that, too.
    """
    progress, outcomes = work / "progress", work / "outcomes"
    for empty in (progress, outcomes):
        empty.touch()
    (work / "play.py").write_text(PLAY)
    (work / "todo.json").write_text(json.dumps({"todo": plan.todo()}))
    course = Course(plan.works())
    with ThreadPoolExecutor(1) as pool:
        playing = pool.submit(_ansible, work, check)
        _follow(_lines(progress, playing), course, say, watch or Lines(say))
    try:
        (work / "said").write_text(playing.result(), errors="surrogateescape")
    except Failure as failure:
        return failure.message
    return ""


def _ansible(work: Path, check: bool) -> str:
    playbook = work / "payload" / PLAYBOOK / "restore.yaml"
    return run(
        [
            *(sys.executable, str(work / "play.py"), *(["--check"] if check else [])),
            *("--inventory", str(playbook.parent / "hosts.yaml")),
            *("--extra-vars", f"@{work / 'todo.json'}", str(playbook)),
        ],
        cwd=work,
        env=_environment(work, playbook, work / "lock" if check else PLAYING),
        stdin=json.dumps(sys.path).encode(),
        remedy=f"read {work / 'ansible.log'}",
    )


def _environment(work: Path, playbook: Path, lock: Path) -> dict[str, str]:
    """Return an environment in which Ansible reads and leaves nothing outside `work`.

    It holds `lock`: a check has its own, and waits for no restore.
    """
    home = work / "ansible"
    return {
        "ANSIBLE_CONFIG": str(playbook.parent / "ansible.cfg"),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
        "ANSIBLE_REMOTE_TMP": str(home / "tmp"),
        "ANSIBLE_LOG_PATH": str(work / "ansible.log"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "REKINDLE_LOCK": str(lock),
        "REKINDLE_PID": str(os.getpid()),
        "REKINDLE_PLAN": str(work / "plan.json"),
        "REKINDLE_PROGRESS": str(work / "progress"),
        "REKINDLE_OUTCOMES": str(work / "outcomes"),
    }


def _follow(lines: Iterator[str], course: Course, say: Say, watch: Watch) -> None:
    """Tell of each line, and of how far it is in between, where "" stands for nothing new."""
    for line in lines:
        said = course.hear(line) if line else ""
        if said:
            say(said)
        moment = course.moment()
        if moment:
            watch(moment)


def _lines(progress: Path, playing: Future[str]) -> Iterator[str]:
    """Yield the lines that come into `progress`, until all is played and read; "" when none came."""
    rest = ""
    with progress.open(errors="replace") as file:
        ended = False
        while not ended:
            ended = playing.done()
            *lines, rest = (rest + file.read()).split("\n")
            yield from lines or ("",)
            if not ended:
                time.sleep(LOOK_AGAIN_SECONDS)
