"""What is a step, and what does whoever makes steps know?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import ClassVar

from builder.restore.bundles import Bundles
from builder.restore.report import Outcome
from collectors.posture import Posture
from collectors.record import Record, Thing, escaped
from collectors.repository import CONTENTS, content_path


class Step(Record):
    """What a module of the playbook does for one item: it finds its steps in the plan under `PART`.

    `id` is the item's, `section` the one whose role carries it out.
    """

    PART: ClassVar[str]

    id: str
    section: str

    def work(self) -> str:
        """Return the kind of work that it is: what modules count, and progress is told of."""
        return self.PART


@dataclass(frozen=True)
class Target:
    """A machine to restore, and what of `posture` is to be done on it.

    `here` is what the machine has already; `wanted` are the ids of the items that come back, without what is
    bound, not asked for, or there already; `bound` those that were asked for and are bound. `contents` is the
    posture's folder, relative to the plan's own. `bundles` is what travelled along.
    """

    posture: Posture
    here: Posture
    contents: PurePosixPath
    wanted: frozenset[str] = field(default_factory=frozenset)
    bound: frozenset[str] = field(default_factory=frozenset)
    bundles: Bundles = field(default_factory=Bundles)

    def things(self, section: str) -> Iterator[Thing]:
        """Yield the things of a section that are to come back."""
        things = getattr(self.posture, section).things()
        return (thing for thing in things if thing.item_id() in self.wanted)

    def content(self, path: str, of: str = CONTENTS) -> str:
        """Return where the bytes of an escaped path lie, relative to the plan's folder and escaped."""
        return escaped(str(self.contents / content_path(path, of)))


# A section's steps; an outcome is of an item for which nothing can be done here, and says why.
Steps = Iterator[Step | Outcome]
Maker = Callable[[Target], Steps]
