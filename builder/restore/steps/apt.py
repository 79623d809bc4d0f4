"""Which steps bring packages and their sources back?"""

from __future__ import annotations

from typing import ClassVar

from builder.restore.steps.commands import CommandStep, step_of
from builder.restore.steps.files import FileStep
from builder.restore.steps.sources import source
from builder.restore.steps.step import Step, Steps, Target
from collectors.domains.apt import Apt, Hold, Keyring, Package, SourceFile
from collectors.domains.apt.debconf import Answer
from collectors.record import word


class PackageStep(Step):
    """A package to install, with the version and the archive that it had.

    `deb` is the escaped path at which its file lay on the old machine, if no source offered it.
    """

    PART: ClassVar[str] = "packages"

    name: str
    version: str = ""
    origin: str = ""
    deb: str = ""
    deb_sha256: str = ""


class HoldStep(Step):
    """A package to hold."""

    PART: ClassVar[str] = "holds"

    name: str


def steps(to: Target) -> Steps:
    """Yield the steps of the section apt."""
    for thing in to.things(Apt.NAME):
        about = {"id": thing.item_id(), "section": Apt.NAME}
        if isinstance(thing, SourceFile):
            yield source(thing, to)
        elif isinstance(thing, Keyring):
            yield FileStep(**about, path=thing.path, kind="file", content=to.content(thing.path), first=True)
        elif isinstance(thing, Package):
            yield PackageStep(**about, **thing.model_dump(exclude={"bound"}))
        elif isinstance(thing, Hold):
            yield HoldStep(**about, name=thing.name)
        elif isinstance(thing, Answer):
            yield answer(thing)
        else:
            yield step_of(Apt.NAME, thing, needs=("dpkg",))


def answer(thing: Answer) -> CommandStep:
    """Return the step of an answer: debconf takes many at once."""
    line = f"{thing.package} {thing.question} {thing.type} {thing.value}"
    return step_of(
        Apt.NAME,
        thing,
        command="""bash -c 'printf "%s\\n" "$@" | debconf-set-selections' bash""",
        operand=word(line),
        needs=("debconf-set-selections",),
    )
