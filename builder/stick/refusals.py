"""Why must a device not be written?"""

from __future__ import annotations

from pathlib import Path

from builder.stick.devices import Device
from collectors.failure import Failure

# The boot sectors and the GPT of an installer ISO count in these.
SECTOR_BYTES = 512


def refusal(
    device: Device, iso: Path, iso_bytes: int, *, holds_iso: bool, force: str | None = None
) -> Failure | None:
    """Return why not, the worst reason first, or None.

    `holds_iso` tells that the ISO's file lies on the device. `force` is what the owner typed to let one pass
    that is not removable: its `word`.
    """
    return (
        _of_another_kind(device, iso)
        or _in_use(device, iso, holds_iso=holds_iso)
        or _unfit(device, iso_bytes)
        or _fixed(device, force)
    )


def _of_another_kind(device: Device, iso: Path) -> Failure | None:
    if device.kind not in ("disk", "loop"):
        return Failure(f"{device.path} is a {device.kind}, no whole disk", remedy="name the whole stick")
    if device.backing and Path(device.backing) == iso:
        return Failure(f"{device.path} is a loop of {iso} itself", remedy="name the stick")
    return None


def _in_use(device: Device, iso: Path, *, holds_iso: bool) -> Failure | None:
    if device.runs_the_system:
        return Failure(f"{device} holds the running system", remedy="name the stick")
    if holds_iso:
        return Failure(f"{device} holds {iso} itself", remedy="copy the ISO elsewhere first")
    if device.mounts:
        return Failure(f"{device} is mounted at {device.mounts[0]}", remedy=f"umount {device.mounts[0]}")
    if device.built:
        return Failure(f"{device} is part of {device.built[0]}", remedy="stop that, or name the stick")
    return None


def _unfit(device: Device, iso_bytes: int) -> Failure | None:
    if not device.size_bytes:
        return Failure(f"{device.path} has no medium in it", remedy="put a card in")
    if device.read_only:
        return Failure(f"{device} is read-only", remedy="move the stick's lock, or take another")
    if device.sector_bytes != SECTOR_BYTES:
        return Failure(
            f"{device} has sectors of {device.sector_bytes} bytes, and would not boot",
            remedy=f"take a stick with sectors of {SECTOR_BYTES}",
        )
    if device.size_bytes < iso_bytes:
        return Failure(f"{device} is smaller than the ISO ({iso_bytes} bytes)", remedy="take a larger stick")
    return None


def _fixed(device: Device, force: str | None) -> Failure | None:
    """A disk in a case on USB is a fixed disk: its owner's backups lie on it, more often than not."""
    if device.removable or force == device.word:
        return None
    if force:
        return Failure(f"{device} is not {force}", remedy=f"--force {device.word}, if it is meant")
    return Failure(
        f"{device} is not removable", remedy=f"name the stick; --force {device.word} if this is meant"
    )
