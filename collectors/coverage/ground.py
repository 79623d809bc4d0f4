"""Which file systems belong to the system, and which are not looked at?

Sources: proc_pid_mountinfo(5), file-hierarchy(7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collectors.host import Host, Mount, remembered
from collectors.record import escaped

SYSTEM = ("/", "/boot", "/home", "/opt", "/root", "/srv", "/usr", "/usr/local", "/var")
# Below these each mount is one of the system's, too: /boot/efi, /home/ada, /var/log.
SYSTEM_BELOW = ("/boot/", "/home/", "/var/")
FLEETING = ("/dev", "/proc", "/run", "/snap", "/sys", "/tmp")  # noqa: S108 - places of mounts


@dataclass(frozen=True)
class Unseen:
    """What was not looked at, and why: `/mnt/nas`, `a network file system: nas:/media`."""

    path: str
    reason: str


@dataclass(frozen=True)
class Ground:
    """The tops that are looked at with their devices, the mounts that are not, and which of these to tell."""

    tops: Mapping[str, int]
    apart: frozenset[str]
    unseen: tuple[Unseen, ...] = ()


@remembered
def ground(host: Host) -> Ground:
    """Return what of the machine is looked at."""
    root = host.look("/")
    tops = {"/": root.device if root else 0}
    for path, mount in sorted(host.mounts.items()):
        if is_system(mount) and path != "/" and (entry := host.look(path)):
            tops[path] = entry.device
    others = {path: mount for path, mount in host.mounts.items() if path not in tops}
    return Ground(tops, frozenset(host.mounts), tuple(_unseen(others, tops, host.mounts)))


def is_system(mount: Mount) -> bool:
    """Tell whether a mount is a local disk's, at a place that belongs to the system."""
    if mount.is_foreign or not mount.source.startswith("/dev/") or mount.source.startswith("/dev/loop"):
        return False
    return mount.path in SYSTEM or mount.path.startswith(SYSTEM_BELOW)


def _unseen(
    others: Mapping[str, Mount], tops: Mapping[str, int], mounts: Mapping[str, Mount]
) -> Iterator[Unseen]:
    seen_sources = {mounts[path].source for path in tops if path in mounts}
    for path, mount in sorted(others.items()):
        fleeting = path in FLEETING or path.startswith(tuple(f"{each}/" for each in FLEETING))
        if fleeting or (mount.source in seen_sources and mount.kind != "btrfs"):
            continue
        if mount.is_foreign:
            yield Unseen(escaped(path), f"a network or FUSE mount ({escaped(mount.kind)})")
        elif mount.source.startswith("/dev/") and not mount.source.startswith("/dev/loop"):
            yield Unseen(escaped(path), f"another disk or subvolume ({escaped(mount.source)})")
