"""How is something costly made once, and kept for the next run?"""

from __future__ import annotations

import fcntl
import hashlib
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path


def cached(cache: Path, name: str, inputs: Iterable[str], make: Callable[[Path], object]) -> Path:
    """Return the file or directory `name` that `make` makes at the path it is given.

    It is kept in `cache` under a key of `inputs`. Of two workers that need it, one makes it.
    """
    key = hashlib.sha256("\0".join(inputs).encode(errors="surrogateescape")).hexdigest()[:16]
    output = cache / f"{name}-{key}"
    with (cache / f".{output.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not output.exists():
            with tempfile.TemporaryDirectory(dir=cache, prefix=f".{name}-") as folder:
                aside = Path(folder) / "made"
                make(aside)
                aside.rename(output)
    return output
