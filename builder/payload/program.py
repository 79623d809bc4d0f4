"""Which one file restores a machine that has nothing but python3?

`restore.pex` holds this package, ansible-core and their wheels for every Python of the supported
releases; at start, pex takes those that fit the Python that runs it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata, resources
from pathlib import Path

from builder.payload.tree import files_below
from collectors.command import run

PACKAGES = ("autoinstall", "builder", "collectors", "iso_overlay")
PYTHONS = ("3.10.0", "3.11.0", "3.12.0", "3.13.0", "3.14.0")
ENTRY_POINT = "builder.cli:app"
KEPT_SECONDS = 24 * 3600
NETWORK_REMEDY = "the first build fetches wheels: connect to the network, or set up pip's index"


def restore_program(cache: Path, say: Callable[[str], None], *, architecture: str = "x86_64") -> Path:
    """Return `restore.pex`, built in `cache` unless one of the same inputs is there already.

    The same package sources, pins and pex give the same bytes. Raises Failure.
    """
    sources = _sources()
    pins = _pins()
    key = _key(sources, pins, architecture)
    program = cache / "program" / f"restore-{architecture}-{key}.pex"
    if not program.exists():
        wheels = _wheels(cache, pins, architecture, say)
        say("building the restore program")
        _place(program, lambda aside: _build(aside, wheels, sources, cache, architecture))
    return program


def _wheels(cache: Path, pins: str, architecture: str, say: Callable[[str], None]) -> Path:
    """Return a PEX of the pinned wheels alone: they change seldom and take the longest."""
    key = _key({}, pins, architecture)
    wheels = cache / "program" / f"wheels-{architecture}-{key}.pex"
    if not wheels.exists():
        say("fetching the wheels of the restore program")
        _place(wheels, lambda aside: _fetch(aside, cache, architecture))
    return wheels


def _fetch(output: Path, cache: Path, architecture: str) -> None:
    _pex(cache, architecture, "--wheel", "--no-build", "--use-pip-config", "-o", str(output))


def _build(output: Path, wheels: Path, sources: Mapping[str, bytes], cache: Path, architecture: str) -> None:
    with tempfile.TemporaryDirectory(dir=output.parent) as staged:
        _stage(sources, Path(staged))
        _pex(
            cache,
            architecture,
            *("--pex-repository", str(wheels)),
            *("--sources-directory", staged),
            *("--entry-point", ENTRY_POINT),
            *("--python-shebang", "#!/usr/bin/env python3"),
            *("-o", str(output)),
        )


def _pex(cache: Path, architecture: str, *options: str) -> None:
    with resources.as_file(resources.files("builder.payload") / "target.txt") as pins:
        run(
            [
                *(sys.executable, "-m", "pex", "--requirement", str(pins)),
                *("--exclude", "cryptography"),
                *(word for name in _platforms(architecture) for word in ("--platform", name)),
                *options,
            ],
            env={"PEX_ROOT": str(cache / "pex")},
            remedy=NETWORK_REMEDY,
        )


def _platforms(architecture: str) -> Iterator[str]:
    """Yield pex's names of the targets: `linux_x86_64-cp-3.12.0-cp312`."""
    for version in PYTHONS:
        major, minor, _ = version.split(".")
        yield f"linux_{architecture}-cp-{version}-cp{major}{minor}"


def _pins() -> str:
    return (resources.files("builder.payload") / "target.txt").read_text()


def _sources() -> dict[str, bytes]:
    """Return every file of this distribution's packages by its relative path."""
    return {
        f"{package}/{name}": content
        for package in PACKAGES
        for name, content in files_below(Path(str(resources.files(package)))).items()
    }


def _key(sources: Mapping[str, bytes], pins: str, architecture: str) -> str:
    """Return 16 hex digits over all that decides the program's bytes."""
    digest = hashlib.sha256()
    for part in (metadata.version("pex"), architecture, *PYTHONS, ENTRY_POINT, pins):
        digest.update(part.encode() + b"\0")
    for path, content in sorted(sources.items()):
        digest.update(path.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


def _stage(sources: Mapping[str, bytes], directory: Path) -> None:
    """Write the sources with fixed modes: pex keeps modes, and a checkout's depend on its umask."""
    for path, content in sources.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o644)
    for folder in (directory, *directory.rglob("*/")):
        if folder.is_dir():
            folder.chmod(0o755)


def _place(output: Path, make: Callable[[Path], None]) -> None:
    """Let `make` write a file aside, then put it under its name whole."""
    output.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=output.parent, prefix=".making-"))
    try:
        made = aside / output.name
        make(made)
        with made.open("rb") as file:
            os.fsync(file.fileno())
        made.rename(output)
        _remove_older(output)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _remove_older(output: Path) -> None:
    """Remove `restore-x86_64-….pex` of other inputs, unless somebody may be reading it still."""
    kind, architecture, _ = output.name.split("-", 2)
    for other in output.parent.glob(f"{kind}-{architecture}-*.pex"):
        if other != output and other.stat().st_mtime < time.time() - KEPT_SECONDS:
            other.unlink(missing_ok=True)
