"""Which version of a changed file did its package bring?

It is looked for where it may still be on the disk: beside the file (dpkg(1), ucf(1)), in ucf's cache, among
the copies and examples in /usr/share, in etckeeper's history, in the package's archive in apt's cache. It
counts only with the MD5 that dpkg or ucf recorded; that none is found is usual.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from collectors.debian import dpkg
from collectors.debian.archive import files_in
from collectors.failure import Failure
from collectors.git.git import Git, located
from collectors.host import Host, names, text
from collectors.judgement.capture import MAX_FILE_BYTES
from collectors.judgement.knowledge import knowledge
from collectors.judgement.packaged import claims, md5
from collectors.record import File, sha256, unescaped

BESIDE = ("", ".dpkg-dist", ".dpkg-new", ".dpkg-old", ".ucf-dist", ".ucf-new", ".ucf-old", ".orig", "~")
UCF_CACHE = "/var/lib/ucf/cache"
APT_CACHE = "/var/cache/apt/archives"
TOP = "/etc"
COPIES = ("", ".default", ".dist", ".example", ".orig")
MAX_VERSIONS = 20
CHANGE = re.compile(r":\d+ \d+ ([0-9a-f]+) ([0-9a-f]+) [A-Z]\d*\0([^\0]+)\0")

# Packages by the path of the changed file that each brings.
Changed = Mapping[str, str]


def with_pristine(host: Host, files: Iterable[File]) -> tuple[tuple[File, ...], dict[str, bytes]]:
    """Return the files with the pristine versions that were found, and these by escaped path."""
    records = tuple(files)
    changed = {
        unescaped(file.path): file.package
        for file in records
        if file.kind == "file" and claims(host).get(unescaped(file.path))
    }
    by_path = pristine_versions(host, changed)
    found = {file.path: by_path[path] for file in records if (path := unescaped(file.path)) in by_path}
    marked = (
        file.model_copy(update={"pristine": sha256(found[file.path])}) if file.path in found else file
        for file in records
    )
    return tuple(marked), found


def pristine_versions(host: Host, changed: Changed) -> dict[str, bytes]:
    """Return the pristine content of each of the `changed` files that is to be found, by path."""
    found: dict[str, bytes] = {}
    for look in PLACES:
        missing = {path: package for path, package in changed.items() if path not in found}
        for path, content in look(host, missing) if missing else ():
            if path not in found and md5(content) in claims(host)[path].made:
                found[path] = content
    return found


def _copies(host: Host, changed: Changed) -> Iterator[tuple[str, bytes]]:
    """Yield the file itself, what lies beside it, in ucf's cache, and where packages keep a copy."""
    for path in changed:
        folder, name = os.path.split(path)
        there = frozenset(names(host, folder))
        yield from _read(host, path, (path + end for end in BESIDE if name + end in there))
        yield from _read(host, path, (f"{UCF_CACHE}/{path.replace('/', ':')}",))
        yield from _read(host, path, knowledge().pristine.get(path, ()))


def _shared(host: Host, changed: Changed) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the same name that the package has in /usr/share."""
    packages = {package: set[str]() for package in changed.values() if package}
    for listed in names(host, dpkg.LISTS):
        package = listed.removesuffix(".list").partition(":")[0]
        if listed.endswith(".list") and package in packages:
            packages[package] |= set(dpkg.paths_under(text(host, f"{dpkg.LISTS}/{listed}"), ("/usr/share/",)))
    for path, package in changed.items():
        wanted = {os.path.basename(path) + end for end in COPIES}
        copies = (each for each in packages.get(package, ()) if os.path.basename(each) in wanted)
        yield from _read(host, path, sorted(copies))


def _recorded(host: Host, changed: Changed) -> Iterator[tuple[str, bytes]]:
    """Yield the versions in etckeeper's history, the newest first."""
    place = located(host, TOP)
    inside = [path.removeprefix(f"{TOP}/") for path in changed if path.startswith(f"{TOP}/")]
    if place is None or not inside:
        return
    git = Git(host, place)
    try:
        said = git.ask(
            "log", "--raw", "-z", "--no-abbrev", "--no-renames", "--format=", "--",
            *(f":(literal){path}" for path in inside),
        )  # fmt: skip
        for path, versions in parse_history(said).items():
            for version in versions[:MAX_VERSIONS]:
                yield f"{TOP}/{path}", os.fsencode(git.ask("cat-file", "blob", version))
    except Failure:
        return


def parse_history(said: str) -> dict[str, tuple[str, ...]]:
    """Return the ids of the versions of each path, the newest first, from `git log --raw -z`."""
    versions: dict[str, dict[str, None]] = {}
    for before, after, path in CHANGE.findall(said):
        known = versions.setdefault(path, {})
        known.update(dict.fromkeys(each for each in (after, before) if each.strip("0")))
    return {path: tuple(known) for path, known in versions.items()}


def _archived(host: Host, changed: Changed) -> Iterator[tuple[str, bytes]]:
    """Yield what is in the packages' archives that apt still has."""
    archives = names(host, APT_CACHE)
    for package in sorted({package for package in changed.values() if package}):
        wanted = [path for path, owner in changed.items() if owner == package]
        for name in archives:
            if fnmatchcase(name, f"{package}_*.deb"):
                yield from files_in(host, f"{APT_CACHE}/{name}", wanted).items()


def _read(host: Host, path: str, copies: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for copy in copies:
        try:
            entry = host.look(copy)
            if entry and entry.is_file and entry.size_bytes <= MAX_FILE_BYTES:
                yield path, host.read(copy)
        except OSError:
            continue


PLACES: Collection[Callable[[Host, Changed], Iterator[tuple[str, bytes]]]] = (
    _copies,
    _shared,
    _recorded,
    _archived,
)
