"""What is a clone as an item, and which command brings it back?"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from collectors.domains.programs.installed import by_user
from collectors.git.git import State
from collectors.homes import Home
from collectors.record import AtPath, LeftOut, Record, escaped

NO_REMOTE = "it has no remote: nothing but this disk has it"


class Remote(Record):
    """A remote: `origin`, its address without password or token, and the one to push to if another."""

    name: str
    url: str
    push_url: str = ""


class Submodule(Record):
    """A submodule: its path in the clone and its address."""

    path: str
    url: str


class Repo(AtPath):
    """A git clone; `branch` is "" where HEAD is detached. `commit` is what was checked out.

    `worktrees` are the escaped paths of its linked worktrees, `lfs` says that Git LFS has files of it.
    """

    KIND: ClassVar[str] = "repo"
    FREE: ClassVar[frozenset[str]] = frozenset({"commit"})

    name: str
    user: str
    bare: bool = False
    remotes: tuple[Remote, ...] = ()
    branch: str = ""
    commit: str = ""
    worktrees: tuple[str, ...] = ()
    submodules: tuple[Submodule, ...] = ()
    lfs: bool = False

    def item_name(self) -> str:
        """Return `~ada/src/x`."""
        return self.name

    def by_hand(self) -> str:
        """Return the command that clones it again, with its remotes, branch and worktrees."""
        return by_user(self.user, " && ".join(self._steps())) if self.remotes else ""

    def _steps(self) -> Iterator[str]:
        first = next((each for each in self.remotes if each.name == "origin"), self.remotes[0])
        options = [*(["--bare"] if self.bare else []), *(["--recurse-submodules"] if self.submodules else [])]
        branch = ["--branch", self.branch] if self.branch else []
        yield _words("git", "clone", *options, "--origin", first.name, *branch, "--", first.url, self.path)
        here = ("git", "-C", self.path)
        for each in self.remotes:
            if each != first:
                yield _words(*here, "remote", "add", "--", each.name, each.url)
            if each.push_url:
                yield _words(*here, "remote", "set-url", "--push", "--", each.name, each.push_url)
        if self.commit and not self.branch:
            yield _words(*here, "checkout", "--detach", self.commit)
        if self.lfs:
            yield _words(*here, "lfs", "pull")
        for path in self.worktrees:
            yield _words(*here, "worktree", "add", path)


@dataclass(frozen=True)
class Checkout:
    """A clone, worktree or submodule in a home, and the state git is in there."""

    home: Home
    path: str
    state: State

    @property
    def is_main(self) -> bool:
        """Whether it is no linked worktree."""
        return self.state.place.git_dir == self.state.place.common_dir


def repo_of(checkout: Checkout) -> Repo:
    """Return the item of a clone."""
    state = checkout.state
    return Repo(
        path=escaped(checkout.path),
        name=escaped(checkout.home.name(checkout.path)),
        user=checkout.home.user,
        bare=not state.place.work,
        remotes=tuple(
            Remote(name=escaped(each.name), url=escaped(each.url), push_url=escaped(each.push_url))
            for each in state.remotes
        ),
        branch=escaped(state.status.branch),
        commit=state.status.commit,
        worktrees=tuple(map(escaped, state.worktrees)),
        submodules=tuple(
            Submodule(path=escaped(path), url=escaped(url)) for path, url in state.submodules.items()
        ),
        lfs=state.lfs,
        bound="" if state.remotes else NO_REMOTE,
    )


def secrets_left_out(checkout: Checkout) -> Iterator[LeftOut]:
    """Yield what tells that an address had a password or token in it, which is not in the posture."""
    masked = [escaped(each.name) for each in checkout.state.remotes if each.masked]
    if masked:
        path = escaped(checkout.state.place.common_dir)
        yield LeftOut(path=path, reason=f"a password or token is in the address of {', '.join(masked)}")


def _words(*words: str) -> str:
    return shlex.join(words)
