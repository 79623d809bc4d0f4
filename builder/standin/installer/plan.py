"""What does the storage section mean on these disks?

Pure: from the section, the disks and what is on them to a plan that is carried out elsewhere. A layout
becomes the list of actions that it stands for, and the actions become the plan.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .disks import Disk, choose
from .errors import Refusal

MIB = 1 << 20
ALIGNMENT_BYTES = MIB
TABLE_BYTES = MIB  # what GPT keeps free at the end, rounded up
SECTOR_BYTES = 512

ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
GPT_TYPES: Mapping[str, str] = {
    "boot": ESP_TYPE,
    "bios_grub": "21686148-6449-6E6F-744E-656564454649",
    "swap": "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
    "linux": "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
}
MSDOS_TYPES: Mapping[str, str] = {"boot": "ef", "swap": "82", "linux": "83"}
_SUFFIXES: Mapping[str, int] = {"": 1, "K": 1 << 10, "M": MIB, "G": 1 << 30, "T": 1 << 40}

Action = Mapping[str, Any]


@dataclass(frozen=True)
class Slice:
    """One partition: `/dev/vda1`, its number, where it lies in bytes, its type as sfdisk(8) writes it."""

    device: str
    number: int
    offset_bytes: int
    size_bytes: int
    kind: str


@dataclass(frozen=True)
class Table:
    """A disk's partition table, `gpt` or `dos`; `is_new` wipes it, else `slices` are added to it."""

    disk: str
    label: str
    is_new: bool
    slices: tuple[Slice, ...]


@dataclass(frozen=True)
class Format:
    """A file system to make on a device."""

    device: str
    fstype: str
    label: str = ""
    uuid: str = ""


@dataclass(frozen=True)
class Mount:
    """Where a device is mounted, below the target; a swap's path is `none`."""

    device: str
    path: str
    fstype: str
    options: str = ""


@dataclass(frozen=True)
class Plan:
    """All that is done to disks; `grub_disks` get the BIOS boot loader, an ESP is mounted at /boot/efi."""

    tables: tuple[Table, ...]
    formats: tuple[Format, ...]
    mounts: tuple[Mount, ...]
    grub_disks: tuple[str, ...]
    is_uefi: bool


@dataclass(frozen=True)
class OnDisk:
    """What a disk has now: its table's label ("" = none) and its partitions; file systems by device."""

    label: str
    slices: tuple[Slice, ...]
    filesystems: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # device: type, UUID


def make_plan(
    storage: Mapping[str, Any],
    disks: Sequence[Disk],
    on_disk: Mapping[str, OnDisk],
    *,
    is_uefi: bool,
) -> Plan:
    """Return what the storage section means here; raises Refusal with the key that does not fit.

    `on_disk` is by the disks' paths.
    """
    _refuse_swap_file(storage.get("swap"))
    layout, actions = storage.get("layout"), storage.get("config")
    if (layout is None) == (actions is None):
        raise Refusal("storage: needs either layout or config")
    if layout is not None:
        actions = layout_actions(layout, disks, is_uefi=is_uefi)
    return planned(actions or (), disks, on_disk, is_uefi=is_uefi)


def layout_actions(layout: Action, disks: Sequence[Disk], *, is_uefi: bool) -> list[Action]:
    """Return the actions of the layout `direct`: one ext4 root, and what the firmware needs before it."""
    if layout.get("name") != "direct":
        raise Refusal(f"storage.layout.name: the stand-in cannot do {layout.get('name')}")
    for key in layout:
        if key not in ("name", "match"):
            raise Refusal(f"storage.layout.{key}: the stand-in cannot do this")
    disk = choose(disks, layout.get("match"), "storage.layout.match")
    esp = {"size": "1G", "flag": "boot", "grub_device": True}
    bios = {"size": "1M", "flag": "bios_grub"}
    actions: list[Action] = [
        {"type": "disk", "id": "disk", "path": disk.path, "ptable": "gpt", "grub_device": not is_uefi},
        {"type": "partition", "id": "first", "device": "disk", **(esp if is_uefi else bios)},
        {"type": "partition", "id": "root", "device": "disk", "size": -1},
        {"type": "format", "id": "root-fs", "volume": "root", "fstype": "ext4"},
        {"type": "mount", "id": "root-mount", "device": "root-fs", "path": "/"},
    ]
    if is_uefi:
        actions += [
            {"type": "format", "id": "esp-fs", "volume": "first", "fstype": "fat32"},
            {"type": "mount", "id": "esp-mount", "device": "esp-fs", "path": "/boot/efi"},
        ]
    return actions


