#!/usr/bin/env python3
"""Which disk may be erased?

An early-command of the autoinstall: `choose_disk.py RULE TOKEN ID`. It runs in the installer's live system,
with nothing but the standard library, before the installer looks at any disk. TOKEN stands in
/autoinstall.yaml where the disk's path belongs and matches no disk: until exactly one disk is chosen here,
the installer has none to erase. A disk that the medium of this ID has recovered already is none, unless the
boot menu says `again`.

RULE is JSON, globs by lsblk(8)'s words: `{}` takes the only internal disk, `{"serial": "S5GX*"}` the one
disk with such a serial.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

AUTOINSTALL = Path("/autoinstall.yaml")
COMMAND_LINE = Path("/proc/cmdline")
MEDIUM = "/cdrom"
CONSOLES = ("/dev/tty1", "/dev/ttyS0")
SMALLEST_BYTES = 4 * 2**30
NOT_A_DISK = ("/dev/zram", "/dev/loop", "/dev/ram", "/dev/fd", "/dev/nbd", "/dev/sr")
# How an internal disk may be attached. An SD card or a disk in the network must be named by a rule.
INTERNAL = ("nvme", "sata", "ata", "sas", "scsi", "spi", "virtio", "", None)
NEVER = ("usb", "ieee1394")
# What iso_overlay/installer/mark calls the partition of a finished recovery, and the word of the boot menu
# that makes it begin again.
MARK = "rekindle-{}"
AGAIN = "rekindle.again"
# NAME makes lsblk give a tree: without it, partitions would stand beside their disk.
COLUMNS = "NAME,PATH,TYPE,SIZE,RO,RM,TRAN,MODEL,SERIAL,PARTLABEL,MOUNTPOINT"

Row = dict[str, Any]


@dataclass(frozen=True)
class Disk:
    """One whole disk as lsblk sees it.

    `because` says why it is no candidate ("" = it is one); `unless_named` whether a rule that names it
    makes it one all the same.
    """

    path: str
    size_bytes: int
    model: str
    serial: str
    because: str
    unless_named: bool

    def __str__(self) -> str:
        size = f"{self.size_bytes / 1e9:.0f} GB"
        words = [self.path, size, self.model or "no model", f"serial {self.serial or 'none'}"]
        return "  ".join(words) + (f"  (not a candidate: {self.because})" if self.because else "")


class NoDisk(Exception):  # noqa: N818  it is the answer, not a fault
    """Not exactly one disk fits: nothing may be erased."""


def disks(lsblk: str, medium: str, mark: str = "") -> list[Disk]:
    """Read `lsblk --json --bytes`.

    `medium` is the device mounted at /cdrom ("" where unknown); a disk with a partition named `mark` is no
    candidate ("" = there is no such name).
    """
    return [_disk(row, medium, mark) for row in json.loads(lsblk)["blockdevices"] if _is_disk(row)]


def choose(seen: list[Disk], rule: dict[str, str]) -> Disk:
    """Return the one disk that the rule allows; raises NoDisk with the reason and the disks there are."""
    candidates = [disk for disk in seen if not disk.because or (rule and disk.unless_named)]
    fitting = [disk for disk in candidates if _fits(disk, rule)]
    if len(fitting) == 1:
        return fitting[0]
    wanted = " and ".join(f"{key} {glob}" for key, glob in rule.items()) or "the only internal disk"
    found = f"{len(fitting)} disks fit" if fitting else "no disk fits"
    listed = "\n".join(f"  {disk}" for disk in seen) or "  (none)"
    raise NoDisk(
        f"nothing was erased: {found} the rule ({wanted}); the disks of this machine:\n{listed}\n"
        "Unplug the others, or name one by `disk:` in rekindle.yaml and build again."
    )


def _is_disk(row: Row) -> bool:
    return row["type"] == "disk" and not row["path"].startswith(NOT_A_DISK)


def _fits(disk: Disk, rule: dict[str, str]) -> bool:
    facts = {"serial": disk.serial, "model": disk.model}
    return all(fnmatchcase(facts[key], glob) for key, glob in rule.items())


def _disk(row: Row, medium: str, mark: str) -> Disk:
    size = int(row["size"] or 0)
    never = _never(row, size, medium, mark)
    attached = "mmc" if row["path"].startswith("/dev/mmcblk") else row.get("tran")
    unusual = "" if attached in INTERNAL else f"attached by {attached}: only when a rule names it"
    return Disk(
        path=row["path"],
        size_bytes=size,
        model=(row.get("model") or "").strip(),
        serial=(row.get("serial") or "").strip(),
        because=never or unusual,
        unless_named=not never,
    )


def _never(row: Row, size: int, medium: str, mark: str) -> str:
    """Return why no rule may choose this disk, or ""."""
    if medium and medium in [part["path"] for part in _tree(row)]:
        return "the recovery medium"
    if row.get("tran") in NEVER or _true(row.get("rm")):
        return "removable"
    if _true(row.get("ro")):
        return "read-only"
    if size < SMALLEST_BYTES:
        return "too small"
    if any(part.get("mountpoint") for part in _tree(row)):
        return "in use"
    if mark and any(part.get("partlabel") == mark for part in _tree(row)):
        return f"recovered by this medium: take it out; to begin again, start with {AGAIN} added in the menu"
    return ""


def _true(value: object) -> bool:
    return value in (True, "1", 1)


def _tree(row: Row) -> list[Row]:
    return [row] + [deeper for child in row.get("children", []) for deeper in _tree(child)]


def _said(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()


def _tell(text: str) -> None:
    print(text, flush=True)
    for console in CONSOLES:
        try:
            Path(console).write_text("".join(f"rekindle: {line}\r\n" for line in text.splitlines()))
        except OSError:
            continue  # this machine has no such console


def main(rule: str, token: str, medium_id: str) -> int:
    medium = _said("findmnt", "--noheadings", "--output", "SOURCE", MEDIUM)
    mark = "" if AGAIN in COMMAND_LINE.read_text().split() else MARK.format(medium_id)
    try:
        seen = disks(_said("lsblk", "--json", "--bytes", "--output", COLUMNS), medium, mark)
        chosen = choose(seen, json.loads(rule))
    except NoDisk as reason:
        _tell(str(reason))
        return 1
    except ValueError as error:
        _tell(f"nothing was erased: lsblk did not list the disks ({error})")
        return 1
    text = AUTOINSTALL.read_text()
    if token not in text:
        _tell(f"nothing was erased: {AUTOINSTALL} has no place for the disk")
        return 1
    AUTOINSTALL.write_text(text.replace(token, chosen.path))
    _tell(f"the disk to erase is {chosen}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
