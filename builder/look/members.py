"""What is in the payload of an image, read member by member?

The manifest comes first and names all others with their sizes. They lie in the order of their names, so where
each one lies follows from it, and only those that somebody asks for are read. Each is held against it.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from builder.payload.manifest import (
    ENCODING,
    ERRORS,
    MANIFEST,
    SIGNATURE,
    SUMS,
    Manifest,
    Member,
    header,
    sums,
)
from builder.payload.payload import SEAL_BYTES, damaged, parsed_manifest
from collectors.record import unescaped

BLOCK_BYTES = 2**18


@dataclass(frozen=True)
class Placed:
    """Where a member's header begins, in bytes from the image's start, and what the manifest says of it."""

    offset: int
    member: Member


@dataclass(frozen=True)
class Members:
    """A payload inside of an image: what its manifest says (`text` as it is signed), and its signature.

    `places` has every member of the manifest by its name in the tar; `name` is what a person calls it.
    """

    stream: BinaryIO
    name: str
    manifest: Manifest
    text: bytes
    signature: bytes
    places: Mapping[str, Placed]

    def has(self, member: str) -> bool:
        """Tell whether there is one of that name."""
        return member in self.places

    def size_bytes(self, member: str) -> int:
        """Return how large one is, 0 where there is none."""
        return self.places[member].member.size_bytes if member in self.places else 0

    def blocks(self, member: str) -> Iterator[bytes]:
        """Yield the content of one; raises Failure, at its end at the latest, where it was changed."""
        placed = self.places[member]
        left, digest = placed.member.size_bytes, hashlib.sha256()
        head = header(member, left)
        self.stream.seek(placed.offset)
        if self.stream.read(len(head)) != head:
            raise damaged(self.name, f"the header of {member!r} was changed")
        while left:
            block = self.stream.read(min(BLOCK_BYTES, left))
            if not block:
                break
            digest.update(block)
            left -= len(block)
            yield block
        if digest.hexdigest() != placed.member.sha256:
            raise damaged(self.name, f"{member!r} was changed")

    def content(self, member: str) -> bytes:
        """Return the content of one; raises Failure where it was changed."""
        return b"".join(self.blocks(member))


def read_members(stream: BinaryIO, offset: int, size_bytes: int, name: str) -> Members:
    """Read the manifest of the payload that begins at `offset`; raises Failure where it was changed.

    `size_bytes` is how long the payload is: nothing in it can be longer.
    """
    text, at = _sized(stream, offset, MANIFEST, size_bytes, name)
    manifest = parsed_manifest(text, name)
    try:
        expected = {unescaped(member.name): member for member in manifest.members}
    except ValueError as error:
        raise damaged(name, f"{MANIFEST}: {error}") from None
    places: dict[str, Placed] = {}
    seals: dict[str, bytes] = {}
    for member in sorted({*expected, SUMS, SIGNATURE}):
        if member in expected:
            if not 0 <= expected[member].size_bytes <= offset + size_bytes - at:
                raise damaged(name, f"{member!r} is longer than all of it")
            places[member] = Placed(at, expected[member])
            at += _length(member, expected[member].size_bytes)
        elif _named(stream, at) == member:
            seals[member], at = _sized(stream, at, member, SEAL_BYTES, name)
    signed = {SIGNATURE: seals[SIGNATURE]} if SIGNATURE in seals else {}
    if seals.get(SUMS) != sums({MANIFEST: text, **signed}):
        raise damaged(name, f"{MANIFEST!r} was changed")
    return Members(stream, name, manifest, text, seals.get(SIGNATURE, b""), places)


def _sized(stream: BinaryIO, offset: int, member: str, most_bytes: int, name: str) -> tuple[bytes, int]:
    """Return the content of a member of whose size its header alone knows, and where the next one begins."""
    found = _header(stream, offset)
    if found is None or found.name != member or found.size > most_bytes:
        raise damaged(name, f"{member!r} is not where it belongs")
    content = stream.read(found.size)
    return content, offset + _length(member, found.size)


def _named(stream: BinaryIO, offset: int) -> str:
    found = _header(stream, offset)
    return found.name if found else ""


def _header(stream: BinaryIO, offset: int) -> tarfile.TarInfo | None:
    stream.seek(offset)
    try:
        return tarfile.TarInfo.frombuf(stream.read(tarfile.BLOCKSIZE), ENCODING, ERRORS)
    except tarfile.TarError:
        return None


def _length(member: str, size_bytes: int) -> int:
    return len(header(member, size_bytes)) + size_bytes + -size_bytes % tarfile.BLOCKSIZE
