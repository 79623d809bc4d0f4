"""Where does a new machine get the distribution's packages of the messy desktop from?

From a flat archive of those very versions, fetched once.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from collectors.command import run
from tests.cached import cached
from tests.container.minimal import Container


def mirror(cache: Path, messy: Path) -> Path:
    """Return the directory of a flat archive: all packages of the root `messy` that a source offers here."""
    wanted = sorted(set(_names(messy)) & set(_offered()))

    def make(aside: Path) -> None:
        aside.mkdir()
        run(
            ["apt-get", "-o", "APT::Sandbox::User=root", "download", *wanted],
            cwd=aside,
            remedy="run `apt-get update`",
        )
        stanzas = (_stanza(package) for package in sorted(aside.glob("*.deb")))
        (aside / "Packages").write_text("\n".join(stanzas))

    return cached(cache, "mirror", tuple(wanted), make)


def _names(messy: Path) -> list[str]:
    form = "${Package}=${Version}\n"
    told = Container(messy).run("dpkg-query", "--show", f"--showformat={form}")
    return told.stdout.split()


def _offered() -> list[str]:
    told = run(["apt-cache", "dumpavail"])
    found, name = [], ""
    for line in told.splitlines():
        key, _, value = line.partition(": ")
        if key == "Package":
            name = value
        elif key == "Version":
            found.append(f"{name}={value}")
    return found


def _stanza(package: Path) -> str:
    content = package.read_bytes()
    control = run(["dpkg-deb", "--field", package]).strip()
    digest = hashlib.sha256(content).hexdigest()
    return f"{control}\nFilename: ./{package.name}\nSize: {len(content)}\nSHA256: {digest}\n"
