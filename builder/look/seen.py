"""What is on a medium that may be damaged, as far as it can be read?

Nothing here raises for what is wrong: one check or another says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from io import BufferedReader, RawIOBase
from typing import Any, BinaryIO

from builder.iso import areas, boot, medium
from builder.iso.areas import AREAS, MANIFEST, MD5SUMS, Area, Extent, Layout, Structure
from builder.iso.boot import BLOCK_BYTES, SECTOR_BYTES, Partition, Wrong
from builder.iso.checksums import digests_of, md5
from builder.iso.manifest import MediumManifest, read_manifest
from builder.iso.source import Place, Url
from builder.iso.structures import SYSTEM_AREA_SECTORS, files_on
from collectors.failure import Failure

PART_BYTES = 2**20
# Both end so, and newlines follow.
JSON_END, SEAL_END = b"\n}\n", b"-----END SSH SIGNATURE-----\n"
# Stands for what the medium does not give: neither nothing nor anything that fits.
UNREADABLE = b"?"


@dataclass(frozen=True)
class Tree:
    """The files as seen from a sector on, where each lies on the whole medium; `problem` where none are."""

    first_sector: int
    files: dict[str, Extent]
    problem: str = ""


@dataclass(frozen=True)
class Seen:
    """A medium that is open; `size_bytes` is the file's or the device's."""

    place: Place
    stream: BinaryIO
    size_bytes: int
    trees: tuple[Tree, ...]

    @property
    def is_device(self) -> bool:
        """Whether it may be larger than the ISO on it."""
        return not isinstance(self.place, Url) and self.place.is_block_device()

    @cached_property
    def names(self) -> frozenset[str]:
        """All files that any tree has."""
        return frozenset(name for tree in self.trees for name in tree.files)

    def extents(self, name: str) -> list[Extent]:
        """Return where a file lies: once, unless the trees disagree."""
        return list(dict.fromkeys(tree.files[name] for tree in self.trees if name in tree.files))

    def parts(self, at: Extent) -> Iterator[bytes]:
        """Yield what lies there, in parts; raises Wrong where the medium ends before."""
        self.stream.seek(at.offset)
        left = at.size_bytes
        while left:
            part = self.stream.read(min(PART_BYTES, left))
            if not part:
                raise Wrong("it lies behind the end")
            left -= len(part)
            yield part

    def read(self, at: Extent) -> bytes:
        """Return what lies there; raises Wrong."""
        return b"".join(self.parts(at))

    def md5(self, at: Extent) -> str:
        """Return the MD5 of what lies there, in hex, "" where it cannot be read."""
        try:
            return md5(self.parts(at))
        except (Wrong, Failure):
            return ""

    def content(self, area: Area) -> bytes:
        """Return all that lies in a small area, padding included; raises Wrong."""
        return self.read(Extent(area.offset, area.capacity))

    @cached_property
    def sums(self) -> dict[str, str]:
        """What md5sum.txt says of each file, as one of the trees finds it."""
        for at in self.extents(MD5SUMS):
            with suppress(Wrong, Failure):
                if found := digests_of(self.read(at).decode(errors="surrogateescape"))[0]:
                    return found
        return {}

    @cached_property
    def layout(self) -> Layout | None:
        """What areas.json says, None where there is none, or none that can be read."""
        for at in self.extents(AREAS):
            with suppress(Wrong, Failure):
                return areas.read_layout(self.read(at), str(self.place))
        return None

    @cached_property
    def believes_layout(self) -> bool:
        """Whether areas.json is as md5sum.txt says, as far as that says anything."""
        return AREAS not in self.sums or any(self.sums[AREAS] == self.md5(at) for at in self.extents(AREAS))

    def structure(self, name: str) -> Structure | None:
        """Return what areas.json says of a structure; None where it says nothing that can be believed."""
        known = self.layout.structures if self.layout and self.believes_layout else ()
        return next((structure for structure in known if structure.name == name), None)

    @cached_property
    def manifest_text(self) -> bytes:
        """The manifest as it is signed, b"" where nothing is built on the medium yet."""
        return self._text(MANIFEST, JSON_END)

    @cached_property
    def seal(self) -> bytes:
        """The signature over the manifest, b"" where nobody signed it."""
        return self._text(areas.SIGNATURE, SEAL_END)

    @cached_property
    def manifest(self) -> MediumManifest | None:
        """The manifest; None where there is none, or none that can be read."""
        with suppress(Failure):
            return read_manifest(self.manifest_text, str(self.place))
        return None

    @cached_property
    def partitions(self) -> tuple[Partition, ...]:
        """Those of the table that can be read: the GPT, its backup, the MBR."""
        for at in (1, self.size_bytes // BLOCK_BYTES - 1):
            with suppress(Wrong, Failure):
                return boot.read_gpt(self.stream, at).partitions
        with suppress(Wrong, Failure):
            return boot.read_mbr(self.stream).partitions
        return ()

    def _text(self, name: str, ends: bytes) -> bytes:
        if not (self.layout and self.layout.has(name)):
            return b""
        area = self.layout.area(name)
        try:
            content = self.content(area)
        except (Wrong, Failure):
            return UNREADABLE
        text, found, _ = content.partition(ends)
        return text + ends if found else content.rstrip(area.padding)


def seen(stream: BinaryIO, place: Place) -> Seen:
    """Look at the medium that `stream` is; raises Failure where it is no ISO at all."""
    size = stream.seek(0, os.SEEK_END)
    alone = Seen(place, stream, size, ())
    inner = min((p.first for p in alone.partitions if not p.is_esp), default=0) * BLOCK_BYTES // SECTOR_BYTES
    sectors = [0, inner] if inner and _descriptor(stream, inner) else [0]
    trees = tuple(_tree(stream, place, sector) for sector in sectors)
    if all(tree.problem for tree in trees):
        raise Failure(trees[0].problem, remedy=medium.USE_LIVE_SERVER)
    return Seen(place, stream, size, trees)


def volume_bytes(stream: BinaryIO) -> int:
    """Return how long the ISO is by its own words: two descriptors have it, each twice; 0 where none has."""
    for first_sector in (0, SYSTEM_AREA_SECTORS):
        found = _descriptor(stream, first_sector)
        sectors = int.from_bytes(found[80:84], "little")
        if found and sectors == int.from_bytes(found[84:88], "big"):
            return (first_sector + sectors) * SECTOR_BYTES
    return 0


def _descriptor(stream: BinaryIO, first_sector: int) -> bytes:
    """Return the primary volume descriptor (ECMA-119 8.4) of the tree that begins there, b"" without one."""
    stream.seek((first_sector + SYSTEM_AREA_SECTORS) * SECTOR_BYTES)
    found = stream.read(SECTOR_BYTES)
    return found if found[:6] == b"\x01CD001" else b""


def _tree(stream: BinaryIO, place: Place, first_sector: int) -> Tree:
    start = first_sector * SECTOR_BYTES
    try:
        with medium.within(BufferedReader(_Window(stream, start)), place) as iso:
            files = files_on(iso)
    except Failure as failure:
        return Tree(first_sector, {}, failure.message)
    except Exception as error:  # whatever pycdlib stumbles over in what was damaged
        return Tree(first_sector, {}, f"{place}: its directories do not read: {error}")
    moved = {name: Extent(at.offset + start, at.size_bytes) for name, at in files.items()}
    return Tree(first_sector, moved)


class _Window(RawIOBase):
    """A medium as a reader of its partition sees it, but for the name of El Torito in it.

    So pycdlib reads the directories, whatever the boot catalogue is like: that is checked by itself.
    """

    mode = "rb"

    def __init__(self, stream: BinaryIO, start: int) -> None:
        super().__init__()
        self._stream, self._start, self._at = stream, start, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence == os.SEEK_END:
            self._at = self._stream.seek(offset, whence) - self._start
        else:
            self._at = offset + (self._at if whence == os.SEEK_CUR else 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        self._stream.seek(self._start + self._at)
        part = bytearray(self._stream.read(len(buffer)))
        start = boot.BOOT_RECORD_SECTOR * SECTOR_BYTES + boot.EL_TORITO_AT - self._at
        for at in range(max(0, start), min(len(part), start + len(boot.EL_TORITO))):
            part[at] = 0
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
