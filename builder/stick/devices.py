"""What block devices are there, and what uses each?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.tools import require
from collectors.command import run
from collectors.failure import Failure

# NAME makes lsblk give a tree: without it, partitions would stand beside their disk.
COLUMNS = "NAME,PATH,TYPE,SIZE,RO,RM,TRAN,MODEL,SERIAL,LOG-SEC,MOUNTPOINTS"
SYSTEM_MOUNTS = frozenset({"/", "/boot", "/boot/efi", "/usr", "/var", "[SWAP]"})
# What makes of partitions something else, and so would be harmed with them.
PLAIN = frozenset({"disk", "part", "loop"})


@dataclass(frozen=True)
class Device:
    """A block device as the kernel sees it.

    `bus` is `usb`, `nvme`, `sata`, or "". `mounts` are the places where anything on it is mounted: its
    partitions, volumes on them, a btrfs that has more disks, images that lie on those; `built` names what is
    made of it and is no partition: `/dev/md0 (raid1)`. `backing` is the file behind a loop device.
    """

    path: str
    kind: str
    size_bytes: int
    sector_bytes: int
    read_only: bool
    removable: bool
    bus: str
    model: str
    serial: str
    mounts: tuple[str, ...]
    built: tuple[str, ...]
    backing: str

    @property
    def runs_the_system(self) -> bool:
        """Whether the running system needs it."""
        return not SYSTEM_MOUNTS.isdisjoint(self.mounts)

    @property
    def word(self) -> str:
        """What a person types to say that they mean this very device: its serial, or where it lies."""
        return self.serial or self.path

    def __str__(self) -> str:
        name = " ".join(filter(None, (self.model, self.serial))) or "no name"
        return f"{self.path} ({name}, {self.size_bytes / 1e9:.1f} GB)"


@dataclass(frozen=True)
class Facts:
    """What the kernel says: `lsblk --json --bytes`, the file behind each loop, the disks of each btrfs.

    Devices are named without /dev: `sdb1`.
    """

    lsblk: str
    backing: Mapping[str, str]
    together: tuple[frozenset[str], ...]


def read_facts() -> Facts:
    """Ask the kernel."""
    require(["lsblk"])
    block, btrfs = Path("/sys/block"), Path("/sys/fs/btrfs")
    files = {file.parts[3]: file.read_text().strip() for file in block.glob("loop*/loop/backing_file")}
    disks = (frozenset(each.name for each in folder.iterdir()) for folder in btrfs.glob("*/devices"))
    return Facts(run(["lsblk", "--json", "--bytes", "--output", COLUMNS]), files, tuple(disks))


def devices(facts: Facts) -> list[Device]:
    """Read them all, in the kernel's order."""
    forest = _Forest(facts)
    return [_device(row, forest) for row in forest.rows.values()]


def named(path: Path, among: list[Device]) -> Device:
    """Return one of them by any of its names in /dev; raises Failure where it is none."""
    if not path.exists():
        raise Failure(f"{path}: no such device", remedy="`rekindle flash` alone lists the sticks")
    if not path.is_block_device():
        raise Failure(f"{path} is not a block device", remedy="`rekindle flash` alone lists the sticks")
    for device in among:
        if Path(device.path).resolve() == path.resolve():
            return device
    raise Failure(f"{path}: lsblk does not know it", remedy="name a whole stick: /dev/sdX")


def holding(file: str, facts: Facts) -> frozenset[str]:
    """Return the paths of all devices on which a file lies, from its partition down to the disk."""
    forest = _Forest(facts)
    home = forest.home_of(file)
    return frozenset(row["path"] for name, row in forest.rows.items() if home and home in forest.on(name))


class _Forest:
    """The rows of lsblk by their names, and what lies on what."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.rows: dict[str, dict[str, Any]] = {}
        for top in json.loads(facts.lsblk)["blockdevices"]:
            self.rows.update((row["name"], row) for row in _tree(top))

    def on(self, name: str) -> set[str]:
        """Return all that needs the device `name`, and itself."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            each = waiting.pop()
            if each in found or each not in self.rows:
                continue
            found.add(each)
            waiting += [row["name"] for row in _tree(self.rows[each])]
            waiting += [other for disks in self.facts.together if each in disks for other in disks]
            waiting += [loop for loop, file in self.facts.backing.items() if self.home_of(file) == each]
        return found

    def home_of(self, file: str) -> str | None:
        """Return the name of what is mounted where `file` lies; a mount without a device is not seen."""
        places = (
            (len(mount), name)
            for name, row in self.rows.items()
            for mount in _mounts(row)
            if Path(file).is_relative_to(mount)
        )
        return max(places, default=(0, None))[1]


def _device(row: dict[str, Any], forest: _Forest) -> Device:
    rows = [forest.rows[name] for name in sorted(forest.on(row["name"]))]
    below = list(_tree(row))[1:]
    return Device(
        path=row["path"],
        kind=row["type"],
        size_bytes=int(row["size"] or 0),
        sector_bytes=int(row["log-sec"]),
        read_only=bool(row["ro"]),
        removable=bool(row["rm"]),
        bus=row["tran"] or "",
        model=(row["model"] or "").strip(),
        serial=(row["serial"] or "").strip(),
        mounts=tuple(sorted({mount for each in rows for mount in _mounts(each)})),
        built=tuple(f"{each['path']} ({each['type']})" for each in below if each["type"] not in PLAIN),
        backing=forest.facts.backing.get(row["name"], ""),
    )


def _tree(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield row
    for child in row.get("children", []):
        yield from _tree(child)


def _mounts(row: dict[str, Any]) -> list[str]:
    return [mount for mount in row["mountpoints"] or [] if mount]
