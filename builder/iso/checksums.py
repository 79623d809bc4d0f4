"""What does md5sum.txt say, and what once files were added and replaced?"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

LINE = re.compile(r"([0-9a-f]{32})  \./(.+)")


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


def digests_of(text: str) -> tuple[dict[str, str], list[str]]:
    """Return the digest of each path in the text of an md5sum.txt, and the lines that do not say one."""
    lines = text.rstrip("\n").split("\n")
    found = [(LINE.fullmatch(line), line) for line in lines]
    return {line[2]: line[1] for line, _ in found if line}, [text for line, text in found if not line]


def md5(parts: Iterable[bytes]) -> str:
    """Return the MD5 of what comes in parts, in hex."""
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def md5_of(file: Path) -> str:
    """Return the MD5 of a file in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
