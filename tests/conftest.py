"""What tests of every tier share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def program_cache() -> Path:
    """Where costly things are kept from run to run, each under a key of its inputs."""
    folder = Path(os.environ.get("REKINDLE_TEST_CACHE", ".cache")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder
