"""How does a recovery ISO become the prepared base again that it was made from?

In place: its areas get what they held before the first build. Nothing of the machine stays on it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from builder.iso import areas, medium
from builder.iso.areas import MANIFEST, Layout
from builder.iso.fill import fill
from builder.iso.source import Place, Url, reading
from builder.look.carried import layout_on
from builder.whole import synced
from collectors.failure import Failure


@dataclass(frozen=True)
class Resettable:
    """An ISO file or a device that may be reset; `is_latest` where `latest` points to it."""

    image: Path
    layout: Layout
    latest: Path
    is_latest: bool

    def __str__(self) -> str:
        which = ", the latest recovery ISO" if self.is_latest else ""
        return f"{self.image}{which}"


def resettable(place: Place, latest: Path) -> Resettable:
    """Return what would be reset; raises Failure where there are no areas, or it cannot be written."""
    if isinstance(place, Url):
        raise Failure(f"{place}: only a file or a device can be reset", remedy="reset it where it lies")
    with reading(place) as stream, medium.within(stream, place) as iso:
        layout = layout_on(iso, place)
    is_latest = latest.is_symlink() and place.resolve() == latest.resolve()
    with _ours(place):
        return Resettable(place.resolve(), layout, latest, is_latest)


def reset(found: Resettable) -> int:
    """Reset it, and return how many bytes were written; killed half-way, it can be done again.

    The link to the latest goes first, then its manifest: from then on it is no recovery ISO any more. Of a
    slot that somebody wrote to, its record tells nothing.
    """
    pristine = dict(areas.pristine_contents(found.layout))
    contents = {MANIFEST: pristine.pop(MANIFEST), **pristine}
    with _ours(found.image):
        if found.is_latest:
            found.latest.unlink()
            synced(found.latest.parent)
        return fill(found.image, found.layout, contents)


@contextmanager
def _ours(image: Path) -> Iterator[None]:
    """Hold it open for writing; of a device the kernel refuses that while it is mounted (open(2), O_EXCL)."""
    alone = os.O_EXCL if image.is_block_device() else 0
    try:
        descriptor = os.open(image, os.O_RDWR | os.O_CLOEXEC | alone)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise Failure(f"{image} is mounted, or in use", remedy=f"umount {image}*") from None
        raise Failure(f"{image}: {error.strerror}", remedy="run with sudo, or take a copy") from None
    try:
        yield
    finally:
        os.close(descriptor)
