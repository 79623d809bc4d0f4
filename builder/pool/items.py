"""Which items does a folder of the pool bring back, and with which files?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from collectors.record import Record

ITEMS = "items.json"


class Kept(Record):
    """The files of a request that was met, relative to the kind's folder, with the SHA-256 of each."""

    id: str
    asked: tuple[str, ...]
    of: str = ""
    files: dict[str, str]


class Items(Record):
    """All requests that were met; the pool carries it, so that a restore knows what it can have."""

    items: tuple[Kept, ...] = ()


def read_items(folder: Path) -> Mapping[str, Kept]:
    """Return what was met by the ids of the items; nothing where no such file is, or it is none of ours."""
    try:
        items = Items.model_validate_json((folder / ITEMS).read_bytes()).items
    except (FileNotFoundError, ValidationError):
        return {}
    return {each.id: each for each in items}
