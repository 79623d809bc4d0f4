"""What changed between two postures, or between the last one and the machine?"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoinstall.config import read_config
from builder import history
from builder.chain import Say, posture_of
from builder.places import Places
from collectors.collect import collect
from collectors.compare import Change, changes
from collectors.failure import Failure
from collectors.host import Machine
from collectors.posture import Posture

LAST = "HEAD"
THE_MACHINE = "the machine"


@dataclass(frozen=True)
class Diff:
    """Two postures of `host`, how each is called, and what changed from the one to the other."""

    host: str
    before: str
    after: str
    changes: tuple[Change, ...]
    patches: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as plain data for a program."""
        return {
            "host": self.host,
            "before": self.before,
            "after": self.after,
            "changes": [_plain(change) for change in self.changes],
        }


def diff(places: Places, revisions: Sequence[str], *, root: Path, host: str | None, say: Say) -> Diff:
    """Compare two commits, or one (none: the last) with the machine under `root`; raises Failure."""
    if len(revisions) > 2:
        raise Failure("more than two commits", remedy="name one or two")
    name, last = posture_of(places, read_config(places.config_file), host)
    older, *newer = revisions or (LAST,)
    old = last if older == LAST else history.posture_at(places.repository, name, older)
    if newer:
        new, label = history.posture_at(places.repository, name, newer[0]), newer[0]
    else:
        new, label = _collected(root, last, say), THE_MACHINE
    return Diff(name, older, label, changes(old, new), tuple(patches(old, new)))


def patches(old: Posture, new: Posture) -> Iterator[str]:
    """Yield a unified diff for each file whose text is different in both, in the order of their paths."""
    for path in sorted(old.contents.keys() & new.contents.keys()):
        before, after = old.contents[path], new.contents[path]
        if before != after:
            yield _patch(path, before, after)


def _collected(root: Path, last: Posture, say: Say) -> Posture:
    survey = collect(Machine(root), before=last, on_section=lambda section: say(f"collecting {section}"))
    for failure in survey.failed.values():
        say(str(failure))
    return survey.posture


def _patch(path: str, before: bytes, after: bytes) -> str:
    if b"\0" in before + after:
        return f"--- {path}\n+++ {path}\nbinary: {len(before)} bytes, now {len(after)}\n"
    was, now = (content.decode(errors="replace").splitlines() for content in (before, after))
    return "\n".join(difflib.unified_diff(was, now, path, path, lineterm="")) + "\n"


def _plain(change: Change) -> dict[str, Any]:
    return {
        "sign": change.sign,
        "id": change.item.id,
        "section": change.item.section,
        "differences": {each.fact: [each.before, each.after] for each in change.differences},
    }
