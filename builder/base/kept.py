"""Which bases are on this machine, and which are prepared?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from builder.base.fetch import fetched
from builder.base.provenance import remembered
from builder.iso.areas import BaseSaid
from builder.iso.prepare import layout_of
from collectors.failure import Failure


@dataclass(frozen=True)
class KeptBase:
    """A base ISO: `sha256` and `verified` as in Base, both "" where it was never read."""

    path: Path
    size_bytes: int
    sha256: str
    verified: str


@dataclass(frozen=True)
class KeptPrepared:
    """A prepared base in the cache, and what it was made of."""

    path: Path
    size_bytes: int
    base: BaseSaid


def kept_bases(cache: Path) -> list[KeptBase]:
    """Return all base ISOs that lie in the cache, and those elsewhere that were built on, by their path."""
    known = {base.path: base for base in remembered(cache)}
    paths = {*known, *fetched(cache), *cache.glob("standin-*.iso")}
    return [
        KeptBase(
            path,
            path.stat().st_size,
            known[path].sha256 if path in known else "",
            known[path].verified if path in known else "",
        )
        for path in sorted(paths)
    ]


def kept_prepared(cache: Path) -> list[KeptPrepared]:
    """Return all prepared bases, by their path; what is none of this Rekindle's is left out."""
    found = []
    for path in sorted((cache / "prepared").glob("*.iso")):
        try:
            found.append(KeptPrepared(path, path.stat().st_size, layout_of(path).base))
        except Failure:
            continue
    return found
