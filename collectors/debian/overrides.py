"""Which owners and modes does dpkg keep in the place of the packages' own?

Source: dpkg-statoverride(1); its database has a line `owner group mode path` for each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from collectors.failure import Finding
from collectors.host import Host, remembered, text

STATOVERRIDE = "/var/lib/dpkg/statoverride"
LINE = re.compile(r"(\S+) (\S+) ([0-7]{1,5}) (/.*)", re.DOTALL)


@dataclass(frozen=True)
class Override:
    """One line: `root`, `ssl-cert`, `0710`, `/etc/ssl/private`; an owner may be a number, `#1000`."""

    owner: str
    group: str
    mode: str
    path: str


def parse_overrides(content: str) -> tuple[tuple[Override, ...], tuple[Finding, ...]]:
    """Return the overrides by path, and the lines that are none."""
    found: dict[str, Override] = {}
    findings = []
    for number, line in enumerate(content.split("\n"), start=1):
        words = LINE.fullmatch(line)
        if words and words[4] not in found:
            found[words[4]] = Override(words[1], words[2], words[3].zfill(4), words[4])
        elif line.strip():
            reason = "the path is given twice" if words else "not `owner group mode /path`"
            findings.append(Finding(f"{STATOVERRIDE}:{number}", reason, "see `dpkg-statoverride --list`"))
    return tuple(found[path] for path in sorted(found)), tuple(findings)


@remembered
def overrides(host: Host) -> tuple[tuple[Override, ...], tuple[Finding, ...]]:
    """Return what is overridden on `host`."""
    return parse_overrides(text(host, STATOVERRIDE))


@remembered
def overridden(host: Host) -> frozenset[str]:
    """Return the paths that have an override."""
    found, _ = overrides(host)
    return frozenset(each.path for each in found)
