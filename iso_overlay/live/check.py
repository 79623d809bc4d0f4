#!/usr/bin/python3
"""Is this medium whole?

Started by the boot menu in the live system, or by hand from a shell there, with nothing but the standard
library. It holds every file against md5sum.txt, and what the areas hold against the medium's manifest.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import console

MEDIUM = Path("/cdrom")
SYSTEMD = 1
BLOCK_BYTES = 1 << 20
STEP_PERCENT = 10

Tell = Callable[[str], None]


def main() -> int:
    console.say(f"checking every file of {MEDIUM}")
    bad = damaged(MEDIUM, console.say)
    for line in bad:
        console.say(f"damaged: {line}")
    console.say(
        "THE MEDIUM IS DAMAGED: write it again, or use another"
        if bad
        else "the medium is whole: every file is as it was written, and the payload fits its manifest"
    )
    if os.getppid() == SYSTEMD:
        console.finish()
    return 1 if bad else 0


def damaged(medium: Path, tell: Tell) -> list[str]:
    """Return a line for each file that is not as it must be, with how far it got told on the way."""
    try:
        sums = digests((medium / "md5sum.txt").read_text(errors="surrogateescape"))
        manifest = json.loads((medium / "rekindle/manifest.json").read_text())
        areas = {area["name"]: area for area in manifest["areas"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"its lists cannot be read ({error})"]
    return files(medium, sums, tell) + [line for area in areas.values() for line in content(medium, area)]


def digests(text: str) -> dict[str, str]:
    """Read md5sum.txt: `<md5>  ./path` lines."""
    pairs = (line.partition("  ./") for line in text.splitlines() if line.strip())
    return {name: digest for digest, _, name in pairs}


def files(medium: Path, sums: dict[str, str], tell: Tell) -> list[str]:
    """Hold every file against its MD5."""
    sizes = {name: size_of(medium / name) for name in sums}
    whole, done, told, bad = max(sum(sizes.values()), 1), 0, 0, []
    for name, digest in sums.items():
        try:
            if md5_of(medium / name) != digest:
                bad.append(name)
        except OSError as error:
            bad.append(f"{name} ({error.strerror})")
        done += sizes[name]
        while told + STEP_PERCENT <= done * 100 // whole:
            told += STEP_PERCENT
            tell(f"{told} % of {whole / 1e6:.0f} MB")
    return bad


def content(medium: Path, area: dict[str, Any]) -> list[str]:
    """Hold what an area holds, without its padding, against the manifest."""
    try:
        with (medium / area["name"]).open("rb") as file:
            digest = hashlib.sha256(file.read(area["size_bytes"])).hexdigest()
    except OSError as error:
        return [f"{area['name']} ({error.strerror})"]
    return [] if digest == area["sha256"] else [f"{area['name']} (it is not what the manifest says)"]


def size_of(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def md5_of(file: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
