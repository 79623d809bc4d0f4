"""What do the areas of a recovery ISO hold?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoinstall.bake import bake
from autoinstall.config import Config
from autoinstall.delivery import Delivery
from autoinstall.userdata import Autoinstall
from builder.iso import areas
from builder.iso.areas import Layout
from builder.iso.fill import Content, Sink, digest_of
from builder.iso.manifest import Held, MediumManifest
from builder.iso.menu import machine_cfg
from builder.payload import signature
from builder.payload.pack import Commit, Payload
from builder.pool.pool import Pool
from collectors.posture import Posture

ID_DIGITS = 12


@dataclass(frozen=True)
class Recovery:
    """What a recovery ISO brings back: a posture, which one of the history, what the owner decided.

    The payload and the medium are signed with `key`; the payload carries the sealed `secrets`. With `pool` a
    machine without network is restored.
    """

    host: str
    posture: Posture
    config: Config
    commit: Commit = field(default_factory=Commit)
    key: Path | None = None
    secrets: bytes = b""
    pool: Pool | None = None


@dataclass(frozen=True)
class Contents:
    """What each area will hold by its name, but for md5sum.txt, and what the medium says of that."""

    by_area: Mapping[str, Content]
    manifest: MediumManifest

    def beyond(self, held: Mapping[str, Held]) -> Mapping[str, Content]:
        """Return what an image does not have yet whose areas hold `held`."""
        return {
            name: content
            for name, content in self.by_area.items()
            if name not in held or held[name] != self.manifest.held(name)
        }


def contents(recovery: Recovery, payload: Payload, told: Delivery, layout: Layout) -> Contents:
    """Return what the areas will hold; the same inputs give the same bytes."""
    tars: dict[str, Content] = {areas.PAYLOAD: _tar(payload)}
    if recovery.pool:
        tars[areas.POOL] = _tar(recovery.pool.tar)
    digests = {name: digest_of(content) for name, content in tars.items()}
    medium_id = id_of(digests[areas.PAYLOAD][1], layout)
    told_contents: dict[str, Content] = {
        told.name: told.document(autoinstall(recovery, medium_id)),
        areas.MACHINE_CFG: _menu(recovery, medium_id).encode(),
        areas.SIGNERS: signature.allowed(recovery.key) if recovery.key else b"",
    }
    held = {name: digest_of(content) for name, content in told_contents.items()} | digests
    manifest = _manifest(recovery, medium_id, layout, held)
    text = manifest.text()
    seal = signature.signature(text, recovery.key) if recovery.key else b""
    return Contents({**told_contents, **tars, areas.SIGNATURE: seal, areas.MANIFEST: text}, manifest)


def autoinstall(recovery: Recovery, medium_id: str) -> Autoinstall:
    """Return what the installer is told; raises Failure where a decision is missing."""
    return bake(recovery.posture, recovery.config, medium_id=medium_id)


def id_of(payload_sha256: str, layout: Layout) -> str:
    """Return what names this very ISO: a machine that it restored bears it."""
    said = f"{payload_sha256} {layout.base.sha256}"
    return hashlib.sha256(said.encode()).hexdigest()[:ID_DIGITS]


def _tar(archive: Payload) -> Content:
    def write(sink: Sink) -> None:
        archive.write(sink.write)

    return write


def _menu(recovery: Recovery, medium_id: str) -> str:
    return machine_cfg(
        medium_id=medium_id,
        host=recovery.host,
        date=recovery.commit.date[:10],
        disk=recovery.config.disk.said(),
        countdown_seconds=recovery.config.countdown_seconds,
    )


def _manifest(
    recovery: Recovery, medium_id: str, layout: Layout, held: Mapping[str, tuple[int, str]]
) -> MediumManifest:
    return MediumManifest(
        medium_id=medium_id,
        host=recovery.host,
        posture_commit=recovery.commit.id,
        posture_date=recovery.commit.date,
        prepared=layout.key,
        base=layout.base,
        disk=recovery.config.disk.said(),
        countdown_seconds=recovery.config.countdown_seconds,
        areas=tuple(Held(name=name, size_bytes=size, sha256=sha256) for name, (size, sha256) in held.items()),
    )
