"""Which steps bring mounts, folders in step and remotes of clouds back?"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import ClassVar

from builder.restore.report import Outcome
from builder.restore.steps.commands import untold
from builder.restore.steps.keyfiles import KeyfileStep
from builder.restore.steps.network import awaited
from builder.restore.steps.step import Step, Steps, Target
from collectors.domains.services import Services
from collectors.domains.services.fstab import Mount
from collectors.domains.services.rclone import CONFIG, Remote
from collectors.domains.services.syncthing import SyncedDevice, SyncedFolder
from collectors.record import File, Thing, word

# What Syncthing would take for "never" and "none" if it were not said.
DYNAMIC = ("<address>dynamic</address>",)
WATCHED = {
    "rescanIntervalS": "3600",
    "fsWatcherEnabled": "true",
    "fsWatcherDelayS": "10",
    "autoNormalize": "true",
}
KEEPS_CONFLICTS = ("<maxConflicts>10</maxConflicts>",)
NUMBERED = re.compile(r"(.+) \(\d+\)")


class MountStep(Step):
    """A line of fstab(5) to add, its fields escaped and with blanks as they are.

    `beside` are the sources of all the owner's lines with that path.
    """

    PART: ClassVar[str] = "mounts"

    path: str
    source: str
    kind: str
    where: str
    options: tuple[str, ...]
    check: str
    credentials: str = ""
    secrets: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


class SyncthingStep(Step):
    """A device or a folder that somebody's Syncthing is told of; escaped.

    `facts` are the attributes of its element, `settings` the elements in it; `path` is where a folder lies
    (`~/Sync`), `devices` are the numbers of those that it is shared with.
    """

    PART: ClassVar[str] = "syncthing"

    user: str
    sort: str
    facts: dict[str, str]
    settings: tuple[str, ...]
    path: str = ""
    devices: tuple[str, ...] = ()
    by_hand: str = ""


def steps(to: Target) -> Steps:
    """Yield the steps of the section services: devices first, which folders name."""
    things = [thing for thing in to.things(Services.NAME) if not isinstance(thing, File)]
    for thing in sorted(things, key=lambda thing: isinstance(thing, SyncedFolder)):
        yield _made(thing, to)


def _made(thing: Thing, to: Target) -> Step | Outcome:
    if isinstance(thing, Mount):
        return mount(thing, to)
    if isinstance(thing, Remote):
        return remote(thing)
    if isinstance(thing, SyncedDevice):
        return device(thing)
    if isinstance(thing, SyncedFolder):
        return folder(thing, to)
    return untold(thing)


def mount(thing: Mount, to: Target) -> MountStep:
    """Return the step of a line; the second of one path has a number, which is not its path's."""
    mounts = to.posture.services.mounts
    paths = {each.path for each in mounts}
    path = mounted_at(thing, paths)
    beside = tuple(each.source for each in mounts if mounted_at(each, paths) == path)
    facts = thing.model_dump(exclude={"bound", "path"})
    return MountStep(id=thing.item_id(), section=Services.NAME, path=path, beside=beside, **facts)


def mounted_at(thing: Mount, paths: Set[str]) -> str:
    """Return the path of a mount, of which there may be several: `/mnt/a (2)` is at `/mnt/a`."""
    numbered = NUMBERED.fullmatch(thing.path)
    return numbered[1] if numbered and numbered[1] in paths else thing.path


def remote(thing: Remote) -> KeyfileStep:
    """Return the step of a remote: one group of somebody's rclone.conf."""
    pairs = (setting.partition("=") for setting in thing.settings)
    return KeyfileStep(
        id=thing.item_id(),
        section=Services.NAME,
        path=CONFIG,
        user=thing.user,
        whole=False,
        groups={thing.name: {key: value for key, _, value in pairs}},
        secrets=tuple(f"{thing.name}.{key}" for key in thing.secrets),
        remedy=f"run `rclone config reconnect {word(f'{thing.name}:')}`, or `rclone config`",
    )


def device(thing: SyncedDevice) -> SyncthingStep:
    """Return the step of a device."""
    facts = {
        **thing.attributes,
        "id": thing.device,
        "name": thing.name,
        "introducer": str(thing.introducer).lower(),
    }
    return SyncthingStep(
        id=thing.item_id(),
        section=Services.NAME,
        user=thing.user,
        sort="device",
        facts=facts,
        settings=thing.settings or DYNAMIC,
        by_hand=thing.by_hand(),
    )


def folder(thing: SyncedFolder, to: Target) -> Step | Outcome:
    """Return the step of a folder; one that is sent encrypted must not go anywhere in the clear."""
    if thing.secrets:
        names = ", ".join(thing.secrets)
        remedy = "add it in Syncthing's window, with that password"
        return awaited(thing, f"the password with which it is encrypted for {names} is secret", remedy)
    numbers = {each.name: each.device for each in to.posture.services.devices if each.user == thing.user}
    facts = {**WATCHED, **thing.attributes, "id": thing.folder, "label": thing.label, "type": thing.mode}
    home = f"~{thing.user}"
    inside = thing.place == home or thing.place.startswith(f"{home}/")
    return SyncthingStep(
        id=thing.item_id(),
        section=Services.NAME,
        user=thing.user,
        sort="folder",
        facts={key: value for key, value in facts.items() if value or key not in ("label", "type")},
        settings=thing.settings or KEEPS_CONFLICTS,
        path=f"~{thing.place.removeprefix(home)}" if inside else thing.place,
        devices=tuple(numbers.get(name, name) for name in thing.devices),
        by_hand=thing.by_hand(),
    )
