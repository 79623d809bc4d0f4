"""How does a command run inside the target?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .command import run

# What the target sees of the live system, in the order it is mounted.
SHARED = ("/dev", "/proc", "/run", "/sys", "/cdrom")
EFI_VARIABLES = "/sys/firmware/efi/efivars"
NO_DAEMONS = "#!/bin/sh\n# Nothing is started inside a target that has not booted.\nexit 101\n"


@contextmanager
def entered(target: Path) -> Iterator[None]:
    """Give the target the live system's devices and kernel, and keep daemons from starting in it.

    What is mounted already stays as it is, so that one inside another does no harm.
    """
    with ExitStack() as stack:
        for path in SHARED:
            stack.enter_context(_bound(path, target))
        stack.enter_context(_without_daemons(target / "usr/sbin/policy-rc.d"))
        yield


def inside(target: Path, argv: Sequence[str], stdin: str = "") -> str:
    """Run a command in an entered target; raises Broken."""
    env = {"DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}
    return run(["chroot", str(target), *argv], stdin=stdin, env=env)


@contextmanager
def _bound(path: str, target: Path) -> Iterator[None]:
    place = target / path.lstrip("/")
    if os.path.ismount(place) or not Path(path).is_dir():
        yield
        return
    was_there = place.exists()
    place.mkdir(parents=True, exist_ok=True)
    run(["mount", "--rbind", "--make-rslave", path, str(place)])
    try:
        yield
    finally:
        run(["umount", "--recursive", "--lazy", str(place)])
        if not was_there:
            place.rmdir()


@contextmanager
def _without_daemons(policy: Path) -> Iterator[None]:
    if policy.exists():
        yield
        return
    policy.write_text(NO_DAEMONS)
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)
