"""How large is a folder, and what comes of it, without reading it all?"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass

from collectors.collected import Loss
from collectors.domains.desktop.part import Part
from collectors.host import Entry, Host
from collectors.judgement.capture import settings, unread
from collectors.record import Thing, escaped, sha256

MAX_ENTRIES = 20_000
SMALL_BYTES = 1024 * 1024
SMALL_FILES = 100


@dataclass(frozen=True)
class Extent:
    """A folder's files: how many, their bytes, the newest change, and a hash over their names and sizes.

    Of more than `MAX_ENTRIES` the first count, in the order of their names level by level.
    """

    files: int
    size_bytes: int
    newest: int
    tree: str

    @property
    def small(self) -> bool:
        """Whether a posture can hold it."""
        return self.files <= SMALL_FILES and self.size_bytes <= SMALL_BYTES


def extent(host: Host, top: str) -> Extent:
    """Return how large the folder or file at `top` is; raises OSError."""
    start = host.look(top)
    if start is None:
        raise FileNotFoundError(2, os.strerror(2), top)
    found = [start] if not start.is_dir else list(_below(host, start))
    lines = "".join(f"{_name(each, top)}\0{_size(each)}\0" for each in sorted(found))
    files = [each for each in found if not each.is_dir]
    return Extent(
        files=len(files),
        size_bytes=sum(map(_size, files)),
        newest=max((each.mtime_ns for each in files), default=0) // 10**9,
        tree=sha256(os.fsencode(lines))[:16],
    )


def kept_tree(host: Host, path: str, title: str) -> Part[Thing]:
    """Return what comes of a folder that nothing else brings back: its files, or that it is a loss."""
    try:
        size = extent(host, path)
    except OSError as error:
        return Part(findings=(unread(path, error),))
    if size.small:
        return Part(outcomes=tuple(settings(host, path)))
    return Part(losses=(tree_loss(path, title, size),))


def tree_loss(path: str, title: str, size: Extent) -> Loss:
    """Return the loss of a folder or file that is too large for a posture and comes from nowhere."""
    named = f"{title}: " if title else ""
    return Loss(
        "uncovered",
        escaped(path),
        f"{named}no package, store or repository is known that would bring it back",
        f"rclone copy {shlex.quote(escaped(path))} CLOUD:desktop",
        size.size_bytes,
        size.files,
        size.newest,
    )


def _below(host: Host, start: Entry) -> list[Entry]:
    found: list[Entry] = []
    folders = [start]
    for folder in folders:
        if len(found) >= MAX_ENTRIES:
            break
        here = host.entries(folder.path)
        found += here
        folders += [each for each in here if each.is_dir and each.device == start.device]
    return found[:MAX_ENTRIES]


def _name(entry: Entry, top: str) -> str:
    return entry.path[len(top) :]


def _size(entry: Entry) -> int:
    return entry.size_bytes if entry.is_file else 0
