"""What travels to the new machine?

`payload.tar` is a GNU tar: `manifest.json` first, then its seals, `playbook/`, `posture/` and `restore.pex`.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from builder.payload import signature
from builder.payload.manifest import (
    MANIFEST,
    PLAYBOOK,
    PROGRAM,
    SCHEMA_VERSION,
    SIGNATURE,
    SUMS,
    Manifest,
    Member,
    header,
    sums,
)
from builder.payload.tree import files_below
from builder.pool.index import INDEX
from builder.whole import whole
from collectors.failure import Failure
from collectors.posture import Posture
from collectors.record import escaped, sha256
from collectors.repository import SECRETS, files_of

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Commit:
    """Which posture of the history: a git commit and its date (RFC 3339)."""

    id: str = ""
    date: str = ""


@dataclass(frozen=True)
class Payload:
    """A payload, or a pool, before it is written: its members in order, as bytes or the file of them."""

    members: Mapping[str, bytes | Path]

    @property
    def size_bytes(self) -> int:
        """How long the tar is."""
        size = sum(_length(name, content) for name, content in self.members.items()) + 2 * tarfile.BLOCKSIZE
        return size + -size % tarfile.RECORDSIZE

    def write(self, put: Callable[[bytes], object]) -> None:
        """Give the tar to `put`, block by block: the same bytes each time."""
        written = 0
        for block in self._blocks():
            put(block)
            written += len(block)
        put(bytes(self.size_bytes - written))

    def _blocks(self) -> Iterator[bytes]:
        for name, content in self.members.items():
            yield header(name, _size(content))
            yield from _content(content)
            yield bytes(_rest(content))


def pack(
    posture: Posture,
    program: Path,
    *,
    host: str,
    commit: Commit | None = None,
    map_user: Mapping[str, str] | None = None,
    secrets: bytes = b"",
    pool: bytes = b"",
    key: Path | None = None,
) -> Payload:
    """Return the payload, signed with `key`; the same inputs give the same bytes. Raises Failure.

    `secrets` are sealed already; `pool` is the index of what travels beside the payload. `map_user` names
    people as in builder/restore/people.py.
    """
    members = _members(posture, program)
    if secrets:
        members[SECRETS] = secrets
    if pool:
        members[INDEX] = pool
    if key:
        members[signature.ALLOWED] = signature.allowed(key)
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        host=host,
        members=tuple(_member(name, content) for name, content in sorted(members.items())),
        map_user=dict(sorted((map_user or {}).items())),
        posture_commit=commit.id if commit else "",
        posture_date=commit.date if commit else "",
    ).text()
    seals = {SIGNATURE: signature.signature(manifest, key)} if key else {}
    members |= {SUMS: sums({MANIFEST: manifest, **seals}), **seals}
    return Payload({MANIFEST: manifest, **dict(sorted(members.items()))})


def write_payload(posture: Posture, program: Path, *, output: Path, host: str, **facts: Any) -> None:
    """Write what `pack` makes as `output`, whole or not at all."""
    payload = pack(posture, program, host=host, **facts)
    with whole(output) as aside, aside.open("wb") as file:
        payload.write(file.write)


def _members(posture: Posture, program: Path) -> dict[str, bytes | Path]:
    if not program.is_file():
        raise Failure(f"{program}: no such file", remedy="build the restore program")
    files = {f"posture/{name}": content for name, content in files_of(posture).items()}
    return {**_playbook(), **files, PROGRAM: program}


def _playbook() -> dict[str, bytes | Path]:
    root = Path(str(resources.files("iso_overlay"))) / PLAYBOOK
    return {f"{PLAYBOOK}/{name}": content for name, content in files_below(root).items()}


def _member(name: str, content: bytes | Path) -> Member:
    if isinstance(content, bytes):
        return Member(name=escaped(name), size_bytes=len(content), sha256=sha256(content))
    with content.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Member(name=escaped(name), size_bytes=_size(content), sha256=digest)


def _length(name: str, content: bytes | Path) -> int:
    return len(header(name, _size(content))) + _size(content) + _rest(content)


def _size(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _rest(content: bytes | Path) -> int:
    return -_size(content) % tarfile.BLOCKSIZE


def _content(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
