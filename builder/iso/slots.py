"""How do rebuilds alternate between two files, so that the last good one is never touched?

`slots/a.iso` and `slots/b.iso` lie in one folder, each with a record beside it; `latest.iso`, a link beside
that folder, points to the good one. A rebuild takes the other, and what lies outside of its areas is the
prepared base: because it is cloned from it, where the file system shares blocks, or else because the record
of the last rebuild says so and nobody wrote to the file since. Whatever is not known for sure (a first build,
another base, a power cut, somebody else's hand) is compared with the prepared base, and mended where it
differs.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from builder.iso import areas
from builder.iso.areas import content_of
from builder.iso.fill import write_all
from builder.iso.manifest import Held, read_manifest
from builder.iso.prepare import Prepared
from builder.tools import require
from builder.whole import refuse_other, synced, whole
from collectors.failure import Failure
from collectors.record import sha256

Say = Callable[[str], None]

NAMES = ("a", "b")
# ioctl_ficlonerange(2)
FICLONE = 0x40049409
BLOCK_BYTES = 2**20


@dataclass(frozen=True)
class Record:
    """What is known of a slot, as long as its file is the same that was recorded.

    `prepared` is the key of the prepared base whose bytes lie outside its areas; `manifest` the SHA-256 of
    the medium's manifest. The rest is from stat(2): no program sets the time of a file's last change.
    """

    prepared: str
    manifest: str
    size_bytes: int
    inode: int
    ctime_ns: int


@dataclass(frozen=True)
class Slot:
    """The slot that is being written: its file, and what its areas hold as yet by their names."""

    path: Path
    held: Mapping[str, Held]


def latest(link: Path) -> Record | None:
    """Return the record of the slot that `latest.iso` points to, None where there is none that holds."""
    slot = _current(link)
    return _record(slot) if slot else None


def used(link: Path) -> set[str]:
    """Return the keys of the prepared bases that slots were made of."""
    return {record.prepared for record in map(_record, _slots(link)) if record}


@contextmanager
def idle(link: Path, prepared: Prepared, manifest: str, say: Say) -> Iterator[Slot]:
    """Yield the slot that is not the latest, right outside of its areas, and make it the latest afterwards.

    Its areas are filled by the caller, and on the disk when the caller is done; `manifest` is the SHA-256 of
    what they say of themselves then. Whenever it ends in between, the latest one stays as it was, and nothing
    is known of this one. Raises Failure.
    """
    refuse_other(link)
    _folder(link).mkdir(parents=True, exist_ok=True)
    current = _current(link)
    slot = next(slot for slot in _slots(link) if slot != current)
    _leave_to_others(slot)
    held = _held(slot, prepared)
    _forget(slot)
    if clone(prepared.path, slot):
        held = _pristine(prepared)
    elif held is None:
        copy(prepared.path, slot, say)
        held = _pristine(prepared)
    yield Slot(slot, held)
    _remember(slot, prepared.layout.key, manifest)
    _switch(link, slot)


def clone(source: Path, slot: Path) -> bool:
    """Make `slot` share all blocks of `source`; return False, and leave it, where the file system cannot."""
    with source.open("rb") as reading, _writable(slot) as writing:
        try:
            fcntl.ioctl(writing, FICLONE, reading.fileno())
        except OSError:
            return False
        os.ftruncate(writing, os.fstat(reading.fileno()).st_size)
    return True


def copy(source: Path, slot: Path, say: Say) -> None:
    """Make `slot` the same as `source`, writing only what differs; raises Failure where space lacks."""
    size = source.stat().st_size
    with source.open("rb") as reading, _writable(slot) as writing:
        there = os.fstat(writing).st_blocks * 512
        require(space_bytes={slot.parent: size - there})
        what = f"comparing {slot.name} with the prepared base" if there else f"copying it to {slot.name}"
        say(f"this file system cannot share blocks: {what} ({size / 1e9:.1f} GB)")
        at = 0
        while block := reading.read(BLOCK_BYTES):
            if os.pread(writing, len(block), at) != block:
                write_all(writing, block, at)
            at += len(block)
        os.ftruncate(writing, at)


@contextmanager
def _writable(path: Path) -> Iterator[int]:
    """Open a file that need not be there yet; others must not read what it will hold."""
    refuse_other(path)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _folder(link: Path) -> Path:
    return link.parent / "slots"


def _slots(link: Path) -> list[Path]:
    return [_folder(link) / f"{name}.iso" for name in NAMES]


def _current(link: Path) -> Path | None:
    return link.parent / link.readlink() if link.is_symlink() else None


def _switch(link: Path, slot: Path) -> None:
    """Point `latest.iso` to a slot, in one step."""
    aside = link.with_name(f".{link.name}.partial")
    with suppress(FileNotFoundError):
        aside.unlink()
    aside.symlink_to(slot.relative_to(link.parent))
    aside.replace(link)
    synced(link.parent)


def _held(slot: Path, prepared: Prepared) -> Mapping[str, Held] | None:
    """Return what the areas of a slot hold, None where it is not known to be this prepared base besides."""
    record = _record(slot)
    if record is None or record.prepared != prepared.layout.key:
        return None
    try:
        with slot.open("rb") as stream:
            text = content_of(stream, prepared.layout.area(areas.MANIFEST))
        return {held.name: held for held in read_manifest(text, str(slot)).areas}
    except Failure:
        return {}  # of another version of Rekindle


def _pristine(prepared: Prepared) -> Mapping[str, Held]:
    return {
        name: Held(name=name, size_bytes=len(content), sha256=sha256(content))
        for name, content in areas.pristine_contents(prepared.layout).items()
    }


def _record(slot: Path) -> Record | None:
    """Return what is known of a slot, None where somebody wrote to it since."""
    try:
        record = Record(**json.loads(_record_file(slot).read_text()))
        return record if _stated(slot, record.prepared, record.manifest) == record else None
    except (OSError, ValueError, TypeError):
        return None


def _stated(slot: Path, key: str, manifest: str) -> Record:
    state = slot.stat()
    return Record(key, manifest, state.st_size, state.st_ino, state.st_ctime_ns)


def _remember(slot: Path, key: str, manifest: str) -> None:
    with whole(_record_file(slot)) as aside:
        aside.write_text(json.dumps(asdict(_stated(slot, key, manifest))))


def _forget(slot: Path) -> None:
    """Let nothing be known of a slot that is about to be written."""
    _record_file(slot).unlink(missing_ok=True)
    synced(slot.parent)


def _leave_to_others(slot: Path) -> None:
    """Let go of a file that somebody has open (an upload, a VM), or by another name: it stays theirs."""
    if slot.is_file() and (slot.stat().st_nlink > 1 or _is_open(slot)):
        slot.unlink()


def _is_open(slot: Path) -> bool:
    """Tell whether somebody has it open: nobody gets a lease for writing then (fcntl(2), F_SETLEASE)."""
    with slot.open("r+b") as stream:
        fcntl.fcntl(stream, fcntl.F_SETSIG, signal.SIGURG)  # who opens it now is told, and SIGIO would end us
        try:
            fcntl.fcntl(stream, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except BlockingIOError:
            return True
        except OSError:
            return False  # no leases on this file system
        fcntl.fcntl(stream, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _record_file(slot: Path) -> Path:
    return slot.with_suffix(".json")
