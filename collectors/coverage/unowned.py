"""What lies on the disk that neither a package nor anything else brings back, and how much is it?

A tree is told by the highest directory that tells something to a person (places.yaml). All files below are
looked at, for their size and age, half of them in a process beside this one.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from collectors.coverage.beside import beside
from collectors.coverage.ground import Ground, Unseen
from collectors.coverage.knowledge import noise, places
from collectors.coverage.packaged import unseen
from collectors.coverage.quiet import Quiet
from collectors.host import Host

SECOND_NS = 1_000_000_000
BLOCK_BYTES = 512
SMALL_BYTES = 4096
# So many directories ahead are worth a second process.
MANY = 32
SKEL = "/etc/skel"


@dataclass(frozen=True)
class Tree:
    """A file, or a directory with so many files that nothing brings back; `newest` in seconds since 1970.

    `loose`: not all of the directory is meant, but many things in it.
    """

    path: str
    size_bytes: int
    files: int
    newest: int
    loose: bool = False


@dataclass(frozen=True)
class Spared:
    """What need not be looked at: what is captured, what comes back by something else, noise.

    `state` are the directories in which services keep their state: each is one tree. `told` are paths that a
    collector told of: each is a tree of its own.
    """

    captured: frozenset[str]
    covered: frozenset[str]
    quiet: Quiet
    state: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Plan:
    host: Host
    ground: Ground
    spared: Spared
    apart: re.Pattern[str]


@dataclass
class _Sum:
    size_bytes: int = 0
    files: int = 0
    newest: int = 0

    def add(self, size_bytes: int, files: int, newest: int) -> None:
        self.size_bytes += size_bytes
        self.files += files
        self.newest = max(self.newest, newest)


@dataclass
class _Walk:
    """Directories ahead, each with the tree that it belongs to ("" = its children are told apart)."""

    ahead: list[tuple[str, str]] = field(default_factory=list)
    sums: dict[str, _Sum] = field(default_factory=dict)
    unseen: list[Unseen] = field(default_factory=list)


def trees(
    host: Host, unowned: Iterable[tuple[str, bool]], ground: Ground, spared: Spared
) -> tuple[tuple[Tree, ...], tuple[Unseen, ...]]:
    """Return the trees among `unowned` (is each a directory?), and what was not looked at."""
    plan = _Plan(host, ground, spared, places().apart_pattern())
    walk = _started(plan, unowned)
    while walk.ahead and len(walk.ahead) < MANY:
        _step(plan, walk)
    other = _Walk(ahead=walk.ahead[::2])
    if walk.ahead:
        walk.ahead = walk.ahead[1::2]
        ended = beside(lambda: _finished(plan, other))
        _finished(plan, walk)
        other = ended()
    for path, found in other.sums.items():
        walk.sums.setdefault(path, _Sum()).add(found.size_bytes, found.files, found.newest)
    told = {path: found for path, found in walk.sums.items() if _is_told(path, found, spared.state)}
    return _together(told, spared.told), (*walk.unseen, *other.unseen)


def _is_told(path: str, found: _Sum, state: frozenset[str]) -> bool:
    known = noise().state
    if path in state:
        return found.size_bytes > known.above_bytes
    return not path.startswith(known.prefixes()) or found.size_bytes > known.unclaimed_above_bytes


def _started(plan: _Plan, unowned: Iterable[tuple[str, bool]]) -> _Walk:
    walk = _Walk()
    for path, is_dir in unowned:
        if _is_spared(plan, path, posixpath.basename(path)) or top_of(path, plan.spared.covered):
            continue
        state = top_of(path, plan.spared.state)
        if is_dir:
            walk.ahead.append((path, _tree_of(plan, path, state)))
        elif not _is_skel(plan, path):
            entry = plan.host.look(path)
            if entry:
                tree = walk.sums.setdefault(state or path, _Sum())
                tree.add(entry.size_bytes, 1, entry.mtime_ns // SECOND_NS)
    return walk


def _finished(plan: _Plan, walk: _Walk) -> _Walk:
    while walk.ahead:
        _step(plan, walk)
    return walk


def _step(plan: _Plan, walk: _Walk) -> None:
    """Look at one directory."""
    folder, tree = walk.ahead.pop(0) if len(walk.ahead) < MANY else walk.ahead.pop()
    try:
        entries = plan.host.scan(folder, _device(plan.ground, folder))
        size, files, newest = 0, 0, 0
        for each in entries:
            path = f"{folder}/{each.name}"
            if each.is_dir(follow_symlinks=False):
                if path not in plan.ground.apart and not _is_spared(plan, path, each.name):
                    walk.ahead.append((path, _tree_of(plan, path, tree)))
            elif path not in plan.spared.captured:
                found = each.stat(follow_symlinks=False)
                if not tree or path in plan.spared.told:
                    _add_loose(plan, walk, path, each.name, found)
                    continue
                size += _bytes(found)
                files += 1
                newest = max(newest, found.st_mtime_ns)
        if files:
            walk.sums.setdefault(tree, _Sum()).add(size, files, newest // SECOND_NS)
    except OSError as error:
        walk.unseen.extend(unseen(folder, error))


def _add_loose(plan: _Plan, walk: _Walk, path: str, name: str, found: os.stat_result) -> None:
    """Add a file of a directory whose children are told apart."""
    if not (_is_spared(plan, path, name) or _is_skel(plan, path)):
        walk.sums.setdefault(path, _Sum()).add(_bytes(found), 1, found.st_mtime_ns // SECOND_NS)


def _bytes(found: os.stat_result) -> int:
    """Return what a file holds: of a sparse one, what is on the disk."""
    return min(found.st_size, max(found.st_blocks * BLOCK_BYTES, SMALL_BYTES))


def _device(ground: Ground, folder: str) -> int:
    """Return the device of the file system that a directory belongs to."""
    tops = (top for top in ground.tops if top == "/" or folder == top or folder.startswith(f"{top}/"))
    return ground.tops[max(tops, key=len)]


def _is_spared(plan: _Plan, path: str, name: str) -> bool:
    spared = plan.spared
    return path in spared.covered or path in spared.captured or spared.quiet.covers(path, name)


def _is_apart(plan: _Plan, path: str) -> bool:
    return bool(plan.apart.fullmatch(plan.spared.quiet.short(path)))


def _is_skel(plan: _Plan, path: str) -> bool:
    """Tell whether a file is as every new home has it (useradd(8))."""
    short = plan.spared.quiet.short(path)
    if not short.startswith("~/"):
        return False
    try:
        return plan.host.read(f"{SKEL}{short[1:]}") == plan.host.read(path)
    except OSError:
        return False


def top_of(path: str, tops: Container[str]) -> str:
    """Return the highest of `tops` that `path` is or is in, "" where it is in none."""
    parts = path.split("/")
    above = ("/".join(parts[:end]) or "/" for end in range(1, len(parts) + 1))
    return next((each for each in above if each in tops), "")


def _tree_of(plan: _Plan, path: str, tree: str) -> str:
    """Return the tree that a directory in `tree` belongs to, "" where its children are told apart."""
    if path in plan.spared.told:
        return path
    return tree or ("" if _is_apart(plan, path) else path)


def _together(sums: Mapping[str, _Sum], told: Container[str]) -> tuple[Tree, ...]:
    """Return the trees, with many that lie together as one, unless a collector told of them."""
    found = []
    lying: dict[str, list[str]] = {}
    for path, each in sums.items():
        if path in told:
            found.append(_tree(path, each))
        else:
            lying.setdefault(_place(path, single=each.files == 1), []).append(path)
    for place, paths in lying.items():
        if place and len(paths) > places().few:
            whole = _Sum()
            for path in paths:
                whole.add(sums[path].size_bytes, sums[path].files, sums[path].newest)
            found.append(_tree(place, whole, loose=True))
        else:
            found.extend(_tree(path, sums[path]) for path in paths)
    return tuple(sorted(found, key=lambda tree: (tree.path, tree.loose)))


def _place(path: str, *, single: bool) -> str:
    """Return the directory in which many such paths are one tree, "" where none is."""
    parts = path.split("/")
    pattern = places().together_pattern()
    above = ("/".join(parts[:end]) for end in range(2, len(parts)))
    together = next((each for each in above if pattern.fullmatch(each)), "")
    return together or (posixpath.dirname(path) if single else "")


def _tree(path: str, found: _Sum, *, loose: bool = False) -> Tree:
    return Tree(path, found.size_bytes, found.files, found.newest, loose)