def planned(
    actions: Sequence[Action],
    disks: Sequence[Disk],
    on_disk: Mapping[str, OnDisk],
    *,
    is_uefi: bool,
) -> Plan:
    """Turn curtin's actions into a plan; raises Refusal."""
    draft = _Draft(disks, on_disk)
    takers = {"disk": draft.disk, "partition": draft.partition, "format": draft.format, "mount": draft.mount}
    for number, action in enumerate(actions):
        key = f"storage.config[{number}]"
        if action.get("type") not in takers:
            raise Refusal(f"{key}.type: the stand-in cannot do {action.get('type')}")
        if action["id"] in draft.ids:
            raise Refusal(f"{key}.id: {action['id']} is there twice")
        takers[action["type"]](action, key)
    plan = Plan(
        tables=tuple(table.done() for table in draft.tables.values()),
        formats=tuple(draft.formats.values()),
        mounts=tuple(sorted(draft.mounts, key=lambda mount: mount.path.count("/") + len(mount.path) / 1e4)),
        grub_disks=tuple(draft.grub_disks),
        is_uefi=is_uefi,
    )
    _refuse_unbootable(plan, draft)
    return plan


@dataclass
class _TableDraft:
    """One disk while its partitions are being placed."""

    disk: Disk
    label: str
    is_new: bool
    there: Sequence[Slice]
    added: list[Slice] = field(default_factory=list)

    def done(self) -> Table:
        return Table(self.disk.path, self.label, self.is_new, tuple(self.added))

    @property
    def taken(self) -> list[Slice]:
        return [*([] if self.is_new else self.there), *self.added]


