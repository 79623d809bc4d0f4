"""How is the plan carried out on the disks?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .command import run
from .disks import Disk
from .errors import Broken
from .plan import Format, Mount, OnDisk, Plan, Slice, Table, fstab, sfdisk_script

TARGET = Path("/target")


def read(disk: Disk) -> OnDisk:
    """Ask what is on a disk now."""
    label, slices = table_of(_table_json(disk.path))
    found = {part.device: filesystem_of(part.device) for part in slices}
    return OnDisk(label, slices, {device: fs for device, fs in found.items() if fs[0]})


def table_of(text: str) -> tuple[str, tuple[Slice, ...]]:
    """Read `sfdisk --json`: the label and the partitions; an empty text is a disk without a table."""
    if not text.strip():
        return "", ()
    table: dict[str, Any] = json.loads(text)["partitiontable"]
    sector = int(table.get("sectorsize", 512))
    return table["label"], tuple(
        Slice(
            part["node"],
            _number(part["node"]),
            int(part["start"]) * sector,
            int(part["size"]) * sector,
            part["type"],
        )
        for part in table.get("partitions", ())
    )


def filesystem_of(device: str) -> tuple[str, str]:
    """Return type and UUID of what a device holds, "" where blkid(8) sees nothing."""
    return _probed(device, "TYPE"), _probed(device, "UUID")


def apply(plan: Plan) -> None:
    """Partition, format and mount the target; write its fstab; raises Broken."""
    for table in plan.tables:
        _partition(table)
    run(["udevadm", "settle"])
    for made in plan.formats:
        run(mkfs(made))
    run(["udevadm", "settle"])
    TARGET.mkdir(exist_ok=True)
    for mount in plan.mounts:
        _mount(mount)


def write_fstab(mounts: Sequence[Mount]) -> None:
    """Write the target's fstab, by the UUIDs that the file systems have now."""
    uuids = {mount.device: _probed(mount.device, "UUID") for mount in mounts}
    for device, uuid in uuids.items():
        if not uuid:
            raise Broken(f"{device} has no UUID")
    (TARGET / "etc/fstab").write_text(fstab(mounts, uuids))


def mkfs(made: Format) -> list[str]:
    """Return the command that makes a file system."""
    return [*_MAKERS[made.fstype], *_named(made), made.device]


_MAKERS = {
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
    "vfat": ["mkfs.vfat", "-F", "32"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "swap": ["mkswap"],
}
_LABEL_OPTION = {"vfat": "-n"}


def _named(made: Format) -> list[str]:
    label = [_LABEL_OPTION.get(made.fstype, "-L"), made.label] if made.label else []
    if not made.uuid:
        return label
    if made.fstype == "vfat":
        return [*label, "-i", made.uuid.replace("-", "")]
    if made.fstype == "xfs":
        return [*label, "-m", f"uuid={made.uuid}"]
    return [*label, "-U", made.uuid]


def _partition(table: Table) -> None:
    if table.is_new:
        run(["wipefs", "--all", "--force", table.disk])
    if table.is_new or table.slices:
        words = ["--wipe", "always", "--wipe-partitions", "always"] if table.is_new else ["--append"]
        run(["sfdisk", *words, table.disk], stdin=sfdisk_script(table))


def _mount(mount: Mount) -> None:
    if mount.path == "none":
        return
    place = TARGET / mount.path.lstrip("/")
    place.mkdir(parents=True, exist_ok=True)
    options = ["-o", mount.options] if mount.options else []
    run(["mount", "-t", mount.fstype, *options, mount.device, str(place)])


def _table_json(path: str) -> str:
    try:
        return run(["sfdisk", "--json", path])
    except Broken:
        return ""  # a blank disk has no table to read


def _probed(device: str, tag: str) -> str:
    try:
        return run(["blkid", "--probe", "--match-tag", tag, "--output", "value", device]).strip()
    except Broken:
        return ""  # nothing that blkid knows is there


def _number(node: str) -> int:
    digits = ""
    while node and node[-1].isdigit():
        digits, node = node[-1] + digits, node[:-1]
    return int(digits)
