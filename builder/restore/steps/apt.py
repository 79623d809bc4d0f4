"""Which steps bring packages and their sources back?"""

from __future__ import annotations

from typing import ClassVar

from builder.restore.steps.commands import step_of
from builder.restore.steps.files import FileStep
from builder.restore.steps.step import Step, Steps, Target
from collectors.domains.apt import Apt, Architecture, Hold, Keyring, Package, SourceFile


class PackageStep(Step):
    """A package to install; `deb` is where its file lay on the old machine, if no source offers it."""

    PART: ClassVar[str] = "packages"

    name: str
    version: str = ""
    deb: str = ""


class HoldStep(Step):
    """A package to hold."""

    PART: ClassVar[str] = "holds"

    name: str


def steps(to: Target) -> Steps:
    """Yield the steps of the section apt."""
    for thing in to.things(Apt.NAME):
        if isinstance(thing, Keyring):
            yield _bytes(thing, to)
        elif isinstance(thing, SourceFile):
            yield _bytes(thing, to, tuple(uri for entry in thing.entries for uri in entry.uris))
        elif isinstance(thing, Package):
            yield PackageStep(
                id=thing.item_id(), section=Apt.NAME, name=thing.name, version=thing.version, deb=thing.deb
            )
        elif isinstance(thing, Hold):
            yield HoldStep(id=thing.item_id(), section=Apt.NAME, name=thing.name)
        elif isinstance(thing, Architecture):
            yield step_of(Apt.NAME, thing)
        else:
            yield step_of(Apt.NAME, thing, needs=("debconf-set-selections",))


def _bytes(thing: Keyring | SourceFile, to: Target, uris: tuple[str, ...] = ()) -> FileStep:
    return FileStep(
        id=thing.item_id(),
        section=Apt.NAME,
        path=thing.path,
        kind="file",
        content=to.content(thing.path),
        uris=uris,
        first=True,
    )
