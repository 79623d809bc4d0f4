"""Which disks are there, and which one is meant?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .command import run
from .errors import Refusal

COLUMNS = "NAME,PATH,TYPE,SIZE,RO,ROTA,MOUNTPOINTS"
# Reads as disks to lsblk, but holds nothing that outlives the machine's memory, or no system.
NOT_A_DISK = ("/dev/zram", "/dev/ram", "/dev/loop", "/dev/fd", "/dev/nbd")


@dataclass(frozen=True)
class Disk:
    """One whole disk as lsblk and udev see it; `names` are its device node and the links to it."""

    path: str
    size_bytes: int
    ssd: bool
    in_use: bool
    is_medium: bool
    names: tuple[str, ...] = ()
    serials: tuple[str, ...] = ()
    model: str = ""
    vendor: str = ""
    id_path: str = ""
    devpath: str = ""


def present() -> list[Disk]:
    """Ask this machine."""
    rows = json.loads(run(["lsblk", "--json", "--bytes", "--output", COLUMNS]))["blockdevices"]
    medium = run(["findmnt", "--noheadings", "--output", "SOURCE", "/cdrom"]).strip()
    return [
        described(row, udev(run(["udevadm", "info", "--query=property", row["path"]])), medium)
        for row in rows
        if row["type"] == "disk" and not row["path"].startswith(NOT_A_DISK) and row["size"]
    ]


def udev(text: str) -> dict[str, str]:
    """Read `udevadm info --query=property`: `KEY=value` lines."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {key: value for key, separator, value in pairs if separator}


def described(row: Mapping[str, Any], properties: Mapping[str, str], medium: str) -> Disk:
    """Make a disk of one row of lsblk, its udev properties and the device that is mounted at /cdrom."""
    tree = list(_tree(row))
    links = properties.get("DEVLINKS", "").split()
    serials = (properties.get("ID_SERIAL"), properties.get("ID_SERIAL_SHORT"))
    return Disk(
        path=row["path"],
        size_bytes=int(row["size"]),
        ssd=not row["rota"],
        in_use=bool(row["ro"]) or any(point for part in tree for point in part["mountpoints"]),
        is_medium=any(part["path"] == medium for part in tree),
        names=(row["path"], *links),
        serials=tuple(serial for serial in serials if serial),
        model=properties.get("ID_MODEL", ""),
        vendor=properties.get("ID_VENDOR", ""),
        id_path=properties.get("ID_PATH", ""),
        devpath=properties.get("DEVPATH", ""),
    )


def _tree(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield row
    for child in row.get("children", ()):
        yield from _tree(child)


_GLOBS: Mapping[str, Callable[[Disk], tuple[str, ...]]] = {
    "serial": lambda disk: disk.serials,
    "model": lambda disk: (disk.model,),
    "vendor": lambda disk: (disk.vendor,),
    "path": lambda disk: disk.names,
    "id_path": lambda disk: (disk.id_path,),
    "devpath": lambda disk: (disk.devpath,),
}
_WORDS = frozenset({"ssd", "size"})


def choose(disks: Sequence[Disk], match: Mapping[str, Any] | None, key: str) -> Disk:
    """Return the disk that `match` means, without one the largest that is free; never the medium.

    Raises Refusal that names `key` where no disk fits, or the one that does is in use.
    """
    free = [disk for disk in disks if not disk.is_medium]
    if match is None:
        fitting = [disk for disk in free if not disk.in_use]
    else:
        fitting = [disk for disk in free if _fits(disk, match, key)]
    if not fitting:
        seen = ", ".join(f"{disk.path} ({disk.size_bytes / 1e9:.0f} GB)" for disk in free) or "none"
        raise Refusal(f"{key}: no disk fits; the disks of this machine: {seen}")
    chosen = _sized(fitting, (match or {"size": "largest"}).get("size"))
    if chosen.in_use:
        raise Refusal(f"{key}: {chosen.path} is in use")
    return chosen


def _sized(disks: Sequence[Disk], word: str | None) -> Disk:
    if word == "smallest":
        return min(disks, key=lambda disk: disk.size_bytes)
    if word == "largest":
        return max(disks, key=lambda disk: disk.size_bytes)
    return disks[0]


def _fits(disk: Disk, match: Mapping[str, Any], key: str) -> bool:
    for word in match:
        if word not in _GLOBS and word not in _WORDS:
            raise Refusal(f"{key}.{word}: the stand-in cannot match by this")
    globs = {word: value for word, value in match.items() if word in _GLOBS and value is not None}
    named = all(any(fnmatchcase(value, glob) for value in _GLOBS[word](disk)) for word, glob in globs.items())
    return named and match.get("ssd") in (None, disk.ssd)
