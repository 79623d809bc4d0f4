"""What does a tarball of npm say of itself?"""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collectors.failure import Failure

SCRIPTS = frozenset({"preinstall", "install", "postinstall"})
MANIFEST, NATIVE = "package.json", "binding.gyp"


@dataclass(frozen=True)
class Tarball:
    """Its package.json, and whether something of its own runs when it is installed."""

    manifest: dict[str, Any]
    scripted: bool


def read_tarball(path: Path) -> Tarball:
    """Read the package.json in a tarball's one folder; raises Failure where there is none."""
    try:
        with tarfile.open(path) as tar:
            members = {member.name.partition("/")[2]: member for member in tar if member.isfile()}
            file = tar.extractfile(members[MANIFEST])
            manifest = json.load(file) if file else None
    except (OSError, tarfile.TarError, KeyError, ValueError):
        manifest = None
    if not isinstance(manifest, dict):
        raise Failure(f"{path}: no tarball of npm", remedy="build again with the network")
    scripts = manifest.get("scripts")
    scripted = bool(SCRIPTS & set(scripts)) if isinstance(scripts, dict) else False
    return Tarball(manifest, scripted or NATIVE in members)
