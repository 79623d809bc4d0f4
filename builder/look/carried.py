"""What does a recovery ISO carry, read piece by piece?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pycdlib import PyCdlib

from builder.iso import areas, medium
from builder.iso.areas import AREAS, MANIFEST, MD5SUMS, PAYLOAD, SIGNATURE, SIGNERS, Layout, content_of
from builder.iso.manifest import MediumManifest, read_manifest
from builder.iso.source import Place, reading
from builder.look.members import Members, read_members
from builder.look.signed import Signed, Trust, judged, worst
from builder.payload import signature as payload_signature
from builder.payload.payload import leads_out
from builder.restore.people import renamed
from collectors.failure import Failure
from collectors.posture import Posture
from collectors.record import sha256
from collectors.repository import read_posture

BUILD_AGAIN = "build it again with `rekindle build`"
POSTURE = "posture/"
NEEDED = (MANIFEST, SIGNATURE, SIGNERS, PAYLOAD, MD5SUMS)


@dataclass(frozen=True)
class Carried:
    """A recovery ISO that is open: `manifest_text` is its manifest as it is signed."""

    place: Place
    stream: BinaryIO
    iso: PyCdlib
    layout: Layout
    manifest_text: bytes
    manifest: MediumManifest

    def area(self, name: str) -> bytes:
        """Return what an area of the manifest holds; raises Failure where it was changed."""
        held = self.manifest.held(name)
        if held is None or not self.layout.has(name):
            raise Failure(f"{self.place}: its manifest does not name {name}", remedy=BUILD_AGAIN)
        area = self.layout.area(name)
        self.stream.seek(area.offset)
        content = self.stream.read(min(held.size_bytes, area.capacity))
        if sha256(content) != held.sha256:
            raise Failure(f"{self.place}: damaged: {name} was changed", remedy=BUILD_AGAIN)
        return content

    def members(self) -> Members:
        """Return what is in the payload; raises Failure where its beginning was changed."""
        held = self.manifest.held(PAYLOAD)
        size = held.size_bytes if held else 0
        return read_members(self.stream, self.layout.area(PAYLOAD).offset, size, str(self.place))


@contextmanager
def carried(place: Place) -> Iterator[Carried]:
    """Open a recovery ISO; raises Failure where it is none, or not one of this kind."""
    with reading(place) as stream, medium.within(stream, place) as iso:
        layout = layout_on(iso, place)
        text = content_of(stream, layout.area(MANIFEST))
        # Its padding is a newline, too; what is signed ends in one.
        yield Carried(place, stream, iso, layout, text + b"\n", read_manifest(text, str(place)))


def signed(found: Carried, members: Members, trust: Trust) -> Signed:
    """Say of whom the ISO is: its own manifest, and that of its payload."""
    seal = content_of(found.stream, found.layout.area(SIGNATURE))
    named = content_of(found.stream, found.layout.area(SIGNERS))
    own = judged(found.manifest_text, seal, named, trust)
    known = members.has(payload_signature.ALLOWED)
    within = members.content(payload_signature.ALLOWED) if known else b""
    return worst((own, judged(members.text, members.signature, within, trust)))


def posture_in(members: Members) -> Posture:
    """Return the posture of a payload as it was collected; raises Failure where it was changed."""
    with tempfile.TemporaryDirectory() as work:
        for name in members.places:
            if not name.startswith(POSTURE):
                continue
            if leads_out(name):
                raise Failure(f"{members.name}: {name!r} leads out of its payload", remedy=BUILD_AGAIN)
            place = Path(work, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(members.content(name))
        return read_posture(Path(work, POSTURE))


def carried_posture(place: Place) -> Posture:
    """Return the posture that a recovery ISO restores, under its names; raises Failure as `carried` does."""
    with carried(place) as found:
        members = found.members()
        return renamed(posture_in(members), members.manifest.map_user)


def layout_on(iso: PyCdlib, place: Place) -> Layout:
    """Return where the areas of an ISO lie; raises Failure where it has none, or they lie elsewhere."""
    if not medium.has(iso, AREAS):
        if medium.has(iso, PAYLOAD):
            raise Failure(f"{place}: a recovery ISO of an older Rekindle, without areas", remedy=BUILD_AGAIN)
        raise Failure(f"{place}: not a recovery ISO", remedy="make one with `rekindle build`")
    layout = areas.read_layout(medium.content(iso, AREAS), str(place))
    lacking = [name for name in NEEDED if not layout.has(name)]
    if lacking:
        raise Failure(f"{place}: {AREAS} does not name {lacking[0]}", remedy=BUILD_AGAIN)
    for area in layout.areas:
        if not medium.has(iso, area.name) or _offset(iso, area.name) != area.offset:
            raise Failure(
                f"{place}: {area.name} does not lie where {AREAS} says",
                remedy="name the whole stick and no partition of it, or build it again",
            )
    return layout


def _offset(iso: PyCdlib, name: str) -> int:
    record = iso.get_record(rr_path=f"/{name}")
    return int(record.extent_location()) * medium.SECTOR_BYTES
