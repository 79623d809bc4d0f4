"""What files of this distribution are below a folder?"""

from __future__ import annotations

import os
from pathlib import Path

CACHES = "__pycache__"


def files_below(root: Path) -> dict[str, bytes]:
    """Return each file's content by its path below `root`, without what Python keeps beside its modules."""
    found = {}
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if name != CACHES]
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, root)] = file.read()
    return dict(sorted(found.items()))
