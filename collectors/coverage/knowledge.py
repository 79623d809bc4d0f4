"""What is known of files that nobody would miss, of places, and of losses?

The knowledge is data: noise.yaml, places.yaml and losses.yaml beside this module, which say what their
keys mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from collectors.document import shipped
from collectors.reading.patterns import exactly, globs
from collectors.record import Record


class Names(Record):
    """Names that are noise wherever they are, and why."""

    why: str
    names: tuple[str, ...]


class Paths(Record):
    """Paths that are noise with all below them, and why."""

    why: str
    paths: tuple[str, ...]


class Copies(Record):
    """Files right in a folder are noise where they equal the file whose path is `of` with their name."""

    why: str
    folder: str
    of: str


class State(Record):
    """What services keep `below` these places is told where it is larger; sooner where it is nobody's."""

    above_bytes: int
    unclaimed_above_bytes: int
    below: tuple[str, ...]

    def prefixes(self) -> tuple[str, ...]:
        """Return how the paths begin that are below these places."""
        return tuple(f"{place}/" for place in self.below)


class Noise(Record):
    """noise.yaml."""

    names: tuple[Names, ...]
    paths: tuple[Paths, ...]
    links: tuple[Paths, ...]
    copies: tuple[Copies, ...]
    changing: tuple[Paths, ...]
    state: State

    def any_name(self) -> frozenset[str]:
        """Return the names that are noise wherever they are."""
        return frozenset(name for rule in self.names for name in rule.names)

    def is_changing(self, path: str) -> bool:
        """Tell whether a package's own scripts write its file at `path` again."""
        return any(globs(rule.paths).fullmatch(path) for rule in self.changing)


class KindOf(Record):
    """The kind of loss that paths are."""

    kind: str
    paths: tuple[str, ...]


class Places(Record):
    """places.yaml."""

    few: int
    together: tuple[str, ...]
    apart: tuple[str, ...]
    kinds: tuple[KindOf, ...]

    def kind(self, short: str) -> str:
        """Return the kind of loss that a short path is."""
        return next(each.kind for each in self.kinds if globs(each.paths).fullmatch(short))

    def apart_pattern(self) -> re.Pattern[str]:
        """Return the expression that the directories match in full whose children are told apart."""
        return exactly(self.apart)

    def together_pattern(self) -> re.Pattern[str]:
        """Return the expression that the directories match in full below which many trees are one."""
        return exactly(self.together)


class LossKind(Record):
    """How bad a kind of loss is (1 is the worst), and how it is told in the owner's words.

    `settled`: it is none where something brings back what it is in.
    """

    kind: str
    rank: int
    title: str
    hint: str
    reason: str = ""
    settled: bool = True


class LossKinds(Record):
    """losses.yaml."""

    kinds: tuple[LossKind, ...]


class Short:
    """Paths as they are known: `~/.config` for every person's, and root's."""

    def __init__(self, home_paths: Iterable[str]) -> None:
        self.homes = tuple(sorted(home_paths, key=len, reverse=True))

    def __call__(self, path: str) -> str:
        """Return `~/.config` for `/home/ada/.config`; what is in no home stays as it is."""
        for home in self.homes:
            if path == home or path.startswith(f"{home}/"):
                return f"~{path[len(home) :]}"
        return path


@cache
def noise() -> Noise:
    """Return what is known of noise."""
    return shipped("collectors.coverage", "noise.yaml", Noise)


@cache
def places() -> Places:
    """Return what is known of places."""
    return shipped("collectors.coverage", "places.yaml", Places)


@cache
def loss_kinds() -> Mapping[str, LossKind]:
    """Return the kinds of losses by name, the worst first."""
    listed = shipped("collectors.coverage", "losses.yaml", LossKinds).kinds
    return {each.kind: each for each in sorted(listed, key=lambda kind: kind.rank)}
