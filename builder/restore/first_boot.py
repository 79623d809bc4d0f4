"""What happens on the first boot, between the installer and the login?

Restore, collect again, compare. `iso_overlay/first-boot/first-boot` starts this module inside the PEX
and passes on whatever begins with `rekindle: `.
"""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from builder.payload.payload import open_payload
from builder.restore.people import renamed
from builder.restore.report import Report
from builder.restore.restore import restore
from collectors.collect import collect
from collectors.compare import Score, score
from collectors.failure import Failure
from collectors.host import Machine
from collectors.posture import Posture
from collectors.repository import read_posture, write_posture

# WAITING: packages wait for the network, and the next boot goes on.
DONE, FAILED, GAPS, WAITING = 0, 1, 3, 4
RESTORED = "restored"


def main(words: Sequence[str]) -> int:
    """Restore the payload `words[0]` with the state folder `words[1]`; return the exit code."""
    payload, state = (Path(word) for word in words)
    try:
        say("restore started")
        report = restore(payload, state=state, say=say)
        say("collecting again")
        found = collect(Machine()).posture
        write_posture(found, state / RESTORED)
        result = score(_wanted(payload, state), found)
    except Failure as failure:
        say(f"restore failed: {failure}")
        return FAILED
    except Exception as error:  # a bug: the consoles hear of it in one line, the log keeps its traceback
        traceback.print_exc()
        say(f"restore failed: {type(error).__name__}: {' '.join(str(error).split())}")
        return FAILED
    show(report, result)
    say("restore finished")
    return ended(report, result)


def ended(report: Report, result: Score) -> int:
    """Return the exit code."""
    if any(outcome.until == "network" for outcome in report.items):
        return WAITING
    return GAPS if report.gaps() or result.found < result.eligible else DONE


def say(line: str) -> None:
    """Tell a person, through whoever reads our output."""
    print(f"rekindle: {line}", flush=True)


def show(report: Report, result: Score) -> None:
    """Tell what came of it, with a line for each item that is not as it was."""
    outcomes = {outcome.id: outcome for outcome in report.items}
    for outcome in report.gaps():
        say(f"{outcome.id}: {outcome.state}: {outcome.reason}; {outcome.remedy}")
    for name in (*result.missing, *result.changed):
        if name in outcomes and outcomes[name] not in report.gaps():
            say(f"{name}: not as it was, though {outcomes[name].state}")
    say(", ".join(f"{count} {state}" for state, count in report.counts().items()))
    say(f"score {result.percent:.1f} %: {result.found} of {result.eligible} eligible items")


def _wanted(payload: Path, state: Path) -> Posture:
    with tempfile.TemporaryDirectory(dir=state) as folder:
        manifest = open_payload(payload, Path(folder) / "payload")
        return renamed(read_posture(Path(folder) / "payload" / "posture"), manifest.map_user)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
