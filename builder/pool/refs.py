"""Where in the pool lies what flatpak installs from a remote?

Each remote has a repository of OSTree's of its own, with the refs that were installed from it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

HEADS = "refs/heads"


def repository(scope: str, remote: str) -> str:
    """Return the name of a remote's folder: of a name that flatpak allows, but no file system need."""
    return hashlib.sha256(f"{scope}/{remote}".encode()).hexdigest()[:12]


def has_ref(repository: Path, ref: str) -> bool:
    """Tell whether a repository has `app/org.gimp.GIMP/x86_64/stable`."""
    return (repository / HEADS / ref).is_file()
