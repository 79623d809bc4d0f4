"""What became of every item?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from pydantic import Field

from collectors.record import Item, Record

SCHEMA_VERSION = 1

State = Literal["restored", "already", "substituted", "deferred", "unavailable", "failed", "excluded"]
GAPS: frozenset[State] = frozenset({"deferred", "unavailable", "failed"})


class Outcome(Record):
    """What became of one item; `remedy` says what a person can do, "" where there is nothing.

    `until` tells what something `deferred` waits for: a network, at the next start; a secret, until it is
    unlocked; a person who logs in.
    """

    id: str
    state: State
    reason: str = ""
    remedy: str = ""
    until: Literal["", "network", "secret", "login"] = ""


class Report(Record):
    """One outcome for each item, in the order of the posture; people have the names of `map_user` in it."""

    schema_version: int = SCHEMA_VERSION
    host: str
    map_user: Mapping[str, str] = Field(default_factory=dict)
    items: tuple[Outcome, ...]

    def gaps(self) -> tuple[Outcome, ...]:
        """Return what is not there and should be."""
        return tuple(outcome for outcome in self.items if outcome.state in GAPS)

    def waiting(self) -> tuple[Outcome, ...]:
        """Return what waits for a secret."""
        return tuple(each for each in self.items if each.state == "deferred" and each.until == "secret")

    def counts(self) -> Mapping[str, int]:
        """Return how many items there are of each state, the most first."""
        return dict(Counter(outcome.state for outcome in self.items).most_common())

    def text(self) -> str:
        """Return the JSON of `restore-report.json`."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def assembled(host: str, items: Iterable[Item], events: str, *, ended: str = "") -> Report:
    """Make the report from what the playbook's callback wrote: one JSON object per line.

    An item that nothing was heard of failed: for the last failure of a task, else for `ended`.
    """
    outcomes: dict[str, Outcome] = {}
    notes: dict[str, Mapping[str, str]] = {}
    reason = ended or "the restore ended before it"
    for kind, value in _parsed(events):
        if kind == "outcome":
            outcome = Outcome.model_validate(value)
            outcomes[outcome.id] = outcome
        elif kind == "note" and isinstance(value, dict):
            notes[value["id"]] = value
        elif kind == "failure":
            reason = str(value)
    told = (_told(item, outcomes.get(item.id), notes.get(item.id), reason) for item in items)
    return Report(host=host, items=tuple(told))


def _told(item: Item, outcome: Outcome | None, note: Mapping[str, str] | None, reason: str) -> Outcome:
    if item.bound:
        return Outcome(id=item.id, state="excluded", reason=item.bound)
    if outcome is None:
        remedy = "read the log, then restore again"
        return Outcome(id=item.id, state="failed", reason=reason, remedy=remedy)
    if note is not None and not outcome.reason:
        return outcome.model_copy(update={"reason": note["reason"], "remedy": note["remedy"]})
    return outcome


def _parsed(events: str) -> Iterator[tuple[str, object]]:
    """Yield each event; a last line that a kill cut short is none."""
    for line in events.splitlines():
        try:
            data = json.loads(line)
        except ValueError:
            continue
        yield from data.items()
