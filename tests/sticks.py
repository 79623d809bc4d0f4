"""Sticks in memory: an honest one, and those that lie."""

from __future__ import annotations

import mmap
from pathlib import Path


class Stick:
    """An honest stick of that many bytes, in memory or in a `file`.

    It remembers what was written, (offset, size), and (-1, 0) for a flush.
    """

    def __init__(self, size_bytes: int, file: Path | None = None) -> None:
        self.size_bytes = size_bytes
        self.content = _mapped(file, size_bytes) if file else bytearray(b"\xff" * size_bytes)
        self.written: list[tuple[int, int]] = []

    def read(self, offset: int, size_bytes: int) -> bytes:
        return bytes(self.content[offset : offset + size_bytes])

    def write(self, offset: int, block: bytes) -> None:
        self.content[offset : offset + len(block)] = block
        self.written.append((offset, len(block)))

    def flush(self) -> None:
        self.written.append((-1, 0))

    @property
    def written_bytes(self) -> int:
        return sum(size for _, size in self.written)


class Wrapping(Stick):
    """It claims more than the `real` bytes that it has, and begins anew where it is full.

    No block of ours crosses that.
    """

    def __init__(self, size_bytes: int, real: int) -> None:
        super().__init__(real)
        self.size_bytes = size_bytes

    def read(self, offset: int, size_bytes: int) -> bytes:
        return super().read(offset % len(self.content), size_bytes)

    def write(self, offset: int, block: bytes) -> None:
        super().write(offset % len(self.content), block)


class Flipping(Stick):
    """It gives one bit back the other way round, once that was written, and only `times`."""

    def __init__(self, size_bytes: int, at: int, times: int = 10**9) -> None:
        super().__init__(size_bytes)
        self.at, self.times = at, times

    def read(self, offset: int, size_bytes: int) -> bytes:
        content = bytearray(super().read(offset, size_bytes))
        was_written = any(begin <= self.at < begin + size for begin, size in self.written)
        if was_written and offset <= self.at < offset + size_bytes and self.times:
            content[self.at - offset] ^= 4
            self.times -= 1
        return bytes(content)


def _mapped(file: Path, size_bytes: int) -> mmap.mmap:
    with file.open("w+b") as stream:
        stream.truncate(size_bytes)
        return mmap.mmap(stream.fileno(), size_bytes)
