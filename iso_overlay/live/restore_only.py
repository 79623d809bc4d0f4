#!/usr/bin/python3
"""How is a system that is installed already restored, without installing it again?

Started by the boot menu in the live system, with nothing but the standard library. It finds the one
installed Ubuntu or Debian, lays on it what the late-commands of an installation lay, marks it, so that this
medium, left in, starts it, and restarts. With none, or more than one, nothing is written.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import console

REKINDLE = Path("/cdrom/rekindle")
TARGET = Path("/target")
# How each is mounted so that looking at it does not even replay its journal.
UNTOUCHED = {"ext4": "ro,noload", "btrfs": "ro", "xfs": "ro,norecovery"}
LOCKED = ("crypto_LUKS", "BitLocker")
# Where Ubuntu and Timeshift expect a root on btrfs.
SUBVOLUME = "subvol=@"
KNOWN = {"ubuntu", "debian"}
# What may have a file system of its own and is written to.
PARTS = ("/boot", "/boot/efi", "/usr", "/usr/local", "/var", "/var/lib")
COLUMNS = "NAME,PATH,FSTYPE,RM,TRAN,MOUNTPOINT"

Row = dict[str, Any]


@dataclass(frozen=True)
class Volume:
    """A file system that may hold an installed system; `options` are those to mount it with, to look."""

    path: str
    fstype: str
    options: str


@dataclass(frozen=True)
class Installed:
    """An installed system: its name (`Ubuntu 24.04.3 LTS`), where it is, and how its root is mounted."""

    name: str
    volume: Volume

    @property
    def options(self) -> str:
        """What mounts its root for writing."""
        return SUBVOLUME if SUBVOLUME in self.volume.options else "rw"


class NotOne(Exception):  # noqa: N818  it is the answer, not a fault
    """Not exactly one system is installed: nothing may be written."""


def main() -> int:
    try:
        rows = json.loads(_said("lsblk", "--json", "--output", COLUMNS))["blockdevices"]
        medium = _said("findmnt", "--noheadings", "--output", "SOURCE", "/cdrom")
        found = [system for volume in volumes(rows, medium) if (system := _looked_at(volume))]
        system = only(found, locked(rows))
        console.say(f"restoring {system.name} on {system.volume.path}")
        _lay(system)
    except (NotOne, OSError, ValueError, subprocess.CalledProcessError) as reason:
        console.say(str(reason))
        console.finish()
    console.say("nothing was installed and nothing erased; this machine restarts, and restores itself")
    console.leave("reboot")
    return 0


def volumes(rows: list[Row], medium: str) -> list[Volume]:
    """Return what may hold a system, of lsblk's tree; not on the medium, nor on anything removable.

    A btrfs is looked at twice: as Ubuntu lays it out, and as a whole.
    """
    leaves = [leaf for row in rows if not _is_foreign(row, medium) for leaf in _leaves(row)]
    found = []
    for leaf in leaves:
        options = UNTOUCHED.get(leaf.get("fstype") or "")
        if options and not leaf.get("mountpoint"):
            ways = (f"{options},{SUBVOLUME}", options) if leaf["fstype"] == "btrfs" else (options,)
            found += [Volume(leaf["path"], leaf["fstype"], way) for way in ways]
    return found


def locked(rows: list[Row]) -> list[str]:
    """Return the encrypted volumes that are not open: what is in them is not seen."""
    return [leaf["path"] for row in rows for leaf in _leaves(row) if leaf.get("fstype") in LOCKED]


def only(found: list[Installed], shut: list[str]) -> Installed:
    """Return the one system there is, as it was seen first; raises NotOne with what was found."""
    systems = {system.volume.path: system for system in reversed(found)}
    if len(systems) == 1:
        return next(iter(systems.values()))
    lines = [f"nothing was written: {len(systems)} installed systems found, and one is needed"]
    lines += [f"  {path}  {system.name}" for path, system in sorted(systems.items())]
    lines += [f"  {path}  (encrypted and not open: open it by `cryptsetup open`)" for path in shut]
    lines.append(f"in a shell, mount one at {TARGET}, run `sh {REKINDLE}/installer/lay`, take the medium out")
    raise NotOne("\n".join(lines))


def os_name(os_release: str) -> str:
    """Return the name of an Ubuntu or Debian, or of what is like one, by its os-release(5); "" for others."""
    pairs = (line.partition("=") for line in os_release.splitlines())
    values = {key: " ".join(shlex.split(value)) for key, separator, value in pairs if separator}
    kinds = {values.get("ID", ""), *values.get("ID_LIKE", "").split()}
    return values.get("PRETTY_NAME", values.get("ID", "")) if kinds & KNOWN else ""


def own_parts(fstab: str) -> list[str]:
    """Return which of PARTS are file systems of their own, by fstab(5), the outer ones first."""
    points = {fields[1] for line in fstab.splitlines() if len(fields := line.split("#")[0].split()) > 1}
    return [part for part in PARTS if part in points]


def _is_foreign(row: Row, medium: str) -> bool:
    removable = row.get("rm") in (True, "1", 1) or row.get("tran") == "usb"
    return removable or (bool(medium) and medium in [part["path"] for part in _tree(row)])


def _tree(row: Row) -> Iterator[Row]:
    yield row
    for child in row.get("children", ()):
        yield from _tree(child)


def _leaves(row: Row) -> Iterator[Row]:
    return (part for part in _tree(row) if not part.get("children"))


def _looked_at(volume: Volume) -> Installed | None:
    """Mount it, see whether a system is in it, and unmount it; None where there is none."""
    TARGET.mkdir(exist_ok=True)
    if subprocess.run(_mount(volume.path, volume.fstype, volume.options), check=False).returncode:
        return None
    try:
        release, fstab = TARGET / "usr/lib/os-release", TARGET / "etc/fstab"
        name = os_name(release.read_text()) if release.is_file() and fstab.is_file() else ""
    finally:
        subprocess.run(["umount", TARGET], check=True)
    return Installed(name, volume) if name else None


def _lay(system: Installed) -> None:
    medium_id = json.loads((REKINDLE / "manifest.json").read_text())["medium_id"]
    subprocess.run(_mount(system.volume.path, system.volume.fstype, system.options), check=True)
    try:
        for part in own_parts((TARGET / "etc/fstab").read_text()):
            _mount_own(part)
        subprocess.run(["sh", REKINDLE / "installer/lay"], check=True)
        subprocess.run(["sh", REKINDLE / "installer/mark", medium_id], check=True)
    finally:
        subprocess.run(["umount", "--recursive", TARGET], check=True)
        os.sync()


def _mount(path: str, fstype: str, options: str) -> list[str]:
    return ["mount", "-t", fstype, "-o", options, path, str(TARGET)]


def _mount_own(part: str) -> None:
    fstab = str(TARGET / "etc/fstab")
    subprocess.run(["mount", "--fstab", fstab, "--target-prefix", str(TARGET), part], check=True)


def _said(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
