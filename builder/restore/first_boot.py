"""What happens on the first boot, between the installer and the login?

Restore, and tell what came of it. `iso_overlay/first-boot/first-boot` starts this module inside the PEX
and passes on whatever begins with `rekindle: `.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from builder.restore.offer import offer
from builder.restore.page import differing, groups
from builder.restore.report import Report
from builder.restore.restore import WORK, restore
from collectors.failure import Failure

# WAITING: packages wait for the network, and the next boot goes on.
DONE, FAILED, GAPS, WAITING = 0, 1, 3, 4
SHOWN_IDS = 5
PASSWORD = re.compile(r"://[^/@\s]+@")


def main(words: Sequence[str]) -> int:
    """Restore the payload `words[0]` with the state folder `words[1]`; return the exit code."""
    payload, state = (Path(word) for word in words)
    try:
        say("restore started")
        keep_logs(state / WORK)
        report = restore(payload, state=state, say=say)
        offer(state)
    except Failure as failure:
        say(f"restore failed: {failure}")
        return FAILED
    except Exception as error:  # a bug: the consoles hear of it in one line, the log keeps its traceback
        traceback.print_exc()
        say(f"restore failed: {type(error).__name__}: {' '.join(str(error).split())}")
        return FAILED
    finally:
        keep_logs(state / WORK)
    show(report)
    say("restore finished")
    return ended(report)


def ended(report: Report) -> int:
    """Return the exit code."""
    if any(outcome.until == "network" for outcome in report.items):
        return WAITING
    score = report.score
    return GAPS if report.gaps() or score is None or score.found < score.eligible else DONE


def say(line: str) -> None:
    """Tell a person, through whoever reads our output."""
    print(f"rekindle: {line}", flush=True)


def show(report: Report) -> None:
    """Tell what came of it, with a line for each group of items that are not as they were."""
    for group in groups(report.gaps()):
        more = f" and {len(group.ids) - SHOWN_IDS} more" if len(group.ids) > SHOWN_IDS else ""
        named = ", ".join(group.ids[:SHOWN_IDS])
        say(f"{named}{more}: {group.state}: {group.reason}; {group.remedy}")
    for name in differing(report):
        say(f"{name}: not as it was")
    say(", ".join(f"{count} {state}" for state, count in report.counts().items()))
    say(f"changed={report.changed}")
    score = report.score
    if score:
        say(f"score {score.percent:.1f} %: {score.found} of {score.eligible} eligible items")


def keep_logs(work: Path) -> None:
    """Repeat what the parts of the restore wrote down, for the log alone, without passwords in addresses."""
    for log in sorted(work.glob("*.log")):
        print(f"--- {log.name}")
        for line in log.read_text(errors="replace").splitlines():
            print(f"| {PASSWORD.sub('://********@', line)}")
        log.unlink()
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
