"""What would this machine lose today?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.coverage.packaged import begin
from collectors.host import Machine

if TYPE_CHECKING:
    from collectors.collect import Survey
    from collectors.coverage.coverage import Coverage


def look(root: Path, say: Callable[[str], None]) -> tuple[Survey, Coverage]:
    """Collect the machine under `root`, writing nothing, and return what its posture would not bring back.

    The look at all packages' files goes on beside this process while the collectors are loaded and run.
    """
    machine = Machine(root)
    begun = begin(machine)
    from collectors.collect import collect
    from collectors.coverage.coverage import coverage

    survey = collect(machine, on_section=lambda section: say(f"collecting {section}"))
    say("looking for what would be lost")
    return survey, coverage(machine, survey, begun)


def plain(found: Coverage) -> dict[str, Any]:
    """Return it as plain data for a program."""
    return {
        "losses": [asdict(loss) for loss in found.losses],
        "programs": [asdict(program) for program in found.programs],
        "clouds": [asdict(kept) for kept in found.clouds],
        "unseen": [asdict(each) for each in found.unseen],
        "totals": asdict(found.totals),
    }
