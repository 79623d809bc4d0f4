"""How does a command run a program of ours as somebody who cannot read where it lies?

Its text, in iso_overlay/playbook/at_home, is a word of the command; the target's bare python3 runs it.
"""

from __future__ import annotations

import json
import shlex
from functools import cache
from importlib import resources
from typing import Any


def command(program: str, told: Any) -> str:
    """Return the command of bash that runs the program `clone`, with plain data as its only word."""
    return shlex.join(("python3", "-I", "-c", _text(program), json.dumps(told)))


@cache
def _text(program: str) -> str:
    return resources.files("iso_overlay").joinpath(f"playbook/at_home/{program}.py").read_text("utf-8")
