"""Which git clones are in the homes, and what in them was never pushed?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from collectors.collected import Collected, Cover
from collectors.domains.programs.installed import recipe_trees
from collectors.domains.repos.clone import Checkout, Repo, repo_of, secrets_left_out
from collectors.domains.repos.unsaved import ignored, unsaved
from collectors.failure import Finding
from collectors.git import git
from collectors.git.clones import clones
from collectors.homes import Home
from collectors.host import Host, text
from collectors.judgement.capture import unread
from collectors.reading.looking import Outcome, parted
from collectors.record import Section

TIMEOUT_SECONDS = 60.0
EXCLUDES = re.compile(r"(?im)^\s*excludesfile\s*=\s*([~/].*)$")


class Repos(Section):
    """Git clones."""

    NAME: ClassVar[str] = "repos"

    repos: tuple[Repo, ...] = ()


def collect(host: Host) -> Collected[Repos]:
    """Collect the section `repos`."""
    there, unseen = clones(host)
    found = parted((*unseen, *_outcomes(host, there)))
    return Collected(
        Repos(repos=found.of(Repo), left_out=found.left_out),
        findings=found.findings,
        covers=found.covers,
        losses=found.losses,
    )


def _outcomes(host: Host, there: Iterable[tuple[Home, str]]) -> Iterator[Outcome]:
    trees = recipe_trees(host)
    theirs = [(home, path) for home, path in there if path not in trees and f"{path}/.git" not in trees]
    looked_at = list(_checkouts(host, theirs))
    yield from (each for each in looked_at if isinstance(each, Finding))
    checkouts = [each for each in looked_at if isinstance(each, Checkout)]
    mains = {each.state.place.common_dir: each for each in checkouts if each.is_main}
    submodules = {f"{each.path}/{name}": each for each in checkouts for name in each.state.submodules}
    for each in checkouts:
        parent = submodules.get(each.path) or (
            None if each.is_main else mains.get(each.state.place.common_dir)
        )
        yield from _told(host, each, parent)


def _checkouts(host: Host, there: list[tuple[Home, str]]) -> Iterator[Checkout | Finding | None]:
    """Yield what git says of each clone; several are asked at once, for most of the time is git's own."""

    def look(each: tuple[Home, str]) -> Checkout | Finding | None:
        home, path = each
        try:
            place = git.located(host, path)
        except OSError as error:
            return unread(f"{path}/.git", error)
        if place is None:
            return None
        state = git.state(host, place, excludes=_excludes(host, home), timeout_seconds=TIMEOUT_SECONDS)
        return state if isinstance(state, Finding) else Checkout(home, path, state)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield from pool.map(look, there)


def _told(host: Host, checkout: Checkout, parent: Checkout | None) -> Iterator[Outcome]:
    """Yield a clone and what of it is nowhere else; a submodule or worktree belongs to its `parent`."""
    repo = repo_of(parent or checkout)
    yield from unsaved(host, checkout, repo, part=parent is not None)
    yield from ignored(host, checkout, repo)
    yield repo  # its parts yield the same one, which counts once
    yield from secrets_left_out(checkout)
    if any(not remote.local for remote in (parent or checkout).state.remotes):
        yield Cover(checkout.path, repo.item_id())


def _excludes(host: Host, home: Home) -> str:
    """Return the path of a person's own list of what git is to ignore, "" where there is none."""
    try:
        for path in (home.within(".gitconfig"), home.within(".config/git/config")):
            named = EXCLUDES.search(text(host, path))
            if named:
                return named[1].strip().strip('"').replace("~", home.path, 1)
        usual = home.within(".config/git/ignore")
        return usual if host.look(usual) else ""
    except OSError:
        return ""
