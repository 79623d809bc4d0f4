"""Which posture is compared, where a word names a recovery ISO, and how do two ISOs differ otherwise?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from builder.iso.source import Place, Url, place_of
from builder.look.carried import carried, posture_in
from builder.payload.manifest import PROGRAM
from collectors.compare import Difference
from collectors.posture import Posture


@dataclass(frozen=True)
class Side:
    """One of two postures that are compared, as it was collected, and what a person calls it.

    `facts` are of the ISO that it is on, none without: `machine`, `base` (its `.disk/info` and SHA-256) and
    `restore program` (its SHA-256).
    """

    called: str
    host: str
    posture: Posture
    facts: Mapping[str, str] = field(default_factory=dict)


def image_named(word: str) -> Place | None:
    """Return where the ISO is that a word names: a URL, a file, a device; None for a commit."""
    place = place_of(word)
    # A commit may be called `origin/main`; what can only be meant as a path is told to be missing.
    if isinstance(place, Url) or place.is_absolute() or place.suffix == ".iso":
        return place
    return place if place.is_file() else None


def on_medium(place: Place) -> Side:
    """Read what an ISO carries, but for its restore program; raises Failure as `carried` does."""
    with carried(place) as found:
        members = found.members()
        base = found.manifest.base
        program = members.places[PROGRAM].member.sha256 if members.has(PROGRAM) else ""
        return Side(
            str(place),
            found.manifest.host,
            posture_in(members),
            {
                "machine": found.manifest.host,
                "base": f"{base.info} {base.sha256}",
                "restore program": program,
            },
        )


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Difference, ...]:
    """Return which facts are not the same on two ISOs."""
    return tuple(
        Difference(fact, before[fact], after[fact])
        for fact in before
        if fact in after and before[fact] != after[fact]
    )
