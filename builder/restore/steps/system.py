"""Which steps tell the machine its name, its language, its time and its keyboard?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from builder.restore.steps.step import Step, Steps, Target
from collectors.domains.system import Fact, System
from collectors.record import Record


class SystemStep(Step):
    """One value that the machine is told: `hostname`, `ada-desk`."""

    PART: ClassVar[str] = "system"

    key: Literal["hostname", "locale", "timezone", "keyboard"]
    value: str | Mapping[str, str]


def steps(to: Target) -> Steps:
    """Yield the steps of the section system."""
    for thing in to.things(System.NAME):
        if isinstance(thing, Fact):
            value = thing.value.model_dump() if isinstance(thing.value, Record) else thing.value
            yield SystemStep(id=thing.item_id(), section=System.NAME, key=thing.name, value=value)
