"""What the boots in QEMU share: the stand-in base, made once for all workers."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autoinstall.config import Config, Identity
from builder.base.choose import standin_iso
from builder.base.provenance import unverified
from builder.build import build
from builder.contents import Recovery
from builder.payload.program import restore_program
from builder.places import Places
from collectors.posture import Posture
from tests.postures import HASH

CONFIG = Config(identity=Identity(password_hash=HASH), countdown_seconds=1)


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

    def built(posture: Posture, output: Path, config: Config = CONFIG) -> Path:
        with alone(program_cache):
            restore_program(program_cache, print)
        recovery = Recovery("ember", posture, config)
        build(recovery, unverified(standin), output=output, cache=program_cache, say=print)
        return output

    return built
