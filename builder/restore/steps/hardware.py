"""Which drivers does this machine need instead of the old one's?

Nothing of the old machine's hardware comes back: all is bound, and each says what another machine needs.
"""

from __future__ import annotations

from typing import ClassVar

from builder.restore.report import Outcome
from builder.restore.steps.step import Step, Steps, Target
from collectors.domains.hardware import Hardware
from collectors.domains.hardware.things import Driver, Part

BY_UBUNTU = "ubuntu-drivers install"


class DriverStep(Step):
    """Drivers to install for this machine, as its release knows them; `id` is of what the old one had."""

    PART: ClassVar[str] = "drivers"


def steps(to: Target) -> Steps:
    """Yield what another machine needs instead of each part, and one step for its drivers."""
    things = [thing for thing in to.posture.hardware.things() if thing.item_id() in to.bound]
    for thing in things:
        if isinstance(thing, Part | Driver) and thing.by_hand():
            remedy = thing.by_hand()
            yield Outcome(id=thing.item_id(), state="excluded", reason=thing.bound, remedy=remedy)
    wants = [thing for thing in things if isinstance(thing, Part | Driver) and thing.by_hand() == BY_UBUNTU]
    if wants and not any(driver.by_hand() == BY_UBUNTU for driver in to.here.hardware.drivers):
        yield DriverStep(id=wants[0].item_id(), section=Hardware.NAME)
