"""Where on a machine are git clones?

The homes are walked by names alone, each on its own file system. clones.yaml beside this module says where
there is no need to go. A home that is a clone itself is none: that brings back dotfiles, not all of the home.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from collectors.document import shipped
from collectors.failure import Finding
from collectors.homes import Home, homes
from collectors.host import Host, remembered
from collectors.judgement.capture import unread
from collectors.reading.patterns import exactly
from collectors.record import Record

BARE = frozenset({"HEAD", "objects", "refs"})
MARKS = BARE | {".git"}


class Ground(Record):
    """Where not to go: `names` anywhere, `paths` from a home on; `also` lies in those and is gone to.

    `precious` are the names of files that git is told to ignore and that people write by hand, except `but`.
    """

    names: frozenset[str]
    paths: tuple[str, ...]
    also: tuple[str, ...] = ()
    precious: tuple[str, ...] = ()
    but: tuple[str, ...] = ()


@remembered
def clones(host: Host) -> tuple[tuple[tuple[Home, str], ...], tuple[Finding, ...]]:
    """Return the clones in each home by path, nested and bare ones too, and what could not be looked into."""
    found: set[tuple[str, str]] = set()
    findings: list[Finding] = []
    people = {home.user: home for home in homes(host)}
    for home in people.values():
        for top in (home.path, *map(home.within, ground().also)):
            for each in clones_in(host, top, home.path):
                if isinstance(each, Finding):
                    findings.append(each)
                else:
                    found.add((home.user, each))
    return tuple((people[user], path) for user, path in sorted(found)), tuple(dict.fromkeys(findings))


def clones_in(host: Host, top: str, home: str = "") -> Iterator[str | Finding]:
    """Yield the path of each clone at or below `top`, and what could not be looked into."""
    start = host.look(top)
    if start is None or not start.is_dir or start.is_foreign:
        return
    ahead = [top]
    while ahead:
        path = ahead.pop()
        try:
            folders, seen = _glance(host, path, start.device)
        except PermissionError as error:
            yield unread(path, error)
            continue
        except OSError:
            continue  # it vanished, or another file system is mounted there
        if path != home and seen >= BARE:
            yield path
            continue
        if path != home and ".git" in seen:
            yield path
        ahead.extend(each for name in folders if not _is_passed(each := f"{path}/{name}", name, home))


@cache
def ground() -> Ground:
    """Return where the walk does not go."""
    return shipped("collectors.git", "clones.yaml", Ground)


def _glance(host: Host, path: str, device: int) -> tuple[list[str], set[str]]:
    """Return the names of the directories in a directory, and which names of a repository are there."""
    folders, seen = [], set()
    for each in host.scan(path, device):
        if each.is_dir(follow_symlinks=False):
            folders.append(each.name)
        elif each.name in MARKS:
            seen.add(each.name)
    seen.update(MARKS.intersection(folders))
    return [name for name in folders if name != ".git"], seen


def _is_passed(path: str, name: str, home: str) -> bool:
    if name in ground().names:
        return True
    return bool(home) and exactly(ground().paths).fullmatch(path, len(home) + 1) is not None
