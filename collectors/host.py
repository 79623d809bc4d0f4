"""What does a collector see of a machine?

`Host` is the one door: paths are absolute on the machine that is looked at, whatever directory its
root is mounted on here. Names are bytes to the kernel; here they are `str` by `os.fsdecode`, so
that any name round-trips.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from collectors.command import run
from collectors.failure import Failure


@dataclass(frozen=True)
class Entry:
    """What `lstat(2)` says of one path."""

    path: str
    mode: int
    uid: int
    gid: int
    size_bytes: int
    mtime_ns: int
    device: int

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)

    @property
    def permissions(self) -> str:
        """Permission bits as chmod(1) takes them: `0644`."""
        return f"{stat.S_IMODE(self.mode):04o}"


class Host(Protocol):
    """A machine, booted or only a directory tree. Reading raises OSError as `open(2)` would."""

    @property
    def booted(self) -> bool:
        """Whether commands can be asked; False for the root of a system that is not running."""
        ...

    def read(self, path: str) -> bytes:
        """Return the content of a regular file; its symlinks resolve inside the root."""
        ...

    def list(self, path: str) -> list[str]:
        """Return the sorted names in a directory."""
        ...

    def look(self, path: str) -> Entry | None:
        """Return what lstat says of `path`, or None where there is nothing."""
        ...

    def link(self, path: str) -> str:
        """Return the target of the symlink at `path`, as written."""
        ...

    def ask(self, argv: Sequence[str], timeout_seconds: float = 30) -> str:
        """Return the standard output of a command that changes nothing; raises Failure."""
        ...


def text(host: Host, path: str) -> str:
    """Return a file's text, or "" where there is no such file."""
    try:
        return host.read(path).decode(errors="surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return ""


@dataclass(frozen=True)
class Machine:
    """The machine under `root`: `/` is the one we run on."""

    root: Path = Path("/")

    @property
    def booted(self) -> bool:
        """Whether it is the one we run on."""
        return self.root == Path("/")

    def read(self, path: str) -> bytes:
        """Return the content of a regular file; a fifo or a device raises OSError."""
        descriptor = os.open(self._resolve(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            return file.read()

    def list(self, path: str) -> list[str]:
        """Return the sorted names in a directory."""
        return sorted(os.listdir(self._resolve(path)))

    def look(self, path: str) -> Entry | None:
        """Return what lstat says of `path`."""
        try:
            found = os.lstat(self._place(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Entry(
            path,
            found.st_mode,
            found.st_uid,
            found.st_gid,
            found.st_size,
            found.st_mtime_ns,
            found.st_dev,
        )

    def link(self, path: str) -> str:
        """Return the target of a symlink."""
        return os.readlink(self._place(path))

    def ask(self, argv: Sequence[str], timeout_seconds: float = 30) -> str:
        """Run a command on the machine we run on; raises Failure for any other."""
        if not self.booted:
            raise Failure(f"{argv[0]} cannot be asked of {self.root}", remedy="boot that system")
        return run(argv, timeout_seconds=timeout_seconds)

    def _place(self, path: str) -> str:
        """Resolve the directory of `path` inside the root, and keep its last name as it is."""
        parent, name = os.path.split(path)
        return os.path.join(self._resolve(parent or "/"), name)

    def _resolve(self, path: str) -> str:
        """Follow symlinks as a process chrooted into the root would; raises OSError(ELOOP)."""
        root = str(self.root)
        if root == "/":
            return os.path.realpath(path)
        seen, parts, budget = "", path.split("/")[::-1], 40
        while parts:
            part = parts.pop()
            if part in ("", "."):
                continue
            if part == "..":
                seen = os.path.dirname(seen).rstrip("/")
                continue
            here = f"{root}{seen}/{part}"
            if not os.path.islink(here):
                seen = f"{seen}/{part}"
                continue
            budget -= 1
            if not budget:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = os.readlink(here)
            seen = "" if target.startswith("/") else seen
            parts.extend(target.split("/")[::-1])
        return f"{root}{seen}" or "/"
