"""What goes into the pool, how large is it, and what can't be bundled?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.payload.pack import Payload
from builder.pool import apt, flatpak, npm, others, repository, wheels
from builder.pool.gathered import Gathered, Say
from builder.pool.index import APT, FLATPAK, NPM, WHEELS, Bundled, Index
from builder.pool.target import Target
from collectors.failure import Finding
from collectors.posture import Posture

Gather = Callable[[Posture, Target, Path, Say], Gathered]

# By the folder of the pool that each has.
KINDS: Mapping[str, Gather] = {
    APT: apt.gather,
    WHEELS: wheels.gather,
    NPM: npm.gather,
    FLATPAK: flatpak.gather,
    "others": others.gather,
}


@dataclass(frozen=True)
class Pool:
    """A pool before it is written: its tar, the index that the payload carries, and what it lacks."""

    tar: Payload
    index: Index
    gaps: tuple[Finding, ...]


def gather_pool(posture: Posture, target: Target, *, folder: Path, key: Path, say: Say) -> Pool:
    """Gather every kind below `folder`, and tell how large all of it is; raises Failure.

    `key` is the file of the OpenPGP key that signs apt's part.
    """
    gathered = {kind: gather(posture, target, folder / kind, say) for kind, gather in KINDS.items()}
    files = {f"{kind}/{name}": folder / kind / name for kind, each in gathered.items() for name in each.files}
    bundled = [_bundled(name, file) for name, file in sorted(files.items())]
    debs = [each for each in bundled if each.name.startswith(f"{APT}/")]
    indexes = repository.published(debs, folder / APT, key)
    files |= {f"{APT}/{name}": folder / APT / name for name in indexes}
    say(_told(bundled))
    return Pool(
        tar=Payload(dict(sorted(files.items()))),
        index=Index(files=tuple(bundled), apt_key=repository.public_key(key)),
        gaps=tuple(gap for each in gathered.values() for gap in each.gaps),
    )


def _bundled(name: str, file: Path) -> Bundled:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Bundled(name=name, size_bytes=file.stat().st_size, sha256=digest)


def _told(bundled: list[Bundled]) -> str:
    sizes = {
        kind: sum(each.size_bytes for each in bundled if each.name.startswith(f"{kind}/")) for kind in KINDS
    }
    parts = ", ".join(f"{kind} {size / 1e6:.1f} MB" for kind, size in sizes.items() if size)
    return (
        f"the pool for a machine without network has {sum(sizes.values()) / 1e6:.1f} MB: {parts or 'nothing'}"
    )
