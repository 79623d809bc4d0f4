"""What is known of mounts and shares? The knowledge is data: services.yaml says what its keys mean."""

from __future__ import annotations

from functools import cache

from collectors.document import shipped
from collectors.record import Record


class Known(Record):
    """The knowledge in services.yaml."""

    settings: tuple[str, ...]
    network: tuple[str, ...]
    shares: tuple[str, ...]
    memory: tuple[str, ...]
    system: tuple[str, ...]
    rclone_keys: tuple[str, ...]


@cache
def known() -> Known:
    """Return what is known of mounts and shares."""
    return shipped("collectors.domains.services", "services.yaml", Known)
