"""How quick is a restore, beside the bare `apt-get install` of the same packages?

Both on a fresh minimal system in a container, from the same flat archive on the disk. A second restore finds
all there, and a check looks for it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from builder.payload.pack import write_payload
from builder.payload.program import restore_program
from collectors.collect import collect
from collectors.debian.sources import parse_sources
from collectors.domains.apt import Apt, Package, SourceFile
from collectors.domains.files import Files
from collectors.failure import Failure
from collectors.host import Machine
from collectors.posture import Posture
from collectors.record import File, sha256
from tests.container.minimal import Container, container, minimal_root
from tests.messy.desktop import messy_desktop
from tests.messy.mirror import mirror

PACKAGES, FILES, ONLY_FILES = 300, 1_000, 5_000
SOURCE = "/etc/apt/sources.list"
LINE = "deb [trusted=yes] file:/mirror ./\n"
INSTALL = "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install "
RESTORE = ("python3", "/root/restore.pex", "restore", "--from", "/root/payload.tar", "--json")
SECONDS = 1200


Row = tuple[str, str, str, str]


def rows(cache: Path, folder: Path) -> Iterator[Row]:
    """Yield what, how long or how large, how many times apt-get's time, and the target."""
    messy = messy_desktop(cache)
    debs = mirror(cache, messy)
    names = sorted({deb.name.partition("_")[0] for deb in debs.glob("*.deb")})[:PACKAGES]
    program = restore_program(cache, print)
    bare = _timed(_fresh(cache, folder / "bare"), debs, "sh", "-c", INSTALL + " ".join(names))
    yield f"apt-get install, {len(names)} packages", f"{bare:.1f} s", "1.00", ""
    machine = _fresh(cache, folder / "restored")
    _put(machine, _posture(machine, names, FILES), program)
    first = _timed(machine, debs, *RESTORE)
    yield f"restore of them and {FILES:,} files", f"{first:.1f} s", f"{first / bare:.2f}", "≤ 1.25"
    yield (
        "--check on the restored machine",
        f"{_timed(machine, debs, *RESTORE, '--check'):.1f} s",
        "",
        "≤ 15 s",
    )
    yield "a second restore", f"{_timed(machine, debs, *RESTORE):.1f} s", "", ""
    _put(machine, _posture(machine, [], FILES), program)
    few = _timed(machine, debs, *RESTORE)
    _put(machine, _posture(machine, [], FILES + ONLY_FILES), program)
    many = _timed(machine, debs, *RESTORE)
    yield f"{ONLY_FILES:,} files more", f"{many - few:.1f} s", "", "≤ 3 s"
    yield "restore.pex", f"{program.stat().st_size / 2**20:.1f} MiB", "", "≤ 40 MiB"


def _fresh(cache: Path, folder: Path) -> Container:
    machine = container(minimal_root(cache), folder)
    (machine.root / SOURCE.lstrip("/")).write_text(LINE)
    for other in (machine.root / "etc/apt/sources.list.d").iterdir():
        other.unlink()
    return machine


def _timed(machine: Container, debs: Path, *words: str) -> float:
    """Return how long a command took in the container; raises Failure where it did not do its work."""
    begin = time.monotonic()
    done = machine.run(*words, binds=(f"{debs}:/mirror",), timeout_seconds=SECONDS)
    if done.returncode != 0:
        raise Failure(f"{words[0]} ended with {done.returncode}: {done.stderr[-500:]}", remedy="mend it")
    return time.monotonic() - begin


def _put(machine: Container, posture: Posture, program: Path) -> None:
    home = machine.root / "root"
    shutil.copy(program, home / "restore.pex")
    write_payload(posture, program, host="bench", output=home / "payload.tar")


def _posture(machine: Container, names: list[str], files: int) -> Posture:
    """Return the posture of the machine itself with `names` and so many files besides."""
    here = collect(Machine(machine.root), only=("system",)).posture
    entries, _ = parse_sources(LINE, path=SOURCE)
    source = SourceFile(path=SOURCE, format="one-line", sha256=sha256(LINE.encode()), entries=entries)
    contents = {
        f"/etc/bench/{number % 50}/{number}.conf": f"number = {number}\n".encode() * 20
        for number in range(files)
    }
    plain = {"kind": "file", "origin": "unowned", "owner": "root", "group": "root", "mode": "0644"}
    return Posture(
        system=here.system,
        apt=Apt(packages=tuple(Package(name=name) for name in names), sources=(source,)),
        files=Files(
            files=tuple(
                File(path=path, sha256=sha256(text), **plain) for path, text in sorted(contents.items())
            )
        ),
        contents={**contents, SOURCE: LINE.encode()},
    )
