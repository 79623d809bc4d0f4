"""What does md5sum.txt say once files were added and replaced?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path


def updated(vendor: str, changed: Mapping[str, Path]) -> str:
    """Return the vendor's md5sum.txt (`<md5>  ./path` a line) with the `changed` files' new digests.

    Lines keep their order; files that are new to it come after them, sorted.
    """
    digests = {name: _md5(file) for name, file in changed.items()}
    lines = []
    for line in vendor.splitlines():
        _, _, name = line.partition("  ./")
        digest = digests.pop(name, None)
        lines.append(f"{digest}  ./{name}" if digest else line)
    lines += [f"{digest}  ./{name}" for name, digest in sorted(digests.items())]
    return "".join(f"{line}\n" for line in lines)


def _md5(file: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
