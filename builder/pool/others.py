"""What of a posture comes from the network alone, whatever is in the pool?

The restore's own plan knows: every command that fetches something, of an item that no kind of bundle takes.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from builder.pool import flatpak, npm, wheels
from builder.pool.gathered import Gathered, Say
from builder.pool.requests import WAITS
from builder.pool.target import Target
from builder.restore.plan import planned
from builder.restore.steps.commands import CommandStep
from builder.restore.steps.step import Target as Restored
from collectors.failure import Finding
from collectors.posture import Posture

NOT_BUNDLED = "nothing of its kind is bundled"
TAKEN = (*flatpak.TAKES, *npm.TAKES, *wheels.TAKES)


def gather(posture: Posture, target: Target, folder: Path, say: Say) -> Gathered:
    """Gather nothing, and tell of each item that is not bundled."""
    taken = {thing.item_id() for _, thing in posture.things() if isinstance(thing, TAKEN)}
    wanted = frozenset(item.id for item in posture.items() if not item.bound)
    plan = planned(Restored(posture, Posture(system=posture.system), PurePosixPath("posture"), wanted))
    steps = plan.steps.get(CommandStep.PART, ())
    fetched = {each.id for each in steps if isinstance(each, CommandStep) and each.network}
    return Gathered(gaps=tuple(Finding(name, NOT_BUNDLED, WAITS) for name in sorted(fetched - taken)))
