"""What is known of programs that back up? The knowledge is data: snapshots.yaml says what its keys mean."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from collectors.document import validated
from collectors.record import Record


class Known(Record):
    """The knowledge in snapshots.yaml."""

    settings: tuple[str, ...]
    own_settings: tuple[str, ...]
    own_secrets: dict[str, str]


@cache
def known() -> Known:
    """Return what is known of programs that back up."""
    text = files("collectors.domains.snapshots").joinpath("snapshots.yaml").read_text("utf-8")
    return validated(text, Known, name="snapshots.yaml")
