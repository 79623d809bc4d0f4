"""Which steps bring the schedule of snapshots and the layout that they need back?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from builder.restore.report import Outcome
from builder.restore.steps.commands import untold
from builder.restore.steps.step import Step, Steps, Target
from collectors.domains.snapshots import Snapshots
from collectors.domains.snapshots.subvolumes import Subvolume
from collectors.domains.snapshots.timeshift import LEVELS, PLACES, Timeshift
from collectors.record import File, Thing

# The file system itself, which is mounted where somebody works on subvolumes.
TOP = "top"


class SnapshotStep(Step):
    """A subvolume `name` to make, mounted at `paths` with `options`; or what timeshift.json in `path` says.

    `device` is the UUID of the disk that Timeshift wrote to. Names and texts are escaped.
    """

    PART: ClassVar[str] = "snapshots"

    kind: Literal["subvolume", "timeshift"]
    name: str = ""
    paths: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    path: str = ""
    said: Mapping[str, str | tuple[str, ...]] | None = None
    device: str = ""


def steps(to: Target) -> Steps:
    """Yield the steps of the section snapshots."""
    for thing in to.things(Snapshots.NAME):
        if not isinstance(thing, File):
            yield _made(thing)


def _made(thing: Thing) -> Step | Outcome:
    about = {"id": thing.item_id(), "section": Snapshots.NAME}
    if isinstance(thing, Timeshift):
        said = timeshift(thing)
        return SnapshotStep(**about, kind="timeshift", path=PLACES[0], said=said, device=thing.device)
    if isinstance(thing, Subvolume) and thing.name != TOP:
        facts = thing.model_dump(exclude={"bound"})
        return SnapshotStep(**about, kind="subvolume", **facts)
    return untold(thing)


def timeshift(thing: Timeshift) -> dict[str, str | tuple[str, ...]]:
    """Return what timeshift.json says, where all values are text; which disk is the module's to know."""
    counts = dict(each.partition("=")[::2] for each in thing.schedule)
    return {
        "do_first_run": "false",
        "btrfs_mode": _word(thing.mode == "btrfs"),
        "include_btrfs_home_for_backup": _word(thing.with_home),
        **{f"schedule_{level}": _word(level in counts) for level in LEVELS},
        **{f"count_{level}": count for level, count in counts.items() if count},
        "exclude": thing.excludes,
        "exclude-apps": thing.excluded_apps,
    }


def _word(is_so: bool) -> str:
    return str(is_so).lower()
