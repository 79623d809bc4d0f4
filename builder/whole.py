"""How is a file written whole or not at all?"""

from __future__ import annotations

import os
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


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
