"""How much of one posture is found in another, and what changed between them?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.posture import SECTIONS, Posture
from collectors.record import Item, Record

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
class Change:
    """One item that came (`+`), went (`-`) or is different (`~`)."""

    sign: str
    item: Item


def score(old: Posture, new: Posture) -> Score:
    """Return how much of `old` is found in `new`, among all items of it, bound and shipped ones too."""
    there = {item.id: item.fingerprint for item in new.items()}
    items = sorted(old.items(), key=lambda item: item.id)
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
    before = {item.id: item for item in old.items()} if old else {}
    after = {item.id: item for item in new.items()}
    found = []
    for name in before.keys() | after.keys():
        was, now = before.get(name), after.get(name)
        if was and now and (was.fingerprint, was.bound) != (now.fingerprint, now.bound):
            found.append(Change("~", now))
        elif item := now if was is None else was if now is None else None:
            found.append(Change("+" if now else "-", item))
    order = list(SECTIONS)
    return tuple(sorted(found, key=lambda change: (order.index(change.item.section), change.item.id)))


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
