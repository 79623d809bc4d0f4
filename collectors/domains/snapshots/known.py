"""What is known of programs that back up? The knowledge is data: snapshots.yaml says what its keys mean."""

from __future__ import annotations

from functools import cache

from collectors.document import shipped
from collectors.record import Record


class Known(Record):
    """The knowledge in snapshots.yaml."""

    settings: tuple[str, ...]
    own_settings: tuple[str, ...]
    own_secrets: dict[str, str]


@cache
def known() -> Known:
    """Return what is known of programs that back up."""
    return shipped("collectors.domains.snapshots", "snapshots.yaml", Known)
