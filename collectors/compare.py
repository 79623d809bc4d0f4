"""How much of one posture is found in another, and what changed between them?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from collectors.posture import SECTIONS, Posture
from collectors.record import Item, Record, Thing

SUBJECT_LENGTH = 72


class Excluded(Record):
    """An item that a restore need not bring back, and why."""

    id: str
    reason: str


class Score(Record):
    """How much was found again.

    `missing` are the ids that are not there at all, `changed` those that are there with another
    fingerprint. `percent` is rounded down to a tenth, so that 100.0 means all; it is 0.0 when
    nothing was eligible.
    """

    eligible: int
    found: int
    percent: float
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    excluded: tuple[Excluded, ...] = ()


@dataclass(frozen=True)
class Difference:
    """One fact of an item that was `before` and is `after`: `mode`, `"0644"`, `"0600"`."""

    fact: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Change:
    """One item that came (`+`), went (`-`) or is different (`~`): then in what."""

    sign: str
    item: Item
    differences: tuple[Difference, ...] = ()


def score(old: Posture, new: Posture) -> Score:
    """Return how much of `old` is found in `new`, among all items of it, bound and shipped ones too."""
    return score_of(old.items(), new)


def score_of(wanted: Iterable[Item], new: Posture) -> Score:
    """Return how many of the `wanted` items are found in `new`."""
    there = {item.id: item.fingerprint for item in new.items()}
    items = sorted(wanted, key=lambda item: item.id)
    eligible = [item for item in items if not item.bound]
    missing = tuple(item.id for item in eligible if item.id not in there)
    changed = tuple(item.id for item in eligible if there.get(item.id, item.fingerprint) != item.fingerprint)
    found = len(eligible) - len(missing) - len(changed)
    return Score(
        eligible=len(eligible),
        found=found,
        percent=found * 1000 // len(eligible) / 10 if eligible else 0.0,
        missing=missing,
        changed=changed,
        excluded=tuple(Excluded(id=item.id, reason=item.bound) for item in items if item.bound),
    )


def changes(old: Posture | None, new: Posture) -> tuple[Change, ...]:
    """Return what changed from `old` (None: there was none), by section and id."""
    before = _by_id(old) if old else {}
    after = _by_id(new)
    came = (Change("+", item) for name, (item, _) in after.items() if name not in before)
    went = (Change("-", item) for name, (item, _) in before.items() if name not in after)
    stayed = before.keys() & after.keys()
    differ = (name for name in stayed if _differ(before[name][0], after[name][0]))
    became = (Change("~", after[name][0], _differences(before[name][1], after[name][1])) for name in differ)
    order = list(SECTIONS)
    return tuple(
        sorted((*came, *went, *became), key=lambda change: (order.index(change.item.section), change.item.id))
    )


def _by_id(posture: Posture) -> dict[str, tuple[Item, Thing]]:
    return {thing.item_id(): (thing.item(section), thing) for section, thing in posture.things()}


def _differ(was: Item, now: Item) -> bool:
    return (was.fingerprint, was.bound) != (now.fingerprint, now.bound)


def _differences(was: Thing, now: Thing) -> tuple[Difference, ...]:
    old, new = was.model_dump(mode="json"), now.model_dump(mode="json")
    return tuple(
        Difference(fact, old.get(fact), new.get(fact))
        for fact in dict.fromkeys((*old, *new))
        if old.get(fact) != new.get(fact)
    )


def message(found: tuple[Change, ...]) -> str:
    """Return the commit message for changes: `apt: +obs-studio, -foo, files: ~/etc/x`.

    A long one is counted in its first line, `apt: 212 changes, files: ~/etc/x`, and told in full
    below it.
    """
    by_section: dict[str, list[Change]] = defaultdict(list)
    for change in found:
        by_section[change.item.section].append(change)
    if not by_section:
        return "details that no item tells"
    full = ", ".join(f"{name}: {', '.join(map(_told, some))}" for name, some in by_section.items())
    if len(full) <= SUBJECT_LENGTH:
        return full
    subject = ", ".join(_counted(name, some) for name, some in by_section.items())
    return "\n".join((subject, "", *_body(by_section)))


def _body(by_section: dict[str, list[Change]]) -> Iterator[str]:
    for name, some in by_section.items():
        yield f"{name}:"
        yield from (f"  {_told(change)}" for change in some)


def _counted(name: str, some: list[Change]) -> str:
    return f"{name}: {_told(some[0])}" if len(some) == 1 else f"{name}: {len(some)} changes"


def _told(change: Change) -> str:
    """Return `+htop`; the kind of an item is told where it is not its section's usual one."""
    kind, _, name = change.item.id.partition(":")
    usual = kind in (change.item.section, "file", "user")
    return f"{change.sign}{name}" if usual else f"{change.sign}{kind} {name}"
