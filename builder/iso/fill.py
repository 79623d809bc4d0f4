"""How are areas overwritten, so that only what differs is written?

Every write stays inside its area and has the area's length; what the image holds already is left alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from builder.iso.areas import MD5SUMS, Area, Layout, content_of, refuse_overflow
from builder.iso.checksums import with_digests

BLOCK_BYTES = 64 * 2**10


class Sink(Protocol):
    """What content is written into."""

    def write(self, block: bytes, /) -> int:
        """Take all of `block`; return its length."""


# Bytes, or what writes them, the same ones each time.
Content = bytes | Callable[[Sink], object]


@dataclass(frozen=True)
class Filled:
    """What came of an area: the MD5 in hex of all that it holds, and how much of that was written."""

    md5: str
    written_bytes: int


class _Digest:
    """A sink that only counts and hashes."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._sha256 = hashlib.sha256()

    def write(self, block: bytes, /) -> int:
        self.size_bytes += len(block)
        self._sha256.update(block)
        return len(block)

    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


class _AreaSink:
    """A sink that lies on an area, and writes where that differs.

    From `padded_from` on, the area is known to hold its padding.
    """

    def __init__(self, descriptor: int, area: Area, padded_from: int) -> None:
        self._descriptor, self._area, self._padded_from = descriptor, area, padded_from
        self._at = self._written_bytes = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._waiting = bytearray()

    def write(self, block: bytes, /) -> int:
        refuse_overflow(self._area, self._at + len(self._waiting) + len(block))
        self._waiting += block
        ready = len(self._waiting) // BLOCK_BYTES * BLOCK_BYTES
        for start in range(0, ready, BLOCK_BYTES):
            self._put(bytes(self._waiting[start : start + BLOCK_BYTES]))
        del self._waiting[:ready]
        return len(block)

    def filled(self) -> Filled:
        """Pad the rest, and say what came of it."""
        if self._waiting:
            self._put(bytes(self._waiting))
        padding = self._area.padding * BLOCK_BYTES
        while left := self._area.capacity - self._at:
            self._put(padding[:left], known=self._at >= self._padded_from)
        return Filled(self._md5.hexdigest(), self._written_bytes)

    def _put(self, block: bytes, *, known: bool = False) -> None:
        at = self._area.offset + self._at
        self._md5.update(block)
        self._at += len(block)
        if not known and os.pread(self._descriptor, len(block), at) != block:
            write_all(self._descriptor, block, at)
            self._written_bytes += len(block)


def digest_of(content: Content) -> tuple[int, str]:
    """Return the size in bytes and the SHA-256 of a content."""
    sink = _Digest()
    _pour(content, sink)
    return sink.size_bytes, sink.hexdigest()


def fill(
    image: Path,
    layout: Layout,
    contents: Mapping[str, Content],
    *,
    held_bytes: Mapping[str, int] | None = None,
) -> int:
    """Overwrite the areas named in `contents`, then md5sum.txt, which follows; return how much was written.

    `held_bytes` says how long the contents are that areas hold now, where that is known: the padding behind
    them is not read. All is on the disk when it returns. Raises Failure where a content does not fit, and may
    leave the image between two states: it must not be anybody's only one.
    """
    with image.open("r+b", buffering=0) as stream:
        descriptor = stream.fileno()
        filled = {
            name: _fill(descriptor, layout.area(name), content, (held_bytes or {}).get(name))
            for name, content in contents.items()
        }
        sums = layout.area(MD5SUMS)
        text = content_of(stream, sums).decode(errors="surrogateescape")
        updated = with_digests(text, {name: each.md5 for name, each in filled.items()})
        filled[MD5SUMS] = _fill(descriptor, sums, updated.encode(errors="surrogateescape"))
        os.fsync(descriptor)
    return sum(each.written_bytes for each in filled.values())


def write_all(descriptor: int, block: bytes, at: int) -> None:
    """Write all of `block` at that offset."""
    view = memoryview(block)
    while view:
        count = os.pwrite(descriptor, view, at)
        view, at = view[count:], at + count


def _fill(descriptor: int, area: Area, content: Content, held_bytes: int | None = None) -> Filled:
    sink = _AreaSink(descriptor, area, area.capacity if held_bytes is None else held_bytes)
    _pour(content, sink)
    return sink.filled()


def _pour(content: Content, sink: Sink) -> None:
    if isinstance(content, bytes):
        sink.write(content)
    else:
        content(sink)
