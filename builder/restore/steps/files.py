"""Which files come back, and when? What is told to dpkg and systemd about files?"""

from __future__ import annotations

from typing import ClassVar, Literal

from builder.restore.report import Outcome
from builder.restore.steps.commands import CommandStep, step_of
from builder.restore.steps.step import Step, Steps, Target
from collectors.domains.apt import Apt
from collectors.domains.files import Files
from collectors.domains.files.conffiles import Deleted
from collectors.domains.files.packaging import Alternative, Diversion
from collectors.domains.files.units import Unit
from collectors.judgement.attributes import capability_bytes
from collectors.record import File
from collectors.repository import PRISTINE

# Pins, a proxy, what dpkg leaves out: they decide what is installed, so they are there before it is.
OBEYED = ("/etc/apt/", "/etc/dpkg/", "/etc/flatpak/")


class FileStep(Step):
    """One path. `content` and `pristine` are where its bytes lie, relative to the plan's own folder; escaped.

    `acl` is as in collectors/judgement/attributes.py, `capabilities` the attribute in hex. `pristine` is the
    version that the package brought on the old machine. `first`: it comes before all packages. `merge`: this
    machine's release is another than the old one's, and may have changed the file, too.
    """

    PART: ClassVar[str] = "files"

    path: str
    kind: Literal["file", "directory", "symlink", "absent"]
    owner: str = "root"
    group: str = "root"
    mode: str = "0644"
    target: str = ""
    content: str = ""
    pristine: str = ""
    acl: str = ""
    capabilities: str = ""
    first: bool = False
    merge: bool = False

    def work(self) -> str:
        """Return `files`, or `files first` before all packages."""
        return f"{self.PART} first" if self.first else self.PART


def steps(to: Target) -> Steps:
    """Yield the steps of the section files, without the files that it captured.

    A diversion is there before the package that brings the file. An override may name a group that came with
    people or packages, and dpkg does nothing while it knows of none: it comes after both.
    """
    for thing in to.things(Files.NAME):
        if isinstance(thing, Deleted):
            yield FileStep(id=thing.item_id(), section=Files.NAME, path=thing.path, kind="absent")
        elif isinstance(thing, Diversion):
            yield step_of(Apt.NAME, thing)
        elif isinstance(thing, Alternative):
            yield _alternative(thing)
        elif isinstance(thing, Unit):
            yield _disabled(thing)
        elif not isinstance(thing, File):
            yield step_of(Files.NAME, thing)


def _alternative(thing: Alternative) -> CommandStep:
    """Return the step of a choice; what it leads to may come with a program, after all files."""
    needs = (thing.target,) if "\\" not in thing.target else ()
    return step_of(Files.NAME, thing, needs=needs)


def _disabled(thing: Unit) -> CommandStep:
    """Return the step of a unit: many are disabled by one command. What runs goes on until the next boot."""
    command, _, name = thing.by_hand().partition(" -- ")
    return step_of(Files.NAME, thing, command=f"{command} --", operand=name)


def captured(section: str, to: Target) -> Steps:
    """Yield the files that a section captured: each has an owner, a mode and a place of its own."""
    for thing in to.things(section):
        if isinstance(thing, File):
            try:
                yield file_step(section, thing, to)
            except ValueError as error:
                reason = f"its facts are none: {error}"
                yield Outcome(id=thing.item_id(), state="failed", reason=reason, remedy="mend the posture")


def file_step(section: str, file: File, to: Target) -> FileStep:
    """Return the step of one captured path."""
    merge = bool(file.pristine or file.origin == "conffile") and is_another_release(to)
    return FileStep(
        id=file.item_id(),
        section=section,
        path=file.path,
        kind=file.kind,
        owner=file.owner,
        group=file.group,
        mode=file.mode,
        target=file.target,
        content=to.content(file.path) if file.content_path() else "",
        pristine=to.content(file.path, PRISTINE) if file.pristine else "",
        acl=file.acl,
        capabilities=capability_bytes(file.capabilities).hex() if file.capabilities else "",
        # What the release brings must be there to be merged with.
        first=file.path.startswith(OBEYED) and not merge,
        merge=merge,
    )


def is_another_release(to: Target) -> bool:
    """Tell whether the machine runs another release than the posture's."""
    then, now = to.posture.system.release, to.here.system.release
    return (then.distribution, then.version, then.codename) != (now.distribution, now.version, now.codename)
