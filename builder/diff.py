"""What changed between two postures: of the history, of recovery ISOs, of the machine?"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from autoinstall.config import read_config
from builder import history
from builder.chain import Say, posture_of
from builder.look.changes import Side, differences, image_named, on_medium
from builder.places import Places
from collectors.collect import collect
from collectors.compare import Change, Difference, changes
from collectors.failure import Failure, Finding
from collectors.host import Machine
from collectors.posture import Posture

LAST = "HEAD"
THE_MACHINE = "the machine"


@dataclass(frozen=True)
class Diff:
    """Two postures of `host`, how each is called, and what changed from the one to the other.

    `media` is what else differs where both are on recovery ISOs. `gaps` is what of the machine could not be
    captured: there the old state stands.
    """

    host: str
    before: str
    after: str
    changes: tuple[Change, ...]
    patches: tuple[str, ...]
    media: tuple[Difference, ...] = ()
    gaps: tuple[Finding, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it as plain data for a program."""
        return {
            "host": self.host,
            "before": self.before,
            "after": self.after,
            "changes": [_plain(change) for change in self.changes],
            "media": {each.fact: [each.before, each.after] for each in self.media},
            "findings": [asdict(finding) for finding in self.gaps],
        }


def diff(places: Places, named: Sequence[str], *, root: Path, host: str | None, say: Say) -> Diff:
    """Compare what two words name, or what one does (none: the last commit) with the machine under `root`.

    A word names a commit, or a recovery ISO: a file, a device, a URL. Raises Failure.
    """
    if len(named) > 2:
        raise Failure("more than two to compare", remedy="name one or two")
    older, *newer = named or (LAST,)
    old = _side(places, older, host)
    if newer:
        return _compared(old, _side(places, newer[0], host or old.host))
    survey = collect(
        Machine(root),
        before=old.posture if old.facts else posture_of(places, read_config(places.config_file), host)[1],
        on_section=lambda section: say(f"collecting {section}"),
    )
    return replace(_compared(old, Side(THE_MACHINE, old.host, survey.posture)), gaps=survey.gaps())


def _side(places: Places, name: str, host: str | None) -> Side:
    image = image_named(name)
    if image:
        return on_medium(image)
    whose, last = posture_of(places, read_config(places.config_file), host)
    return Side(name, whose, last if name == LAST else history.posture_at(places.repository, whose, name))


def _compared(old: Side, new: Side) -> Diff:
    return Diff(
        old.host,
        old.called,
        new.called,
        changes(old.posture, new.posture),
        tuple(patches(old.posture, new.posture)),
        differences(old.facts, new.facts),
    )


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
