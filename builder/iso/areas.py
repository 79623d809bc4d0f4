"""Which byte ranges of a prepared base may a rebuild overwrite, and nothing else?

`/rekindle/areas.json` on the medium lists them. Each is one file of a fixed length, laid out after all that
never changes; what it holds is padded to that length.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import NonNegativeInt, ValidationError

from builder.iso import medium
from collectors.failure import Failure
from collectors.record import Record

SCHEMA_VERSION = 1
AREAS = "rekindle/areas.json"
MACHINE_CFG = "rekindle/machine.cfg"
MANIFEST = "rekindle/manifest.json"
SIGNATURE = "rekindle/manifest.json.sig"
SIGNERS = "rekindle/allowed_signers"
PAYLOAD = "rekindle/payload.tar"
POOL = "rekindle/pool.tar"
MD5SUMS = medium.MD5SUMS

MIB = 2**20
TEXT_BYTES, SMALL_BYTES = 64 * 2**10, 4 * 2**10
LEAST_PAYLOAD_BYTES = 64 * MIB
# How much of a large area stays free for the payloads to come.
ROOM = 1.25
GROWTH_BYTES = 2**30
# What an area holds in a prepared base, where that is not nothing. Started by hand, the installer of the
# base then asks as it would without us.
PRISTINE = {
    "autoinstall.yaml": "version: 1\ninteractive-sections:\n- '*'\n",
    "nocloud/user-data": "#cloud-config\n",
}
# A tar ends in zeros, and every text of ours may end in empty lines.
ZEROS, LINES = b"\0", b"\n"


class Area(Record):
    """One file on the medium that a rebuild overwrites.

    `offset` and `capacity` are in bytes, from the medium's start; `pristine` is what it holds before the
    first build and after a reset, without its padding (None: md5sum.txt, which follows from all others).
    """

    name: str
    offset: NonNegativeInt
    capacity: NonNegativeInt
    pristine: str | None = ""

    @property
    def padding(self) -> bytes:
        """The one byte that fills what the content leaves."""
        return ZEROS if self.name.endswith(".tar") else LINES


class Structure(Record):
    """What is no file, and has these bytes for ever: `size_bytes` at `offset` with this SHA-256, in hex."""

    name: str
    offset: NonNegativeInt
    size_bytes: NonNegativeInt
    sha256: str


class BaseSaid(Record):
    """What a prepared base was made of: the line of `.disk/info`, and Base of builder/base/provenance.py."""

    info: str
    sha256: str
    verified: str


class Layout(Record):
    """`areas.json`: what the base was, the key that this preparation has, and its areas by their offset.

    `structures` are what else lies on it and never changes (builder/iso/structures.py).
    """

    schema_version: int = SCHEMA_VERSION
    key: str
    base: BaseSaid
    areas: tuple[Area, ...]
    structures: tuple[Structure, ...] = ()

    def area(self, name: str) -> Area:
        """Return one by its name; raises KeyError."""
        return {area.name: area for area in self.areas}[name]

    def has(self, name: str) -> bool:
        """Tell whether there is one of that name."""
        return any(area.name == name for area in self.areas)

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(self.model_dump(mode="json"), indent=1) + "\n"


def read_layout(text: bytes, name: str) -> Layout:
    """Read `areas.json`, padded or not; raises Failure that names the medium."""
    try:
        data = json.loads(text)
        version = data.get("schema_version")
    except (ValueError, AttributeError):
        raise Failure(f"{name}: {AREAS} does not parse", remedy="build it again") from None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise Failure(
            f"{name}: prepared by a newer Rekindle (schema {version}, here {SCHEMA_VERSION})",
            remedy="upgrade Rekindle",
        )
    try:
        return Layout.model_validate(data)
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise Failure(f"{name}: {AREAS}: {problem}", remedy="build it again") from None


def capacity_for(size_bytes: int, least_bytes: int = LEAST_PAYLOAD_BYTES) -> int:
    """Return the capacity of a large area, with room to spare: it doubles, from 1 GiB on it grows by that."""
    capacity = least_bytes
    while capacity < size_bytes * ROOM:
        capacity += min(capacity, GROWTH_BYTES)
    return capacity


def capacities(delivered: Sequence[str], *, payload_bytes: int, pool_bytes: int = 0) -> dict[str, int]:
    """Return the areas that a build needs, in their order on the medium, and how large each must be.

    `delivered` are the names of what the installer is told by. md5sum.txt is not among them.
    """
    return {
        **dict.fromkeys(delivered, TEXT_BYTES),
        MACHINE_CFG: SMALL_BYTES,
        SIGNERS: SMALL_BYTES,
        SIGNATURE: SMALL_BYTES,
        MANIFEST: TEXT_BYTES,
        PAYLOAD: capacity_for(payload_bytes),
        **({POOL: capacity_for(pool_bytes)} if pool_bytes else {}),
    }


@dataclass(frozen=True)
class Extent:
    """Where a file lies: `offset` and `size_bytes` from the start of the medium."""

    offset: int
    size_bytes: int


def located(image: Path, names: Sequence[str]) -> dict[str, Extent]:
    """Return where each of `names` lies on the ISO."""
    wanted = set(names)
    with medium.opened(image) as iso:
        return {
            name: Extent(sector * medium.SECTOR_BYTES, size)
            for name, sector, size in medium.walk(iso)
            if name in wanted
        }


def pristine(name: str) -> str | None:
    """Return what the area `name` holds in a prepared base (None: it follows from all others)."""
    return None if name == MD5SUMS else PRISTINE.get(name, "")


def refuse_overflow(area: Area, size_bytes: int) -> None:
    """Raise Failure where a content of that size does not fit."""
    if size_bytes > area.capacity:
        raise Failure(
            f"{area.name} has {size_bytes} bytes and its area holds {area.capacity}",
            remedy="report this: an area must grow before it is filled",
        )


def content_of(image: IO[bytes], area: Area) -> bytes:
    """Return what an area holds, without its padding."""
    image.seek(area.offset)
    return image.read(area.capacity).rstrip(area.padding)


def pristine_contents(layout: Layout) -> Mapping[str, bytes]:
    """Return what every area holds before the first build."""
    return {area.name: area.pristine.encode() for area in layout.areas if area.pristine is not None}
