"""Which steps bring git clones back?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from builder.restore.report import Outcome
from builder.restore.steps.at_home import command
from builder.restore.steps.commands import CommandStep, step_of, untold
from builder.restore.steps.step import Steps, Target
from collectors.domains.dotfiles.manager import Remote as PlainRemote
from collectors.domains.repos import Repos
from collectors.domains.repos.clone import Remote, Repo
from collectors.record import File

LANES = 4
COMMIT = re.compile(r"[0-9a-f]{40,64}")
SCHEMES = ("https://", "http://", "ssh://", "git://", "file://", "git+ssh://", "ssh+git://")
# Before a colon there is a host, `git@example.org:x`; two colons name a program of git's.
SCP_LIKE = re.compile(r"(?:[^/@:-][^/@:]*@)?[^/@:-][^/@:]*:(?!:|//)")


def steps(to: Target) -> Steps:
    """Yield the steps of the section repos, some of them side by side."""
    for number, thing in enumerate(to.things(Repos.NAME)):
        if isinstance(thing, Repo):
            yield _cloned(thing, f"lane {number % LANES}")
        elif not isinstance(thing, File):
            yield untold(thing)


def _cloned(repo: Repo, lane: str) -> CommandStep | Outcome:
    if refused := refusal(repo.item_id(), repo.remotes):
        return refused
    asked = clone(
        path=repo.path,
        git_dir=repo.path if repo.bare else f"{repo.path}/.git",
        remotes=repo.remotes,
        branch=repo.branch,
        commit=repo.commit,
        bare=repo.bare,
        worktrees=[(each.path, each.branch) for each in repo.worktrees],
        submodules=bool(repo.submodules),
        lfs=repo.lfs,
    )
    return step_of(Repos.NAME, repo, user=repo.user, command=asked, lane=lane, needs=("git",), network=True)


def clone(
    *, path: str, git_dir: str, remotes: Iterable[Remote | PlainRemote], commit: str, **facts: object
) -> str:
    """Return the command that brings a repository back in place, as playbook/at_home/clone.py says."""
    usual = dict.fromkeys(("bare", "default_branch", "submodules", "lfs"), False)
    none: dict[str, object] = {name: [] for name in ("init", "worktrees", "leave", "links", "notes")}
    return command(
        "clone",
        {
            **usual,
            **none,
            "home": "",
            "branch": "",
            **facts,
            "path": path,
            "git_dir": git_dir,
            "remotes": [[each.name, each.url, getattr(each, "push_url", "")] for each in remotes],
            "commit": commit if COMMIT.fullmatch(commit) else "",
        },
    )


def refusal(item: str, remotes: Iterable[Remote | PlainRemote]) -> Outcome | None:
    """Return the outcome of what no remote, or one that would run a program, is to bring back."""
    addresses = tuple(_addresses(remotes))
    if not addresses:
        reason, remedy = "it has no remote", "put it back from the old disk, if that still reads"
        return Outcome(id=item, state="unavailable", reason=reason, remedy=remedy)
    if not all(map(is_address, addresses)):
        reason, remedy = "an address of it is none that is asked", "see what it is, and clone it by hand"
        return Outcome(id=item, state="unavailable", reason=reason, remedy=remedy)
    return None


def is_address(url: str) -> bool:
    """Tell whether an address is a path, a URL or `host:path`: not an option, and not `ext::sh -c …`."""
    if url.startswith("/"):
        return True
    scheme, separator, rest = url.partition("://")
    if separator:
        return f"{scheme.lower()}://" in SCHEMES and not rest.rpartition("@")[2].startswith("-")
    return not url.startswith("-") and SCP_LIKE.match(url) is not None


def _addresses(remotes: Iterable[Remote | PlainRemote]) -> Iterator[str]:
    for each in remotes:
        yield from filter(None, (each.url, getattr(each, "push_url", "")))
