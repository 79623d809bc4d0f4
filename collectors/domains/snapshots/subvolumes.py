"""Which btrfs subvolumes are mounted where?

From what is mounted, or from /etc/fstab where the system is not booted. Source: btrfs(5), "Mount options".
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from collectors.domains.services.fstab import FSTAB, parse_fstab
from collectors.host import Host
from collectors.reading.looking import Outcome, text_in
from collectors.record import Thing, escaped

BTRFS = "btrfs"
OTHER_DISK = "on a disk of this machine besides its system's: make it again on the new one"
# What the kernel adds by itself, or what names a subvolume by a number.
SHIPPED_OPTIONS = ("rw", "defaults", "relatime", "ssd", "discard", "space_cache", "subvolid", "subvol")


class Subvolume(Thing):
    """A subvolume, `@home`, where it is mounted and how: `options` are `compress=zstd:3`, `noatime`."""

    KIND: ClassVar[str] = "subvolume"

    name: str
    paths: tuple[str, ...]
    options: tuple[str, ...] = ()

    def item_name(self) -> str:
        """Return its name, on another disk than the system's with where it is mounted."""
        return f"{self.name} on {self.paths[0]}" if self.bound else self.name

    def by_hand(self) -> str:
        """Return how one is made: the top of the file system is mounted at /mnt."""
        return f"btrfs subvolume create {shlex.quote(f'/mnt/{self.name}')}"


@dataclass(frozen=True)
class Mounted:
    """A mount of a btrfs: its disk as whoever mounted it named it, and its options with `subvol=`."""

    path: str
    source: str
    options: tuple[str, ...]

    @property
    def subvolume(self) -> str:
        """The path of its subvolume, without the slash at its beginning: "" is the top."""
        given = (word.partition("=")[2] for word in self.options if word.startswith("subvol="))
        return next(given, "").strip("/")


def collect_subvolumes(host: Host) -> Iterator[Outcome]:
    """Yield the subvolumes that are mounted, or that fstab says are to be."""
    if host.booted:
        yield from subvolumes(
            Mounted(path, each.source, tuple(each.options.split(",")))
            for path, each in host.mounts.items()
            if each.kind == BTRFS
        )
        return
    content, findings = text_in(host, FSTAB)
    yield from findings
    lines, _ = parse_fstab(content)  # section services tells of lines that are none
    yield from subvolumes(
        Mounted(line.path, line.source, line.options) for line in lines if line.kind == BTRFS
    )


def subvolumes(mounts: Iterable[Mounted]) -> Iterator[Subvolume]:
    """Yield each subvolume once, with all paths that it is mounted at, the top of a file system too."""
    every = tuple(mounts)
    root = next((each.source for each in every if each.path == "/"), "")
    found: dict[tuple[str, str], list[Mounted]] = {}
    for each in sorted(every, key=lambda each: each.path):
        found.setdefault((each.source, each.subvolume), []).append(each)
    for (source, name), places in sorted(found.items()):
        yield Subvolume(
            name=escaped(name) or "top",
            paths=tuple(escaped(each.path) for each in places),
            options=tuple(sorted({escaped(word) for word in places[0].options if not _is_shipped(word)})),
            bound="" if source == root else OTHER_DISK,
        )


def _is_shipped(option: str) -> bool:
    return option.partition("=")[0] in SHIPPED_OPTIONS or not option
