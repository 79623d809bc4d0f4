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
# So many directories ahead are worth a second process, and about the same work in each half.
MANY = 200


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
    newest_ns: int = 0

    def add(self, size_bytes: int, files: int, newest_ns: int) -> None:
        self.size_bytes += size_bytes
        self.files += files
        self.newest_ns = max(self.newest_ns, newest_ns)


@dataclass
class _Walk:
    """Directories ahead, each with the tree that it belongs to ("" = its children are told apart)."""

    ahead: list[tuple[str, str]] = field(default_factory=list)
    sums: dict[str, _Sum] = field(default_factory=dict)
    unseen: list[Unseen] = field(default_factory=list)

    def add(self, tree: str, size_bytes: int, files: int, newest_ns: int) -> None:
        self.sums.setdefault(tree, _Sum()).add(size_bytes, files, newest_ns)


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
        walk.add(path, found.size_bytes, found.files, found.newest_ns)
    told = {path: found for path, found in walk.sums.items() if _is_told(path, found, spared.state)}
    return _together(told, spared.told), (*walk.unseen, *other.unseen)


def _is_told(path: str, found: _Sum, state: frozenset[str]) -> bool:
    known = noise().state
    if path in state:
        return found.size_bytes > known.above_bytes
    return not path.startswith(known.prefixes()) or found.size_bytes > known.unclaimed_above_bytes


def _started(plan: _Plan, unowned: Iterable[tuple[str, bool]]) -> _Walk:
    walk, spared = _Walk(), plan.spared
    for path, is_dir in unowned:
        if path in spared.captured or top_of(path, spared.covered):
            continue
        state = top_of(path, spared.state)
        if is_dir:
            walk.ahead.append((path, _tree_of(plan, path, state)))
        elif entry := plan.host.look(path):
            walk.add(state or path, entry.size_bytes, 1, entry.mtime_ns)
    return walk


def _finished(plan: _Plan, walk: _Walk) -> _Walk:
    while walk.ahead:
        _step(plan, walk)
    return walk


def _step(plan: _Plan, walk: _Walk) -> None:
    """Look at one directory: the first ahead while there are few, so that work for two comes soon."""
    folder, tree = walk.ahead.pop(0 if len(walk.ahead) < MANY else -1)
    try:
        if tree:
            _look(plan, walk, folder, tree)
        else:
            _look_apart(plan, walk, folder)
    except OSError as error:
        walk.unseen.extend(unseen(folder, error))


def _look(plan: _Plan, walk: _Walk, folder: str, tree: str) -> None:
    """Add up the files in a directory of a tree."""
    captured, covered, told = plan.spared.captured, plan.spared.covered, plan.spared.told
    names = plan.spared.quiet.names
    size = files = newest_ns = 0
    for each in plan.host.scan(folder, _device(plan.ground, folder)):
        path = f"{folder}/{each.name}"
        if each.is_dir(follow_symlinks=False):
            if not _is_spared(plan, path, each.name):
                walk.ahead.append((path, path if path in told else tree))
        elif not (path in captured or path in covered or each.name in names):
            found = each.stat(follow_symlinks=False)
            if path in told:
                walk.add(path, _bytes(found), 1, found.st_mtime_ns)
                continue
            size += _bytes(found)
            files += 1
            newest_ns = max(newest_ns, found.st_mtime_ns)
    if files:
        walk.add(tree, size, files, newest_ns)


def _look_apart(plan: _Plan, walk: _Walk, folder: str) -> None:
    """Note each thing in a directory whose children are told apart."""
    spared = plan.spared
    for each in plan.host.scan(folder, _device(plan.ground, folder)):
        path = f"{folder}/{each.name}"
        if each.is_dir(follow_symlinks=False):
            if not _is_spared(plan, path, each.name):
                walk.ahead.append((path, _tree_of(plan, path, "")))
            continue
        if path in spared.captured or path in spared.covered:
            continue
        if not spared.quiet.covers_file(plan.host, path, each.name, is_link=each.is_symlink()):
            found = each.stat(follow_symlinks=False)
            walk.add(path, _bytes(found), 1, found.st_mtime_ns)


def _bytes(found: os.stat_result) -> int:
    """Return what a file holds: of a sparse one, what is on the disk."""
    if found.st_size <= SMALL_BYTES:
        return found.st_size
    return min(found.st_size, max(found.st_blocks * BLOCK_BYTES, SMALL_BYTES))


def _device(ground: Ground, folder: str) -> int:
    """Return the device of the file system that a directory belongs to."""
    tops = (top for top in ground.tops if top == "/" or folder == top or folder.startswith(f"{top}/"))
    return ground.tops[max(tops, key=len)]


def _is_spared(plan: _Plan, path: str, name: str) -> bool:
    """Tell whether a directory need not be entered."""
    spared = plan.spared
    return path in spared.covered or path in plan.ground.apart or spared.quiet.covers(path, name)


def _is_apart(plan: _Plan, path: str) -> bool:
    return bool(plan.apart.fullmatch(plan.spared.quiet.short(path)))


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
                whole.add(sums[path].size_bytes, sums[path].files, sums[path].newest_ns)
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
    return Tree(path, found.size_bytes, found.files, found.newest_ns // SECOND_NS, loose)
