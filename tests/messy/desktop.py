"""How does a test get a desktop with years of tweaks?

A minimal system of the running release, then each section's `make.sh`, in the order of `ORDER`: people come
first. What they need is real: dpkg, apt with a local archive and its key, flatpak with a local remote, npm,
pipx, yadm, git, kwriteconfig5, dconf. Nothing but the distribution's packages is fetched.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from builder.standin.archive import own_sources, running_release
from collectors.command import run
from collectors.host import Machine
from collectors.posture import SECTIONS
from tests.container.minimal import Container
from tests.sample.archive import archive

HERE = Path(__file__).parent
WITHIN = "/root/messy"
PACKAGES = (
    *("adduser", "ca-certificates", "dbus", "dconf-cli", "flatpak", "git", "libkf5config-bin", "npm"),
    *("openssh-client", "pipx", "python3", "python3-pip-whl", "python3-setuptools-whl"),
    *("python3-wheel-whl", "sudo", "systemd-sysv", "tzdata", "yadm"),
)
# The people first: what is theirs comes after them.
ORDER = ("users", *(name for name in SECTIONS if name != "users"))


def messy_desktop(cache: Path) -> Path:
    """Return the root of the messy desktop, made in `cache` unless it is there; nobody writes to it."""
    packages = _packages_root(cache)
    with archive(cache) as served:
        output = cache / f"messy-{_key(packages, served.directory)}"
        if not output.exists():
            aside = Path(tempfile.mkdtemp(dir=cache, prefix=".messy-"))
            try:
                run(["tar", "-C", aside, "--exclude=./dev/*", "-xf", packages])
                aside.chmod(0o755)
                _make_mess(Container(aside), served.url())
                with suppress(OSError):
                    aside.rename(output)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    return output


def made_sections() -> tuple[str, ...]:
    """Return the sections whose mess is made, in order."""
    return tuple(name for name in ORDER if (HERE / name / "make.sh").is_file())


def _packages_root(cache: Path) -> Path:
    release = running_release(Machine())
    lines = [source.line for source in own_sources(Machine(), release)]
    key = hashlib.sha256("\0".join((release.codename, *lines, *PACKAGES)).encode()).hexdigest()[:16]
    output = cache / f"messy-packages-{key}.tar"
    if not output.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            aside = Path(folder) / "root.tar"
            options = ("--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}")
            run(["mmdebstrap", *options, release.codename, aside, *lines])
            aside.rename(output)
    return output


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


def _key(packages: Path, served: Path) -> str:
    digest = hashlib.sha256(f"{packages.name} {served.name}".encode())
    for path in sorted(HERE.rglob("*")):
        if path.is_file() and path.suffix != ".pyc" and path.name != "expected.yaml":
            digest.update(f"{path.relative_to(HERE)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
