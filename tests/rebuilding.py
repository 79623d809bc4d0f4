"""What tests of rebuilds share: a folder that they alternate in, and a child that dies at any step.

The payload is a small one: what restores from it is not asked for here.
"""

from __future__ import annotations

import ctypes
import hashlib
import itertools
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from autoinstall.config import Config, Identity
from builder.base.provenance import unverified
from builder.build import build, rebuild
from builder.contents import Recovery
from builder.iso import areas
from collectors.command import run
from collectors.domains.files import Files
from collectors.record import File, sha256
from tests.postures import HASH, small_posture

CONFIG = Config(identity=Identity(password_hash=HASH))
NOISE = "/etc/noise"
NOISE_BYTES = 60_000
# What is called before something of a file system changes, or is to be on the disk: by an audit event of
# Python, or by its name in the module os.
EVENTS = frozenset(
    ("fcntl.ioctl", "os.link", "os.mkdir", "os.remove", "os.rename", "os.symlink", "os.truncate", "open")
)
CAPACITY_FOR = areas.capacity_for
CALLS = ("fsync", "pwrite", "utime")
LIBC = ctypes.CDLL(None, use_errno=True)
# sync_file_range(2): wait, write, wait.
WRITE_AND_WAIT = 7
CUT_EVERY = 4


@dataclass(frozen=True)
class Home:
    """A folder with a cache and two slots, and the base that is built on."""

    folder: Path
    base: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def latest(self) -> Path:
        return self.folder / "state" / "latest.iso"

    @property
    def idle(self) -> Path:
        """The slot that is not the latest."""
        return next(slot for slot in self.slots if slot.name != self.latest.resolve().name)

    @property
    def slots(self) -> list[Path]:
        return [self.latest.parent / "slots" / name for name in ("a.iso", "b.iso")]

    @property
    def prepared(self) -> list[Path]:
        return sorted((self.cache / "prepared").glob("*.iso"))

    def rebuild(self, name: str, say: Callable[[str], None] = lambda line: None) -> bool:
        """Bring the latest up to date with the posture of that name."""
        return rebuild(recovery(name), unverified(self.base), latest=self.latest, cache=self.cache, say=say)

    def build(self, name: str) -> Path:
        """Build an ISO of its own."""
        output = self.folder / "output.iso"
        build(recovery(name), unverified(self.base), output=output, cache=self.cache, say=lambda line: None)
        return output

    def seen(self) -> dict[str, tuple[int, ...]]:
        """Return what stat(2) says of every file and folder."""
        states = {str(path): path.lstat() for path in (self.folder, *self.folder.rglob("*"))}
        return {
            name: (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
            for name, state in states.items()
        }


def recovery(name: str) -> Recovery:
    """Return what brings back a machine of that name, and a file with noise, more for a longer name."""
    noise = random.Random(name).randbytes(NOISE_BYTES * len(name))
    owned = {"kind": "file", "origin": "unowned", "owner": "root", "group": "root", "mode": "0644"}
    file = File(path=NOISE, sha256=sha256(noise), **owned)
    posture = small_posture(hostname=name)
    return Recovery("ember", replace(posture, files=Files(files=(file,)), contents={NOISE: noise}), CONFIG)


def digest_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def small_payloads(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let payloads carry noise in place of the program that restores."""
    program = folder / "restore.pex"
    program.write_bytes(random.Random(1).randbytes(500_000))
    patch.setattr("builder.build.restore_program", lambda cache, say: program)
    payload_areas(patch, 2**21)


def payload_areas(patch: pytest.MonkeyPatch, least_bytes: int) -> None:
    """Let the area of a payload have that size, or a power of two above."""
    patch.setattr(areas, "capacity_for", partial(CAPACITY_FOR, least_bytes=least_bytes))


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do `work` in a child that is killed before its step of that number; False: it ended before that."""
    child = os.fork()
    if child == 0:
        left = iter(range(step))

        def die(name: str) -> None:
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        status = 1
        try:
            _at_each_step(die)
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL)
    return code != 0


def watched(work: Callable[[], object], cut: Callable[[], None]) -> None:
    """Do `work` in a child in which `cut` is called whenever the disk may have changed.

    That is once something is to be on it, by fsync(2), and now and then where the kernel happened to write
    data early, and nothing of what it knows of the file.
    """
    child = os.fork()
    if child == 0:
        real_fsync, real_pwrite, count = os.fsync, os.pwrite, itertools.count()

        def fsync(descriptor: int) -> None:
            real_fsync(descriptor)
            cut()

        def pwrite(descriptor: int, block: bytes, at: int) -> int:
            written = real_pwrite(descriptor, block, at)
            if next(count) % CUT_EVERY == 0:
                assert (
                    LIBC.sync_file_range(descriptor, ctypes.c_int64(0), ctypes.c_int64(0), WRITE_AND_WAIT)
                    == 0
                )
                cut()
            return written

        status = 1
        try:
            os.fsync, os.pwrite = fsync, pwrite
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert status == 0


def _at_each_step(call: Callable[[str], None]) -> None:
    """Have `call` told of each step of this process that changes a file system, before it is done."""

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS and not (event == "open" and _reads(arguments)):
            call(event)

    sys.addaudithook(heard)
    for name in CALLS:
        setattr(os, name, _told(name, call))


def _reads(arguments: tuple[Any, ...]) -> bool:
    flags = arguments[2]
    return not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)


def _told(name: str, call: Callable[[str], None]) -> Callable[..., Any]:
    real = getattr(os, name)

    def told(*arguments: Any, **options: Any) -> Any:
        call(name)
        return real(*arguments, **options)

    return told


@contextmanager
def disk(image: Path, kind: str, mount: Path, *options: str) -> Iterator[Path]:
    """Mount the file system of that kind that is in the file `image`, made where there is none yet."""
    if not image.exists():
        run(["truncate", "--size=400M", image])
        run([f"mkfs.{kind}", *(("-q",) if kind != "btrfs" else ()), image])
    mount.mkdir(exist_ok=True)
    run(["mount", "-o", ",".join(("loop", *options)), image, mount])
    try:
        yield mount
    finally:
        run(["umount", mount])
        if kind == "btrfs":  # the kernel remembers the newest disk of a name, and refuses an older copy
            run(["btrfs", "device", "scan", "--forget"])
