"""Which bytes is a base ISO, and who says so?"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from collectors.failure import Failure


@dataclass(frozen=True)
class Base:
    """A base ISO on this machine, never modified.

    `sha256` is of the whole file, in hex; `verified` the fingerprint of the vendor's key that signed it (40
    hex digits), "" where nobody did.
    """

    path: Path
    sha256: str
    verified: str = ""


def unverified(path: Path) -> Base:
    """Return the base at `path` as it is, believed by nobody; raises Failure where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return Base(path, hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise Failure(f"{path}: {reason}", remedy="name an existing ISO") from None
