"""What became of every item?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Literal, cast

from pydantic import Field

from collectors.compare import Score
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
    section: str = ""
    state: State
    reason: str = ""
    remedy: str = ""
    until: Literal["", "network", "secret", "login"] = ""


class Report(Record):
    """One outcome for each item, in the order of the posture; people have the names of `map_user` in it.

    `changed` is how many tasks of the playbook changed something, None where it did not get to its end.
    `score` comes from collecting again.
    """

    schema_version: int = SCHEMA_VERSION
    host: str
    map_user: Mapping[str, str] = Field(default_factory=dict)
    changed: int | None = None
    score: Score | None = None
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

    def table(self, states: Iterable[str]) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield for each section how many items of it there are of each of `states`."""
        counts = Counter((outcome.section, outcome.state) for outcome in self.items)
        states = tuple(states)
        for section in dict.fromkeys(outcome.section for outcome in self.items):
            yield section, tuple(counts[section, cast(State, state)] for state in states)

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
    changed = None
    for kind, value in _parsed(events):
        if kind == "outcome":
            outcome = Outcome.model_validate(value)
            outcomes[outcome.id] = outcome
        elif kind == "note" and isinstance(value, dict):
            notes[value["id"]] = value
        elif kind == "failure":
            reason = str(value)
        elif kind == "changed":
            changed = int(str(value))
    told = (_told(item, outcomes.get(item.id), notes.get(item.id), reason) for item in items)
    return Report(host=host, changed=changed, items=tuple(told))


def merged(before: Report, now: Report) -> Report:
    """Return the report of a machine after some of its items were restored again, or for the first time.

    That of another machine is none of it.
    """
    if (before.host, before.map_user) != (now.host, now.map_user):
        return now
    became = {each.id: each for each in now.items}
    items = tuple({**{each.id: each for each in before.items}, **became}.values())
    score = _merged(before.score, now.score, items, set(became))
    return before.model_copy(update={"items": items, "score": score})


def _merged(
    before: Score | None, now: Score | None, items: Iterable[Outcome], again: Set[str]
) -> Score | None:
    if before is None or now is None:
        return before
    missing, changed = (
        tuple(sorted({*(name for name in were if name not in again), *are}))
        for were, are in ((before.missing, now.missing), (before.changed, now.changed))
    )
    eligible = sum(each.state != "excluded" for each in items)
    found = eligible - len(missing) - len(changed)
    percent = found * 1000 // eligible / 10 if eligible else 0.0
    excluded = tuple({each.id: each for each in (*before.excluded, *now.excluded)}.values())
    return Score(
        eligible=eligible, found=found, percent=percent, missing=missing, changed=changed, excluded=excluded
    )


def _told(item: Item, outcome: Outcome | None, note: Mapping[str, str] | None, reason: str) -> Outcome:
    about = {"id": item.id, "section": item.section}
    if item.bound:
        remedy = outcome.remedy if outcome else ""
        return Outcome(**about, state="excluded", reason=item.bound, remedy=remedy)
    if outcome is None:
        return Outcome(**about, state="failed", reason=reason, remedy="read the log, then restore again")
    if note is not None and not outcome.reason:
        about |= {"reason": note["reason"], "remedy": note["remedy"]}
    return outcome.model_copy(update=about)


def _parsed(events: str) -> Iterator[tuple[str, object]]:
    """Yield each event; a last line that a kill cut short is none."""
    for line in events.splitlines():
        try:
            data = json.loads(line)
        except ValueError:
            continue
        yield from data.items()
