"""How does a test get a machine of its own: a minimal system in a container?"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.standin.archive import own_sources, running_release
from collectors.command import run
from collectors.host import Machine
from tests.cached import cached

PACKAGES = ("dbus", "python3", "systemd-sysv", "tzdata")
DESKTOP = (
    *("task-xfce-desktop", "task-german", "task-german-desktop", "linux-image-amd64", "grub-pc"),
    *("avahi-daemon", "bluez", "cups", "flatpak", "fonts-noto-core", "fwupd", "network-manager-gnome"),
    *("pipewire-audio", "plocate", "snapd", "unattended-upgrades", "vlc-plugin-base", "xfonts-100dpi"),
)
NSPAWN = (
    *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit"),
    *("--resolv-conf=off", "--timezone=off"),
)


@dataclass(frozen=True)
class Container:
    """A system under `root`, with the host's network or none."""

    root: Path
    network: bool = True

    def run(
        self, *words: str, binds: Sequence[str] = (), timeout_seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it, not booted; `binds` are read-only, `/srv/pool:/mirror`."""
        bound = (f"--bind-ro={each}" for each in binds)
        alone = () if self.network else ("--private-network",)
        argv = [*NSPAWN, *alone, "--as-pid2", "--pipe", *bound, f"--directory={self.root}", *words]
        return _ended(argv, timeout_seconds)

    def boot(self, *options: str, timeout_seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Boot it, and wait until it powers itself off."""
        argv = [*NSPAWN, "--boot", "--console=pipe", f"--directory={self.root}", *options]
        return _ended(argv, timeout_seconds)


def minimal_root(cache: Path, packages: Sequence[str] = PACKAGES) -> Path:
    """Return the tar of a minimal system of the running release with `packages`."""
    return _root(cache, "minimal", ".tar", "--variant=minbase", f"--include={','.join(packages)}")


def desktop_root(cache: Path) -> Path:
    """Return the root of a freshly installed desktop of the running release."""
    hook = "--customize-hook=chroot $1 useradd --create-home --shell /bin/bash ada"
    return _root(cache, "desktop", "", "--variant=important", f"--include={','.join(DESKTOP)}", hook)


def _root(cache: Path, name: str, ending: str, *options: str) -> Path:
    """Make a root with mmdebstrap(1), a tar where `ending` says so; it is kept in `cache`."""
    release = running_release(Machine())
    lines = [source.line for source in own_sources(Machine(), release)]

    def make(aside: Path) -> None:
        made = aside.with_name(f"root{ending}")
        run(["mmdebstrap", "--quiet", *options, release.codename, made, *lines])
        made.rename(aside)

    return cached(cache, name, (release.codename, *lines, *options), make)


def container(root_tar: Path, folder: Path) -> Container:
    """Unpack a machine of its own into `folder`."""
    folder.mkdir()
    run(["tar", "-C", folder, "--exclude=./dev/*", "-xf", root_tar])
    return Container(folder)


def remove(machine: Container) -> None:
    shutil.rmtree(machine.root, ignore_errors=True)


def _ended(argv: Sequence[str], timeout_seconds: float) -> subprocess.CompletedProcess[str]:
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            # Killed, it would leave the container's processes behind; asked to end, it takes them along.
            process.terminate()
            raise
    return subprocess.CompletedProcess(argv, process.returncode, out, err)
