"""What does a recovery ISO carry?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.iso.areas import PAYLOAD
from builder.iso.medium import content, has, opened, read_medium
from builder.payload.manifest import Manifest
from builder.payload.payload import open_payload
from builder.restore.people import renamed
from collectors.command import MASK
from collectors.document import parsed
from collectors.failure import Failure
from collectors.posture import SECTIONS, Posture
from collectors.repository import read_posture

AUTOINSTALL = ("autoinstall.yaml", "nocloud/user-data")


@dataclass(frozen=True)
class Inspection:
    """`items` counts the eligible items of each section; `autoinstall` has its password masked."""

    base: str
    is_standin: bool
    host: str
    items: Mapping[str, int]
    left_out: int
    autoinstall: Mapping[str, Any]


def inspect(iso: Path) -> Inspection:
    """Read a recovery ISO and check its payload; raises Failure for a base ISO or a damaged payload."""
    base = read_medium(iso)
    with _payload(iso) as (manifest, folder):
        posture = read_posture(folder / "posture")
    items = list(posture.items())
    eligible = [item for item in items if not item.bound]
    return Inspection(
        base=base.info,
        is_standin=base.is_standin,
        host=manifest.host,
        items={name: sum(item.section == name for item in eligible) for name in SECTIONS},
        left_out=len(items) - len(eligible),
        autoinstall=_autoinstall(iso),
    )


def carried_posture(iso: Path) -> Posture:
    """Return the posture that a recovery ISO restores, under its names; raises Failure as `inspect` does."""
    with _payload(iso) as (manifest, folder):
        return renamed(read_posture(folder / "posture"), manifest.map_user)


@contextmanager
def _payload(iso: Path) -> Iterator[tuple[Manifest, Path]]:
    with opened(iso) as image, tempfile.TemporaryDirectory() as work:
        if not has(image, PAYLOAD):
            raise Failure(f"{iso}: not a recovery ISO", remedy="make one with `rekindle build`")
        payload, folder = Path(work) / "payload.tar", Path(work) / "payload"
        image.get_file_from_iso(str(payload), rr_path=f"/{PAYLOAD}")
        yield open_payload(payload, folder), folder


def _autoinstall(iso: Path) -> Mapping[str, Any]:
    with opened(iso) as image:
        name = next(name for name in AUTOINSTALL if has(image, name))
        document = parsed(content(image, name).decode(), name=f"{iso}:{name}")
    keys: dict[str, Any] = document.get("autoinstall", document)
    return {**keys, "identity": {**keys["identity"], "password": MASK}}
