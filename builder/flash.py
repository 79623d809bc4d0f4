"""How is a stick written, and nothing else?"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.tools import require
from collectors.command import run
from collectors.failure import Failure

BLOCK_BYTES = 4 * 2**20
# NAME makes lsblk give a tree: without it, partitions would stand beside their disk.
COLUMNS = "NAME,PATH,TYPE,SIZE,RO,RM,TRAN,MODEL,SERIAL,MOUNTPOINTS"
SYSTEM_MOUNTS = frozenset({"/", "/boot", "/boot/efi", "/usr", "/var", "[SWAP]"})

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Device:
    """A block device as lsblk(8) sees it; `mounts` are those of all its partitions too."""

    path: str
    kind: str
    size_bytes: int
    read_only: bool
    removable: bool
    model: str
    serial: str
    mounts: tuple[str, ...]

    def __str__(self) -> str:
        name = " ".join(filter(None, (self.model, self.serial))) or "no name"
        return f"{self.path} ({name}, {self.size_bytes / 1e9:.1f} GB)"


def devices(lsblk: str) -> list[Device]:
    """Read `lsblk --json --bytes`."""
    return [_device(row) for row in json.loads(lsblk)["blockdevices"]]


def refusal(device: Device, iso_bytes: int, *, force: bool) -> Failure | None:
    """Return why this device must not be written, or None; `force` lets one pass that is not removable."""
    if device.kind not in ("disk", "loop"):
        return Failure(f"{device.path} is a {device.kind}, no whole disk", remedy="name the whole stick")
    if SYSTEM_MOUNTS & set(device.mounts):
        return Failure(f"{device} holds the running system", remedy="name the stick")
    if device.mounts:
        return Failure(f"{device} is mounted at {device.mounts[0]}", remedy=f"umount {device.mounts[0]}")
    if device.read_only:
        return Failure(f"{device} is read-only", remedy="move the stick's lock, or take another")
    if device.size_bytes < iso_bytes:
        return Failure(f"{device} is smaller than the ISO ({iso_bytes} bytes)", remedy="take a larger stick")
    if not (device.removable or force):
        return Failure(f"{device} is not removable", remedy="name the stick, or use --force if you are sure")
    return None


def inspect_device(path: Path) -> Device:
    """Ask lsblk about one device; raises Failure where it is none."""
    require(["lsblk"])
    if not path.is_block_device():
        raise Failure(f"{path} is not a block device", remedy="`lsblk` lists them")
    said = run(["lsblk", "--json", "--bytes", "--output", COLUMNS, path])
    return devices(said)[0]


def write(iso: Path, device: Path, progress: Progress) -> None:
    """Write `iso` to `device` and read it back; `progress(done, total)` counts bytes of both passes.

    Raises Failure when the device cannot be written, or gives other bytes back.
    """
    size = iso.stat().st_size
    try:
        written = _copy(iso, device, lambda done: progress(done, 2 * size))
        read = _digest(device, size, lambda done: progress(size + done, 2 * size))
    except OSError as error:
        raise Failure(f"{device}: {error.strerror}", remedy="run with sudo; check the stick") from None
    if read != written:
        raise Failure(f"{device} gives other bytes back than were written", remedy="take another stick")


def _copy(iso: Path, device: Path, progress: Callable[[int], None]) -> str:
    digest, done = hashlib.sha256(), 0
    # O_EXCL on a block device is refused while anything has it mounted (open(2)).
    descriptor = os.open(device, os.O_WRONLY | os.O_EXCL)
    with iso.open("rb") as source, os.fdopen(descriptor, "wb", buffering=0) as target:
        while block := source.read(BLOCK_BYTES):
            digest.update(block)
            _write_all(target.fileno(), block)
            done += len(block)
            progress(done)
        os.fsync(target.fileno())
    return digest.hexdigest()


def _write_all(descriptor: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(descriptor, view) :]


def _digest(device: Path, size_bytes: int, progress: Callable[[int], None]) -> str:
    digest, left = hashlib.sha256(), size_bytes
    with device.open("rb", buffering=0) as source:
        # What is still in the page cache would only prove what we wrote.
        os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while left:
            block = source.read(min(BLOCK_BYTES, left))
            if not block:
                break
            digest.update(block)
            left -= len(block)
            progress(size_bytes - left)
    return digest.hexdigest()


def _device(row: dict[str, Any]) -> Device:
    return Device(
        path=row["path"],
        kind=row["type"],
        size_bytes=int(row["size"] or 0),
        read_only=bool(row["ro"]),
        removable=bool(row["rm"]) or row.get("tran") == "usb",
        model=(row.get("model") or "").strip(),
        serial=(row.get("serial") or "").strip(),
        mounts=tuple(sorted(_mounts(row))),
    )


def _mounts(row: dict[str, Any]) -> set[str]:
    own = {mount for mount in row.get("mountpoints") or [] if mount}
    return own.union(*(_mounts(child) for child in row.get("children", [])))
