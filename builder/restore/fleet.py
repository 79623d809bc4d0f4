"""How are many machines restored at once, over SSH?

The inventory is plain Ansible's. Each host restores itself with the program out of the payload.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import IO, Any, cast

from pydantic import ValidationError

from builder.payload.manifest import PLAYBOOK, PROGRAM
from builder.payload.payload import open_payload, signed_by
from builder.restore.on_host import PAYLOAD, REQUEST, Answer, Request
from builder.restore.page import leave
from builder.restore.people import refuse_names
from builder.restore.play import PLAY, Say
from builder.restore.progress import printable
from builder.tools import require
from collectors.failure import Failure
from collectors.repository import read_posture


@dataclass(frozen=True)
class Fleet:
    """The answer of each host, by its name in the inventory; `reports` is where they lie."""

    hosts: Mapping[str, Answer]
    reports: Path

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield for each host how much is restored, the gaps, the score; or why there is none of it."""
        for host, answer in self.hosts.items():
            if answer.report is None:
                yield host, "-", "-", printable(answer.failure)
                continue
            counts = answer.report.counts()
            there = sum(counts.get(state, 0) for state in ("restored", "already", "substituted"))
            score = answer.report.score
            percent = f"{score.percent:.1f} %" if score else "-"
            yield host, str(there), str(len(answer.report.gaps())), percent

    def failed(self) -> tuple[str, ...]:
        """Return the hosts that have no report."""
        return tuple(host for host, answer in self.hosts.items() if answer.report is None)

    def has_gaps(self) -> bool:
        """Tell whether something is not there on one of them."""
        return any(answer.report and answer.report.gaps() for answer in self.hosts.values())


def restore_fleet(
    payload: Path,
    request: Request,
    *,
    inventory: Path,
    limit: str = "",
    signers: Path | None = None,
    reports: Path,
    say: Say,
) -> Fleet:
    """Restore all hosts of `inventory`, or those that `limit` names as Ansible does; leave their reports.

    Raises Failure before any host is asked, where the payload, the inventory or the request is none.
    """
    require(["ssh"])
    if not inventory.exists():
        raise Failure(f"{inventory}: no such inventory", remedy="list the hosts in an Ansible inventory")
    who = signed_by(payload, signers)
    say(f"signed by {who}" if who else "the payload's signature was not checked")
    with _packed(payload, request) as work:
        answers: dict[str, Answer] = {}
        for event in _events(work, inventory, limit):
            _hear(event, answers, say)
        if not answers:
            raise _nobody(work, inventory, limit)
    hosts = dict(sorted(answers.items()))
    for host, answer in hosts.items():
        if answer.report is not None and not request.check:
            leave(answer.report, reports / host.replace("/", "_").lstrip("."))
    return Fleet(hosts, reports)


@contextmanager
def _packed(payload: Path, request: Request) -> Iterator[Path]:
    """Yield a folder with all that each host gets; raises Failure for what no host could restore."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        open_payload(payload, work / "payload")
        refuse_names(read_posture(work / "payload/posture"), request.map_user)
        (work / "payload" / PROGRAM).rename(work / PROGRAM)
        shutil.rmtree(work / "payload")
        shutil.copyfile(payload, work / PAYLOAD)
        (work / REQUEST).write_text(request.model_dump_json())
        (work / "play.py").write_text(PLAY)
        yield work


def _events(work: Path, inventory: Path, limit: str) -> Iterator[Mapping[str, Any]]:
    """Run the playbook, and yield what is heard of each host as it comes."""
    playbook = Path(str(resources.files("iso_overlay"))) / PLAYBOOK / "fleet.yaml"
    argv = [
        *(sys.executable, str(work / "play.py"), "--inventory", str(inventory.absolute())),
        *(("--limit", limit) if limit else ()),
        str(playbook),
    ]
    (work / "path").write_text(json.dumps(sys.path))
    with (work / "log").open("w") as log, _run(argv, _ansible(work, playbook), work / "path", log) as lines:
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                log.write(line)
                continue
            yield event


@contextmanager
def _run(argv: list[str], env: Mapping[str, str], path: Path, log: IO[str]) -> Iterator[IO[str]]:
    with (
        path.open() as stdin,
        subprocess.Popen(
            argv,
            env=env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=log,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        try:
            yield cast("IO[str]", process.stdout)
        except BaseException:
            process.terminate()
            raise


def _ansible(work: Path, playbook: Path) -> dict[str, str]:
    """Return an environment in which Ansible leaves nothing outside `work`."""
    home = work / "ansible"
    return {
        **os.environ,
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(playbook.with_suffix(".cfg")),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
        "ANSIBLE_NOCOLOR": "1",
        "REKINDLE_FLEET": str(work),
    }


def _hear(event: Mapping[str, Any], answers: dict[str, Answer], say: Say) -> None:
    """Take in one event of a host, and tell it; the first thing that went wrong counts."""
    host = str(event["host"])
    if "doing" in event:
        say(f"{host}: {event['doing']}")
    elif "answer" in event:
        answers[host] = _answer(event["answer"])
        say(printable(f"{host}: {_told(answers[host])}"))
    elif host not in answers:
        wrong = f"not reached: {event['unreachable']}" if "unreachable" in event else event["failed"]
        answers[host] = Answer(failure=str(wrong))
        say(printable(f"{host}: {wrong}"))


def _answer(content: str) -> Answer:
    try:
        return Answer.model_validate_json(base64.b64decode(content))
    except (ValueError, ValidationError):
        return Answer(failure="its answer is none that is known here")


def _told(answer: Answer) -> str:
    if answer.report is None:
        return answer.failure
    return ", ".join(f"{count} {state}" for state, count in answer.report.counts().items())


def _nobody(work: Path, inventory: Path, limit: str) -> Failure:
    said = (work / "log").read_text(errors="replace").strip().splitlines()
    wrong = next((line for line in said if line.startswith(("ERROR", "[ERROR]"))), "")
    which = f" that {limit} is for" if limit else ""
    return Failure(
        f"{inventory} names no host{which}{': ' if wrong else ''}{wrong}",
        remedy="see `ansible-inventory --list`: a line for each host is enough",
    )
