"""Recovery ISOs on synthetic bases: all of them is real but the restore program, which is noise."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from autoinstall.config import Config, Identity
from autoinstall.delivery import delivery
from builder import build
from builder.base.provenance import unverified
from builder.contents import Recovery
from builder.iso import areas
from builder.iso.areas import MIB
from builder.iso.medium import read_medium
from builder.iso.prepare import Prepared, prepare
from builder.payload.pack import Commit
from collectors.command import run
from collectors.posture import Posture
from tests.postures import HASH, small_posture

CONFIG = Config(identity=Identity(password_hash=HASH))
COMMIT = Commit("c0ffee" * 6 + "c0ff", "2026-11-01T03:12:00+01:00")


@dataclass(frozen=True)
class Made:
    """A recovery ISO, its base, and the base prepared."""

    iso: Path
    base: Path
    prepared: Path


def make_recovery(
    folder: Path,
    base: Path,
    *,
    posture: Posture | None = None,
    program_bytes: int = 1000,
    capacity: int = MIB,
    **facts: Any,
) -> Made:
    """Build a recovery ISO in `folder`; the least that its payload's area holds is `capacity` bytes."""
    program = folder / "restore.pex"
    program.write_bytes(random.Random(program_bytes).randbytes(program_bytes))
    recovery = Recovery("ember", posture or small_posture(), **{"config": CONFIG, "commit": COMMIT, **facts})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "restore_program", lambda *args, **options: program)
        patch.setattr(areas, "capacity_for", partial(areas.capacity_for, least_bytes=capacity))
        cache, iso = folder / "cache", folder / "r.iso"
        build.build(recovery, unverified(base), output=iso, cache=cache, say=lambda line: None)
    return Made(iso, base, next((folder / "cache" / "prepared").glob("*.iso")))


def prepared_of(
    base: Path, cache: Path, payload_bytes: int = 0, say: Callable[[str], None] = print
) -> Prepared:
    """Return a base prepared for a payload of that size."""
    told = delivery(read_medium(base).release)
    wanted = areas.capacities((told.name,), payload_bytes=payload_bytes)
    return prepare(unverified(base), told, wanted, cache=cache, say=say)


def copied(iso: Path, copy: Path) -> Path:
    """Return a copy, with holes where there are zeros."""
    run(["cp", "--sparse=always", iso, copy])
    return copy


def spoiled(iso: Path, copy: Path, changes: Mapping[int, bytes]) -> Path:
    """Return a copy with other bytes at some offsets."""
    with copied(iso, copy).open("r+b") as file:
        for offset, content in changes.items():
            file.seek(offset)
            file.write(content)
    return copy