class _Draft:
    """The plan in the making: what each action's `id` stands for."""

    def __init__(self, disks: Sequence[Disk], on_disk: Mapping[str, OnDisk]) -> None:
        self.disks, self.on_disk = disks, on_disk
        self.ids: dict[str, object] = {}
        self.tables: dict[str, _TableDraft] = {}
        self.formats: dict[str, Format] = {}
        self.fstypes: dict[str, tuple[str, str]] = {}  # format id: device, file system type
        self.mounts: list[Mount] = []
        self.grub_disks: list[str] = []
        self.kinds: dict[str, str] = {}  # device: partition type

    def disk(self, action: Action, key: str) -> None:
        """Take a whole disk, by path, serial or match."""
        _refuse_others(action, key, "type id path serial match ptable wipe preserve grub_device name")
        match = {word: action[word] for word in ("path", "serial") if action.get(word)}
        disk = choose(self.disks, {**match, **(action.get("match") or {})} or None, key)
        there = self.on_disk.get(disk.path, OnDisk("", ()))
        label = {"msdos": "dos", "gpt": "gpt"}.get(action.get("ptable", ""), "")
        if action.get("preserve"):
            if label and label != there.label:
                raise Refusal(f"{key}.ptable: {disk.path} has {there.label or 'no table'} to preserve")
            label = there.label
        table = _TableDraft(disk, label or "gpt", not action.get("preserve"), there.slices)
        self.ids[action["id"]] = self.tables[action["id"]] = table
        if action.get("grub_device"):
            self.grub_disks.append(disk.path)

    def partition(self, action: Action, key: str) -> None:
        """Place a new partition, or take one that is there."""
        _refuse_others(action, key, "type id device size number offset flag wipe preserve grub_device")
        table = self._meant(action, "device", _TableDraft, key)
        if action.get("preserve"):
            found = _preserved(action, table, key)
        else:
            found = _placed(action, table, key)
            table.added.append(found)
        self.ids[action["id"]] = found
        self.kinds[found.device] = found.kind

    def format(self, action: Action, key: str) -> None:
        """Make a file system, or check the one that is there."""
        _refuse_others(action, key, "type id volume fstype label uuid preserve")
        volume = self._meant(action, "volume", Slice, key)
        fstype = str({"fat32": "vfat"}.get(action["fstype"], action["fstype"]))
        wanted = Format(volume.device, fstype, action.get("label") or "", action.get("uuid") or "")
        self.ids[action["id"]] = wanted
        if not action.get("preserve"):
            self.formats[volume.device] = wanted
            return
        known = {device: fs for disk in self.on_disk.values() for device, fs in disk.filesystems.items()}
        has, uuid = known.get(volume.device, ("", ""))
        if has != fstype:
            raise Refusal(f"{key}.fstype: {volume.device} has {has or 'no file system'} to preserve")
        if wanted.uuid and wanted.uuid.lower() != uuid.lower():
            raise Refusal(f"{key}.uuid: {volume.device} has {uuid}")

    def mount(self, action: Action, key: str) -> None:
        """Mount a format at an absolute path, or use it as swap."""
        _refuse_others(action, key, "type id device path options")
        source = self._meant(action, "device", Format, key)
        path = "none" if source.fstype == "swap" else action.get("path", "")
        if path != "none" and not path.startswith("/"):
            raise Refusal(f"{key}.path: {path or 'nothing'} is not an absolute path")
        if path != "none" and any(path == other.path for other in self.mounts):
            raise Refusal(f"{key}.path: {path} is mounted twice")
        self.ids[action["id"]] = action["id"]
        self.mounts.append(Mount(source.device, path, source.fstype, action.get("options") or ""))

    def _meant(self, action: Action, word: str, kind: type[Any], key: str) -> Any:
        meant = self.ids.get(action[word])
        if not isinstance(meant, kind):
            raise Refusal(f"{key}.{word}: {action[word]} is not one of the actions above that fits here")
        return meant


def size_bytes(size: int | str, disk_bytes: int, key: str) -> int:
    """Read a size: bytes, `512M`, `1.5G`, `50%` of the disk, and -1 for the rest; raises Refusal."""
    text = str(size).strip()
    if text == "-1":
        return -1
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(?:(%)|([KMGT]?)(?:i?B)?)", text)
    if not match:
        raise Refusal(f"{key}: {size} is not a size")
    number = float(match[1])
    if match[2]:
        return int(disk_bytes * number / 100)
    return int(number * _SUFFIXES[match[3]])


def sfdisk_script(table: Table) -> str:
    """Write the table's new partitions as sfdisk(8) reads them, in sectors."""
    head = f"label: {table.label}\n" if table.is_new else ""
    lines = [
        f"{part.number} : start={part.offset_bytes // SECTOR_BYTES}, "
        f"size={part.size_bytes // SECTOR_BYTES}, type={part.kind}\n"
        for part in table.slices
    ]
    return head + "".join(lines)


def partition_device(disk: str, number: int) -> str:
    """Return the device of a partition: `/dev/vda`, 1 is /dev/vda1 and `/dev/nvme0n1`, 1 /dev/nvme0n1p1."""
    return f"{disk}p{number}" if disk[-1].isdigit() else f"{disk}{number}"


def fstab(mounts: Sequence[Mount], uuids: Mapping[str, str]) -> str:
    """Write fstab(5); `uuids` are by device."""
    return "".join(_fstab_line(mount, uuids[mount.device]) for mount in mounts)


def _fstab_line(mount: Mount, uuid: str) -> str:
    if mount.fstype == "swap":
        return f"UUID={uuid} none swap {mount.options or 'sw'} 0 0\n"
    checked = 0 if mount.fstype in ("btrfs", "xfs") else 1 if mount.path == "/" else 2
    return f"UUID={uuid} {mount.path} {mount.fstype} {mount.options or 'defaults'} 0 {checked}\n"


