"""How does the installer run a command?"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence

from .console import note
from .errors import Broken

LAST_LINES = 5


def run(argv: Sequence[str], *, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
    """Run `argv` and return its standard output; raises Broken with its last lines."""
    shown = shlex.join(argv)
    try:
        done = subprocess.run(
            list(argv),
            input=stdin,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise Broken(f"{argv[0]}: {error.strerror}") from None
    note(f"$ {shown}\n{done.stdout}{done.stderr}".rstrip())
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:]
        raise Broken(f"{shown} ended with {done.returncode}: {' | '.join(said)}")
    return done.stdout


def run_all(key: str, commands: Sequence[str | Sequence[str]], env: Mapping[str, str]) -> None:
    """Run the commands of an autoinstall: a string by `sh -c`, a list as it is; raises Broken."""
    for number, command in enumerate(commands):
        argv = ["sh", "-c", command] if isinstance(command, str) else list(command)
        try:
            run(argv, env=env)
        except Broken as error:
            raise Broken(f"{key}[{number}]: {error}") from None
