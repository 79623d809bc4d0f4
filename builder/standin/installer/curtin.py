"""What does `curtin in-target` do? Only what late-commands need of Ubuntu's curtin(1)."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .chroot import entered


def main(argv: Sequence[str]) -> int:
    """Run the command in the target and return its exit code."""
    options, command = _parsed(argv)
    target = Path(options.target)
    with entered(target):
        done = subprocess.run(["chroot", str(target), *command], check=False)
    return done.returncode


def _parsed(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="curtin", description="the stand-in's curtin")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("in-target", help="run a command in the target")
    verb.add_argument("-t", "--target", default=os.environ.get("TARGET_MOUNT_POINT", "/target"))
    verb.add_argument("-i", "--interactive", action="store_true")
    verb.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(argv)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        verb.error("name a command")
    return options, command


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
