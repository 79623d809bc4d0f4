"""What is a manager of dotfiles as an item, and what of its repository is nowhere else?"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import ClassVar, Literal

from collectors.collected import Loss
from collectors.document import shipped
from collectors.git.git import State
from collectors.homes import Home
from collectors.host import Host
from collectors.record import EscapedPath, LeftOut, Record, Thing, escaped

NO_REMOTE = "it has no remote: nothing but this disk has it"
SHOWN = 3

Name = Literal["yadm", "chezmoi", "bare", "git", "stow", "dotbot", "rcm", "links"]


class Remote(Record):
    """A remote of the repository; the address without password or token."""

    name: str
    url: str


class Link(Record):
    """A link that the manager made: its path, and the target as it is written."""

    path: EscapedPath
    target: str


class Manager(Thing):
    """What manages dotfiles of one person, with its repository at `path`.

    `classes` and `encrypt` are yadm's: by what it chooses files, and which it keeps encrypted; `restore` is
    its own command that makes links, run in the repository.
    """

    KIND: ClassVar[str] = "dotfiles"
    FREE: ClassVar[frozenset[str]] = frozenset({"commit"})

    name: str
    user: str
    home: str
    manager: Name
    path: EscapedPath
    remotes: tuple[Remote, ...] = ()
    branch: str = ""
    commit: str = ""
    classes: tuple[str, ...] = ()
    encrypt: tuple[str, ...] = ()
    bootstrap: bool = False
    links: tuple[Link, ...] = ()
    restore: str = ""

    def item_name(self) -> str:
        """Return `~ada/yadm`, or `~ada/dotfiles` by its path."""
        return self.name

    def by_hand(self) -> str:
        """Return the command that brings it back, run by its owner."""
        if not self.remotes:
            return ""
        url = next((each.url for each in self.remotes if each.name == "origin"), self.remotes[0].url)
        return " && ".join(shlex.join(words) for words in self._steps(url)) + self._last()

    def _steps(self, url: str) -> Iterator[tuple[str, ...]]:
        branch = ("-b", self.branch) if self.branch else ()
        if self.manager == "yadm":
            yield ("yadm", "clone", *branch, "-f", url)
            yield from (("yadm", "config", "--add", "local.class", name) for name in self.classes)
            yield from [("yadm", "alt")] if self.classes else []
            yield from [("yadm", "decrypt")] if self.encrypt else []
        elif self.manager == "chezmoi":
            yield ("chezmoi", "init", "--apply", *(("--branch", self.branch) if self.branch else ()), url)
        elif self.manager == "bare":
            yield ("git", "clone", "--bare", *branch, url, self.path)
            yield ("git", f"--git-dir={self.path}", f"--work-tree={self.home}", "checkout", "-f")
        elif self.manager == "git":
            yield ("git", "init", self.home)
            yield ("git", "-C", self.home, "remote", "add", "origin", url)
            yield ("git", "-C", self.home, "fetch", "origin")
            yield ("git", "-C", self.home, "checkout", "-f", self.branch or "FETCH_HEAD")
        else:
            yield ("git", "clone", *branch, url, self.path)
            folders = {link.path.rpartition("/")[0] for link in self.links} - {self.home}
            yield from [("mkdir", "-p", *sorted(folders))] if folders else []
            yield from (("ln", "-sfn", link.target, link.path) for link in self.links)

    def _last(self) -> str:
        """Return what makes links of which none was seen."""
        made = self.restore and not self.links
        return f" && cd {shlex.quote(self.path)} && {self.restore}" if made else ""


class Repository(Record):
    """A place of a repository whose work tree is the home."""

    manager: Name
    path: str


class Sign(Record):
    """A file by which a manager of links is known."""

    manager: Name
    file: str
    restore: str


class Known(Record):
    """What managers.yaml says."""

    repositories: tuple[Repository, ...]
    folders: tuple[str, ...]
    links: tuple[str, ...]
    signs: tuple[Sign, ...]


@cache
def known() -> Known:
    """Return what is known of managers."""
    return shipped("collectors.domains.dotfiles", "managers.yaml", Known)


def managed(
    home: Home, manager: Name, path: str, state: State, *, name: str = "", restore: str = ""
) -> Manager:
    """Return the item of a manager whose repository is at `path`."""
    return Manager(
        name=escaped(name or home.name(path)),
        user=home.user,
        home=escaped(home.path),
        manager=manager,
        path=escaped(path),
        remotes=tuple(Remote(name=escaped(each.name), url=escaped(each.url)) for each in state.remotes),
        branch=escaped(state.status.branch),
        commit=state.status.commit,
        restore=restore,
        bound="" if state.remotes else NO_REMOTE,
    )


def is_kept(state: State) -> bool:
    """Tell whether another machine has the repository."""
    return any(not remote.local for remote in state.remotes)


def secrets_left_out(state: State) -> Iterator[LeftOut]:
    """Yield what tells that an address had a password or token in it, which is not in the posture."""
    masked = [escaped(each.name) for each in state.remotes if each.masked]
    if masked:
        path = escaped(f"{state.place.common_dir}/config")
        yield LeftOut(path=path, reason=f"a password or token is in the address of {', '.join(masked)}")


def unsaved(host: Host, item: Manager, state: State, git: str) -> Iterator[Loss]:
    """Yield what of a repository is nowhere else; `git` is the command that speaks to it: `yadm`."""
    subject = item.item_id()
    if not is_kept(state):
        reason = f"the dotfiles in {item.path} have no remote on another machine"
        yield Loss(
            "no-remote", subject, reason, f"{git} remote add elsewhere ADDRESS && {git} push --all elsewhere"
        )
    elif state.unpushed:
        names = [branch.name for branch in state.branches if branch.unpushed] or ["HEAD"]
        count = _counted(state.unpushed, "commit")
        reason = f"commits of your dotfiles were never pushed: {count} on {_listed(names)}"
        yield Loss("unpushed", subject, reason, f"{git} push --all {shlex.quote(_far(state))}")
    if state.stashes:
        reason = f"{_counted(state.stashes, 'stash', 'es')} of your dotfiles, and a stash is never pushed"
        kept = (f"stash@{{{number}}}:refs/heads/stash-{number}" for number in range(state.stashes))
        yield Loss("stash", subject, reason, f"{git} push {shlex.join([_far(state), *kept])}")
    if state.status.modified:
        reason = f"dotfiles that were changed and not committed: {_listed(state.status.modified)}"
        remedy = f"{git} commit -am changed && {git} push"
        yield _uncommitted(host, state, Loss("untracked", subject, reason, remedy), state.status.modified)
    if state.status.untracked:
        reason = f"dotfiles that were never added: {_listed(state.status.untracked)}"
        remedy = f"{git} add -A && {git} commit -m added && {git} push"
        yield _uncommitted(host, state, Loss("untracked", subject, reason, remedy), state.status.untracked)


def _far(state: State) -> str:
    """Return the remote to push to: `origin`, or the first one; of those elsewhere where there is one."""
    far = [remote.name for remote in state.remotes if not remote.local]
    near = [remote.name for remote in state.remotes]
    return "origin" if "origin" in (far or near) else (far or near or ["elsewhere"])[0]


def _uncommitted(host: Host, state: State, loss: Loss, paths: Iterable[str]) -> Loss:
    """Return the loss with the size, number and latest change of the files at `paths`."""
    found = (host.look(f"{state.place.work}/{path.rstrip('/')}") for path in paths)
    entries = [entry for entry in found if entry]
    size = sum(entry.size_bytes for entry in entries if entry.is_file)
    newest = max((entry.mtime_ns // 10**9 for entry in entries), default=0)
    return replace(loss, size_bytes=size, files=len(entries), newest=newest)


def _counted(number: int, word: str, ending: str = "s") -> str:
    return f"{number} {word}{'' if number == 1 else ending}"


def _listed(names: Iterable[str]) -> str:
    every = [escaped(name) for name in names]
    rest = len(every) - SHOWN
    return ", ".join(every[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
