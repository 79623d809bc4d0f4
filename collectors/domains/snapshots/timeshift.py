"""When does Timeshift take snapshots, and of what?

Source: timeshift.json, values of which are all text: `"schedule_daily" : "true"`. The disk that it writes
to is the old machine's.
"""

from __future__ import annotations

import shlex
from typing import Any, ClassVar

from collectors.reading.looking import mapping, string, strings
from collectors.record import Thing

# The older place of the file, and the one since version 22.
PLACES = ("/etc/timeshift/timeshift.json", "/etc/timeshift.json")
LEVELS = ("monthly", "weekly", "daily", "hourly", "boot")


class Timeshift(Thing):
    """What Timeshift was told; `schedule` is `daily=5`: so many of each level are kept.

    `device` is the UUID of the disk that it writes to: the new machine has another one.
    """

    KIND: ClassVar[str] = "timeshift"
    FREE: ClassVar[frozenset[str]] = frozenset({"device"})

    mode: str = "rsync"
    schedule: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    excluded_apps: tuple[str, ...] = ()
    with_home: bool = False
    device: str = ""

    def item_name(self) -> str:
        """Return what it is of all that Timeshift has."""
        return "schedule"

    def by_hand(self) -> str:
        """Return how the program is told again; its window has the rest."""
        return shlex.join(("timeshift", "--btrfs" if self.mode == "btrfs" else "--rsync", "--list-devices"))


def timeshift(value: Any) -> Timeshift | None:
    """Return what a timeshift.json says, None where it was never set up."""
    said = mapping(value)
    if not said or said.get("do_first_run") == "true":
        return None
    levels = (f"{level}={_count(said, level)}" for level in LEVELS if said.get(f"schedule_{level}") == "true")
    return Timeshift(
        mode="btrfs" if said.get("btrfs_mode") == "true" else "rsync",
        schedule=tuple(levels),
        excludes=strings(said.get("exclude")),
        excluded_apps=strings(said.get("exclude-apps")),
        with_home=said.get("include_btrfs_home_for_backup") == "true"
        or said.get("include_btrfs_home") == "true",
        device=string(said.get("backup_device_uuid")),
    )


def _count(said: dict[str, Any], level: str) -> str:
    return string(said.get(f"count_{level}"))
