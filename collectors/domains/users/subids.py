"""Which further numbers may people give to users and groups in their containers?

Source: subuid(5), subgid(5): lines `ada:100000:65536`, by name or by number.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from collectors.failure import Finding
from collectors.host import Host, text
from collectors.record import Thing

SUBUID = "/etc/subuid"
SUBGID = "/etc/subgid"


class SubIds(Thing):
    """The ranges of one person as usermod(8) takes them, `100000-165535`, in the order of the files."""

    KIND: ClassVar[str] = "subid"

    user: str
    uids: tuple[str, ...] = ()
    gids: tuple[str, ...] = ()

    def item_name(self) -> str:
        """Return the name."""
        return self.user

    def by_hand(self) -> str:
        """Return the command that gives them."""
        uids = [word for each in self.uids for word in ("--add-subuids", each)]
        gids = [word for each in self.gids for word in ("--add-subgids", each)]
        return shlex.join(["usermod", *uids, *gids, "--", self.user])


@dataclass(frozen=True)
class Range:
    """One line: `ada`, `100000-165535`."""

    user: str
    numbers: str


def sub_ids(host: Host, named: Mapping[str, int]) -> tuple[tuple[SubIds, ...], tuple[Finding, ...]]:
    """Return the ranges of those in `named`, numbers by name, and the lines that are none."""
    uids, odd = parse_ranges(text(host, SUBUID), SUBUID)
    gids, strange = parse_ranges(text(host, SUBGID), SUBGID)
    found = tuple(
        SubIds(user=name, uids=_of(name, number, uids), gids=_of(name, number, gids))
        for name, number in sorted(named.items())
    )
    return tuple(each for each in found if each.uids or each.gids), (*odd, *strange)


def parse_ranges(content: str, path: str) -> tuple[tuple[Range, ...], tuple[Finding, ...]]:
    """Return the ranges in their order, and the lines that are none."""
    found, findings = [], []
    for number, line in enumerate(content.split("\n"), start=1):
        words = line.strip().split(":")
        if len(words) == 3 and words[0] and all(map(_is_number, words[1:])):
            first, count = int(words[1]), int(words[2])
            found.append(Range(words[0], f"{first}-{first + count - 1}"))
        elif line.strip():
            findings.append(Finding(f"{path}:{number}", "not `name:first:count`", "mend it with an editor"))
    return tuple(found), tuple(findings)


def _of(name: str, number: int, ranges: tuple[Range, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.numbers for each in ranges if each.user in (name, str(number))))


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 10 and word.strip("0") != ""
