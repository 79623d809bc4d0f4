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


class Worktree(Record):
    """A linked worktree: its escaped path, and its branch, "" where its HEAD is detached."""

    path: str
    branch: str = ""


class Repo(AtPath):
    """A git clone; `branch` is "" where HEAD is detached. `commit` is what was checked out.

    `shared` says that a remote has the branch, `lfs` that Git LFS has files of it.
    """

    KIND: ClassVar[str] = "repo"
    FREE: ClassVar[frozenset[str]] = frozenset({"commit", "shared"})

    name: str
    user: str
    bare: bool = False
    remotes: tuple[Remote, ...] = ()
    branch: str = ""
    commit: str = ""
    shared: bool = False
    worktrees: tuple[Worktree, ...] = ()
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
        branch = ["--branch", self.branch] if self.branch and self.shared else []
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
        for tree in self.worktrees:
            yield _added((*here, "worktree", "add"), tree)


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
    state, status = checkout.state, checkout.state.status
    return Repo(
        path=escaped(checkout.path),
        name=escaped(checkout.home.name(checkout.path)),
        user=checkout.home.user,
        bare=not state.place.work,
        remotes=tuple(
            Remote(name=escaped(each.name), url=escaped(each.url), push_url=escaped(each.push_url))
            for each in state.remotes
        ),
        branch=escaped(status.branch),
        commit=status.commit,
        shared=not state.place.work or status.branch in {each.name for each in state.branches if each.shared},
        worktrees=tuple(
            Worktree(path=escaped(path), branch=escaped(branch)) for path, branch in state.worktrees.items()
        ),
        submodules=tuple(
            Submodule(path=escaped(path), url=escaped(each.url)) for path, each in state.submodules.items()
        ),
        lfs=state.lfs,
        bound="" if state.remotes else NO_REMOTE,
    )


def secrets_left_out(checkout: Checkout) -> Iterator[LeftOut]:
    """Yield what tells that an address had a password or token in it, which is not in the posture."""
    state = checkout.state
    for path, remotes in (
        (state.place.common_dir, state.remotes),
        (f"{state.place.work}/.gitmodules", state.submodules.values()),
    ):
        masked = ", ".join(escaped(each.name) for each in remotes if each.masked)
        if masked:
            yield LeftOut(path=escaped(path), reason=f"a password or token is in the address of {masked}")


def _added(add: tuple[str, ...], worktree: Worktree) -> str:
    """Return how a worktree is made: on its branch, or on a new one of that name where no remote has it."""
    path, branch = worktree.path, worktree.branch
    if not branch:
        return _words(*add, "--detach", path)
    return f"{{ {_words(*add, path, branch)} || {_words(*add, '-b', branch, path)}; }}"


def _words(*words: str) -> str:
    return shlex.join(words)
