"""What do tests of the restore share? A runner of commands whose people are all the one who tests."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from builder.restore.plan import planned
from builder.restore.report import Outcome
from builder.restore.steps.commands import CommandStep
from builder.restore.steps.step import Target
from collectors.posture import Posture
from collectors.record import Section
from tests.postures import small_posture
from tests.recording import Recording
from tests.unit.restore.playbook import library

commands = library("rekindle_commands")


@pytest.fixture(autouse=True)
def _never_for_real(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal that fails must not end in a restore of the machine that tests."""

    def play(*words: object, **options: object) -> None:
        raise AssertionError("a restore went past its refusals")

    monkeypatch.setattr("builder.restore.restore.play", play)


class Playing:
    """A runner of commands in `folder`, which is everybody's home; `programs` are fakes on their PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = Recording(folder / ".local" / "bin")
        self.lock = (folder / "lock").open("w")
        self.runner = commands.Runner(
            "languages", 9, str(folder / "progress"), str(folder / "log"), self.lock
        )

    def play(self, *steps: dict[str, Any]) -> dict[str, dict[str, str]]:
        """Run steps, and return the outcome of each by its id."""
        return {each["id"]: each for each in commands.staged(steps, self.runner)}

    def only(self, command: str, **facts: Any) -> dict[str, str]:
        """Return what became of one command."""
        return self.play(step("x", command, **facts))["x"]

    def restored(self, section: Section, here: Posture | None = None) -> dict[str, dict[str, str]]:
        """Bring a section back, and return the outcome of each of its items by id."""
        made, told = plan_of(section, here)
        outcomes = {each.id: each.model_dump() for each in told}
        return {**outcomes, **self.play(*(each.model_dump(mode="json") for each in made))}

    def lines(self, name: str) -> list[str]:
        return (self.folder / name).read_text().splitlines()


def step(name: str, command: str, **facts: Any) -> dict[str, Any]:
    made = CommandStep(id=name, section="languages", command=command, **facts)
    return made.model_dump(mode="json")


def plan_of(
    section: Section, here: Posture | None = None, posture: Posture | None = None
) -> tuple[tuple[CommandStep, ...], tuple[Outcome, ...]]:
    """Return the commands that a section comes back by, and what is told of the others."""
    posture = replace(posture or small_posture(), **{section.NAME: section})
    wanted = frozenset(item.id for item in section.items() if not item.bound)
    plan = planned(Target(posture, here or small_posture(), PurePosixPath("posture"), wanted))
    return tuple(each for each in plan.steps.get("commands", ()) if isinstance(each, CommandStep)), plan.told


@pytest.fixture
def playing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Playing]:
    me = pwd.struct_passwd(("me", "x", os.getuid(), os.getgid(), "", str(tmp_path), "/bin/bash"))

    def entry(name: str) -> pwd.struct_passwd:
        if name == "carol":
            raise KeyError(name)
        return me

    monkeypatch.setattr(commands.pwd, "getpwnam", entry)
    monkeypatch.setattr(commands, "PAUSES", (0, 0))
    monkeypatch.setattr(commands, "HEED_SECONDS", 1)
    monkeypatch.setattr(commands, "MORE_PATHS", (str(tmp_path / ".local" / "bin"),))
    one = Playing(tmp_path)
    yield one
    one.lock.close()
