"""How does a stick come to hold what it must, with the fewest bytes written?

`bring` compares and writes what differs; `prove` reads all of it back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from builder.stick.disk import Disk
from builder.stick.image import Image, Span
from builder.stick.wraps import end_reappears, reappears
from collectors.failure import Failure

# Of a block that differs, only pieces that differ are written.
PIECE_BYTES = 64 * 2**10
OTHER_STICK = "take another stick"


@dataclass
class Tally:
    """What a run did so far, in bytes: `written` has the offsets of all pieces that it wrote."""

    compared_bytes: int = 0
    written_bytes: int = 0
    repaired_bytes: int = 0
    read_back_bytes: int = 0
    written: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Moment:
    """How far a flash is: `what` it does now, `done` bytes of `total`; it wrote `written` bytes so far."""

    what: str
    done: int
    total: int
    written: int


Watch = Callable[[Moment], None]
Candidate = Callable[[Span], bool]


def write(
    disk: Disk, image: Image, candidate: Candidate, *, name: str, watch: Watch, say: Callable[[str], None]
) -> Tally:
    """Make the stick `name` hold `image`, and prove it; blocks that are no `candidate` are believed at first.

    Raises Failure where it does not give back what was written.
    """
    tally = Tally()
    digests = bring(disk, image, candidate, tally, watch)
    wrong = prove(disk, image, digests, tally, watch)
    if wrong:
        _repair(disk, image, wrong, tally, name=name, say=say)
        wrong = prove(disk, image, digests, tally, watch)
    if wrong:
        raise _lie(disk, image, wrong[0], name)
    held = end_reappears(disk, image)
    if held:
        raise Failure(f"{name} {_no_more_than(held)}", remedy=OTHER_STICK)
    return tally


def bring(disk: Disk, image: Image, candidate: Candidate, tally: Tally, watch: Watch) -> list[bytes]:
    """Write what differs in the candidates; return the digest of every block that the stick must hold."""

    def contents() -> Iterator[bytes]:
        done = 0
        for span in image.spans:
            for block in span.blocks():
                content = block.read()
                if candidate(block):
                    tally.compared_bytes += block.size_bytes
                    tally.written_bytes += _write_differing(disk, block, content, tally)
                done += block.size_bytes
                watch(Moment("writing what differs", done, image.size_bytes, tally.written_bytes))
                yield content
            disk.flush()

    return list(_digests(contents()))


def prove(disk: Disk, image: Image, digests: list[bytes], tally: Tally, watch: Watch) -> list[Span]:
    """Read the stick back; return the blocks whose digests are others, by their place."""
    blocks = [block for span in image.spans for block in span.blocks()]

    def contents() -> Iterator[bytes]:
        done = 0
        for block in blocks:
            yield disk.read(block.offset, block.size_bytes)
            done += block.size_bytes
            tally.read_back_bytes += block.size_bytes
            watch(Moment("reading back", done, image.size_bytes, tally.written_bytes))

    read = _digests(contents())
    wrong = [block for block, must, is_ in zip(blocks, digests, read, strict=True) if must != is_]
    return sorted(wrong, key=lambda block: block.offset)


def _digests(contents: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the SHA-256 of each; one is made while the next is read."""
    with ThreadPoolExecutor(1) as other:
        waiting: Future[bytes] | None = None
        for content in contents:
            fresh = other.submit(_sha256, content)
            if waiting:
                yield waiting.result()
            waiting = fresh
        if waiting:
            yield waiting.result()


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _write_differing(disk: Disk, block: Span, content: bytes, tally: Tally) -> int:
    """Write the pieces of a block that differ, neighbours at once; return how many bytes that were."""
    count = 0
    for begin, end in _runs(_differing(content, disk.read(block.offset, block.size_bytes)), len(content)):
        disk.write(block.offset + begin, content[begin:end])
        tally.written.update(range(block.offset + begin, block.offset + end, PIECE_BYTES))
        count += end - begin
    return count


def _differing(must: bytes, held: bytes) -> list[int]:
    """Return where the pieces begin that differ."""
    if must == held:
        return []
    starts = range(0, len(must), PIECE_BYTES)
    return [at for at in starts if must[at : at + PIECE_BYTES] != held[at : at + PIECE_BYTES]]


def _runs(pieces: list[int], size_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of pieces that are neighbours."""
    begin = end = -1
    for at in pieces:
        if at != end:
            if end > begin:
                yield begin, end
            begin = at
        end = min(at + PIECE_BYTES, size_bytes)
    if end > begin:
        yield begin, end


def _repair(
    disk: Disk, image: Image, wrong: list[Span], tally: Tally, *, name: str, say: Callable[[str], None]
) -> None:
    """Write what differs in blocks that were believed; raises Failure where this run wrote there."""
    for block in wrong:
        content = block.read()
        pieces = _differing(content, disk.read(block.offset, block.size_bytes))
        if not pieces or any(block.offset + at in tally.written for at in pieces):
            raise _lie(disk, image, block, name)
        tally.repaired_bytes += _write_differing(disk, block, content, tally)
    disk.flush()
    say(f"{name}: {tally.repaired_bytes} bytes had changed since it was flashed: repaired, reading again")


def _lie(disk: Disk, image: Image, block: Span, name: str) -> Failure:
    """Return what to say of a block that does not hold what was written there."""
    must, held = block.read(), disk.read(block.offset, block.size_bytes)
    lie = f"{name} gives other bytes back than were written"
    pieces = _differing(must, held)
    if not pieces:
        now = f"from byte {block.offset} on, and the right ones when asked again"
        return Failure(f"{lie}, {now}", remedy=OTHER_STICK)
    piece = pieces[0]
    first = next(at for at in range(piece, len(must)) if must[at] != held[at])
    said = f"{lie}, first at byte {block.offset + first}"
    most = reappears(disk, image, block.offset + piece, min(PIECE_BYTES, len(must) - piece))
    return Failure(f"{said}: it {_no_more_than(most)}" if most else said, remedy=OTHER_STICK)


def _no_more_than(size_bytes: int) -> str:
    return f"is smaller than it claims, and holds no more than {size_bytes / 1e9:.3g} GB"
