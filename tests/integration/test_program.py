"""The restore program: small, the same every time, and at home on every supported Python."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from builder.payload.program import restore_program
from collectors.command import run

pytestmark = pytest.mark.integration

MOST_BYTES = 40 * 2**20
ANSIBLE = {"3.10": "2.17", "3.11": "2.19", "3.12": "2.21", "3.13": "2.21", "3.14": "2.21"}
COMPILED = ("markupsafe", "pydantic_core", "pyyaml")
ONLY_HERE = ("pex", "pycdlib", "gitpython", "hatchling", "cryptography")


@pytest.fixture(scope="module")
def program(program_cache: Path) -> Path:
    return restore_program(program_cache, print)


def interpreters() -> list[str]:
    """Return the supported Pythons of this machine, one of each version."""
    found = {}
    homes = [Path.home() / ".pyenv" / "versions", Path("/usr/bin"), Path("/usr/local/bin")]
    for version in ANSIBLE:
        names = [f"python{version}", f"{version}*/bin/python{version}"]
        places = [place for home in homes for name in names for place in home.glob(name)]
        if places:
            found[version] = str(places[0])
    return list(found.values()) or [sys.executable]


def test_it_is_small_and_found_again(program: Path, program_cache: Path) -> None:
    said: list[str] = []
    assert restore_program(program_cache, said.append) == program
    assert said == []
    assert program.stat().st_size <= MOST_BYTES
    assert os.access(program, os.X_OK)
    assert program.read_bytes().startswith(b"#!/usr/bin/env python3\n")


def test_another_cache_gives_the_same_bytes(program: Path, program_cache: Path, tmp_path: Path) -> None:
    wheels = next((program_cache / "program").glob("wheels-*.pex"))
    (tmp_path / "program").mkdir()
    shutil.copy(wheels, tmp_path / "program")
    again = restore_program(tmp_path, print)
    assert again.name == program.name
    assert again.read_bytes() == program.read_bytes()


def test_every_python_finds_its_wheels_in_it(program: Path) -> None:
    with zipfile.ZipFile(program) as archive:
        names = {name.split("/")[1] for name in archive.namelist() if name.startswith(".deps/")}
    for version in ANSIBLE:
        tag = f"cp{version.replace('.', '')}"
        for wheel in COMPILED:
            assert any(name.startswith(f"{wheel}-") and f"-{tag}-{tag}-" in name for name in names)
    for series in set(ANSIBLE.values()):
        assert any(name.startswith(f"ansible_core-{series}.") for name in names)
    assert not [name for name in names if name.lower().split("-")[0] in ONLY_HERE]


@pytest.mark.parametrize("python", interpreters())
def test_it_runs_and_brings_the_right_ansible(python: str, program: Path, tmp_path: Path) -> None:
    alone = {"PEX_ROOT": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": "", "HOME": str(tmp_path)}
    # A compiler's own libraries lie beside an interpreter that no package installed.
    alone["LD_LIBRARY_PATH"] = str(Path(python).parent.parent / "lib")
    assert "restore" in run([python, program, "--help"], env=alone)
    version = ".".join(run([python, "-V"], env=alone).split()[1].split(".")[:2])
    told = run([python, program, "playbook", "--version"], env={**alone, "PEX_MODULE": "ansible"})
    assert f"[core {ANSIBLE[version]}." in told
