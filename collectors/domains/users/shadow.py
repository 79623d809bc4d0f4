"""May people log in with a password, and until when?

Source: shadow(5). A line has nine words; the second is the hash, of which nothing is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from collectors.failure import Finding

SHADOW = "/etc/shadow"
WORDS = 9
FIRST_DAY = date(1970, 1, 1)
LAST_DAY_NUMBER = (date.max - FIRST_DAY).days


@dataclass(frozen=True)
class Validity:
    """Whether there is a password, and the day on which the account ends, `2026-12-31`, "" for none."""

    password: Literal["", "set", "none", "locked"] = ""
    expires: str = ""


def parse_shadow(content: str) -> tuple[dict[str, Validity], tuple[Finding, ...]]:
    """Return what is valid of each account, and the lines that are none."""
    found: dict[str, Validity] = {}
    findings = []
    for number, line in enumerate(content.split("\n"), start=1):
        words = line.split(":")
        expires = _day(words[7]) if len(words) == WORDS else None
        if expires is not None and words[0]:
            found[words[0]] = Validity(_state(words[1]), expires)
        elif line.strip():
            remedy = "mend it with `vipw --shadow`, and check with `pwck`"
            findings.append(Finding(f"{SHADOW}:{number}", "not a line that is understood here", remedy))
    return found, tuple(findings)


def _state(hashed: str) -> Literal["set", "none", "locked"]:
    if not hashed:
        return "none"
    return "locked" if hashed.startswith(("!", "*")) else "set"


def _day(word: str) -> str | None:
    """Return the day with a number since 1970, "" for none, None for what is no such number."""
    if word in ("", "-1"):
        return ""
    if not (word.isascii() and word.isdigit()) or len(word) > 7 or int(word) > LAST_DAY_NUMBER:
        return None
    return (FIRST_DAY + timedelta(days=int(word))).isoformat()
