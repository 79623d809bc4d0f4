"""How is a command run?"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from collectors.failure import Failure

LAST_LINES = 5
MASK = "********"


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout_seconds: float | None = None,
    secrets: Sequence[str] = (),
    remedy: str = "see the lines above",
) -> str:
    """Run `argv` as `output` does and return its standard output as text, odd bytes as surrogates."""
    said = output(
        argv, cwd=cwd, env=env, stdin=stdin, timeout_seconds=timeout_seconds, secrets=secrets, remedy=remedy
    )
    return said.decode(errors="surrogateescape")


def output(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout_seconds: float | None = None,
    secrets: Sequence[str] = (),
    remedy: str = "see the lines above",
) -> bytes:
    """Run `argv` without a shell and return its standard output.

    Raises Failure when the program is missing, runs past its time, or ends with a code other than
    0; the message holds the last lines of its standard error, with every one of `secrets` masked.
    """
    words = [str(word) for word in argv]
    shown = masked(shlex.join(words), secrets)
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
        )
    except FileNotFoundError:
        raise Failure(f"{words[0]} is not installed", remedy=f"install {words[0]}") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"{shown} took longer than {timeout_seconds} s", remedy=remedy) from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        tail = masked(" | ".join(said[-LAST_LINES:]), secrets)
        raise Failure(f"{shown} ended with {done.returncode}: {tail}", remedy=remedy)
    return done.stdout


def masked(text: str, secrets: Sequence[str]) -> str:
    """Return `text` with each of `secrets` hidden."""
    for secret in filter(None, secrets):
        text = text.replace(secret, MASK)
    return text


def found(program: str) -> bool:
    """Tell whether `program` is on PATH or in a system administrator's directories."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    return shutil.which(program, path=path) is not None
