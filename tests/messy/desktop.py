"""How does a test get a desktop with years of tweaks?

A minimal system of the running release, then each section's `make.sh`, in the order of `ORDER`: people come
first. What they need is real: dpkg, apt with a local archive and its key, flatpak with a local remote, npm,
pipx, yadm, git, kwriteconfig5, dconf. Nothing but the distribution's packages is fetched.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from collectors.posture import SECTIONS
from tests.cached import cached
from tests.container.minimal import Container, container, minimal_root
from tests.sample.archive import archive

HERE = Path(__file__).parent
WITHIN = "/root/messy"
PACKAGES = (
    *("adduser", "ca-certificates", "dbus", "dconf-cli", "flatpak", "git", "libkf5config-bin", "npm"),
    *("openssh-client", "pipx", "python3", "python3-pip-whl", "python3-setuptools-whl"),
    *("python3-wheel-whl", "sudo", "systemd-sysv", "tzdata", "yadm"),
)
# What says nothing of the mess itself.
OF_THE_TESTS = ("expected.yaml", "restored.yaml", "reach.sh", "leave.sh", "mirror.py")
# The people first: what is theirs comes after them.
ORDER = ("users", *(name for name in SECTIONS if name != "users"))


def messy_desktop(cache: Path) -> Path:
    """Return the root of the messy desktop, made in `cache` unless it is there; nobody writes to it."""
    packages = minimal_root(cache, PACKAGES)
    with archive(cache) as served:

        def make(aside: Path) -> None:
            _make_mess(container(packages, aside), served.url())

        return cached(cache, "messy", (packages.name, served.directory.name, *_makers()), make)


def made_sections() -> tuple[str, ...]:
    """Return the sections whose mess is made, in order."""
    return tuple(name for name in ORDER if (HERE / name / "make.sh").is_file())


def _make_mess(machine: Container, url: str) -> None:
    within = machine.root / WITHIN.lstrip("/")
    shutil.copytree(HERE, within, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name in made_sections():
        done = machine.run(
            *("env", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", f"ARCHIVE={url}"),
            *("sh", "-eu", f"{WITHIN}/{name}/make.sh"),
            timeout_seconds=600,
        )
        if done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, f"{name}/make.sh", done.stdout, done.stderr)
    shutil.rmtree(within)


def _makers() -> Iterator[str]:
    """Yield the name and the text of each file that takes part in making the mess."""
    for path in sorted(HERE.rglob("*")):
        if path.is_file() and path.suffix != ".pyc" and path.name not in OF_THE_TESTS:
            yield f"{path.relative_to(HERE)} {path.read_text('utf-8', errors='surrogateescape')}"
