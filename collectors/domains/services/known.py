"""What is known of mounts and shares? The knowledge is data: services.yaml says what its keys mean."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from collectors.document import validated
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
    text = files("collectors.domains.services").joinpath("services.yaml").read_text("utf-8")
    return validated(text, Known, name="services.yaml")
