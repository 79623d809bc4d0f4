"""Which files of packages were modified, and what lies beside them that no package owns?

Hashing all takes half a minute; dpkg records no sizes. So a file is suspected whose content (mtime) or inode
(ctime) changed after its package was unpacked, and only suspects are compared with `info/NAME.md5sums`.
dpkg writes `info/NAME.list` after the files, and gives them the times of their build.

On a root that was copied (a container image, a restored backup) every inode is younger than its package:
a list whose ctime is far from its mtime tells it. There a ctime counts from the end of the copy, which is the
first pause in the ctimes of all files; mtimes count as ever.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from collectors.coverage.beside import beside
from collectors.coverage.ground import Ground, Unseen, ground
from collectors.coverage.knowledge import noise
from collectors.coverage.owned import Owned, Unpacked, aliases, owned, paths_in
from collectors.coverage.quiet import Quiet, quiet
from collectors.debian import dpkg
from collectors.host import Host, text
from collectors.judgement.packaged import md5
from collectors.record import escaped

SECOND_NS = 1_000_000_000
FAR_NS = 120 * SECOND_NS
PAUSE_SECONDS = 60
MD5_LENGTH = 32
MAX_HASHED_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Packaged:
    """What was found below the system's directories.

    `unowned` are the highest paths that no package owns and that are no noise, with whether each is a
    directory; `modified` maps files to their packages; `files` counts those of packages.
    """

    unowned: tuple[tuple[str, bool], ...] = ()
    modified: Mapping[str, str] = field(default_factory=dict)
    files: int = 0
    unseen: tuple[Unseen, ...] = ()


@dataclass(frozen=True)
class Late:
    """A path that changed after its package: `by_content` where its mtime tells so."""

    path: str
    place: int
    ctime_ns: int
    by_content: bool
    is_file: bool
    size_bytes: int


@dataclass
class _Seen:
    """What the walk gathers."""

    unowned: list[tuple[str, bool]] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)
    seconds: set[int] = field(default_factory=set)
    unseen: list[Unseen] = field(default_factory=list)
    files: int = 0


@dataclass(frozen=True)
class _Known:
    """What the walk needs to know at every step."""

    owned: Owned
    ground: Ground
    quiet: Quiet


def begin(host: Host) -> Callable[[], Packaged]:
    """Start to look at all that packages brought, beside this process; what is returned waits for its end.

    Best before the collectors run.
    """
    return beside(lambda: packaged(host))


def packaged(host: Host) -> Packaged:
    """Return what is beside the files of packages, and which of these are modified."""
    known, seen = _Known(owned(host), ground(host), quiet(host)), _Seen()
    for top, device in known.ground.tops.items():
        _walk(host, top, device, known, seen)
    suspects = suspected(seen.late, known.owned, copy_end(known.owned, seen.seconds))
    return Packaged(
        tuple(sorted(seen.unowned)),
        _modified(host, suspects, known.owned),
        seen.files,
        tuple(seen.unseen),
    )


def copy_end(owned: Owned, seconds: Iterable[int]) -> int:
    """Return the second in which a copy of the whole root ended, 0 where it is no copy."""
    copied = [
        each.ctime_ns // SECOND_NS for each in owned.packages if _was_copied(each.ctime_ns, each.mtime_ns)
    ]
    if not copied:
        return 0
    end = min(copied)
    for second in sorted(seconds):
        if end < second <= end + PAUSE_SECONDS:
            end = second
    return end


def suspected(late: Iterable[Late], owned: Owned, end_of_copy: int) -> list[Late]:
    """Return those that may have changed: by content, or by inode since the package or the copy."""

    def is_suspect(each: Late) -> bool:
        package = owned.packages[each.place]
        if each.by_content or not _was_copied(package.ctime_ns, package.mtime_ns):
            return True
        return each.ctime_ns // SECOND_NS > end_of_copy

    return [each for each in late if is_suspect(each)]


def _was_copied(ctime_ns: int, mtime_ns: int) -> bool:
    return ctime_ns - mtime_ns > FAR_NS


def _walk(host: Host, top: str, device: int, known: _Known, seen: _Seen) -> None:
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            folders.extend(_look(host, folder, device, known, seen))
        except OSError as error:
            seen.unseen.extend(unseen(folder, error))


def _look(host: Host, folder: str, device: int, known: _Known, seen: _Seen) -> list[str]:
    """Note what is in one directory, and return the directories of packages in it."""
    by_path, fixed, apart = known.owned.by_path, known.quiet.fixed, known.ground.apart
    top = "" if folder == "/" else folder
    ahead = []
    for each in host.scan(folder, device):
        path = f"{top}/{each.name}"
        place = by_path.get(path)
        is_dir = each.is_dir(follow_symlinks=False)
        if place is None:
            if path not in apart and not _is_noise(host, each, path, known.quiet):
                seen.unowned.append((path, is_dir))
        elif not is_dir:
            _compare(each, path, place, known.owned, seen)
        elif path not in fixed and path not in apart:
            ahead.append(path)
    return ahead


def _is_noise(host: Host, each: os.DirEntry[str], path: str, quiet: Quiet) -> bool:
    if each.is_dir(follow_symlinks=False):
        return quiet.covers(path, each.name)
    return quiet.covers_file(host, path, each.name, is_link=each.is_symlink())


def _compare(each: os.DirEntry[str], path: str, place: int, owned: Owned, seen: _Seen) -> None:
    """Note a file of a package, and whether it changed after its package was unpacked."""
    found = each.stat(follow_symlinks=False)
    package = owned.packages[place]
    seen.files += 1
    seen.seconds.add(found.st_ctime_ns // SECOND_NS)
    by_content = found.st_mtime_ns > package.mtime_ns
    if by_content or found.st_ctime_ns > package.ctime_ns:
        is_file = each.is_file(follow_symlinks=False)
        seen.late.append(Late(path, place, found.st_ctime_ns, by_content, is_file, found.st_size))


def _modified(host: Host, suspects: Iterable[Late], owned: Owned) -> dict[str, str]:
    """Return the suspects whose content is not what their package brought, with the package."""
    by_place: dict[int, list[Late]] = {}
    for each in suspects:
        by_place.setdefault(each.place, []).append(each)
    found = {}
    for place, late in by_place.items():
        package = owned.packages[place]
        sums = _sums(host, package)
        for each in late:
            digest = sums.get(each.path)
            if digest and not noise().is_changing(each.path) and not _is_made(host, each, digest):
                found[each.path] = package.package
    return dict(sorted(found.items()))


def _is_made(host: Host, late: Late, digest: str) -> bool:
    """Tell whether a file is as it was made; one that cannot be read is believed to be."""
    if not late.is_file or late.size_bytes > MAX_HASHED_BYTES:
        return False
    try:
        return md5(host.read(late.path)) == digest
    except OSError:
        return True


def _sums(host: Host, package: Unpacked) -> dict[str, str]:
    """Return the MD5 of each file of a package, at the place where it lies."""
    content = text(host, f"{dpkg.LISTS}/{package.name}.md5sums")
    diverted = {each.path: each for each in dpkg.read(host).diversions}
    found = {}
    for path, digest in parse_sums(content, aliases(host)).items():
        diversion = diverted.get(path)
        found[diversion.to if diversion and diversion.package != package.package else path] = digest
    return found


def parse_sums(content: str, renamed: Mapping[str, str]) -> dict[str, str]:
    """Return the MD5 by path of an `md5sums` file; a line is `md5  usr/bin/x`."""
    found = {}
    for line in content.split("\n"):
        digest, _, name = line.partition("  ")
        if len(digest) == MD5_LENGTH and name:
            found[f"/{name.removeprefix('./')}"] = digest
    return dict(zip(paths_in("\n".join(found), renamed), found.values(), strict=True))


def unseen(folder: str, error: OSError) -> Iterator[Unseen]:
    """Yield that a directory was not looked at, unless it vanished meanwhile."""
    if error.errno == errno.EXDEV:
        yield Unseen(escaped(folder), "another file system or subvolume")
    elif error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        yield Unseen(escaped(folder), f"{error.strerror or error}: run with sudo")
