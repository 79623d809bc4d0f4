"""What does a recovery ISO carry?"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.build import PAYLOAD
from builder.iso.medium import content, has, opened, read_medium
from builder.payload.payload import open_payload
from collectors.command import MASK
from collectors.document import parsed
from collectors.failure import Failure
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
    with opened(iso) as image, tempfile.TemporaryDirectory() as folder:
        if not has(image, PAYLOAD):
            raise Failure(f"{iso}: not a recovery ISO", remedy="make one with `rekindle build`")
        payload = Path(folder) / "payload.tar"
        image.get_file_from_iso(str(payload), rr_path=f"/{PAYLOAD}")
        name = next(name for name in AUTOINSTALL if has(image, name))
        autoinstall = _redacted(parsed(content(image, name).decode(), name=f"{iso}:{name}"))
        manifest = open_payload(payload, Path(folder) / "payload")
        posture = read_posture(Path(folder) / "payload" / "posture")
    items = list(posture.items())
    eligible = [item for item in items if not item.bound]
    return Inspection(
        base=base.info,
        is_standin=base.is_standin,
        host=manifest.host,
        items={
            section.NAME: sum(item.section == section.NAME for item in eligible)
            for section in posture.sections()
        },
        left_out=len(items) - len(eligible),
        autoinstall=autoinstall,
    )


def _redacted(document: dict[str, Any]) -> dict[str, Any]:
    keys = document.get("autoinstall", document)
    return {**keys, "identity": {**keys["identity"], "password": MASK}}
