"""Which files of a home does chezmoi make, and is its source kept elsewhere?

Source: chezmoi's reference, "Source state attributes" and "Special files and directories".
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from collectors.collected import Cover, Loss
from collectors.domains.dotfiles.manager import Manager, is_kept, managed, secrets_left_out, unsaved
from collectors.failure import Failure, Finding
from collectors.git import git
from collectors.homes import Home, homes
from collectors.host import Host
from collectors.judgement.capture import unread
from collectors.reading.looking import Outcome, entry_at, names_in, text_in
from collectors.record import escaped

SOURCE = ".local/share/chezmoi"
CONFIGURATION = tuple(
    f".config/chezmoi/chezmoi.{ending}" for ending in ("toml", "yaml", "yml", "json", "jsonc")
)
SOURCE_DIR = re.compile(r"(?m)^\s*\"?sourceDir\"?\s*[:=]\s*[\"']?([^\"'\n,#]+)")
ATTRIBUTES = ("private_", "readonly_", "empty_", "executable_", "exact_", "encrypted_", "external_")
UNMADE = ("run_", "modify_", "create_", "remove_")
ENDINGS = (".tmpl", ".age", ".asc")


def chezmoi_sources(host: Host) -> Iterator[Outcome]:
    """Yield chezmoi's source in each home, and the files that it makes from it."""
    for home in homes(host):
        source = _source_dir(host, home)
        if names_in(host, source)[0]:
            yield from _source(host, home, source)


def target_of(path: str) -> str:
    """Return the file in a home that a file of the source becomes, "" where it becomes none that is known.

    `private_dot_config/fish/config.fish.tmpl` is `.config/fish/config.fish`.
    """
    parts = path.split("/")
    if any(part.startswith(".") for part in parts):
        return ""
    made = [_name(part, last=number == len(parts)) for number, part in enumerate(parts, start=1)]
    return "/".join(made) if all(made) else ""


def is_plain(path: str) -> bool:
    """Tell whether a file of the source becomes its target as it is, neither a template nor encrypted."""
    name = path.rpartition("/")[2]
    return not name.endswith(ENDINGS) and "encrypted_" not in name and not name.startswith("symlink_")


def parse_source_dir(content: str) -> str:
    """Return the directory that chezmoi's configuration names as its source, "" where it names none."""
    found = SOURCE_DIR.search(content)
    return found[1].strip() if found else ""


def _name(part: str, *, last: bool) -> str:
    if part.startswith(UNMADE):
        return ""
    name = part
    while name.startswith(ATTRIBUTES):
        name = name.partition("_")[2]
    name = name.removeprefix("symlink_") if last else name
    name = f".{name[4:]}" if name.startswith("dot_") else name
    if name.startswith("literal_"):
        return name.removeprefix("literal_")
    while last and name.endswith(ENDINGS):
        name = name.rpartition(".")[0]
    return name


def _source_dir(host: Host, home: Home) -> str:
    for path in CONFIGURATION:
        named = parse_source_dir(text_in(host, home.within(path))[0])
        if named:
            named = named.replace("~", home.path, 1) if named.startswith("~/") else named
            return named if named.startswith("/") else home.within(named)
    return home.within(SOURCE)


def _source(host: Host, home: Home, source: str) -> Iterator[Outcome]:
    name = f"~{home.user}/chezmoi"
    try:
        place = git.located(host, source)
        if place is None:
            yield _without_git(source, name)
            return
        asked, found = git.configured(host, place)
        state = git.state_of(asked, found)
        paths = git.tracked(asked)
        unpushed = git.unpushed_paths(asked) if state.status.commit and state.unpushed else frozenset()
    except (Failure, OSError) as error:
        yield git.unknown(git.Place(source), error)
        return
    item = managed(home, "chezmoi", source, state, name=name)
    yield item
    yield from secrets_left_out(state)
    yield from unsaved(host, item, state, f"git -C {shlex.quote(source)}")
    if is_kept(state):
        yield Cover(source, item.item_id())
        clean = sorted(set(paths) - set(state.status.modified) - unpushed)
        yield from _targets(host, home, item, source, clean)


def _without_git(source: str, name: str) -> Loss:
    reason = f"chezmoi's source {escaped(source)} is no git repository: it is on this disk alone"
    path = shlex.quote(source)
    remedy = f"git -C {path} init && git -C {path} add -A && git -C {path} commit -m dotfiles"
    return Loss("no-remote", escaped(source), f"{reason} ({name})", remedy)


def _targets(
    host: Host, home: Home, item: Manager, source: str, clean: list[str]
) -> Iterator[Cover | Finding]:
    """Yield the files in the home that chezmoi makes; one that differs from a plain source is not."""
    top = text_in(host, f"{source}/.chezmoiroot")[0].strip().strip("/")
    for path in clean:
        inner = path if not top else path.removeprefix(f"{top}/") if path.startswith(f"{top}/") else ""
        target = target_of(inner) if inner else ""
        if not target or entry_at(host, home.within(target))[0] is None:
            continue
        try:
            same = not is_plain(inner) or host.read(f"{source}/{path}") == host.read(home.within(target))
        except OSError as error:
            yield unread(home.within(target), error)
            continue
        if same:
            yield Cover(home.within(target), item.item_id())
