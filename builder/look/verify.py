"""Is a medium whole, does it boot, and is it what somebody signed?"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rich.filesize import decimal

from builder.base.provenance import Base, remembered
from builder.iso import medium
from builder.iso.areas import AREAS
from builder.iso.boot import Wrong
from builder.iso.source import Place, Url, reading
from builder.look.checks import Check, Untold, checked
from builder.look.seen import Seen, seen, volume_bytes
from builder.look.signed import Trust, trust_of
from builder.look.verify_boot import boot_checks
from builder.look.verify_built import DATE_LETTERS, Built, built_checks, known_bad
from builder.look.verify_files import Moved, areas_lie, directories, md5sums
from builder.places import Places
from collectors.failure import Failure


@dataclass(frozen=True)
class Verified:
    """What came of it: `kind` says what the medium is, when it is whole."""

    iso: str
    kind: str
    checks: tuple[Check, ...]

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of the checks that failed."""
        return tuple(check.name for check in self.checks if check.ok is False)

    @property
    def verdict(self) -> str:
        """One line for a person."""
        if self.wrong:
            return f"damaged, do not rely on it: {', '.join(self.wrong)}"
        made = {check.name: check.ok for check in self.checks}
        unknown = made.get("manifest") and made["signature"] is None
        return f"whole: {self.kind}{'; whose it is, nobody here can tell' if unknown else ''}"

    def plain(self) -> dict[str, Any]:
        """Return it as plain data for a program."""
        return {**asdict(self), "whole": not self.wrong, "verdict": self.verdict}


def verify(place: Place, places: Places, signers: Path | None, moved: Moved) -> Verified:
    """Check all of a medium, reading every byte that matters; raises Failure where it is no ISO at all.

    `signers` is a file of those who may have made it, instead of those whom this machine trusts.
    """
    trust = trust_of(places, signers)
    with reading(place) as stream:
        length = checked("length", lambda: _length(stream))
        if length.ok is False:
            return Verified(str(place), "", (length,))
        found = seen(stream, place)
        checks = [length, *boot_checks(found), checked("directories", lambda: directories(found))]
        built, bad = _built(found, trust, remembered(places.cache))
        checks += [*built, checked("md5sum.txt", lambda: md5sums(found, bad, moved))]
        return Verified(str(place), _kind(found), tuple(checks))


def _built(found: Seen, trust: Trust, known: list[Base]) -> tuple[list[Check], frozenset[str]]:
    """Check what is Rekindle's; return the files, too, that were found damaged on the way."""
    lie = checked("areas", lambda: areas_lie(found))
    if lie.ok is None:
        return [lie, checked("base", lambda: _vendors(found.place, known))], frozenset()
    if not (lie.ok and found.layout):
        return [lie], frozenset() if found.believes_layout else frozenset({AREAS})
    built = Built(found, found.layout, trust)
    checks = list(built_checks(built, known))
    return [lie, *checks], known_bad(built, checks)


def _length(stream: BinaryIO) -> str:
    size, expected = stream.seek(0, os.SEEK_END), volume_bytes(stream)
    if not expected:
        raise Untold("no descriptor says it")
    if size < expected:
        raise Wrong(f"cut short: {size} of {expected} bytes")
    return f"{decimal(expected)} of {decimal(size)}" if size > expected else decimal(expected)


def _vendors(place: Place, known: list[Base]) -> str:
    """Say who vouches for a base that lies on this machine."""
    if not isinstance(place, Url):
        for base in known:
            if base.verified and base.path == place.absolute():
                return f"SHA-256 {base.sha256}, signed by {base.verified}"
    raise Untold("`rekindle base verify` tells whether it is the vendor's")


def _kind(found: Seen) -> str:
    """Say what it is; its kind is told by what it carries."""
    info = "an unknown medium"
    for at in found.extents(medium.DISK_INFO):
        with suppress(Wrong, Failure):
            info = found.read(at).decode(errors="replace").strip()
    if found.layout is None:
        return f"{info}, with nothing of Rekindle on it"
    if found.manifest is None:
        return f"{info}, prepared; nothing is built on it yet"
    date = found.manifest.posture_date[:DATE_LETTERS]
    return f"the recovery ISO of {found.manifest.host}{f', posture of {date}' if date else ''}"
