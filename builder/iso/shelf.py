"""Which prepared bases are kept, and is one still as it was put there?

Beside each, a record says which file it was and when it changed last, a time that no program sets: whoever
wrote to it, cut it short or swapped it is noticed without reading gigabytes.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from builder.whole import whole

DAY_SECONDS = 24 * 60 * 60
# A build a week uses its own; after a point release nobody uses the old one.
UNUSED_SECONDS = 60 * DAY_SECONDS
# What was prepared just now is for a build that is still to come.
YOUNG_SECONDS = DAY_SECONDS


def holds(image: Path) -> bool:
    """Tell whether `image` is there as it was put."""
    try:
        return bool(json.loads(_record(image).read_text()) == _state(image))
    except (OSError, ValueError):
        return False


def put(image: Path) -> None:
    """Say that `image` is whole as it is now."""
    with whole(_record(image)) as aside:
        aside.write_text(json.dumps(_state(image)))


def tidy(used: Path) -> None:
    """Remove beside `used` what was of no use for long, and what killed runs left."""
    _remove(used.parent, {used}, UNUSED_SECONDS)


def keep(folder: Path, used: Collection[str]) -> None:
    """Say that those with the keys `used` were of use just now; remove the others, but for the youngest."""
    kept = {folder / f"{key}.iso" for key in used}
    for image in kept:
        with suppress(FileNotFoundError):
            os.utime(_record(image))
    _remove(folder, kept, YOUNG_SECONDS)


def _remove(folder: Path, kept: Collection[Path], older_than_seconds: float) -> None:
    """Remove prepared bases that are not `kept` and older, and all that no record is of."""
    since = time.time() - older_than_seconds
    records = folder.glob("*.json")
    stay = {*kept, *(record.with_suffix(".iso") for record in records if record.stat().st_mtime >= since)}
    for record in map(_record, set(folder.glob("*.iso")) - stay):
        record.unlink(missing_ok=True)
    for other in {*folder.glob("*.iso"), *folder.glob(".*.partial"), *folder.glob(".*.work")} - stay:
        shutil.rmtree(other) if other.is_dir() else other.unlink()


def _record(image: Path) -> Path:
    return image.with_suffix(".json")


def _state(image: Path) -> dict[str, int]:
    state = image.stat()
    return {"size_bytes": state.st_size, "inode": state.st_ino, "ctime_ns": state.st_ctime_ns}
