"""How do rebuilds alternate between two files, so that the last good one is never touched?

`slots/a.iso` and `slots/b.iso` lie in one folder, each with a record beside it; `latest.iso`, a link beside
that folder, points to the good one. A rebuild takes the other: cloned from the prepared base where the file
system can share blocks, otherwise copied once and from then on patched.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from builder.iso.prepare import Prepared
from builder.tools import require
from builder.whole import synced, whole

Say = Callable[[str], None]

NAMES = ("a", "b")
# ioctl_ficlonerange(2)
FICLONE = 0x40049409


@dataclass(frozen=True)
class Slot:
    """What a slot's record says.

    `prepared` is the key of the prepared base whose bytes lie outside its areas; `manifest` the SHA-256 of
    the medium's manifest ("" = it is being written). `size_bytes` and `mtime_ns` are the file's when it was
    recorded.
    """

    prepared: str
    manifest: str
    size_bytes: int
    mtime_ns: int


def latest(link: Path) -> Slot | None:
    """Return the record of the slot that `latest.iso` points to, None where there is none that holds."""
    return _record(link.resolve()) if link.is_symlink() else None


@contextmanager
def idle(link: Path, prepared: Prepared, say: Say) -> Iterator[Path]:
    """Yield the slot that is not the latest, its base part right, and make it the latest afterwards.

    What is yielded is filled by the caller, who calls `record` on it. Whenever it ends in between, the latest
    one stays as it was. Raises Failure.
    """
    folder = link.parent / "slots"
    current = link.resolve().stem if link.is_symlink() else ""
    slot = folder / f"{next(name for name in NAMES if name != current)}.iso"
    folder.mkdir(parents=True, exist_ok=True)
    if not cloned(prepared.path, slot) and not _is_right(slot, prepared):
        size = prepared.path.stat().st_size
        require(space_bytes={folder: size})
        say(f"copying the prepared base ({size / 1e9:.1f} GB, once): this file system cannot share blocks")
        with whole(slot) as aside:
            copied(prepared.path, aside)
    _write_record(slot, prepared.layout.key, "")
    yield slot
    switch(link, slot)


def record(slot: Path, prepared: Prepared, manifest: str) -> None:
    """Say what a slot holds, now that it is on the disk."""
    _write_record(slot, prepared.layout.key, manifest)


def switch(link: Path, slot: Path) -> None:
    """Point `latest.iso` to a slot, in one step."""
    aside = link.with_name(f".{link.name}.partial")
    with suppress(FileNotFoundError):
        aside.unlink()
    aside.symlink_to(slot.relative_to(link.parent))
    aside.replace(link)
    synced(link.parent)


def cloned(source: Path, copy: Path) -> bool:
    """Make `copy` share the blocks of `source`; return False, and leave it, where the file system cannot."""
    aside = copy.with_name(f".{copy.name}.partial")
    try:
        with source.open("rb") as reading, aside.open("wb") as writing:
            fcntl.ioctl(writing.fileno(), FICLONE, reading.fileno())
    except OSError:
        aside.unlink(missing_ok=True)
        return False
    aside.replace(copy)
    return True


def copied(source: Path, copy: Path) -> None:
    """Copy all of `source`, where it cannot be cloned."""
    shutil.copyfile(source, copy)


def _is_right(slot: Path, prepared: Prepared) -> bool:
    known = _record(slot)
    return known is not None and known.prepared == prepared.layout.key


def _record(slot: Path) -> Slot | None:
    try:
        known = Slot(**json.loads(_record_file(slot).read_text()))
        state = slot.stat()
    except (OSError, ValueError, TypeError):
        return None
    # Being written, its time is not known; a power cut in between is what this is for.
    same = known.size_bytes == state.st_size and (not known.manifest or known.mtime_ns == state.st_mtime_ns)
    return known if same else None


def _write_record(slot: Path, key: str, manifest: str) -> None:
    state = os.stat(slot)
    known = Slot(key, manifest, state.st_size, state.st_mtime_ns)
    with whole(_record_file(slot)) as aside:
        aside.write_text(json.dumps(asdict(known)))


def _record_file(slot: Path) -> Path:
    return slot.with_suffix(".json")
