"""What the boots in QEMU share: the stand-in base, made once for all workers."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autoinstall.config import Config, Identity
from builder.base.choose import standin_iso
from builder.base.provenance import unverified
from builder.build import build
from builder.contents import Recovery
from builder.iso.areas import MACHINE_CFG, MANIFEST, content_of
from builder.iso.fill import fill
from builder.iso.manifest import Held, read_manifest
from builder.iso.prepare import layout_of
from builder.payload.pack import Commit
from builder.payload.program import restore_program
from builder.places import Places
from builder.pool.pool import Pool
from collectors.command import run
from collectors.posture import Posture
from collectors.record import sha256
from tests.postures import HASH, small_posture

CONFIG = Config(identity=Identity(password_hash=HASH), countdown_seconds=1)
# Time enough to press a key on a busy machine.
COUNTDOWN_SECONDS = 10
COUNTING = r"executed automatically in \d+s"
COMMIT = Commit("0f1e2d3c", "2026-11-25T20:15:00+01:00")


@contextmanager
def alone(cache: Path) -> Iterator[None]:
    """Let one worker at a time fill the cache."""
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def standin(program_cache: Path) -> Path:
    with alone(program_cache):
        return standin_iso(Places(program_cache, program_cache, program_cache), print)


@pytest.fixture(scope="session")
def author(standin: Path, program_cache: Path):
    """Build the recovery ISO of a posture on the stand-in base."""

    def built(posture: Posture, output: Path, base: Path = standin, pool: Pool | None = None) -> Path:
        with alone(program_cache):
            restore_program(program_cache, print)
        recovery = Recovery("ember", posture, CONFIG, COMMIT, pool=pool)
        build(recovery, unverified(base), output=output, cache=program_cache, say=print)
        return output

    return built


@pytest.fixture(scope="session")
def recovery(author, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recovery ISO of a small posture on the stand-in."""
    return author(small_posture(), tmp_path_factory.mktemp("recovery") / "recovery.iso")


def counting(iso: Path, seconds: int) -> Path:
    """Let the menu of a recovery ISO wait longer, or not so long; all else stays as it is."""
    layout = layout_of(iso)
    with iso.open("rb") as image:
        told = content_of(image, layout.area(MACHINE_CFG))
        manifest = read_manifest(content_of(image, layout.area(MANIFEST)), iso.name)
    cfg = re.sub(rb"timeout=\d+", b"timeout=%d" % seconds, told)
    now = Held(name=MACHINE_CFG, size_bytes=len(cfg), sha256=sha256(cfg))
    held = tuple(now if each.name == MACHINE_CFG else each for each in manifest.areas)
    said = manifest.model_copy(update={"areas": held}).text()
    fill(iso, layout, {MACHINE_CFG: cfg, MANIFEST: said})
    return iso


def overlay(disk: Path, path: Path) -> Path:
    """Return a disk that holds what `disk` holds, which stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", disk, path])
    return path


def is_blank(disk: Path) -> bool:
    """A qcow2 file that nothing was written to has no data of its own."""
    mapped = json.loads(run(["qemu-img", "map", "--output=json", disk]))
    return not any(extent["data"] and extent["depth"] == 0 for extent in mapped)
