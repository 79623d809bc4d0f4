"""In which state is a git repository, and what of it is nowhere else?

Sources: gitrepository-layout(5), git(1). The configuration of a repository names programs to run (filters,
hooks, monitors, helpers): none of them is run, and nothing is written, locked or fetched. What a filter such
as Git LFS or git-crypt would change is therefore compared as it lies on the disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from collectors.failure import Failure, Finding
from collectors.git.said import (
    REFS,
    Branch,
    Configuration,
    Remote,
    Status,
    parse_config,
    parse_refs,
    parse_status,
    parts_of,
    values_of,
    without_secret,
)
from collectors.host import Host, names, text
from collectors.record import escaped

TIMEOUT_SECONDS = 20.0
SAFE = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "HOME": "/nonexistent",
    "XDG_CONFIG_HOME": "/nonexistent",
}
SWITCHED_OFF = {
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.untrackedCache": "false",
    "core.alternateRefsCommand": "",
    "core.sshCommand": "false",
    "core.askPass": "false",
    "core.gitProxy": "false",
    "core.pager": "cat",
    "diff.external": "",
    "gpg.program": "false",
    "log.showSignature": "false",
    "status.submoduleSummary": "false",
    "safe.directory": "*",
}
LFS = re.compile(r"(?m)^[^#\n]*\sfilter=lfs\b")
COMMIT = re.compile(r"[0-9a-f]{40,64}")


@dataclass(frozen=True)
class Place:
    """Where a repository lies: `work` is "" for a bare one; `common_dir` is shared by its worktrees."""

    git_dir: str
    work: str = ""
    common_dir: str = ""

    @property
    def base(self) -> str:
        """The directory that git is run in."""
        return self.work or self.git_dir


@dataclass(frozen=True)
class State:
    """All that is known of one repository.

    `detached` counts the commits that only a detached HEAD holds. `submodules` maps paths to remotes,
    `worktrees` the absolute paths of the linked ones to their branches.
    """

    place: Place
    remotes: tuple[Remote, ...] = ()
    status: Status = field(default_factory=Status)
    branches: tuple[Branch, ...] = ()
    detached: int = 0
    stashes: int = 0
    worktrees: Mapping[str, str] = field(default_factory=dict)
    submodules: Mapping[str, Remote] = field(default_factory=dict)
    lfs: bool = False

    @property
    def unpushed(self) -> int:
        """The commits that no remote is known to have; those of two branches count twice."""
        return self.detached + sum(branch.unpushed for branch in self.branches)


@dataclass(frozen=True)
class Git:
    """A repository that can be asked: its filters are known, and switched off."""

    host: Host
    place: Place
    filters: tuple[str, ...] = ()
    excludes: str = ""
    timeout_seconds: float = TIMEOUT_SECONDS

    def ask(self, *words: str) -> str:
        """Return what `git <words>` prints; raises Failure."""
        base = self.place.base
        argv = ["git", "--no-pager", "-C", "{}", f"--git-dir={os.path.relpath(self.place.git_dir, base)}"]
        argv += ["--work-tree=."] if self.place.work else []
        off = dict(SWITCHED_OFF)
        if self.excludes:
            off["core.excludesFile"] = os.path.relpath(self.excludes, base)
        for name in self.filters:
            off |= {f"filter.{name}.{key}": "" for key in ("clean", "smudge", "process")}
            off[f"filter.{name}.required"] = "false"
        return self.host.examine(
            [*argv, *words], base, env={**SAFE, **_settings(off)}, timeout_seconds=self.timeout_seconds
        )


def located(host: Host, path: str) -> Place | None:
    """Return the repository that lies at `path`: a clone, a linked worktree, a submodule or a bare one.

    Raises OSError where a `.git` that is there cannot be read.
    """
    entry = host.look(f"{path}/.git")
    if entry is None:
        return Place(path, common_dir=path) if _is_git_dir(host, path) else None
    git_dir = f"{path}/.git"
    if entry.is_file:
        pointed = _pointed(text(host, git_dir), path)
        if not pointed:
            return None
        git_dir = pointed
    return placed(host, git_dir, path) if _is_git_dir(host, git_dir) else None


def placed(host: Host, git_dir: str, work: str) -> Place:
    """Return the repository in `git_dir` whose files are in `work`."""
    shared = text(host, f"{git_dir}/commondir").strip("\n")
    return Place(git_dir, work, os.path.normpath(os.path.join(git_dir, shared)) if shared else git_dir)


def configured(
    host: Host, place: Place, *, excludes: str = "", timeout_seconds: float = TIMEOUT_SECONDS
) -> tuple[Git, Configuration]:
    """Return what a repository's configuration says, and the repository ready to be asked more.

    `excludes` is the path of its owner's own list of what to ignore. Raises Failure.
    """
    listed = Git(host, place, timeout_seconds=timeout_seconds).ask("config", "--list", "-z")
    found = parse_config(listed)
    return Git(host, place, found.filters, excludes, timeout_seconds), found


def state(
    host: Host,
    place: Place,
    *,
    untracked: bool = True,
    excludes: str = "",
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> State | Finding:
    """Return the state of the repository at `place`, or the finding of why it is not known.

    `untracked`: files that are not tracked are looked for, which walks the whole work tree.
    """
    try:
        git, found = configured(host, place, excludes=excludes, timeout_seconds=timeout_seconds)
        return state_of(git, found, untracked=untracked)
    except (Failure, OSError) as error:
        return unknown(place, error)


def state_of(git: Git, found: Configuration, *, untracked: bool = True) -> State:
    """Return the state of a repository that can be asked; raises Failure or OSError."""
    host, place = git.host, git.place
    status = status_of(git, untracked=untracked) if place.work else Status(branch=head(host, place))
    return State(
        place,
        found.remotes,
        status,
        branches_of(git, mirror=found.mirror),
        detached_of(git, status),
        stashes(host, place),
        worktrees(host, place),
        submodules(git),
        has_lfs(host, place),
    )


def unknown(place: Place, error: Failure | OSError) -> Finding:
    """Return the finding of why nothing is known of the repository at `place`."""
    if isinstance(error, Failure):
        return Finding(escaped(place.base), _short(error.message), "look at it with `git status`")
    return Finding(escaped(place.base), f"not readable: {error.strerror or error}", "run with sudo")


def head(host: Host, place: Place) -> str:
    """Return the branch that HEAD names, "" where it is detached."""
    said = text(host, f"{place.git_dir}/HEAD").strip()
    return said.removeprefix("ref: refs/heads/") if said.startswith("ref: refs/heads/") else ""


def status_of(git: Git, *, untracked: bool = True) -> Status:
    """Return what is changed in the work tree; what is inside of submodules is not looked at."""
    words = ["status", "--porcelain=v2", "-z", "--branch", "--no-renames", "--no-ahead-behind"]
    files = "normal" if untracked else "no"
    return parse_status(git.ask(*words, "--ignore-submodules=dirty", f"--untracked-files={files}"))


def branches_of(git: Git, *, mirror: bool = False) -> tuple[Branch, ...]:
    """Return the local branches.

    Those of a mirror are its remote's own, and so are those that `git clone --bare` made: it packs them, and
    writes no other refs. A branch that changed since is a file of its own.
    """
    branches, remote = parse_refs(git.ask("for-each-ref", REFS, "refs/heads", "refs/remotes"))
    if mirror or all(branch.commit in remote for branch in branches):
        return branches
    if not git.place.work and not remote and not any(_is_loose(git, branch) for branch in branches):
        return branches
    if git.ask("rev-list", "--count", "--branches", "--not", "--remotes").strip() == "0":
        return branches
    return tuple(
        branch if branch.commit in remote else replace(branch, unpushed=_unpushed(git, branch.commit))
        for branch in branches
    )


def detached_of(git: Git, status: Status) -> int:
    """Return how many commits only a detached HEAD holds."""
    if status.branch or not COMMIT.fullmatch(status.commit):
        return 0
    words = ("--not", "--branches", "--remotes", "--tags")
    return _number(git.ask("rev-list", "--count", status.commit, *words))


def tracked(git: Git) -> tuple[str, ...]:
    """Return the tracked paths, relative to the work tree."""
    return tuple(sorted(filter(None, git.ask("ls-files", "-z").split("\0"))))


def unpushed_paths(git: Git) -> frozenset[str]:
    """Return the paths that commits of HEAD touch which no remote is known to have."""
    words = ("log", "--no-show-signature", "--format=", "--name-only", "--no-renames", "--no-ext-diff", "-z")
    said = git.ask(*words, "--no-textconv", "-m", "HEAD", "--not", "--remotes")
    return frozenset(filter(None, (path.strip("\n") for path in said.split("\0"))))


def stashes(host: Host, place: Place) -> int:
    """Return how many stashes there are: each is a line of the log of the ref."""
    return text(host, f"{place.common_dir}/logs/refs/stash").count("\n")


def worktrees(host: Host, place: Place) -> Mapping[str, str]:
    """Return the branch of each linked worktree, "" where its HEAD is detached, by absolute path."""
    folder = f"{place.common_dir}/worktrees"
    kept = (f"{folder}/{name}" for name in names(host, folder))
    found = {text(host, f"{each}/gitdir").strip("\n"): head(host, Place(each)) for each in kept}
    return {path.removesuffix("/.git"): found[path] for path in sorted(found) if path.startswith("/")}


def submodules(git: Git) -> Mapping[str, Remote]:
    """Return the remote of each submodule that `.gitmodules` names, by path."""
    if not git.place.work or git.host.look(f"{git.place.work}/.gitmodules") is None:
        return {}
    values = values_of(git.ask("config", "-z", "--file", ".gitmodules", "--list"))
    found = {}
    for key, value in values:
        section, name, variable = parts_of(key)
        if section == "submodule" and variable == "path":
            url = next((url for other, url in values if other == f"submodule.{name}.url"), "")
            address, masked = without_secret(url)
            found[value] = Remote(value, address, masked=masked)
    return dict(sorted(found.items()))


def has_lfs(host: Host, place: Place) -> bool:
    """Tell whether Git LFS has files of it: an attribute at its top, or a store."""
    attributes = text(host, f"{place.work}/.gitattributes") if place.work else ""
    attributes += "\n" + text(host, f"{place.common_dir}/info/attributes")
    return bool(LFS.search(attributes)) or host.look(f"{place.common_dir}/lfs/objects") is not None


def _is_loose(git: Git, branch: Branch) -> bool:
    return git.host.look(f"{git.place.common_dir}/refs/heads/{branch.name}") is not None


def _unpushed(git: Git, commit: str) -> int:
    return _number(git.ask("rev-list", "--count", commit, "--not", "--remotes"))


def _number(said: str) -> int:
    word = said.strip()
    return int(word) if word.isascii() and word.isdigit() else 0


def _settings(values: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that sets each key; the name of a filter may hold a `=`, so `-c` cannot."""
    pairs: Iterable[tuple[int, tuple[str, str]]] = enumerate(values.items())
    found = {"GIT_CONFIG_COUNT": str(len(values))}
    for number, (key, value) in pairs:
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def _is_git_dir(host: Host, path: str) -> bool:
    return host.look(f"{path}/HEAD") is not None and (
        host.look(f"{path}/objects") is not None or host.look(f"{path}/commondir") is not None
    )


def _pointed(said: str, path: str) -> str:
    """Return where a `.git` file leads to, "" where it is none."""
    if not said.startswith("gitdir: "):
        return ""
    return os.path.normpath(os.path.join(path, said.removeprefix("gitdir: ").rstrip("\n")))


def _short(message: str) -> str:
    """Return why git failed, without the words of the command."""
    _, _, said = message.partition(" ended with ")
    if said:
        return f"git ended with {said}"
    return "git took too long" if " took longer than " in message else message
