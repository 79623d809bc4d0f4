"""How is a stick read and written, past all caches of this machine?"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from builder.stick.image import BLOCK_BYTES
from collectors.failure import Failure

# linux/fs.h
BLKRRPART, BLKFLSBUF = 0x125F, 0x1261
UNPLUGGED = (errno.ENODEV, errno.ENXIO, errno.EIO, errno.ENOMEDIUM)


class Disk(Protocol):
    """A stick: offsets and sizes are in bytes, and count in sectors; no block is larger than BLOCK_BYTES."""

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return what it holds there."""

    def write(self, offset: int, block: bytes) -> None:
        """Overwrite what it holds there."""

    def flush(self) -> None:
        """Wait until all that was written is on it."""


@contextmanager
def opened(path: Path) -> Iterator[Disk]:
    """Open a stick for us alone; afterwards the kernel knows its new partitions.

    Raises Failure where anything else on this machine uses it, whatever that is: the kernel says so
    (O_EXCL, open(2)). While it is open, udev leaves it alone (flock; systemd.io/BLOCK_DEVICE_LOCKING).
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_EXCL | os.O_DIRECT | os.O_CLOEXEC)
    except OSError as error:
        busy = error.errno == errno.EBUSY
        remedy = "unmount it, stop what uses it" if busy else "run with sudo; check the stick"
        raise Failure(f"{path}: {error.strerror}", remedy=remedy) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield _Direct(path, descriptor)
        with suppress(OSError):  # whoever looks at a partition this moment keeps the old table for now
            fcntl.ioctl(descriptor, BLKFLSBUF)
            fcntl.ioctl(descriptor, BLKRRPART)
    finally:
        os.close(descriptor)


class _Direct:
    """A block device with O_DIRECT, which needs memory that begins at a page; use `opened`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor
        self._memory = mmap.mmap(-1, BLOCK_BYTES)

    def read(self, offset: int, size_bytes: int) -> bytes:
        with self._told(offset), memoryview(self._memory) as memory:
            done = 0
            while done < size_bytes:
                with memory[done:size_bytes] as rest:
                    count = os.preadv(self._descriptor, [rest], offset + done)
                if not count:
                    raise OSError(errno.ENODEV, "it ends here")
                done += count
        return self._memory[:size_bytes]

    def write(self, offset: int, block: bytes) -> None:
        self._memory[: len(block)] = block
        with self._told(offset), memoryview(self._memory) as memory:
            done = 0
            while done < len(block):
                with memory[done : len(block)] as rest:
                    done += os.pwritev(self._descriptor, [rest], offset + done)

    def flush(self) -> None:
        with self._told(0):
            os.fsync(self._descriptor)

    @contextmanager
    def _told(self, offset: int) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            gone = error.errno in UNPLUGGED
            remedy = "plug it in and flash again: what is right is not written twice"
            raise Failure(
                f"{self._path}: {error.strerror} at byte {offset}{': was it unplugged?' if gone else ''}",
                remedy=remedy,
            ) from None
