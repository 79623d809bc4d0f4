"""What does git say?

Sources: git-config(1) `--list -z`, git-status(1) "Porcelain Format Version 2", git-for-each-ref(1). Names are
as `os.fsdecode` gives them; passwords in addresses are never kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

REFS = "--format=%(refname)%00%(objectname)%00%(upstream)%00%(upstream:track,nobracket)%00"
AHEAD = re.compile(r"ahead (\d{1,9})")
PLAIN_USER = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,15}")
SCP_LIKE = re.compile(r"(?:[^/@:]*@)?[^/:]+:(?!//)")


@dataclass(frozen=True)
class Remote:
    """A remote; `url` without password or token, `masked` if one was in it."""

    name: str
    url: str
    push_url: str = ""
    masked: bool = False

    @property
    def local(self) -> bool:
        """Whether it is a directory of the same machine."""
        scheme, separator, _ = self.url.partition("://")
        return scheme == "file" if separator else not SCP_LIKE.match(self.url)


@dataclass(frozen=True)
class Branch:
    """A local branch, `main`; `upstream` is `refs/remotes/origin/main` or "".

    `ahead` counts the commits that its upstream lacks, `unpushed` those that no remote is known to have;
    `gone`: its upstream was deleted; `shared`: a remote is known to have a branch of this name.
    """

    name: str
    commit: str
    upstream: str = ""
    ahead: int = 0
    gone: bool = False
    unpushed: int = 0
    shared: bool = False


@dataclass(frozen=True)
class Configuration:
    """What a repository's own configuration says.

    `filters` are the names of the content filters it defines, `submodules` the names it has activated,
    `classes` those that yadm(1) chooses files by.
    """

    remotes: tuple[Remote, ...] = ()
    filters: tuple[str, ...] = ()
    submodules: tuple[str, ...] = ()
    mirror: bool = False
    work: str = ""
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Status:
    """What `git status` says: `branch` is "" where HEAD is detached, `commit` "" before the first one.

    `modified` are tracked paths that differ from HEAD, `untracked` the others that are not ignored (a
    directory ends in `/`); both are sorted and relative to the work tree.
    """

    commit: str = ""
    branch: str = ""
    modified: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()


def parse_config(said: str) -> Configuration:
    """Return what `git config --list -z` says: `key newline value NUL`, the last value of a key counts."""
    urls: dict[str, str] = {}
    push_urls: dict[str, str] = {}
    filters: set[str] = set()
    modules: set[str] = set()
    classes: list[str] = []
    mirror, work = False, ""
    for key, value in values_of(said):
        section, name, variable = parts_of(key)
        if section == "remote" and name:
            urls.setdefault(name, "")
            mirror = mirror or (variable == "mirror" and value.lower() in ("", "true", "yes", "on", "1"))
            if variable == "url":
                urls[name] = urls[name] or value
            elif variable == "pushurl":
                push_urls[name] = value
        elif section == "filter":
            filters.add(name)
        elif section == "submodule" and name:
            modules.add(name)
        elif key == "core.worktree":
            work = value
        elif key == "local.class":
            classes.append(value)
    remotes = tuple(_remote(name, url, push_urls.get(name, "")) for name, url in sorted(urls.items()) if url)
    return Configuration(
        remotes, tuple(sorted(filters)), tuple(sorted(modules)), mirror, work, tuple(classes)
    )


def parse_status(said: str) -> Status:
    """Return what `git status --porcelain=v2 -z --branch --no-renames` says."""
    commit = branch = ""
    modified, untracked = set(), set()
    for line in said.split("\0"):
        kind, _, rest = line.partition(" ")
        if kind == "#":
            key, _, value = rest.partition(" ")
            commit = value if key == "branch.oid" and value != "(initial)" else commit
            branch = value if key == "branch.head" and value != "(detached)" else branch
        elif kind in ("1", "u"):
            modified.add(rest.split(" ", 7 if kind == "1" else 9)[-1])
        elif kind == "?":
            untracked.add(rest)
    return Status(commit, branch, tuple(sorted(modified)), tuple(sorted(untracked)))


def parse_refs(said: str) -> tuple[tuple[Branch, ...], frozenset[str]]:
    """Return the local branches, and the commits that remote-tracking refs are at, of `REFS`."""
    branches, remote, shared = [], set(), set()
    words = said.split("\0")
    for first in range(0, len(words) - 3, 4):
        name, commit, upstream, track = words[first : first + 4]
        name = name.removeprefix("\n")
        if name.startswith("refs/remotes/"):
            remote.add(commit)
            shared.add(name.removeprefix("refs/remotes/").partition("/")[2])
        elif name.startswith("refs/heads/"):
            ahead = AHEAD.search(track)
            count = int(ahead[1]) if ahead else 0
            branches.append(
                Branch(name.removeprefix("refs/heads/"), commit, upstream, count, gone=track == "gone")
            )
    told = (replace(branch, shared=branch.name in shared) for branch in branches)
    return tuple(told), frozenset(remote)


def without_secret(url: str) -> tuple[str, bool]:
    """Return an address without password or token, and whether one was in it.

    `https://ada:geheim@example.org/x` becomes `https://example.org/x`; `ssh://git@example.org/x` stays.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url, False
    place, slash, path = rest.partition("/")
    user, at, server = place.rpartition("@")
    address, question, _ = f"{server}{slash}{path}".partition("?")
    kept = user.partition(":")[0] if "ssh" in scheme.lower() else ""
    if at and ":" not in user and PLAIN_USER.fullmatch(user):
        kept = user
    masked = (bool(at) and kept != user) or bool(question)
    return f"{scheme}://{kept}{'@' if kept else ''}{address}", masked


def _remote(name: str, url: str, push_url: str) -> Remote:
    shown, masked = without_secret(url)
    push, also = without_secret(push_url)
    return Remote(name, shown, push if push != shown else "", masked or also)


def values_of(said: str) -> list[tuple[str, str]]:
    """Return the keys and values of `git config --list -z`, in their order."""
    pairs = (each.partition("\n") for each in said.split("\0") if each)
    return [(key, value) for key, _, value in pairs]


def parts_of(key: str) -> tuple[str, str, str]:
    """Split `remote.a.b.url` into its section, its name (which may hold dots) and its variable."""
    section, _, rest = key.partition(".")
    name, _, variable = rest.rpartition(".")
    return section, name, variable
