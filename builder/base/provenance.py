"""Which bytes is a base ISO, and who says so?

What was found out once is remembered in the cache by what the file system says of the file, so that a weekly
build does not read all of it again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from builder.whole import whole
from collectors.failure import Failure

Say = Callable[[str], None]


@dataclass(frozen=True)
class Base:
    """A base ISO on this machine, never modified.

    `sha256` is of the whole file, in hex; `verified` the fingerprint of the vendor's key that signed it (40
    hex digits), "" where nobody did.
    """

    path: Path
    sha256: str
    verified: str = ""


@dataclass(frozen=True)
class Identity:
    """What stat(2) says of a file. The time of its last change cannot be set by a program."""

    path: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True)
class _Known:
    """What is remembered of a file: a record of its own in the cache."""

    identity: Identity
    sha256: str
    verified: str

    def base(self) -> Base:
        return Base(Path(self.identity.path), self.sha256, self.verified)


def identified(path: Path, cache: Path, say: Say, *, anew: bool = False) -> Base:
    """Return the base at `path`, its bytes hashed unless they are known, or are to be hashed `anew`.

    Raises Failure. Who vouched for these bytes once vouches for them wherever they lie.
    """
    path = path.absolute()
    identity = _identity(path)
    known = _read(_record(path, cache))
    if known and known.identity == identity and not anew:
        return known.base()
    say(f"hashing {path.name} ({identity.size_bytes / 1e6:.0f} MB)")
    sha256 = unverified(path).sha256
    if _identity(path) != identity:
        raise Failure(f"{path} changed while it was read", remedy="wait until it is written")
    by = next((each.verified for each in _all(cache) if each.sha256 == sha256 and each.verified), "")
    return _remember(_Known(identity, sha256, by), cache)


def vouched(base: Base, fingerprint: str, cache: Path) -> Base:
    """Remember who signed the bytes that `base` had when it was hashed, and return it so."""
    known = _read(_record(base.path, cache))
    if known is None or known.sha256 != base.sha256:
        return replace(base, verified=fingerprint)
    return _remember(replace(known, verified=fingerprint), cache)


def laid(path: Path, sha256: str, fingerprint: str, cache: Path) -> Base:
    """Remember a file that was written just now, hashed and verified on the way."""
    return _remember(_Known(_identity(path.absolute()), sha256, fingerprint), cache)


def remembered(cache: Path) -> list[Base]:
    """Return all bases that are known and still what they were, by their path."""
    known = [each for each in _all(cache) if _state(Path(each.identity.path)) == each.identity]
    return sorted((each.base() for each in known), key=lambda base: base.path)


def unverified(path: Path) -> Base:
    """Return the base at `path` as it is, believed by nobody; raises Failure where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return Base(path, hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> Failure:
    reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
    return Failure(f"{path}: {reason}", remedy="name an existing ISO")


def _identity(path: Path) -> Identity:
    try:
        state = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    return Identity(str(path), state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)


def _state(path: Path) -> Identity | None:
    try:
        return _identity(path)
    except Failure:
        return None


def _folder(cache: Path) -> Path:
    return cache / "bases" / "known"


def _record(path: Path, cache: Path) -> Path:
    return _folder(cache) / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.json"


def _all(cache: Path) -> Iterator[_Known]:
    for record in sorted(_folder(cache).glob("*.json")):
        if known := _read(record):
            yield known


def _read(record: Path) -> _Known | None:
    """Return what a record says; one that does not read is made anew, as all in a cache is."""
    try:
        said = json.loads(record.read_text())
        return _Known(Identity(**said.pop("identity")), **said)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _remember(known: _Known, cache: Path) -> Base:
    """Write it down; somebody who may not write to the cache finds it out again."""
    with suppress(OSError, Failure), whole(_record(Path(known.identity.path), cache)) as aside:
        aside.write_text(json.dumps(asdict(known)))
    return known.base()
