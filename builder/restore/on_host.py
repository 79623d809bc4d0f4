"""What does one host of a fleet do? It restores itself, and answers.

Started by iso_overlay/playbook/fleet.yaml in a folder that has the payload and `request.json`; afterwards
`answer.json` is there, too.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field

from builder.restore.report import Report
from builder.restore.restore import restore
from builder.whole import whole
from collectors.failure import Failure
from collectors.record import Record

STATE = Path("/var/lib/rekindle")
PAYLOAD, REQUEST, ANSWER = "payload.tar", "request.json", "answer.json"


class Request(Record):
    """What is asked of a host, as of `rekindle restore`."""

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    check: bool = False
    map_user: Mapping[str, str] = Field(default_factory=dict)


class Answer(Record):
    """What came of it: a report, or one line that says why there is none."""

    report: Report | None = None
    failure: str = ""


def main(words: Sequence[str]) -> int:
    """Do what the request in the folder `words[0]` asks, and leave the answer there."""
    folder = Path(words[0])
    try:
        request = Request.model_validate_json((folder / REQUEST).read_text())
        answer = Answer(report=restore(folder / PAYLOAD, state=STATE, **dict(request), say=print))
    except Failure as failure:
        answer = Answer(failure=str(failure))
    except Exception as error:  # a bug: whoever asked hears of it in one line, the traceback is there, too
        traceback.print_exc()
        answer = Answer(failure=f"{type(error).__name__}: {' '.join(str(error).split())}")
    with whole(folder / ANSWER) as aside:
        aside.write_text(answer.model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
