"""Which files did the owner put where packages put theirs?

All in /etc, crontabs and at jobs, and in /usr/local and /opt what a person wrote: scripts and small files. A
large tree there is a program that somebody unpacked, and one loss rather than thousands of items. In homes
only what systemd(1) reads of a person's own: the rest is the section `dotfiles`'.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath

from collectors.collected import Loss
from collectors.failure import Finding
from collectors.homes import homes
from collectors.host import Entry, Host
from collectors.judgement.capture import (
    MAX_FILE_BYTES,
    MOUNTED,
    Outcome,
    judged,
    passed_over,
    settings,
    walk,
)
from collectors.record import LeftOut, escaped

ETC = "/etc"
SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron/atjobs")
LOCAL = ("/usr/local", "/opt")
SHARED = frozenset(
    f"/usr/local/{name}"
    for name in ("bin", "etc", "games", "include", "lib", "libexec", "sbin", "share", "src")
)
PERSONS = (
    *(".config/systemd/user", ".config/systemd/user.conf", ".config/systemd/user.conf.d"),
    *(".local/share/systemd/user", ".config/environment.d", ".config/user-tmpfiles.d"),
)
MAX_TREE_FILES = 200
MAX_TREE_BYTES = 5 * 1024 * 1024

Seen = Entry | LeftOut | Finding


@dataclass(frozen=True)
class Tree:
    """What no package owns at and below one top of /usr/local or /opt.

    `is_large`: it is more than a person writes, and `seen` only its beginning.
    """

    path: str
    seen: tuple[Seen, ...]
    is_large: bool


def in_etc(host: Host, owned: Set[str]) -> Iterator[Outcome]:
    """Yield what comes of each path in /etc and the spools of cron and at that no package owns."""
    for top in (ETC, *SPOOLS):
        for seen in walk(host, top):
            yield from _outcomes(host, seen, owned)


def in_homes(host: Host) -> Iterator[Outcome]:
    """Yield what comes of people's own units and their enablement."""
    for home in homes(host):
        yield from settings(host, *(home.within(path) for path in PERSONS))


def local_trees(host: Host, owned: Set[str], covered: Set[str]) -> Iterator[Tree]:
    """Yield the trees of /usr/local and /opt; what is in `covered` comes back by something else."""
    for top in LOCAL:
        for entry in _below(host, top):
            shared = _below(host, entry.path) if entry.path in SHARED else (entry,)
            for each in shared:
                tree = _tree(each.path, _unowned(host, each, owned, covered))
                if tree.seen:
                    yield tree


def in_tree(host: Host, tree: Tree, owned: Set[str]) -> Iterator[Outcome]:
    """Yield what comes of the files of a tree that is not large; programs in it are not captured.

    A directory is told where files are in it and it is not as anybody would make it for them.
    """
    files = [each for each in tree.seen if isinstance(each, Entry) and not each.is_dir]
    folders = {str(folder) for file in files for folder in PurePosixPath(file.path).parents}
    for seen in tree.seen:
        is_left = isinstance(seen, Entry) and (
            _is_program(seen) or _is_usual(seen) or (seen.is_dir and seen.path not in folders)
        )
        if not is_left:
            yield from _outcomes(host, seen, owned)


def loss(tree: Tree) -> Loss:
    """Return what a large tree is: nothing of it is captured. How large it is, coverage tells."""
    return Loss(
        kind="unowned",
        subject=escaped(tree.path),
        reason="no package owns it, and it is too large to be kept with the configuration",
        remedy="keep it in a git repository, or write a recipe that installs it",
    )


def _below(host: Host, folder: str) -> tuple[Entry, ...]:
    entry = host.look(folder)
    return host.entries(folder) if entry and entry.is_dir and not entry.is_foreign else ()


def _unowned(host: Host, top: Entry, owned: Set[str], covered: Set[str]) -> Iterator[Seen]:
    """Yield what no package has of a top and what is below it."""
    if top.path in covered or passed_over(host, top):
        return
    if _is_mounted(host, top):
        yield LeftOut(path=escaped(top.path), reason=MOUNTED)
        return
    below = walk(host, top.path, covered=covered) if top.is_dir else ()
    for seen in chain((top,), below):
        if not isinstance(seen, Entry) or seen.path not in owned:
            yield seen


def _tree(path: str, below: Iterable[Seen]) -> Tree:
    """Return a tree, and look no further than is needed to tell that it is large."""
    seen: list[Seen] = []
    files = size_bytes = 0
    for each in below:
        seen.append(each)
        if isinstance(each, Entry) and not each.is_dir:
            files, size_bytes = files + 1, size_bytes + each.size_bytes
        if files > MAX_TREE_FILES or size_bytes > MAX_TREE_BYTES:
            return Tree(path, tuple(seen), is_large=seen[-1] is not seen[0])
    return Tree(path, tuple(seen), is_large=False)


def _is_program(entry: Entry) -> bool:
    """Tell whether it is larger than what a person writes."""
    return entry.is_file and entry.size_bytes > MAX_FILE_BYTES


def _is_usual(entry: Entry) -> bool:
    """Tell whether it is a directory as anybody would make it again for what is in it."""
    return entry.is_dir and entry.uid == 0 and entry.permissions in ("0755", "0775", "2755", "2775")


def _is_mounted(host: Host, entry: Entry) -> bool:
    parent = host.look(os.path.dirname(entry.path))
    return parent is not None and entry.device != parent.device


def _outcomes(host: Host, seen: Seen, owned: Set[str]) -> Iterator[Outcome]:
    if not isinstance(seen, Entry):
        yield seen
    elif seen.path not in owned:
        yield from judged(host, seen, "unowned")
