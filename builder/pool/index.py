"""What is in the pool, by the payload's words, and where does it lie on the new machine?"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from collectors.failure import Failure
from collectors.record import Record

# The member of the payload.
INDEX = "pool.json"
# Not below /var/lib/rekindle, which is for root's eyes: apt's sandbox and people's own tools read it.
POOL = Path("/var/lib/rekindle-pool")
APT, WHEELS, NPM, FLATPAK = "apt", "wheels", "npm", "flatpak"


class Bundled(Record):
    """One file of the pool: `apt/htop_3.2.2-2_amd64.deb`, its size, its SHA-256 in hex."""

    name: str
    size_bytes: int
    sha256: str


class Index(Record):
    """All files of the pool by their names; `apt_key` is the public key that signs apt's part, armored."""

    files: tuple[Bundled, ...] = ()
    apt_key: str = ""

    def text(self) -> bytes:
        """Return it as JSON."""
        return (json.dumps(self.model_dump(mode="json"), indent=1) + "\n").encode()


def read_index(text: bytes) -> Index:
    """Read `pool.json`; raises Failure."""
    try:
        return Index.model_validate_json(text)
    except ValidationError as error:
        raise Failure(f"{INDEX}: {error.errors()[0]['msg']}", remedy="build the recovery ISO again") from None
