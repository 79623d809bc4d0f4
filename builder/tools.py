"""Is all there that the work needs, before it begins?"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from collectors.command import found
from collectors.failure import Failure

# The package that brings each tool, on Debian and Ubuntu.
PACKAGES: Mapping[str, str] = {
    "blkid": "util-linux",
    "git": "git",
    "gpg": "gnupg",
    "gpgv": "gpgv",
    "lsblk": "util-linux",
    "mkfs.exfat": "exfatprogs",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "rclone": "rclone",
    "sfdisk": "fdisk",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "systemctl": "systemd",
    "systemd-analyze": "systemd",
    "xorriso": "xorriso",
}


def require(tools: Iterable[str] = (), space_bytes: Mapping[Path, int] | None = None) -> None:
    """Raise one Failure that names every missing tool and every folder with too little space."""
    missing = [tool for tool in tools if not found(tool)]
    lacks = [f"{tool} is not installed" for tool in missing]
    remedies = [f"apt install {' '.join(sorted({PACKAGES.get(t, t) for t in missing}))}"] if missing else []
    for folder, needed in (space_bytes or {}).items():
        free = shutil.disk_usage(_existing(folder)).free
        if free < needed:
            lacks.append(f"{folder} has {free / 1e6:.0f} MB free and {needed / 1e6:.0f} MB are needed")
            remedies.append(f"free space for {folder}")
    if lacks:
        raise Failure("; ".join(lacks), remedy=" and ".join(remedies))


def system_packages() -> list[str]:
    """Return Debian's packages that the whole of Rekindle needs, as listed in the distribution."""
    lines = files("builder").joinpath("system-packages.txt").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
