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

    What a killed run left behind has the same name and is overwritten by the next one. Raises Failure
    when `path` is a directory or its folder cannot be made.
    """
    if path.is_dir():
        raise Failure(f"{path} is a directory", remedy="name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{path.parent}: {error.strerror}", remedy="choose a folder you may write") from None
    aside = path.with_name(f".{path.name}.partial")
    with suppress(FileNotFoundError):
        aside.unlink()
    try:
        yield aside
        _sync(aside)
        aside.replace(path)
        _sync(path.parent)
    finally:
        with suppress(FileNotFoundError):
            aside.unlink()


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


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
