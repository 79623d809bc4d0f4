"""Which programs does nothing here know how to bring back?

Executables at the places where people put them, and those among the packages' that no package owns. Other
sections may know of some: coverage leaves out what a cover of theirs explains. Scripts are text that section
files captures, or that belongs to a language's package.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from collectors.collected import Loss
from collectors.domains.programs.appimages import ELF, head_of, is_appimage
from collectors.domains.programs.catalogue import command_for_recipe, yaml_word
from collectors.domains.programs.places import packaged, scopes
from collectors.host import Entry, Host
from collectors.record import escaped

FOLDERS = (
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/games",
    "/usr/bin",
    "/usr/sbin",
    ".local/bin",
    "bin",
)
VENDORS = ("/opt", "/usr/local/stow")
VENDOR_BINARIES = ("", "bin", "sbin")
MAX_LOOKED_AT = 500


def unexplained(host: Host, explained: frozenset[str]) -> Iterator[Loss]:
    """Yield the loss of each binary, and of each vendor's folder, that is not among `explained`."""
    for scope in scopes(host):
        for folder in scope.paths(FOLDERS):
            yield from (
                _loss(entry, "a program that no recipe, package or build brings back")
                for entry in _entries(host, folder)
                if _is_unknown(host, entry, explained)
            )
    yield from _vendors(host, explained)


def _vendors(host: Host, explained: frozenset[str]) -> Iterator[Loss]:
    """Yield one loss for each vendor's or stow(8)'s folder that nothing explains and that has a binary."""
    for entry in (each for top in VENDORS for each in _entries(host, top)):
        if not entry.is_dir or entry.is_foreign or entry.path in packaged(host):
            continue
        if any(path == entry.path or path.startswith(f"{entry.path}/") for path in explained):
            continue
        looked_at = (
            each for name in VENDOR_BINARIES for each in _entries(host, f"{entry.path}/{name}".rstrip("/"))
        )
        if any(_is_binary(host, each) for each, _ in zip(looked_at, range(MAX_LOOKED_AT), strict=False)):
            yield _loss(entry, "a folder of programs that no recipe or package brings back")


def _is_unknown(host: Host, entry: Entry, explained: frozenset[str]) -> bool:
    if entry.path in packaged(host) or within(entry.path, explained):
        return False
    return _is_binary(host, entry)


def _is_binary(host: Host, entry: Entry) -> bool:
    """Tell whether it is an executable ELF file; an AppImage is told of elsewhere."""
    if not (entry.is_file and entry.mode & 0o111):
        return False
    head = head_of(host, entry.path)
    return head.startswith(ELF) and not is_appimage(head)


def within(path: str, trees: frozenset[str]) -> bool:
    """Tell whether `path` is one of `trees` or lies in one."""
    return path in trees or any(str(parent) in trees for parent in PurePosixPath(path).parents)


def _loss(entry: Entry, reason: str) -> Loss:
    name = entry.path.rpartition("/")[2]
    recipe = f"{{title: {yaml_word(name)}, found: [{yaml_word(entry.path)}], install: THE-VENDORS-COMMAND}}"
    return Loss(
        "no-recipe",
        escaped(entry.path),
        reason,
        command_for_recipe(name, f"recipes: {{{_key(name)}: {recipe}}}"),
        size_bytes=0 if entry.is_dir else entry.size_bytes,
        files=0 if entry.is_dir else 1,
        newest=entry.mtime_ns // 10**9,
    )


def _key(name: str) -> str:
    """Return a name that the catalogue takes as a recipe's."""
    kept = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in ".+-") else "-" for letter in name
    )
    return yaml_word(kept.lower().strip(".+-") or "program")


def _entries(host: Host, folder: str) -> tuple[Entry, ...]:
    """Return what is in a folder; a link to one is another name for it."""
    try:
        seen = host.look(folder)
        return host.entries(folder) if seen and seen.is_dir else ()
    except OSError:
        return ()
