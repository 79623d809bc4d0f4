"""What bytes must a stick hold?

Those of the ISO, but the primary GPT is that of a disk of the stick's size, and the backup GPT stands at the
stick's end; with a new data partition, its empty file system too. All other bytes of the stick are nobody's.
An ISO without a GPT, as arm64 has them, is written as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.iso import medium
from builder.stick import data, table
from builder.stick.table import Partition
from collectors.failure import Failure

BLOCK_BYTES = 4 * 2**20
# What comes before all files of an ISO (ECMA-119 6.2.1): boot code, and what partition tables there are.
SYSTEM_AREA_BYTES = 16 * medium.SECTOR_BYTES


@dataclass(frozen=True)
class Span:
    """`size_bytes` at `offset` on the stick are those at `at` in the file `source`; all count in sectors."""

    offset: int
    size_bytes: int
    source: Path
    at: int

    @property
    def end(self) -> int:
        """Where the next byte lies."""
        return self.offset + self.size_bytes

    def blocks(self) -> Iterator[Span]:
        """Yield it in blocks that begin at multiples of BLOCK_BYTES."""
        begin = self.offset
        while begin < self.end:
            end = min(self.end, (begin // BLOCK_BYTES + 1) * BLOCK_BYTES)
            yield self.part(begin, end - begin)
            begin = end

    def part(self, offset: int, size_bytes: int) -> Span:
        """Return the part of it that lies there on the stick."""
        return Span(offset, size_bytes, self.source, self.at + offset - self.offset)

    def read(self) -> bytes:
        """Return its bytes; raises Failure where the file does not give them."""
        try:
            with self.source.open("rb", buffering=0) as file:
                content = os.pread(file.fileno(), self.size_bytes, self.at)
        except OSError as error:
            raise Failure(
                f"{self.source}: {error.strerror}", remedy="check the disk that it lies on"
            ) from None
        if len(content) != self.size_bytes:
            raise Failure(f"{self.source} got shorter", remedy="let it be while it is flashed")
        return content


@dataclass(frozen=True)
class Image:
    """What a stick must hold, in the order in which it is written.

    The head is the last span: until it is there, the stick is not taken for a whole one, by nobody. `tail` is
    the backup GPT, which knows where it lies.
    """

    spans: tuple[Span, ...]
    tail: Span | None = None

    @property
    def head(self) -> Span:
        """Return the boot sector and the primary GPT."""
        return self.spans[-1]

    @property
    def size_bytes(self) -> int:
        """How many bytes it says."""
        return sum(span.size_bytes for span in self.spans)

    @property
    def end(self) -> int:
        """Where its last byte lies."""
        return max(span.end for span in self.spans)

    def says(self, offset: int, size_bytes: int) -> bytes | None:
        """Return what must be there; None where it does not say, or two spans meet."""
        for span in self.spans:
            if span.offset <= offset and offset + size_bytes <= span.end:
                return span.part(offset, size_bytes).read()
        return None


def image(
    iso: Path, stick_bytes: int, work: Path, *, partition: Partition | None, label: str | None
) -> Image:
    """Return what a stick of that size must hold.

    `partition` is the data partition, a new one with `label` or (None) the one that is kept as it is. What
    comes from no ISO is laid in the folder `work`.
    """
    size = iso.stat().st_size
    original = table.read_table(iso)
    if original is None:
        first = SYSTEM_AREA_BYTES
        return Image((Span(first, size - first, iso, first), Span(0, first, iso, 0)))
    laid = work / "table"
    with iso.open("rb") as file:
        laid.write_bytes(file.read(original.first))
    fitted = table.fit(laid, stick_bytes, partition)
    body = Span(fitted.first, min(size, fitted.last) - fitted.first, iso, fitted.first)
    files = _file_system(work / "data", partition, label) if partition and label else ()
    tail = Span(fitted.last, stick_bytes - fitted.last, laid, fitted.last)
    return Image((body, *files, tail, Span(0, fitted.first, laid, 0)), tail)


def _file_system(file: Path, partition: Partition, label: str) -> Sequence[Span]:
    data.file_system(file, partition.size_bytes, label)
    return [Span(partition.start + begin, size, file, begin) for begin, size in _filled(file)]


def _filled(file: Path) -> Iterator[tuple[int, int]]:
    """Yield where a sparse file has data, and how much (lseek(2))."""
    with file.open("rb") as stream:
        end, at = os.fstat(stream.fileno()).st_size, 0
        while at < end:
            try:
                begin = os.lseek(stream.fileno(), at, os.SEEK_DATA)
            except OSError:  # ENXIO: a hole up to its end
                return
            at = os.lseek(stream.fileno(), begin, os.SEEK_HOLE)
            yield begin, at - begin
