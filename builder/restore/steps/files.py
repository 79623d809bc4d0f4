"""Which files come back, and when?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from builder.restore.steps.step import Step, Target
from collectors.judgement.attributes import capability_bytes
from collectors.record import File
from collectors.repository import PRISTINE

# Pins, a proxy, what dpkg leaves out, where flatpak installs: they decide what is installed, and how.
OBEYED = ("/etc/apt/", "/etc/dpkg/", "/etc/flatpak/")


class FileStep(Step):
    """One path. `content` and `pristine` are where its bytes lie, relative to the plan's own folder; escaped.

    `acl` is as in collectors/judgement/attributes.py, `capabilities` the attribute in hex. `origin` and
    `pristine` are a posture's: the version that the package brought on the old machine. `uris` are the
    addresses that a file of package sources names. `first`: it comes before all packages.
    """

    PART: ClassVar[str] = "files"

    path: str
    kind: Literal["file", "directory", "symlink"]
    origin: str = ""
    owner: str = "root"
    group: str = "root"
    mode: str = "0644"
    target: str = ""
    content: str = ""
    pristine: str = ""
    acl: str = ""
    capabilities: str = ""
    uris: tuple[str, ...] = ()
    first: bool = False


def captured(section: str, to: Target) -> Iterator[FileStep]:
    """Yield the files that a section captured: each has an owner, a mode and a place of its own."""
    for thing in to.things(section):
        if isinstance(thing, File):
            yield file_step(section, thing, to)


def file_step(section: str, file: File, to: Target) -> FileStep:
    """Return the step of one captured path."""
    return FileStep(
        id=file.item_id(),
        section=section,
        path=file.path,
        kind=file.kind,
        origin=file.origin,
        owner=file.owner,
        group=file.group,
        mode=file.mode,
        target=file.target,
        content=to.content(file.path) if file.content_path() else "",
        pristine=to.content(file.path, PRISTINE) if file.pristine else "",
        acl=file.acl,
        capabilities=capability_bytes(file.capabilities).hex() if file.capabilities else "",
        first=file.path.startswith(OBEYED),
    )
