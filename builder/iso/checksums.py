"""What does md5sum.txt say once files were added and replaced?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path


def with_digests(text: str, digests: Mapping[str, str]) -> str:
    """Return the text of an md5sum.txt (`<md5>  ./path` a line) with new `digests`, in hex, of some paths.

    Lines keep their order; paths that are new to it come after them, sorted.
    """
    left = dict(digests)
    lines = []
    for line in text.splitlines():
        _, _, name = line.partition("  ./")
        digest = left.pop(name, None)
        lines.append(f"{digest}  ./{name}" if digest else line)
    lines += [f"{digest}  ./{name}" for name, digest in sorted(left.items())]
    return "".join(f"{line}\n" for line in lines)


def md5_of(file: Path) -> str:
    """Return the MD5 of a file in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
