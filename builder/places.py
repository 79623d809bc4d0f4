"""Where do config, state and caches lie?"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """The three folders that Rekindle keeps anything in."""

    config: Path
    state: Path
    cache: Path

    @property
    def config_file(self) -> Path:
        """What the owner decided."""
        return self.config / "rekindle.yaml"

    @property
    def repository(self) -> Path:
        """The posture repository."""
        return self.state / "posture"

    @property
    def recovery_iso(self) -> Path:
        """The last good one: a link to one of two slots beside it."""
        return self.state / "latest.iso"


def places() -> Places:
    """Return the system's places, or all three under `REKINDLE_HOME`."""
    home = os.environ.get("REKINDLE_HOME")
    if home:
        base = Path(home).absolute()
        return Places(base / "config", base / "state", base / "cache")
    return Places(Path("/etc/rekindle"), Path("/var/lib/rekindle"), Path("/var/cache/rekindle"))