def _refuse_swap_file(swap: Mapping[str, Any] | None) -> None:
    if swap and str(swap.get("size", 0)) != "0":
        raise Refusal("storage.swap.size: the stand-in makes no swap file")


def _refuse_others(action: Action, key: str, known: str) -> None:
    for word in action:
        if word not in known.split():
            raise Refusal(f"{key}.{word}: the stand-in cannot do this")


def _preserved(action: Action, table: _TableDraft, key: str) -> Slice:
    if table.is_new:
        raise Refusal(f"{key}.preserve: the disk's table is made afresh")
    number = action.get("number")
    disk_bytes = table.disk.size_bytes
    for part in table.there:
        at_offset = action.get("offset") is not None and part.offset_bytes == size_bytes(
            action["offset"], disk_bytes, f"{key}.offset"
        )
        if part.number == number or (number is None and at_offset):
            break
    else:
        raise Refusal(f"{key}: {table.disk.path} has no such partition to preserve")
    for word, has in (("offset", part.offset_bytes), ("size", part.size_bytes)):
        if action.get(word) is not None and size_bytes(action[word], disk_bytes, f"{key}.{word}") != has:
            raise Refusal(f"{key}.{word}: {part.device} has {has} bytes, not {action[word]}")
    return part


def _placed(action: Action, table: _TableDraft, key: str) -> Slice:
    disk_bytes = table.disk.size_bytes
    end = (disk_bytes - TABLE_BYTES) // ALIGNMENT_BYTES * ALIGNMENT_BYTES
    free = max((part.offset_bytes + part.size_bytes for part in table.taken), default=ALIGNMENT_BYTES)
    offset = -(-free // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    if action.get("offset") is not None:
        offset = size_bytes(action["offset"], disk_bytes, f"{key}.offset")
    size = size_bytes(action["size"], disk_bytes, f"{key}.size")
    size = end - offset if size == -1 else -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    if size <= 0 or offset + size > end:
        raise Refusal(f"{key}.size: {action['size']} does not fit on {table.disk.path}")
    for part in table.taken:
        if offset < part.offset_bytes + part.size_bytes and part.offset_bytes < offset + size:
            raise Refusal(f"{key}.offset: lies over {part.device}")
    number = action.get("number") or 1 + max((part.number for part in table.taken), default=0)
    kinds = GPT_TYPES if table.label == "gpt" else MSDOS_TYPES
    flag = action.get("flag") or "linux"
    if flag not in kinds:
        raise Refusal(f"{key}.flag: the stand-in cannot do {flag} on {table.label}")
    return Slice(partition_device(table.disk.path, number), number, offset, size, kinds[flag])


def _refuse_unbootable(plan: Plan, draft: _Draft) -> None:
    paths = {mount.path: mount for mount in plan.mounts}
    if "/" not in paths:
        raise Refusal("storage.config: nothing is mounted at /")
    if plan.is_uefi:
        esp = paths.get("/boot/efi")
        kind = draft.kinds.get(esp.device, "").upper() if esp else ""
        if esp is None or esp.fstype != "vfat" or kind not in (ESP_TYPE, "EF"):
            raise Refusal("storage.config: UEFI needs a fat32 partition with flag boot at /boot/efi")
    elif not plan.grub_disks:
        raise Refusal("storage.config: BIOS needs a disk with grub_device")
    else:
        _refuse_no_bios_partition(draft)


def _refuse_no_bios_partition(draft: _Draft) -> None:
    for table in draft.tables.values():
        kinds = {part.kind.upper() for part in table.taken}
        needs = table.label == "gpt" and table.disk.path in draft.grub_disks
        if needs and GPT_TYPES["bios_grub"] not in kinds:
            raise Refusal(f"storage.config: BIOS needs a bios_grub partition on {table.disk.path}")
