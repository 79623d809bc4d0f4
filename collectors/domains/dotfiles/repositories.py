"""Which repositories have a home as their work tree: yadm's, a bare one, or that of a home that is a clone?

Sources: yadm(1) "FILES", "ALTERNATES", "ENCRYPTION"; the custom of `git --git-dir=~/.cfg --work-tree=~`.
Files that are not tracked are never looked for: that would walk the whole home.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace

from collectors.collected import Cover
from collectors.domains.dotfiles.manager import (
    Manager,
    Repository,
    is_kept,
    known,
    managed,
    secrets_left_out,
    unsaved,
)
from collectors.failure import Failure
from collectors.git import git
from collectors.git.said import Configuration
from collectors.homes import Home, homes
from collectors.host import Host
from collectors.judgement.capture import unread
from collectors.reading.looking import Outcome, entry_at, text_in
from collectors.reading.places import expanded
from collectors.record import escaped

ENCRYPT = (".config/yadm/encrypt", ".yadm/encrypt")
ARCHIVE = (".local/share/yadm/archive", ".config/yadm/files.gpg", ".yadm/files.gpg")
BOOTSTRAP = (".config/yadm/bootstrap", ".yadm/bootstrap")
ALTERNATE = "##"


def home_repositories(host: Host) -> Iterator[Outcome]:
    """Yield the managers whose repository has a home as its work tree, and what is known of them."""
    for home in homes(host):
        told: set[str] = set()
        for each in known().repositories:
            try:
                place = _placed(host, home, each)
            except OSError as error:
                yield unread(home.within(each.path), error)
                continue
            if place and place.git_dir not in told:
                told.add(place.git_dir)
                yield from _repository(host, home, each, place)


def parse_encrypt(content: str) -> tuple[str, ...]:
    """Return yadm's patterns of what to keep encrypted: one a line, `!` excludes, `#` begins a comment."""
    lines = (line.strip() for line in content.split("\n"))
    return tuple(escaped(line) for line in lines if line and not line.startswith("#"))


def _placed(host: Host, home: Home, each: Repository) -> git.Place | None:
    """Return the repository if it is there; raises OSError where it cannot be read."""
    if each.manager == "git":
        place = git.located(host, home.path)
        return place if place and place.work else None
    path = home.within(each.path)
    is_there = all(entry_at(host, f"{path}/{name}")[0] for name in ("HEAD", "objects"))
    return git.placed(host, path, home.path) if is_there else None


def _repository(host: Host, home: Home, each: Repository, place: git.Place) -> Iterator[Outcome]:
    git_dir = place.git_dir
    try:
        asked, found = git.configured(host, place)
        state = git.state_of(asked, found, untracked=False)
        paths = git.tracked(asked)
        unpushed = git.unpushed_paths(asked) if state.status.commit and state.unpushed else frozenset()
    except (Failure, OSError) as error:
        yield replace(git.unknown(git.Place(git_dir), error), remedy=f"git -C {shlex.quote(git_dir)} status")
        return
    if not any(entry_at(host, home.within(path))[0] for path in paths):
        state = replace(state, status=replace(state.status, modified=()))  # it was never checked out
        paths = ()
    if each.manager == "git" and not (paths or state.status.commit or state.remotes):
        return  # `git init` in the wrong place: there is nothing in it
    item = _item(host, home, each, state, found, git_dir)
    yield item
    yield from secrets_left_out(state)
    yield from unsaved(host, item, state, _command(home, each, git_dir))
    if is_kept(state):
        clean = sorted(set(paths) - set(state.status.modified) - unpushed)
        yield from _covers(host, home, item, git_dir, clean)


def _command(home: Home, each: Repository, git_dir: str) -> str:
    """Return the command that speaks to the repository."""
    if each.manager == "yadm":
        return "yadm"
    if each.manager == "git":
        return f"git -C {shlex.quote(home.path)}"
    return f"git --git-dir={shlex.quote(git_dir)} --work-tree={shlex.quote(home.path)}"


def _item(
    host: Host, home: Home, each: Repository, state: git.State, found: Configuration, git_dir: str
) -> Manager:
    if each.manager != "yadm":
        return managed(home, each.manager, git_dir, state)
    name = f"~{home.user}/yadm"
    patterns = (text_in(host, home.within(path))[0] for path in ENCRYPT)
    return managed(home, "yadm", git_dir, state, name=name).model_copy(
        update={
            "classes": tuple(map(escaped, found.classes)),
            "encrypt": next(filter(None, map(parse_encrypt, patterns)), ()),
            "bootstrap": any(entry_at(host, home.within(path))[0] for path in BOOTSTRAP),
        }
    )


def _covers(host: Host, home: Home, item: Manager, git_dir: str, clean: list[str]) -> Iterator[Cover]:
    """Yield the repository, its clean files, yadm's links to them, and what is encrypted in one of them."""
    name = item.item_id()
    yield Cover(git_dir, name)
    for path in clean:
        yield Cover(home.within(path), name)
        base = path.partition(ALTERNATE)[0]
        if item.manager == "yadm" and base != path and _is_link(host, home.within(base)):
            yield Cover(home.within(base), name)
    if item.encrypt and (archive := next((path for path in ARCHIVE if path in clean), "")):
        yield from _encrypted(host, home, item, home.within(archive))


def _encrypted(host: Host, home: Home, item: Manager, archive: str) -> Iterator[Cover]:
    """Yield the files that yadm keeps encrypted and that did not change since."""
    packed = entry_at(host, archive)[0]
    excluded, _ = expanded(host, home.path, [each[1:] for each in item.encrypt if each.startswith("!")])
    included, _ = expanded(host, home.path, [each for each in item.encrypt if not each.startswith("!")])
    for path in included:
        entry = entry_at(host, path)[0]
        if packed and entry and path not in excluded and entry.mtime_ns <= packed.mtime_ns:
            yield Cover(path, item.item_id())


def _is_link(host: Host, path: str) -> bool:
    entry = entry_at(host, path)[0]
    return bool(entry and entry.is_symlink)
