"""Is what was built on a medium what its manifest says, and who says so?

A manifest is believed where its signature fits, or md5sum.txt knows it: so each of the three can be told
from the others when it is the one that was changed.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from builder.base.provenance import Base
from builder.iso.areas import MANIFEST, MD5SUMS, PAYLOAD, SIGNATURE, SIGNERS, Area, Extent, Layout
from builder.iso.boot import Wrong
from builder.iso.checksums import digests_of
from builder.iso.manifest import Held, MediumManifest, read_manifest
from builder.iso.medium import GRUB_CFG, LOOPBACK_CFG, STANDIN_MARK, read_medium
from builder.look.checks import Check, Untold, checked
from builder.look.seen import Seen
from builder.look.signed import Signed, Trust, Verdict, judged
from builder.look.verify_files import some
from builder.payload.payload import open_payload, signed_by
from collectors.failure import Failure
from collectors.record import sha256

# What no manifest names: itself, what is made of it, what follows from all.
BESIDE = frozenset({MANIFEST, SIGNATURE, MD5SUMS})
EMPTY = "nothing is built on it yet"
DATE_LETTERS = 10


@dataclass(frozen=True)
class Built:
    """What lies in the areas of a medium that has some."""

    medium: Seen
    layout: Layout
    trust: Trust

    @cached_property
    def signed(self) -> Signed:
        """What comes of the signature over the manifest."""
        named = self.medium.content(self.layout.area(SIGNERS)) if self.layout.has(SIGNERS) else b""
        return judged(self.medium.manifest_text, self.medium.seal, named, self.trust)

    @cached_property
    def believes_manifest(self) -> bool:
        """Whether somebody vouches for the manifest as it is."""
        return self.signed.fits() or self.is_listed(MANIFEST)

    @property
    def manifest(self) -> MediumManifest:
        """The manifest; raises Untold where there is none, or none that is believed."""
        if not self.medium.manifest_text:
            raise Untold(EMPTY)
        if not (self.medium.manifest and self.believes_manifest):
            raise Untold("the manifest is damaged")
        return self.medium.manifest

    @cached_property
    def changed(self) -> frozenset[str]:
        """The areas that do not hold what the manifest says, or what they held before the first build."""
        if not self.medium.manifest_text:
            return frozenset(area.name for area in self.layout.areas if not self._is_pristine(area))
        return frozenset(held.name for held in self._held if not self._holds(held))

    @cached_property
    def badly_padded(self) -> frozenset[str]:
        """The areas with something behind their content."""
        lengths = {held.name: held.size_bytes for held in self._held}
        if lengths:
            lengths |= {MANIFEST: len(self.medium.manifest_text), SIGNATURE: len(self.medium.seal)}
        return frozenset(name for name, length in lengths.items() if not self._is_padded(name, length))

    @property
    def _held(self) -> tuple[Held, ...]:
        """What the manifest says of areas that there are, where it is believed."""
        named = self.medium.manifest.areas if self.medium.manifest and self.believes_manifest else ()
        return tuple(held for held in named if self.layout.has(held.name))

    def is_listed(self, name: str) -> bool:
        """Tell whether an area is, padding included, as md5sum.txt says, as far as that says anything."""
        digest = self.medium.md5(_extent(self.layout.area(name)))
        return self.medium.sums.get(name, digest) == digest

    def _is_pristine(self, area: Area) -> bool:
        content = (area.pristine or "").encode()
        held = Held(name=area.name, size_bytes=len(content), sha256=sha256(content))
        return area.pristine is None or (self._holds(held) and self._is_padded(area.name, len(content)))

    def _holds(self, held: Held) -> bool:
        area = self.layout.area(held.name)
        if held.size_bytes > area.capacity:
            return False
        digest = hashlib.sha256()
        with suppress(Wrong, Failure):
            for part in self.medium.parts(Extent(area.offset, held.size_bytes)):
                digest.update(part)
        return digest.hexdigest() == held.sha256

    def _is_padded(self, name: str, size_bytes: int) -> bool:
        area = self.layout.area(name)
        rest = Extent(area.offset + size_bytes, max(0, area.capacity - size_bytes))
        with suppress(Wrong, Failure):
            return all(part.count(area.padding) == len(part) for part in self.medium.parts(rest))
        return False


def built_checks(built: Built, known: list[Base]) -> Iterator[Check]:
    """Yield what is found of the areas; `known` are the bases on this machine."""
    yield checked("manifest", lambda: _manifest(built))
    yield checked("signature", lambda: _signature(built))
    yield checked("area contents", lambda: _contents(built))
    yield checked("area padding", lambda: _padding(built))
    yield checked("payload", lambda: _payload(built))
    yield checked("base", lambda: _base(built, known))


def known_bad(built: Built, checks: list[Check]) -> frozenset[str]:
    """Return the areas that these checks found damaged: md5sum.txt need not say it again."""
    wrong = {check.name for check in checks if check.ok is False}
    own = {MANIFEST} if "manifest" in wrong else {SIGNATURE} if "signature" in wrong else set()
    return built.changed | built.badly_padded | (own if not built.signed.fits() else set())


def _manifest(built: Built) -> str:
    text = built.medium.manifest_text
    if not text:
        raise Untold(EMPTY)
    manifest = read_manifest(text, str(built.medium.place))
    if not built.believes_manifest:
        raise Wrong("it was changed")
    if (manifest.prepared, manifest.base) != (built.layout.key, built.layout.base):
        raise Wrong("it is of another prepared base")
    named, there = {held.name for held in manifest.areas}, {area.name for area in built.layout.areas}
    if named != there - BESIDE:
        raise Wrong(f"it names other areas than there are: {some(named ^ (there - BESIDE))}")
    return f"{manifest.host}, posture of {manifest.posture_date[:DATE_LETTERS] or 'an unknown date'}"


def _signature(built: Built) -> str:
    manifest, signed = built.manifest, built.signed
    if signed.verdict is Verdict.TRUSTED:
        return signed.said()
    if signed.verdict is Verdict.BROKEN:
        if SIGNERS in built.changed and not built.trust.signers and built.is_listed(SIGNATURE):
            raise Untold("the list of signers was changed")
        raise Wrong(signed.said())
    if signed.verdict is Verdict.STRANGER and not built.trust.signers:
        raise Untold(
            f"fits the ISO's own list, which proves that {manifest.host} is as it was signed, not by whom; "
            f"name whom you trust with --signers: {signed.by}"
        )
    if built.trust.signers and signed.verdict is not Verdict.UNCHECKED:
        raise Wrong(signed.said())
    raise Untold(signed.said())


def _contents(built: Built) -> str:
    if not built.medium.manifest_text:
        if built.changed:
            raise Wrong(f"nothing is built on it, and yet these are not empty: {some(built.changed)}")
        return EMPTY
    manifest = built.manifest
    if built.changed:
        raise Wrong(f"not what the manifest says: {some(built.changed)}")
    return f"{len(manifest.areas)} as the manifest says"


def _padding(built: Built) -> str:
    count = len(built.manifest.areas)
    if built.badly_padded:
        raise Wrong(f"something lies behind the content of {some(built.badly_padded)}")
    return f"{count} areas end in padding alone"


def _payload(built: Built) -> str:
    manifest = built.manifest
    held = manifest.held(PAYLOAD)
    if held is None or PAYLOAD in built.changed:
        raise Untold("its area is damaged")
    with tempfile.TemporaryDirectory() as work:
        payload = Path(work, "payload.tar")
        with payload.open("wb") as file:
            file.writelines(built.medium.parts(Extent(built.layout.area(PAYLOAD).offset, held.size_bytes)))
        found = open_payload(payload, Path(work, "payload"))
        by = signed_by(payload, None)
    if found.host != manifest.host or found.posture_commit != manifest.posture_commit:
        raise Wrong(f"it is of another posture: {found.host} {found.posture_commit[:12]}")
    if by and built.signed.by and by != built.signed.by:
        raise Wrong(f"it was signed by another key: {by}")
    return f"opens, {len(found.members)} members whole"


def _base(built: Built, known: list[Base]) -> str:
    base = built.layout.base
    said = f"{base.info}, SHA-256 {base.sha256}"
    own = next((each for each in known if each.sha256 == base.sha256), None)
    if own:
        changed = _other_than(own, built.medium)
        if changed:
            raise Wrong(f"not what {own.path} has: {some(changed)}")
        said += f", compared with {own.path}"
    if STANDIN_MARK in base.info:
        raise Untold(base.info)
    by = base.verified or (own.verified if own else "")
    if not by:
        raise Untold(f"{said}; nobody vouched for it")
    return f"{said}, signed by {by}"


def _other_than(base: Base, medium: Seen) -> list[str]:
    """Return the vendor's files that md5sum.txt knows otherwise than that of the base does."""
    try:
        vendors, _ = digests_of(read_medium(base.path).md5sums)
    except Failure:
        return []  # it went away, or is damaged itself
    ours = medium.sums
    return [
        name
        for name, digest in vendors.items()
        if name not in (GRUB_CFG, LOOPBACK_CFG) and ours.get(name) != digest
    ]


def _extent(area: Area) -> Extent:
    return Extent(area.offset, area.capacity)
