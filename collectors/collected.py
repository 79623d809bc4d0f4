"""What does one collector hand over?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from collectors.failure import Finding
from collectors.record import Section

Kind = TypeVar("Kind", bound=Section, covariant=True)


@dataclass(frozen=True)
class Cover:
    """A path that comes back by something else than its own capture, with all that is below it.

    `by` is the id of the item that brings it back (`pipx:~ada/black`), or says in words what does:
    `made anew by Chromium`. `path` is absolute and as `os.fsdecode` gives it.
    """

    path: str
    by: str


@dataclass(frozen=True)
class Loss:
    """Something that nothing would bring back today, in the owner's words.

    `kind` is one of those that collectors/coverage/losses.yaml ranks, `subject` an escaped path or an
    item's id, `remedy` the one command that would protect it. `newest` is the time of its last change
    in seconds since 1970, 0 where there is none.
    """

    kind: str
    subject: str
    reason: str
    remedy: str
    size_bytes: int = 0
    files: int = 0
    newest: int = 0


@dataclass(frozen=True)
class Collected(Generic[Kind]):
    """What one collector found.

    `contents` are the bytes of its files by escaped path, `pristine` those of the versions that
    packages brought. A finding is what it could not capture, a loss what no capture can protect.
    """

    section: Kind
    contents: Mapping[str, bytes] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    covers: tuple[Cover, ...] = ()
    losses: tuple[Loss, ...] = ()
    pristine: Mapping[str, bytes] = field(default_factory=dict)
