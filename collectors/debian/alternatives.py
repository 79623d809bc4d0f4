"""Which program stands for a common name?

Source: update-alternatives(1). A file in its database has the mode and the link, then a name and a link
for each slave up to an empty line, then for each choice its path, its priority, and a path for each slave.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ALTERNATIVES = "/var/lib/dpkg/alternatives"
LINKS = "/etc/alternatives"
MODES = ("auto", "manual")
PRIORITY = re.compile(r"-?\d{1,10}")


@dataclass(frozen=True)
class Choice:
    """What a name may lead to: `/usr/bin/vim.basic`, 30."""

    path: str
    priority: int


@dataclass(frozen=True)
class Group:
    """One common name: its link `/usr/bin/editor`, whether the owner chose, and the choices."""

    link: str
    manual: bool
    choices: tuple[Choice, ...] = ()

    @property
    def best(self) -> str:
        """The path that is chosen where the owner chose none, "" where there is no choice."""
        return max(self.choices, key=lambda choice: choice.priority).path if self.choices else ""


def parse_alternative(content: str) -> Group | None:
    """Return the group of a database file, None where it is none."""
    lines = content.split("\n")
    if len(lines) < 3 or lines[0] not in MODES or not lines[1].startswith("/"):
        return None
    try:
        blank = lines.index("", 2)
    except ValueError:
        return None
    slaves, odd = divmod(blank - 2, 2)
    choices = _choices(lines[blank + 1 :], slaves)
    if odd or choices is None:
        return None
    return Group(lines[1], lines[0] == "manual", choices)


def _choices(lines: list[str], slaves: int) -> tuple[Choice, ...] | None:
    found = []
    while lines and lines[0]:
        if len(lines) < 2 + slaves or not lines[0].startswith("/") or not PRIORITY.fullmatch(lines[1]):
            return None
        found.append(Choice(lines[0], int(lines[1])))
        lines = lines[2 + slaves :]
    return None if any(lines) else tuple(found)
