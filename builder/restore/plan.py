"""Which steps apply a posture, in the words of the playbook's modules?

The plan is written as JSON for modules that know nothing but the standard library. Its steps carry
the ids of their items; paths are escaped as in a posture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Literal, TypeVar

from collectors.domains.apt import Apt
from collectors.domains.system import System
from collectors.domains.users import Group, User
from collectors.judgement.attributes import capability_bytes
from collectors.posture import Posture
from collectors.record import File, LeftOut, Record, escaped
from collectors.repository import content_path

# Pins, a proxy, what dpkg leaves out: they decide what is installed, so they are there before it is.
OBEYED = ("/etc/apt/", "/etc/dpkg/")


class NameStep(Record):
    """A package to install or to hold."""

    id: str
    name: str


class SystemStep(Record):
    """One value that the machine is told: `hostname`, `ada-desk`."""

    id: str
    key: Literal["hostname", "locale", "timezone", "keyboard"]
    value: str | Mapping[str, str]


class FileStep(Record):
    """One path. `content` is where its bytes lie, relative to the plan's own directory; escaped.

    `acl` is as in collectors/judgement/attributes.py, `capabilities` the attribute in hex. `uris` are the
    addresses that a file of package sources names.
    """

    id: str
    path: str
    kind: Literal["file", "directory", "symlink"]
    owner: str = "root"
    group: str = "root"
    mode: str = "0644"
    target: str = ""
    content: str = ""
    acl: str = ""
    capabilities: str = ""
    uris: tuple[str, ...] = ()


class PendingStep(Record):
    """An item that no role brings back yet, and the command that does."""

    id: str
    section: str
    by_hand: str


class GroupStep(Group):
    """A group to make."""

    id: str


class UserStep(User):
    """A person's account to make, or to make the same."""

    id: str


Step = TypeVar("Step", NameStep, SystemStep, FileStep, PendingStep, GroupStep, UserStep)

# The kinds of items that a module brings back; the others are pending.
RESTORED = ("system", "apt", "apt-hold", "apt-source", "apt-key", "group", "user", "file")


class Plan(Record):
    """All steps, by the module that applies them; `sources` is all that apt and dpkg obey."""

    sources: tuple[FileStep, ...]
    packages: tuple[NameStep, ...]
    holds: tuple[NameStep, ...]
    system: tuple[SystemStep, ...]
    groups: tuple[GroupStep, ...]
    users: tuple[UserStep, ...]
    files: tuple[FileStep, ...]
    pending: tuple[PendingStep, ...]


def planned(posture: Posture, wanted: Callable[[str], bool], contents: PurePosixPath) -> Plan:
    """Plan the items whose id is `wanted`; `contents` is the posture's place beside the plan."""

    def kept(steps: Iterator[Step]) -> tuple[Step, ...]:
        return tuple(step for step in steps if wanted(step.id))

    files = kept(_files(posture, contents))
    return Plan(
        sources=(
            *kept(_sources(posture.apt, contents)),
            *(step for step in files if step.path.startswith(OBEYED)),
        ),
        packages=kept(_named("apt", (package.name for package in posture.apt.packages))),
        holds=kept(_named("apt-hold", posture.apt.holds)),
        system=kept(_system(posture.system)),
        groups=kept(
            GroupStep(id=f"group:{group.name}", **group.model_dump()) for group in posture.users.groups
        ),
        users=kept(UserStep(id=f"user:{user.name}", **user.model_dump()) for user in posture.users.users),
        files=tuple(step for step in files if not step.path.startswith(OBEYED)),
        pending=kept(_pending(posture)),
    )


def of_another_release(posture: Posture, codename: str) -> tuple[str, ...]:
    """Return the ids of the source files that name suites of the old machine's release, where `codename`
    is another: they would mix two releases.
    """
    then = posture.system.release.codename
    if not then or then == codename:
        return ()
    return tuple(
        f"apt-source:{source.path}"
        for source in posture.apt.sources
        if any(suite.split("-")[0] == then for entry in source.entries for suite in entry.suites)
    )


def _sources(apt: Apt, contents: PurePosixPath) -> Iterator[FileStep]:
    for keyring in apt.keyrings:
        yield FileStep(
            id=f"apt-key:{keyring.path}",
            path=keyring.path,
            kind="file",
            content=_content(keyring.path, contents),
        )
    for source in apt.sources:
        yield FileStep(
            id=f"apt-source:{source.path}",
            path=source.path,
            kind="file",
            content=_content(source.path, contents),
            uris=tuple(uri for entry in source.entries for uri in entry.uris),
        )


def _named(kind: str, names: Iterable[str]) -> Iterator[NameStep]:
    return (NameStep(id=f"{kind}:{name}", name=name) for name in names)


def _system(system: System) -> Iterator[SystemStep]:
    yield SystemStep(id="system:hostname", key="hostname", value=system.hostname)
    yield SystemStep(id="system:locale", key="locale", value=system.locale)
    yield SystemStep(id="system:timezone", key="timezone", value=system.timezone)
    yield SystemStep(id="system:keyboard", key="keyboard", value=system.keyboard.model_dump())


def _files(posture: Posture, contents: PurePosixPath) -> Iterator[FileStep]:
    """Yield the files of every section: each has an owner, a mode, and a place of its own."""
    for section in posture.sections():
        yield from (_file(thing, contents) for thing in section.things() if isinstance(thing, File))


def _pending(posture: Posture) -> Iterator[PendingStep]:
    for section, thing in posture.things():
        if thing.KIND not in RESTORED and not isinstance(thing, LeftOut):
            yield PendingStep(id=thing.item_id(), section=section, by_hand=thing.by_hand())


def _file(file: File, contents: PurePosixPath) -> FileStep:
    return FileStep(
        id=f"file:{file.path}",
        path=file.path,
        kind=file.kind,
        owner=file.owner,
        group=file.group,
        mode=file.mode,
        target=file.target,
        content=_content(file.path, contents) if file.kind == "file" else "",
        acl=file.acl,
        capabilities=capability_bytes(file.capabilities).hex() if file.capabilities else "",
    )


def _content(path: str, contents: PurePosixPath) -> str:
    return escaped(str(contents / content_path(path)))
