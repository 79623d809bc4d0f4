"""The whole chain on this machine, and a sample machine that comes back in a VM: `make demo`.

Everything it makes is under `./demo/`. This machine's own ISO is built and inspected, not restored: its
packages would download for an hour. What comes back in the VM is the sample machine of the tests.
"""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import sys
import time
from pathlib import Path

from builder.history import commit_posture
from collectors.command import run
from tests.sample.archive import archive
from tests.sample.posture import sample_posture

DEMO = Path("demo").absolute()
CACHE = DEMO / "cache"
HOST_SEEN_BY_GUEST = "10.0.2.2"
REKINDLE = Path(sys.executable).with_name("rekindle")
CONFIG = """\
base: standin
countdown_seconds: 3
identity:
  username: {username}
  password_hash: {password_hash}
"""


def main() -> int:
    began = time.monotonic()
    this, sample = home("this-machine", "owner"), home("sample", "ada")
    rekindle(this, "collect", allowed=(0, 3))
    rekindle(this, "base", "standin")
    rekindle(this, "build", "--output", DEMO / "this-machine.iso")
    rekindle(this, "inspect", DEMO / "this-machine.iso")
    with archive(CACHE) as served:
        posture = sample_posture(served.url(HOST_SEEN_BY_GUEST), served.key)
        commit_posture(sample / "state" / "posture", "sample", posture, "the sample machine of the tests")
        rekindle(sample, "build", "--output", DEMO / "sample.iso")
        code = rekindle(
            sample, "rehearse", DEMO / "sample.iso", "--folder", DEMO / "rehearsal", allowed=(0, 3)
        )
    print(
        f"\nAll of it took {time.monotonic() - began:.0f} s. It is in {DEMO}: two recovery ISOs, the posture"
    )
    print(f"repositories (git -C {this / 'state' / 'posture'} show), the VM's disk and its serial logs.")
    return code


def home(name: str, username: str) -> Path:
    """Make a REKINDLE_HOME with a config of its own and the cache that both share."""
    folder = DEMO / name
    (folder / "config").mkdir(parents=True, exist_ok=True)
    CACHE.mkdir(exist_ok=True)
    if not (folder / "cache").exists():
        (folder / "cache").symlink_to(CACHE)
    password_hash = run(["openssl", "passwd", "-6", "-stdin"], stdin=secrets.token_bytes(12).hex().encode())
    text = CONFIG.format(username=username, password_hash=password_hash.strip())
    config = folder / "config" / "rekindle.yaml"
    if not config.exists():
        config.write_text(text)
    return folder


def rekindle(home: Path, *words: str | Path, allowed: tuple[int, ...] = (0,)) -> int:
    """Run one command as a person would, and show it."""
    print(f"\n$ rekindle {shlex.join(map(str, words))}", flush=True)
    done = subprocess.run([REKINDLE, *words], env={**os.environ, "REKINDLE_HOME": str(home)}, check=False)
    if done.returncode not in allowed:
        raise SystemExit(done.returncode)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
