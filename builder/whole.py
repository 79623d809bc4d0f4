"""How is a file written whole or not at all, and where is it prepared?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from collectors.failure import Failure


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a name beside `path` to write to; only a complete file gets the final name.

    It is there when it is yielded: empty, and for its owner's eyes only. What a killed run left behind has
    the same name and is overwritten by the next one. Raises Failure when `path` is anything but a file, or
    its folder cannot be made.
    """
    refuse_other(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{path.parent}: {error.strerror}", remedy="choose a folder you may write") from None
    aside = path.with_name(f".{path.name}.partial")
    with suppress(FileNotFoundError):
        aside.unlink()
    aside.touch(mode=0o600)
    try:
        yield aside
        synced(aside)
        aside.replace(path)
        synced(path.parent)
    finally:
        with suppress(FileNotFoundError):
            aside.unlink()


def refuse_other(path: Path) -> None:
    """Raise Failure where `path` is there and is no plain file: a directory, a device."""
    if path.is_dir():
        raise Failure(f"{path} is a directory", remedy="name a file")
    if path.exists() and not path.is_file():
        raise Failure(f"{path} is a device", remedy="name a file; `rekindle flash` writes a stick")


@contextmanager
def workshop(output: Path) -> Iterator[Path]:
    """Yield an empty folder beside `output`, gone afterwards; a killed run's is emptied by the next."""
    folder = output.with_name(f".{output.name}.work")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def synced(path: Path) -> None:
    """Wait until the file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
