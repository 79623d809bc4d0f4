"""Where does a new machine get the distribution's packages of the messy desktop from?

From a flat archive of those very versions, fetched once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from collectors.command import run
from tests.cached import cached
from tests.container.minimal import Container


def mirror(cache: Path, messy: Path) -> Path:
    """Return the directory of a flat archive: all packages of the root `messy` that a source offers here."""

    def make(aside: Path) -> None:
        aside.mkdir()
        with _fresh_indexes() as options:
            wanted = sorted(set(_names(messy)) & set(_offered(options)))
            run(["apt-get", *options, "-o", "APT::Sandbox::User=root", "download", *wanted], cwd=aside)
        stanzas = (_stanza(package) for package in sorted(aside.glob("*.deb")))
        (aside / "Packages").write_text("\n".join(stanzas))

    return cached(cache, "mirror", (messy.name,), make)


@contextmanager
def _fresh_indexes() -> Iterator[tuple[str, ...]]:
    """Yield options by which apt reads indexes of this hour, and nothing of what is installed here."""
    with TemporaryDirectory() as lists:
        options = ("-o", f"Dir::State::lists={lists}", "-o", "Dir::State::status=/dev/null")
        run(["apt-get", *options, "-o", "APT::Sandbox::User=root", "--quiet", "update"])
        yield options


def _names(messy: Path) -> list[str]:
    form = "${Package}=${Version}\n"
    told = Container(messy).run("dpkg-query", "--show", f"--showformat={form}")
    return told.stdout.split()


def _offered(options: Sequence[str]) -> list[str]:
    """Return `name=version` of all that the sources offer (`apt-cache dumpavail`)."""
    found, name = [], ""
    for line in run(["apt-cache", *options, "dumpavail"]).splitlines():
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
