"""Which commands bring items back?"""

from __future__ import annotations

from typing import Any, ClassVar

from builder.restore.report import Outcome
from builder.restore.steps.step import Maker, Step, Steps, Target
from collectors.record import File, Thing


class CommandStep(Step):
    """A command of bash that brings an item back, run by `user` in their home, by root in / where that is "".

    Steps of a lower `stage` come first; in one stage the `lane`s go side by side, and the steps of a lane one
    after the other. Those in a row that differ only in their `operand`, the command's last words, are done by
    one command; where that fails, by several. Without one of the programs in `needs`, or of the files
    (`~/.nvm/nvm.sh`), the item waits for the programs, and then is unavailable. `network`: it fetches
    something. `pooled` is the command that brings it from the pool, tried before. `session`: it speaks to its
    person's session. `by_hand` is what a person is told where it fails, `note` what they are told where it
    does not. It is ended after `seconds`.
    """

    PART: ClassVar[str] = "commands"

    user: str = ""
    command: str
    pooled: str = ""
    operand: str = ""
    stage: int = 0
    lane: str = ""
    needs: tuple[str, ...] = ()
    network: bool = False
    session: bool = False
    by_hand: str = ""
    note: str = ""
    seconds: int = 3600

    def work(self) -> str:
        """Return `commands flatpak`."""
        return f"{self.PART} {self.section}"


def plain(section: str) -> Maker:
    """Return what makes a step of the command that each thing of `section` names itself."""

    def steps(to: Target) -> Steps:
        for thing in to.things(section):
            if not isinstance(thing, File):
                yield step_of(section, thing) if thing.by_hand() else untold(thing)

    return steps


def step_of(section: str, thing: Thing, **facts: Any) -> CommandStep:
    """Return the step of a thing's own command; `facts` replace what is usual."""
    usual = {
        "id": thing.item_id(),
        "section": section,
        "user": person(thing),
        "command": thing.by_hand(),
        "lane": thing.KIND,
        "by_hand": thing.by_hand(),
    }
    return CommandStep(**{**usual, **facts})


def untold(thing: Thing) -> Outcome:
    """Return the outcome of a thing that only a person can bring back."""
    remedy = thing.by_hand() or "set it up by hand from the posture"
    return Outcome(id=thing.item_id(), state="unavailable", reason="no command brings it back", remedy=remedy)


def like_an_option(thing: Thing) -> Outcome:
    """Return the outcome of a thing whose name a program would take for something else."""
    reason, remedy = "its name begins as an option does", "see what it is, and install it by hand"
    return Outcome(id=thing.item_id(), state="unavailable", reason=reason, remedy=remedy)


def person(thing: Thing) -> str:
    """Return whose a thing is by its name, `~ada/black`; "" for the machine's."""
    name = thing.item_name()
    return name[1:].partition("/")[0] if name.startswith("~") else ""
