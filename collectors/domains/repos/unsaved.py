"""What in a clone is nowhere else, and which command would protect it?"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from collectors.collected import Loss
from collectors.domains.repos.clone import Checkout, Repo
from collectors.failure import Failure
from collectors.git import git
from collectors.git.clones import ground
from collectors.git.git import State
from collectors.host import Entry, Host
from collectors.reading.patterns import matches
from collectors.record import escaped

MAX_PRECIOUS_BYTES = 1024 * 1024
SHOWN = 3
MAX_SIZED = 200
MAX_WALKED = 100_000
MAX_STASHES = 20


def unsaved(host: Host, checkout: Checkout, repo: Repo, *, part: bool) -> Iterator[Loss]:
    """Yield what was never pushed, stashed or committed; a worktree's branches are its clone's."""
    state = checkout.state
    if not state.remotes and not part:
        if not _is_empty(state):
            yield _without_remote(host, checkout)
        return
    if checkout.is_main:
        yield from _unpushed(checkout, repo)
        yield from _stashed(checkout, repo)
        yield from _only_here(host, checkout, repo)
    elif state.detached:
        yield _detached(checkout, repo)
    yield from _uncommitted(host, checkout, repo)


def ignored(host: Host, checkout: Checkout, repo: Repo) -> Iterator[Loss]:
    """Yield the loss of small files at the top that git ignores and that people write by hand."""
    work = checkout.state.place.work
    if not work or not checkout.state.remotes:
        return
    names = _precious(host, work, checkout.state)
    if not names:
        return
    shown = _listed(names)
    path, files = _quoted(work), " ".join(map(_quoted, names))
    reason = f"{shown} in {escaped(work)}: git ignores it, so no push has it"
    remedy = (
        f"mkdir -p ~/kept && tar -C {path} -czf ~/kept/{_quoted(repo.name.replace('/', '-'))}.tar.gz {files}"
    )
    yield _loss(host, "untracked", repo, reason, remedy, [f"{work}/{name}" for name in names])


def _is_empty(state: State) -> bool:
    """Tell whether nobody has begun anything in it."""
    status = state.status
    return not (state.branches or status.commit or status.modified or status.untracked)


def _without_remote(host: Host, checkout: Checkout) -> Loss:
    """Return the loss of a whole clone; its subject is its path, for no item brings that back."""
    size, files, newest = measured(host, checkout.path)
    path = _quoted(checkout.path)
    reason = "a git repository without a remote: its whole history is on this disk alone"
    remedy = f"git -C {path} remote add origin ADDRESS && git -C {path} push --all origin"
    return Loss("no-remote", escaped(checkout.path), reason, remedy, size, files, newest)


def _only_here(host: Host, checkout: Checkout, repo: Repo) -> Iterator[Loss]:
    remotes = checkout.state.remotes
    if remotes and all(remote.local for remote in remotes):
        size, files, newest = measured(host, checkout.path)
        reason = "a git repository whose only remotes are directories of this machine"
        path = _quoted(checkout.path)
        remedy = f"git -C {path} remote add elsewhere ADDRESS && git -C {path} push --all elsewhere"
        yield Loss("no-remote", repo.item_id(), reason, remedy, size, files, newest)


def _unpushed(checkout: Checkout, repo: Repo) -> Iterator[Loss]:
    behind = [branch for branch in checkout.state.branches if branch.unpushed]
    if behind:
        counted = _listed([f"{_count(each.unpushed, 'commit')} on {each.name}" for each in behind])
        new = any(not branch.upstream or branch.gone for branch in behind)
        words = [
            "push",
            *(["-u"] if new else []),
            _remote(checkout.state),
            *(branch.name for branch in behind),
        ]
        reason = f"{counted} that no remote has"
        yield Loss("unpushed", repo.item_id(), reason, _noted(checkout) + _git(checkout.path, words))
    if checkout.state.detached:
        yield _detached(checkout, repo)


def _noted(checkout: Checkout) -> str:
    """Return what makes git note what is pushed: a bare clone keeps no branches of its remote by itself."""
    if checkout.state.place.work:
        return ""
    name = _remote(checkout.state)
    words = ["config", "--replace-all", f"remote.{name}.fetch", f"+refs/heads/*:refs/remotes/{name}/*"]
    return f"{_git(checkout.path, words)} && "


def _detached(checkout: Checkout, repo: Repo) -> Loss:
    words = ["push", _remote(checkout.state), "HEAD:refs/heads/kept"]
    reason = f"{_count(checkout.state.detached, 'commit')} on no branch, in {escaped(checkout.path)}"
    return Loss("unpushed", repo.item_id(), reason, _git(checkout.path, words))


def _stashed(checkout: Checkout, repo: Repo) -> Iterator[Loss]:
    count = checkout.state.stashes
    if count:
        kept = [f"stash@{{{number}}}:refs/heads/stash-{number}" for number in range(min(count, MAX_STASHES))]
        words = ["push", _remote(checkout.state), *kept]
        reason = f"{_count(count, 'stash', 'stashes')} in {escaped(checkout.path)}; a stash is never pushed"
        yield Loss("stash", repo.item_id(), reason, _git(checkout.path, words))


def _uncommitted(host: Host, checkout: Checkout, repo: Repo) -> Iterator[Loss]:
    status = checkout.state.status
    told = [
        f"{_count(len(paths), f'{word} file')} ({_listed(paths)})"
        for word, paths in (("changed", status.modified), ("new", status.untracked))
        if paths
    ]
    if told:
        reason = f"{' and '.join(told)} in {escaped(checkout.path)}, never committed"
        here = _git(checkout.path, [])
        remedy = f"{here} add -A && {here} commit -m 'Work in progress' && {here} push"
        paths = [f"{checkout.path}/{each}".rstrip("/") for each in (*status.modified, *status.untracked)]
        yield _loss(host, "untracked", repo, reason, remedy, paths)


def _precious(host: Host, work: str, state: State) -> list[str]:
    """Return the names of small files at the top of a clone that git neither tracks nor reports."""
    try:
        names = [name for name in host.glance(work).others if _is_precious(name)]
        names = [
            name for name in names if name not in state.status.untracked and _is_small(host, f"{work}/{name}")
        ]
        if not names:
            return []
        asked, _ = git.configured(host, state.place)
        return sorted(set(names) - set(git.tracked(asked)))
    except (OSError, Failure):
        return []  # what git could not say of the clone is a finding already


def _is_precious(name: str) -> bool:
    known = ground()
    return name not in known.but and matches(name, known.precious)


def _is_small(host: Host, path: str) -> bool:
    entry = host.look(path)
    return entry is not None and entry.is_file and 0 < entry.size_bytes <= MAX_PRECIOUS_BYTES


def _loss(host: Host, kind: str, repo: Repo, reason: str, remedy: str, paths: list[str]) -> Loss:
    seen = [entry for path in paths[:MAX_SIZED] if (entry := _look(host, path))]
    size = sum(each.size_bytes for each in seen if not each.is_dir)
    newest = max((each.mtime_ns // 10**9 for each in seen), default=0)
    return Loss(kind, repo.item_id(), reason, remedy, size, len(paths), newest)


def measured(host: Host, path: str) -> tuple[int, int, int]:
    """Return size, number and newest change of the files below `path`; of the first 100,000 names."""
    size = files = newest = walked = 0
    ahead = [path]
    while ahead and walked < MAX_WALKED:
        for entry in _entries(host, ahead.pop()):
            walked += 1
            if entry.is_dir and not entry.is_foreign:
                ahead.append(entry.path)
            elif entry.is_file:
                size, files = size + entry.size_bytes, files + 1
                newest = max(newest, entry.mtime_ns // 10**9)
    return size, files, newest


def _look(host: Host, path: str) -> Entry | None:
    try:
        return host.look(path)
    except OSError:
        return None


def _entries(host: Host, path: str) -> tuple[Entry, ...]:
    try:
        return host.entries(path)
    except OSError:
        return ()


def _remote(state: State) -> str:
    """Return the remote to push to: `origin`, or the first that is elsewhere."""
    far = [remote.name for remote in state.remotes if not remote.local]
    near = [remote.name for remote in state.remotes]
    return "origin" if "origin" in (far or near) else (far or near or ["origin"])[0]


def _git(path: str, words: Iterable[str]) -> str:
    return shlex.join(["git", "-C", escaped(path), *map(escaped, words)])


def _quoted(name: str) -> str:
    return shlex.quote(escaped(name))


def _listed(names: Iterable[str]) -> str:
    """Return the first names, and how many more there are: `a, b, c and 4 more`."""
    every = [escaped(name) for name in names]
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return f"{', '.join(every[:SHOWN])}{more}"


def _count(number: int, word: str, several: str = "") -> str:
    return f"{number} {word if number == 1 else several or word + 's'}"
