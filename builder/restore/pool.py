"""Is what travelled along for a machine without network as the payload says?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from builder.pool.index import APT, INDEX, Bundled, read_index

BLOCK_BYTES = 1 << 20


def remove_damaged(pool: Path, payload: Path, say: Callable[[str], None]) -> None:
    """Remove every file of `pool` that is not as the index in the unpacked `payload` says, and tell of it.

    apt's part stays: apt itself holds it against its signed index. Raises Failure.
    """
    index = payload / INDEX
    expected = {each.name: each for each in read_index(index.read_bytes()).files} if index.exists() else {}
    for name, file in _files(pool):
        if not _is_sound(file, expected.get(name)):
            say(f"what travelled along is damaged, and done without: {name}")
            file.unlink()


def _files(pool: Path) -> Iterator[tuple[str, Path]]:
    """Yield what is no folder, apt's part left out, by its name in the pool."""
    for folder, folders, names in os.walk(pool):
        if Path(folder) == pool and APT in folders:
            folders.remove(APT)
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *links]):
            file = Path(folder) / name
            yield file.relative_to(pool).as_posix(), file


def _is_sound(file: Path, expected: Bundled | None) -> bool:
    if expected is None or file.is_symlink() or not file.is_file():
        return False
    if file.stat().st_size != expected.size_bytes:
        return False
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest() == expected.sha256
