"""What installer medium is this ISO?

pycdlib locates and reads; nothing is written here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pycdlib
from pycdlib.pycdlibexception import PyCdlibException

from builder.iso.source import Place, reading
from collectors.failure import Failure

SECTOR_BYTES = 2048
DISK_INFO = ".disk/info"
GRUB_CFG = "boot/grub/grub.cfg"
LOOPBACK_CFG = "boot/grub/loopback.cfg"
MD5SUMS = "md5sum.txt"
STANDIN_MARK = "stand-in"
# The stand-in obeys what this release's installer obeys.
STANDIN_RELEASE = "24.04"

USE_LIVE_SERVER = "use an Ubuntu live-server ISO, or `--base standin` for a trial"


@dataclass(frozen=True)
class Medium:
    """A base ISO that can become a recovery ISO.

    `info` is the line of `.disk/info`; `release` is `24.04`, `architecture` `amd64`; `date` is the volume's
    date, its UUID, as 16 digits; the texts are those of the files of these names (`loopback_cfg` may be
    missing).
    """

    path: Path
    info: str
    release: str
    architecture: str
    date: str
    joliet: bool
    grub_cfg: str
    loopback_cfg: str | None
    md5sums: str

    @property
    def is_standin(self) -> bool:
        """Whether it is Rekindle's own, for tests and the demo only."""
        return STANDIN_MARK in self.info


@contextmanager
def opened(place: Place) -> Iterator[pycdlib.PyCdlib]:
    """Open an ISO for reading; raises Failure where it is none, or is cut short."""
    with reading(place) as stream, within(stream, place) as iso:
        yield iso


@contextmanager
def within(stream: BinaryIO, place: Place) -> Iterator[pycdlib.PyCdlib]:
    """Open the ISO that `stream` is, and that lies at `place`; raises Failure as `opened` does."""
    _refuse_damaged(stream, place)
    iso = pycdlib.PyCdlib()
    try:
        iso.open_fp(stream)
    except (OSError, PyCdlibException) as error:
        raise Failure(f"{place}: not an ISO image ({error})", remedy=USE_LIVE_SERVER) from None
    try:
        yield iso
    finally:
        iso.close()


def read_medium(path: Path) -> Medium:
    """Read what identifies the base ISO at `path`; raises Failure with what it lacks."""
    with opened(path) as iso:
        if not has(iso, "casper"):
            raise Failure(f"{path}: no casper/ in it", remedy=USE_LIVE_SERVER)
        info = text(iso, DISK_INFO, path).strip()
        return Medium(
            path=path,
            info=info,
            release=_release(info, path),
            architecture=_architecture(info, path),
            date=_volume_date(iso),
            joliet=bool(iso.has_joliet()),
            grub_cfg=text(iso, GRUB_CFG, path),
            loopback_cfg=text(iso, LOOPBACK_CFG, path) if has(iso, LOOPBACK_CFG) else None,
            md5sums=text(iso, MD5SUMS, path),
        )


def has(iso: pycdlib.PyCdlib, name: str) -> bool:
    """Tell whether `name` (`casper`, `boot/grub/grub.cfg`) is on the ISO."""
    try:
        iso.get_record(rr_path=f"/{name}")
    except PyCdlibException:
        return False
    return True


def content(iso: pycdlib.PyCdlib, name: str) -> bytes:
    """Return the bytes of the file `name` on the ISO."""
    buffer = BytesIO()
    iso.get_file_from_iso_fp(buffer, rr_path=f"/{name}")
    return buffer.getvalue()


def text(iso: pycdlib.PyCdlib, name: str, place: Place) -> str:
    """Return the text of the file `name`; raises Failure where the ISO at `place` lacks it."""
    if not has(iso, name):
        raise Failure(f"{place}: no {name} in it", remedy=USE_LIVE_SERVER)
    return content(iso, name).decode(errors="surrogateescape")


def walk(iso: pycdlib.PyCdlib) -> Iterator[tuple[str, int, int]]:
    """Yield name, first sector (of 2048 bytes) and size in bytes of every file, symlinks left out.

    Past 4 GiB a file has several records of the same name (ECMA-119 6.5.1), each for what follows on the
    one before it.
    """
    for folder, _, names in iso.walk(rr_path="/"):
        records = _records(iso.get_record(rr_path=folder))
        for name in names:
            parts = records[name]
            if not parts[0].rock_ridge.is_symlink():
                size = sum(part.data_length for part in parts)
                yield f"{folder.rstrip('/')}/{name}".lstrip("/"), parts[0].extent_location(), size


def _records(folder: Any) -> dict[str, list[Any]]:
    """Return the records of each name in a folder, in the order of what they point to."""
    found: dict[str, list[Any]] = {}
    for record in folder.children:
        if record.rock_ridge and not (record.is_dot() or record.is_dotdot()):
            found.setdefault(record.rock_ridge.name().decode(errors="surrogateescape"), []).append(record)
    return {name: sorted(parts, key=lambda part: part.extent_location()) for name, parts in found.items()}


def _refuse_damaged(stream: BinaryIO, place: Place) -> None:
    """Hold it against its primary volume descriptor (ECMA-119 8.4), which gives its size in sectors."""
    stream.seek(16 * SECTOR_BYTES)
    descriptor = stream.read(SECTOR_BYTES)
    size = stream.seek(0, os.SEEK_END)
    if descriptor[1:6] != b"CD001":
        raise Failure(f"{place}: not an ISO image", remedy=USE_LIVE_SERVER)
    expected = int.from_bytes(descriptor[80:84], "little") * SECTOR_BYTES
    if size < expected:
        raise Failure(f"{place}: cut short: {size} of {expected} bytes", remedy="download it again")


def _volume_date(iso: pycdlib.PyCdlib) -> str:
    return bytes(iso.pvd.volume_modification_date.date_str[:16]).decode()


def _release(info: str, path: Path) -> str:
    if STANDIN_MARK in info:
        return STANDIN_RELEASE
    found = re.search(r"\b(\d\d\.\d\d)(\.\d+)?\b", info)
    if not found:
        raise Failure(f"{path}: {DISK_INFO} names no release: {info}", remedy=USE_LIVE_SERVER)
    return found[1]


def _architecture(info: str, path: Path) -> str:
    found = re.search(r" - \w+ (amd64|arm64|ppc64el|s390x|riscv64)\b", info)
    if not found:
        raise Failure(f"{path}: {DISK_INFO} names no architecture: {info}", remedy=USE_LIVE_SERVER)
    return found[1]
