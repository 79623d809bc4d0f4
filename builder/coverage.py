"""What would this machine lose today?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from builder.chain import Say
from collectors.collect import Survey, collect
from collectors.coverage.coverage import Coverage, coverage
from collectors.coverage.packaged import begin
from collectors.host import Machine


def look(root: Path, say: Say) -> tuple[Survey, Coverage]:
    """Collect the machine under `root`, writing nothing, and return what its posture would not bring back."""
    machine = Machine(root)
    begun = begin(machine)
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
