"""What does a recovery ISO say of itself, signed?

`/rekindle/manifest.json` names what every other area holds, of which machine and posture it is, and on what
base; `manifest.json.sig` is its signature by the machine's key (`ssh-keygen -Y`).
"""

from __future__ import annotations

import json

from pydantic import NonNegativeInt, ValidationError

from builder.iso.areas import MANIFEST, BaseSaid
from collectors.failure import Failure
from collectors.record import Record

SCHEMA_VERSION = 1


class Held(Record):
    """What an area holds: `size_bytes` and SHA-256 in hex of its content, without the padding."""

    name: str
    size_bytes: NonNegativeInt
    sha256: str


class MediumManifest(Record):
    """One recovery ISO.

    `medium_id` names this very ISO, as machines that it restored bear it; `prepared` is the key of its
    Layout. `posture_commit` and `posture_date` are those of the payload; `disk` is the disk rule for a
    person, `countdown_seconds` how long the boot menu waits.
    """

    schema_version: int = SCHEMA_VERSION
    medium_id: str
    host: str
    posture_commit: str
    posture_date: str
    prepared: str
    base: BaseSaid
    disk: str
    countdown_seconds: int
    areas: tuple[Held, ...]

    def text(self) -> bytes:
        """Return it as JSON."""
        return (json.dumps(self.model_dump(mode="json"), indent=1) + "\n").encode()

    def held(self, name: str) -> Held | None:
        """Return what the area `name` holds."""
        return next((held for held in self.areas if held.name == name), None)


def read_manifest(text: bytes, name: str) -> MediumManifest:
    """Read `manifest.json`, padded or not; raises Failure that names the medium."""
    if not text.strip():
        raise Failure(f"{name}: not a recovery ISO yet", remedy="make one with `rekindle build`")
    try:
        data = json.loads(text)
        version = data.get("schema_version")
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise Failure(
                f"{name}: built by a newer Rekindle (schema {version}, here {SCHEMA_VERSION})",
                remedy="upgrade Rekindle",
            )
        return MediumManifest.model_validate(data)
    except (ValueError, AttributeError, ValidationError):
        raise Failure(f"{name}: {MANIFEST} does not parse", remedy="build it again") from None
