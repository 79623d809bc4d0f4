"""What tests of restores share: a blank machine, the program that restores, and where packages come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.payload.program import restore_program
from tests.container.minimal import Container, container, minimal_root, remove
from tests.sample.archive import Served, archive


@pytest.fixture(scope="module")
def served(program_cache: Path) -> Iterator[Served]:
    with archive(program_cache) as serving:
        yield serving


@pytest.fixture(scope="module")
def program(program_cache: Path) -> Path:
    return restore_program(program_cache, print)


@pytest.fixture
def blank(program_cache: Path, tmp_path: Path) -> Iterator[Container]:
    machine = container(minimal_root(program_cache), tmp_path / "machine")
    yield machine
    remove(machine)
