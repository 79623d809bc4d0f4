"""What changed between two postures, or between the last one and the machine?"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autoinstall.config import read_config
from builder import history
from builder.chain import Say, posture_of
from builder.places import Places
from collectors.collect import collect
from collectors.compare import Change, changes
from collectors.failure import Failure, Finding
from collectors.host import Machine
from collectors.posture import Posture

LAST = "HEAD"
THE_MACHINE = "the machine"


@dataclass(frozen=True)
class Diff:
    """Two postures of `host`, how each is called, and what changed from the one to the other.

    `gaps` is what of the machine could not be captured: there the old state stands.
    """

    host: str
    before: str
    after: str
    changes: tuple[Change, ...]
    patches: tuple[str, ...]
    gaps: tuple[Finding, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it as plain data for a program."""
        return {
            "host": self.host,
            "before": self.before,
            "after": self.after,
            "changes": [_plain(change) for change in self.changes],
            "findings": [asdict(finding) for finding in self.gaps],
        }


def diff(places: Places, revisions: Sequence[str], *, root: Path, host: str | None, say: Say) -> Diff:
    """Compare two commits, or one (none: the last) with the machine under `root`; raises Failure."""
    if len(revisions) > 2:
        raise Failure("more than two commits", remedy="name one or two")
    name, last = posture_of(places, read_config(places.config_file), host)
    older, *newer = revisions or (LAST,)
    old = last if older == LAST else history.posture_at(places.repository, name, older)
    if newer:
        new = history.posture_at(places.repository, name, newer[0])
        return Diff(name, older, newer[0], changes(old, new), tuple(patches(old, new)))
    survey = collect(Machine(root), before=last, on_section=lambda section: say(f"collecting {section}"))
    new = survey.posture
    return Diff(name, older, THE_MACHINE, changes(old, new), tuple(patches(old, new)), survey.gaps())


def patches(old: Posture, new: Posture) -> Iterator[str]:
    """Yield a unified diff for each file whose text is different in both, in the order of their paths."""
    for path in sorted(old.contents.keys() & new.contents.keys()):
        before, after = old.contents[path], new.contents[path]
        if before != after:
            yield _patch(path, before, after)


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
