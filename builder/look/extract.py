"""How does a file come out of a recovery ISO, whole and as it was put on it?"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any

from builder.iso import medium
from builder.iso.areas import MD5SUMS, PAYLOAD
from builder.iso.manifest import Held
from builder.iso.source import Place
from builder.look.carried import POSTURE, Carried, carried, signed
from builder.look.members import Members
from builder.look.signed import Trust, Verdict
from builder.payload.manifest import PROGRAM
from builder.payload.payload import leads_out
from builder.tools import require
from builder.whole import whole
from collectors.failure import Failure
from collectors.repository import SECRETS

Moved = Callable[[int, int | None], None]

STDOUT = "-"
BLOCK_BYTES = 2**18
OTHER_COPY = "take another copy of the ISO, or build it again"


@dataclass(frozen=True)
class Source:
    """A file that is on an ISO: `blocks` yields its content, and raises Failure where that was changed.

    `mode` is what it gets outside; `is_known` says that something tells what it should hold.
    """

    name: str
    size_bytes: int
    blocks: Callable[[], Iterator[bytes]]
    mode: int
    is_known: bool = True


@dataclass(frozen=True)
class Extracted:
    """A file that was taken out, and where it lies now (None: standard output)."""

    name: str
    place: Path | None
    is_known: bool


def extract(
    place: Place, names: Sequence[str], output: str | None, trust: Trust, moved: Moved
) -> list[Extracted]:
    """Take files out of a recovery ISO, all of them or none; raises Failure.

    A name is of a member of the payload, or of a file of the medium; without any it is the payload. `output`
    is a folder, in which each has its name; a file for a single one; `-` for standard output.
    """
    with carried(place) as found:
        members = found.members()
        if signed(found, members, trust).verdict is Verdict.BROKEN:
            raise Failure(f"{place}: its signature does not fit it", remedy=OTHER_COPY)
        sources = [_source(found, members, name) for name in names] or [_payload(found)]
        total = sum(source.size_bytes for source in sources)
        more = _summed(moved, total)
        if output == STDOUT:
            return [_printed(sources, more)]
        try:
            targets = _targets(sources, output)
            _refuse(place, targets)
            require(space_bytes={targets[0].parent: total})
            _write(sources, targets, more)
        except OSError as error:
            where = error.filename or output or "."
            raise Failure(f"{where}: {error.strerror}", remedy="name another place with --output") from None
        return [Extracted(s.name, target, s.is_known) for s, target in zip(sources, targets, strict=True)]


def _source(found: Carried, members: Members, name: str) -> Source:
    if leads_out(name):
        raise Failure(f"{name!r} is no name of a file on an ISO", remedy="name it without a leading slash")
    if members.has(name):
        return Source(name, members.size_bytes(name), lambda: members.blocks(name), _member_mode(name))
    held = found.manifest.held(name)
    if held:
        return _area(found, held, name)
    files = {each: (sector, size) for each, sector, size in medium.walk(found.iso)}
    if name in files:
        return _file(found, name, *files[name])
    known = [*members.places, *files]
    near = get_close_matches(name, known, n=1)
    raise Failure(
        f"{found.place}: no {name} on it",
        remedy=f"did you mean {near[0]}?" if near else "name a member of its payload or a file of it",
    )


def _payload(found: Carried) -> Source:
    held = found.manifest.held(PAYLOAD)
    if held is None:
        raise Failure(f"{found.place}: its manifest names no payload", remedy=OTHER_COPY)
    return _area(found, held, Path(PAYLOAD).name)


def _area(found: Carried, held: Held, name: str) -> Source:
    def blocks() -> Iterator[bytes]:
        found.stream.seek(found.layout.area(held.name).offset)
        yield from _checked(found, held.name, held.size_bytes, hashlib.sha256(), held.sha256)

    return Source(name, held.size_bytes, blocks, 0o600)


def _file(found: Carried, name: str, sector: int, size_bytes: int) -> Source:
    lines = medium.content(found.iso, MD5SUMS).decode(errors="surrogateescape").splitlines()
    known = next((line[:32] for line in lines if line[32:] == f"  ./{name}"), "")

    def blocks() -> Iterator[bytes]:
        found.stream.seek(sector * medium.SECTOR_BYTES)
        yield from _checked(found, name, size_bytes, hashlib.md5(usedforsecurity=False), known)

    return Source(name, size_bytes, blocks, 0o644, is_known=bool(known))


def _checked(found: Carried, name: str, size_bytes: int, digest: Any, expected: str) -> Iterator[bytes]:
    """Yield what follows in the stream, and hold it against a digest in hex; "" = none is known."""
    left = size_bytes
    while left and (block := found.stream.read(min(BLOCK_BYTES, left))):
        digest.update(block)
        left -= len(block)
        yield block
    if left or (expected and digest.hexdigest() != expected):
        raise Failure(f"{found.place}: damaged: {name} was changed", remedy=OTHER_COPY)


def _member_mode(name: str) -> int:
    if name.startswith(POSTURE) or name == SECRETS:
        return 0o600
    return 0o755 if name == PROGRAM else 0o644


def _targets(sources: Sequence[Source], output: str | None) -> list[Path]:
    folder = Path(output or ".")
    if output and len(sources) == 1 and not (folder.is_dir() or output.endswith("/")):
        return [folder]
    top = folder.resolve()
    targets = [folder / source.name for source in sources]
    for target in targets:
        if not target.resolve().is_relative_to(top):
            raise Failure(f"{target} leads out of {folder}", remedy="name another folder with --output")
    return targets


def _refuse(place: Place, targets: Sequence[Path]) -> None:
    if isinstance(place, Path) and any(target.exists() and target.samefile(place) for target in targets):
        raise Failure(f"{place} is the ISO itself", remedy="name another file with --output")
    if len(set(targets)) < len(targets):
        raise Failure("one name is given twice", remedy="name each file once")


def _write(sources: Sequence[Source], targets: Sequence[Path], moved: Callable[[int], None]) -> None:
    """Write each aside; once all of them are right, they get their names."""
    with ExitStack() as stack:
        for source, target in zip(sources, targets, strict=True):
            aside = stack.enter_context(whole(target))
            with aside.open("wb") as file:
                _pour(source, file, moved)
            aside.chmod(source.mode)


def _printed(sources: Sequence[Source], moved: Callable[[int], None]) -> Extracted:
    if len(sources) > 1:
        raise Failure("standard output takes one file", remedy="name a folder with --output")
    with tempfile.TemporaryFile() as aside:
        _pour(sources[0], aside, moved)
        aside.seek(0)
        shutil.copyfileobj(aside, sys.stdout.buffer)
    return Extracted(sources[0].name, None, sources[0].is_known)


def _pour(source: Source, file: IO[bytes], moved: Callable[[int], None]) -> None:
    for block in source.blocks():
        file.write(block)
        moved(len(block))


def _summed(moved: Moved, total: int) -> Callable[[int], None]:
    done = 0

    def more(count: int) -> None:
        nonlocal done
        done += count
        moved(done, total)

    return more
