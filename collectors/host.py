"""What does a collector see of a machine?

`Host` is the one door: paths are absolute on the machine that is looked at, whatever directory its
root is mounted on here. Names are bytes to the kernel; here they are `str` by `os.fsdecode`, so
that any name round-trips. Nothing behind a network or FUSE mount is ever touched: even a look could
hang there.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, TypeVar

from collectors.command import output, run
from collectors.failure import Failure

MOUNTS = "/proc/self/mountinfo"
# File systems that answer over a network or from another program, and those that mount when looked at.
FOREIGN = (
    "9p",
    "afs",
    "autofs",
    "ceph",
    "cifs",
    "davfs",
    "fuse",
    "glusterfs",
    "lustre",
    "nfs",
    "smb",
)
NO_DEVICE = -1

Answer = TypeVar("Answer")


class Entry(NamedTuple):
    """What `lstat(2)` says of one path; of a mount that is not touched, that it is a directory."""

    path: str
    mode: int
    uid: int
    gid: int
    size_bytes: int
    mtime_ns: int
    device: int
    ctime_ns: int = 0

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
    def is_foreign(self) -> bool:
        """Whether it is a network or FUSE mount, of which nothing more is known."""
        return self.device == NO_DEVICE

    @property
    def permissions(self) -> str:
        """Permission bits as chmod(1) takes them: `0644`."""
        return f"{stat.S_IMODE(self.mode):04o}"


class Glance(NamedTuple):
    """The sorted names in a directory: of the directories in it, and of all else (links are all else)."""

    folders: tuple[str, ...]
    others: tuple[str, ...]


class Mount(NamedTuple):
    """A mounted file system (proc_pid_mountinfo(5)): `/home`, `btrfs`, `/dev/sda2`, `rw,subvol=/@home`."""

    path: str
    kind: str
    source: str
    options: str

    @property
    def is_foreign(self) -> bool:
        """Whether looking into it may hang, or leads to another machine or program."""
        return self.kind.startswith(FOREIGN)


class Host(Protocol):
    """A machine, booted or only a directory tree. Reading raises OSError as `open(2)` would."""

    @property
    def booted(self) -> bool:
        """Whether commands can be asked; False for the root of a system that is not running."""
        ...

    @property
    def mounts(self) -> Mapping[str, Mount]:
        """What is mounted, by path; nothing in a tree that is not booted."""
        ...

    @property
    def memory(self) -> dict[Any, Any]:
        """What was worked out about this machine already; see `remembered`."""
        ...

    def read(self, path: str) -> bytes:
        """Return the content of a regular file; its symlinks resolve inside the root."""
        ...

    def list(self, path: str) -> list[str]:
        """Return the sorted names in a directory."""
        ...

    def entries(self, path: str) -> tuple[Entry, ...]:
        """Return what lstat says of each name in a directory, sorted by name."""
        ...

    def glance(self, path: str) -> Glance:
        """Return the names in a directory by kind alone, which costs no look at each of them."""
        ...

    def part(self, path: str, start: int, size_bytes: int) -> bytes:
        """Return a piece of a regular file; it is shorter, or empty, where the file ends before."""
        ...

    def scan(self, path: str, device: int) -> Iterator[os.DirEntry[str]]:
        """Yield what is in a directory, unsorted and without a look at each: for walks over all of a disk.

        No part of `path` is a symlink. Raises OSError(EXDEV) where it is on another file system than
        `device` (of an Entry). An entry is good until the next one is asked for.
        """
        ...

    def look(self, path: str) -> Entry | None:
        """Return what lstat says of `path`, or None where there is nothing."""
        ...

    def link(self, path: str) -> str:
        """Return the target of the symlink at `path`, as written."""
        ...

    def attributes(self, path: str) -> Mapping[str, bytes]:
        """Return the extended attributes of `path` itself (xattr(7)); none where there can be none."""
        ...

    def ask(self, argv: Sequence[str], timeout_seconds: float = 30) -> str:
        """Return the standard output of a command of that machine that changes nothing; raises Failure."""
        ...

    def examine(
        self, argv: Sequence[str], path: str, *, env: Mapping[str, str], timeout_seconds: float = 30
    ) -> str:
        """Return the standard output of a program of ours that only reads what is at `path`.

        The word `{}` in `argv` stands for where `path` lies here. It works on a machine that is not
        booted, too; raises Failure.
        """
        ...

    def examined(
        self, argv: Sequence[str], path: str, *, env: Mapping[str, str], timeout_seconds: float = 30
    ) -> bytes:
        """Return the same as `examine` in bytes: of what is large, text takes four times as much."""
        ...


def remembered(question: Callable[[Host], Answer]) -> Callable[[Host], Answer]:
    """Work the answer to `question` out once for each host."""

    def ask(host: Host) -> Answer:
        if question not in host.memory:
            host.memory[question] = question(host)
        answer: Answer = host.memory[question]
        return answer

    ask.__doc__ = question.__doc__
    return ask


def text(host: Host, path: str) -> str:
    """Return a file's text, or "" where there is no such file."""
    try:
        return host.read(path).decode(errors="surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def names(host: Host, path: str) -> list[str]:
    """Return the sorted names in a directory, none where there is no such directory."""
    try:
        return host.list(path)
    except (FileNotFoundError, NotADirectoryError):
        return []


def parse_mounts(content: str) -> dict[str, Mount]:
    r"""Return the mounts of a mountinfo file by path; the one mounted last counts.

    A line is `36 35 98:0 /root /path options fields… - kind source super-options`, with blanks in names
    written as `\040`.
    """
    mounts = {}
    for line in content.split("\n"):
        before, _, after = line.partition(" - ")
        words, rest = before.split(" "), after.split(" ")
        if len(words) >= 6 and len(rest) >= 3:
            path = _unquoted(words[4])
            mounts[path] = Mount(path, rest[0], _unquoted(rest[1]), f"{words[5]},{rest[2]}")
    return mounts


def _unquoted(word: str) -> str:
    for octal, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(octal, letter)
    return word


@dataclass(frozen=True)
class Machine:
    """The machine under `root`: `/` is the one we run on."""

    root: Path = Path("/")
    memory: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def booted(self) -> bool:
        """Whether it is the one we run on."""
        return str(self.root) == "/"

    @property
    def mounts(self) -> Mapping[str, Mount]:
        """What is mounted now."""
        return _mounts(self)

    def read(self, path: str) -> bytes:
        """Return the content of a regular file; a fifo or a device raises OSError."""
        with self._opened(path) as file:
            return file.read()

    def list(self, path: str) -> list[str]:
        """Return the sorted names in a directory."""
        return sorted(os.listdir(self._resolve(path)))

    def entries(self, path: str) -> tuple[Entry, ...]:
        """Return what lstat says of each name in a directory; what vanishes meanwhile is left out."""
        foreign, top = _foreign(self), path.rstrip("/")
        place = self._resolve(path)
        found = []
        with os.scandir(place) as scan:
            for each in scan:
                here = f"{top}/{each.name}"
                try:
                    found.append(
                        _untouched(here)
                        if f"{place.rstrip('/')}/{each.name}" in foreign
                        else _entry(here, each.stat(follow_symlinks=False))
                    )
                except FileNotFoundError:
                    continue
        return tuple(sorted(found))

    def glance(self, path: str) -> Glance:
        """Return the names in a directory by kind alone."""
        folders: list[str] = []
        others: list[str] = []
        with os.scandir(self._resolve(path)) as scan:
            for each in scan:
                (folders if each.is_dir(follow_symlinks=False) else others).append(each.name)
        return Glance(tuple(sorted(folders)), tuple(sorted(others)))

    def part(self, path: str, start: int, size_bytes: int) -> bytes:
        """Return a piece of a regular file."""
        with self._opened(path) as file:
            file.seek(start)
            return file.read(size_bytes)

    def scan(self, path: str, device: int) -> Iterator[os.DirEntry[str]]:
        """Yield what is in the directory at `path`."""
        place = path if self.booted else f"{self.root}{path}"
        if place in _foreign(self):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if os.fstat(folder).st_dev != device:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
            with os.scandir(folder) as found:
                yield from found
        finally:
            os.close(folder)

    def look(self, path: str) -> Entry | None:
        """Return what lstat says of `path`."""
        try:
            place = self._place(path)
            return _untouched(path) if place in _foreign(self) else _entry(path, os.lstat(place))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def link(self, path: str) -> str:
        """Return the target of a symlink."""
        return os.readlink(self._place(path))

    def attributes(self, path: str) -> Mapping[str, bytes]:
        """Return the extended attributes of `path` itself."""
        place = self._place(path)
        try:
            listed = os.listxattr(place, follow_symlinks=False)
            return {name: os.getxattr(place, name, follow_symlinks=False) for name in listed}
        except OSError as error:
            if error.errno in (errno.ENOTSUP, errno.ENODATA):
                return {}
            raise

    def ask(self, argv: Sequence[str], timeout_seconds: float = 30) -> str:
        """Run a command on the machine we run on; raises Failure for any other."""
        if not self.booted:
            raise Failure(f"{argv[0]} cannot be asked of {self.root}", remedy="boot that system")
        return run(argv, timeout_seconds=timeout_seconds)

    def examine(
        self, argv: Sequence[str], path: str, *, env: Mapping[str, str], timeout_seconds: float = 30
    ) -> str:
        """Run a program of ours on what lies at `path`."""
        said = self.examined(argv, path, env=env, timeout_seconds=timeout_seconds)
        return said.decode(errors="surrogateescape")

    def examined(
        self, argv: Sequence[str], path: str, *, env: Mapping[str, str], timeout_seconds: float = 30
    ) -> bytes:
        """Run a program of ours on what lies at `path`."""
        place = self._resolve(path)
        words = [place if word == "{}" else word for word in argv]
        return output(words, env=env, timeout_seconds=timeout_seconds)

    @contextmanager
    def _opened(self, path: str) -> Iterator[BinaryIO]:
        """Open a regular file without waiting for one that is none."""
        descriptor = os.open(self._resolve(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(mode):
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            if not stat.S_ISREG(mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                yield file
        finally:
            os.close(descriptor)

    def _place(self, path: str) -> str:
        """Resolve the directory of `path` inside the root, and keep its last name as it is."""
        parent, name = os.path.split(path)
        return os.path.join(self._resolve(parent or "/"), name)

    def _resolve(self, path: str) -> str:
        """Follow symlinks as a process chrooted into the root would.

        Raises OSError(ELOOP), or OSError(EREMOTE) where that leads into a mount that is not touched.
        """
        root = "" if self.booted else str(self.root)
        foreign, links = _foreign(self), _links(self)
        seen, parts, budget = "", path.split("/")[::-1], 40
        while parts:
            part = parts.pop()
            if part in ("", "."):
                continue
            if part == "..":
                seen = os.path.dirname(seen).rstrip("/")
                continue
            here = f"{root}{seen}/{part}"
            if here in foreign:
                raise OSError(errno.EREMOTE, "a network or FUSE mount is not entered", path)
            if here not in links:
                links[here] = os.readlink(here) if os.path.islink(here) else None
            target = links[here]
            if target is None:
                seen = f"{seen}/{part}"
                continue
            budget -= 1
            if not budget:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            seen = "" if target.startswith("/") else seen
            parts.extend(target.split("/")[::-1])
        return f"{root}{seen}" or "/"


def _entry(path: str, found: os.stat_result) -> Entry:
    return Entry(
        path,
        found.st_mode,
        found.st_uid,
        found.st_gid,
        found.st_size,
        found.st_mtime_ns,
        found.st_dev,
        found.st_ctime_ns,
    )


def _untouched(path: str) -> Entry:
    return Entry(path, stat.S_IFDIR, 0, 0, 0, 0, NO_DEVICE)


@remembered
def _mounts(host: Host) -> Mapping[str, Mount]:
    if not host.booted:
        return {}
    try:
        with open(MOUNTS, errors="surrogateescape") as file:
            return parse_mounts(file.read())
    except FileNotFoundError:
        return {}


@remembered
def _foreign(host: Host) -> frozenset[str]:
    return frozenset(mount.path for mount in host.mounts.values() if mount.is_foreign)


@remembered
def _links(host: Host) -> dict[str, str | None]:
    """Remember where each directory leads to: reading thousands of files asks for the same ones."""
    return {}
