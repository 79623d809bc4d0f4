"""Which links in a home point into a clone of dotfiles: made by stow, dotbot, rcm or by hand?"""

from __future__ import annotations

import os
from collections.abc import Iterator

from collectors.collected import Cover
from collectors.domains.dotfiles.manager import (
    Link,
    Sign,
    is_kept,
    known,
    managed,
    secrets_left_out,
    unsaved,
)
from collectors.failure import Failure
from collectors.git import git
from collectors.homes import Home, homes
from collectors.host import Host
from collectors.judgement.capture import unread
from collectors.reading.looking import Outcome, entry_at
from collectors.reading.places import expanded
from collectors.record import escaped

PROGRAMS = (".local/bin", "bin", ".local/share/applications")


def linked_clones(host: Host) -> Iterator[Outcome]:
    """Yield the clones that links in each home point into, and those at the places of such clones."""
    for home in homes(host):
        found: dict[str, list[tuple[str, str]]] = {}
        roots: dict[str, str] = {}
        for path, target in _links(host, home):
            root = _clone_of(host, home, target, roots)
            if root:
                found.setdefault(root, []).append((path, target))
        for folder in known().folders:
            if entry_at(host, home.within(folder, ".git"))[0]:
                found.setdefault(home.within(folder), [])
        for root, links in sorted(found.items()):
            if _is_for_dotfiles(home, root, links):
                yield from _clone(host, home, root, [path for path, _ in links])


def _links(host: Host, home: Home) -> Iterator[tuple[str, str]]:
    """Yield each link at the known places, and the absolute path that it points to."""
    for place in known().links:
        for folder in expanded(host, home.path, (place,))[0] if place else (home.path,):
            for path, target in _links_in(host, folder):
                if place or path.rpartition("/")[2].startswith("."):
                    yield path, os.path.normpath(os.path.join(folder, target))


def _links_in(host: Host, folder: str) -> list[tuple[str, str]]:
    """Return each link in a directory and its target; of one that is closed the catalogue tells."""
    try:
        entry = host.look(folder)
        if entry is None or not entry.is_dir or entry.is_foreign:
            return []
        return [(each.path, host.link(each.path)) for each in host.entries(folder) if each.is_symlink]
    except OSError:
        return []


def _clone_of(host: Host, home: Home, target: str, roots: dict[str, str]) -> str:
    """Return the clone below the home that `target` is in, "" where it is in none."""
    passed = []
    folder, root = target, ""
    while folder.startswith(f"{home.path}/"):
        if folder in roots:
            root = roots[folder]
            break
        passed.append(folder)
        if entry_at(host, f"{folder}/.git")[0]:
            root = folder
            break
        folder = os.path.dirname(folder)
    roots.update(dict.fromkeys(passed, root))
    return root


def _is_for_dotfiles(home: Home, root: str, links: list[tuple[str, str]]) -> bool:
    """Tell whether a clone is one of dotfiles, not one of programs that links lead to."""
    programs = tuple(f"{home.within(place)}/" for place in PROGRAMS)
    named = any(root == home.within(folder) for folder in known().folders)
    return named or any(not path.startswith(programs) for path, _ in links)


def _clone(host: Host, home: Home, root: str, paths: list[str]) -> Iterator[Outcome]:
    try:
        place = git.located(host, root)
        if place is None:
            return
        asked, found = git.configured(host, place)
        state = git.state_of(asked, found)
    except Failure as failure:
        yield git.unknown(git.Place(root), failure)
        return
    except OSError as error:
        yield unread(root, error)
        return
    sign = _sign(host, home, root)
    links = tuple(Link(path=escaped(path), target=escaped(host.link(path))) for path in sorted(paths))
    item = managed(
        home, sign.manager if sign else "links", root, state, restore=sign.restore if sign else ""
    ).model_copy(update={"links": links})
    yield item
    if any(root == home.within(folder) for folder in known().folders):
        yield from secrets_left_out(state)
        yield from unsaved(host, item, state, f"git -C {item.path}")
        yield from (Cover(root, item.item_id()) for _ in range(is_kept(state)))
    if is_kept(state):
        yield from (Cover(path, item.item_id()) for path in sorted(paths))


def _sign(host: Host, home: Home, root: str) -> Sign | None:
    """Return by what the manager of the links is known."""
    for sign in known().signs:
        if any(entry_at(host, f"{place}/{sign.file}")[0] for place in (root, *_own(home, sign))):
            return sign
    return None


def _own(home: Home, sign: Sign) -> tuple[str, ...]:
    """Return the home where that manager's own settings count as its sign."""
    return (home.path,) if sign.file.startswith(".") and sign.file.endswith("rc") else ()
