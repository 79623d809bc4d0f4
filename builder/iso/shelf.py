"""Which prepared bases are kept, and is one still as it was put there?

Beside each, a record says which file it was and when it changed last, a time that no program sets: whoever
wrote to it, cut it short or swapped it is noticed without reading gigabytes.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

from builder.whole import whole

# A build a week uses its own; after a point release nobody uses the old one.
UNUSED_SECONDS = 60 * 24 * 60 * 60


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
    """Say that `used` was used just now; remove what was not for long, and what killed runs left."""
    folder = used.parent
    os.utime(_record(used))
    for record in folder.glob("*.json"):
        if record.stat().st_mtime < time.time() - UNUSED_SECONDS:
            record.unlink()
    kept = {record.with_suffix(".iso") for record in folder.glob("*.json")}
    for other in {*folder.glob("*.iso"), *folder.glob(".*.partial"), *folder.glob(".*.work")} - kept:
        shutil.rmtree(other) if other.is_dir() else other.unlink()


def _record(image: Path) -> Path:
    return image.with_suffix(".json")


def _state(image: Path) -> dict[str, int]:
    state = image.stat()
    return {"size_bytes": state.st_size, "inode": state.st_ino, "ctime_ns": state.st_ctime_ns}
