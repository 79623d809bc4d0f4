"""What would apt fetch to install packages on a machine with the base alone?

What it blames for a failure is left out, as the restore does; where it blames none, halves are tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.pool.root import Root

APT_GET = ("apt-get", "--yes", "--quiet", "-o", "Acquire::Retries::Delay=false")
# As if nothing were downloaded yet.
PLAN = (*APT_GET, "-o", "Dir::Cache::archives=none", "--print-uris", "install")
NOT_OFFERED = "no source offers it"
URI = re.compile(r"^'([^']+)' (\S+) (\d+)", re.M)
NEAR = "file:"
UNMET = re.compile(r"^ (?!\s)(\S+) : ((?:Pre-)?Depends|Conflicts|Breaks): (.*)$", re.M)
UNKNOWN = re.compile(
    r"^E: (?:Unable to locate package (\S+)|Package '(\S+)' has no installation candidate)$", re.M
)
ERROR = re.compile(r"^E: (.*)$", re.M)
LETTERS = 200


@dataclass(frozen=True)
class Planned:
    """A package's file, under the name that apt gives it; `near` is where it lies if that is on this disk."""

    name: str
    size_bytes: int
    near: Path | None = None


@dataclass
class Solved:
    """What apt would fetch by the files' names, for which groups of items, and why not for the others."""

    files: dict[str, Planned] = field(default_factory=dict)
    groups: list[list[str]] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)


def solved(root: Root, words: Mapping[str, str]) -> Solved:
    """Solve for all that can be had; `words` are what apt is told of each item, by its package's name."""
    found = Solved()
    _solve(root, words, list(words), found)
    return found


def planned(root: Root, words: Iterable[str]) -> tuple[Planned, ...] | str:
    """Return the files that an installation fetches, or what apt said instead."""
    code, said = root.said(*PLAN, *words)
    return said if code else tuple(_files(said))


def _solve(root: Root, words: Mapping[str, str], names: list[str], found: Solved) -> None:
    refusal, rest = "", names
    while rest:
        plan = planned(root, (words[name] for name in rest))
        if not isinstance(plan, str):
            found.groups.append(rest)
            found.files |= {file.name: file for file in plan}
            return
        refusal, blamed = plan, _blamed(plan, rest)
        if not blamed:
            break
        found.troubles |= blamed
        rest = [name for name in rest if name not in blamed]
    if len(rest) == 1:
        found.troubles[rest[0]] = "; ".join(ERROR.findall(refusal)[:2])[:LETTERS] or "apt does not install it"
    elif rest:
        middle = len(rest) // 2
        _solve(root, words, rest[:middle], found)
        _solve(root, words, rest[middle:], found)


def _files(said: str) -> Iterator[Planned]:
    for uri, name, size in URI.findall(said):
        yield Planned(name, int(size), Path(uri.removeprefix(NEAR)) if uri.startswith(NEAR) else None)


def _blamed(said: str, names: Iterable[str]) -> dict[str, str]:
    """Return why apt refuses some of `names`, in its own words."""
    reasons = {
        name: f"{kind}: {' '.join(rest.split())}"[:LETTERS] for name, kind, rest in UNMET.findall(said)
    }
    reasons |= {one or other: NOT_OFFERED for one, other in UNKNOWN.findall(said)}
    return {name: reasons[name] for name in names if name in reasons}
