"""What is planned for the things of one section, as the playbook's modules read it?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from builder.restore.plan import planned
from builder.restore.report import Outcome
from builder.restore.steps.step import Target
from collectors.record import Section
from tests.postures import small_posture


def made(section: Section) -> tuple[dict[str, list[dict[str, Any]]], tuple[Outcome, ...]]:
    """Return the steps by the word that modules know, and the outcomes of what has none."""
    posture = replace(small_posture(), **{section.NAME: section})
    wanted = frozenset(item.id for item in section.items() if not item.bound)
    plan = planned(Target(posture, small_posture(), PurePosixPath("payload/posture"), wanted))
    steps = json.loads(plan.text())
    return {part: some for part, some in steps.items() if part != "owned"}, plan.told
