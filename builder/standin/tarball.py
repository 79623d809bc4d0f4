"""What does a root's tar hold, and what did a second one add to it?"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

_BLOCK_BYTES = 1 << 20
Keep = Callable[[str], bool]


def name_of(member: tarfile.TarInfo) -> str:
    """Return a member's path without the leading `./`: `usr/bin/perl`; the root is `` (empty)."""
    return member.name.removeprefix(".").removeprefix("/")


def extract(archive: Path, wanted: Callable[[str], Path | None]) -> list[Path]:
    """Write each regular file for whose name `wanted` returns a place; return the places."""
    places = []
    with tarfile.open(archive) as tar:
        for member in tar:
            place = wanted(name_of(member)) if member.isreg() else None
            source = tar.extractfile(member) if place else None
            if place and source:
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("wb") as output:
                    while block := source.read(_BLOCK_BYTES):
                        output.write(block)
                places.append(place)
    return places


def content(archive: Path, name: str) -> str:
    """Return the text of one regular file."""
    with tarfile.open(archive) as tar:
        source = tar.extractfile(f"./{name}")
        return source.read().decode() if source else ""


def write_difference(lower: Path, upper: Path, output: Path, keep: Keep) -> None:
    """Write a tar of what `upper` has beyond or unlike `lower`, with whiteouts of what it lacks.

    Only names that `keep` says yes to are written. The result stacks on `lower` by overlayfs to give `upper`.
    """
    below, above = _described(lower), _described(upper)
    changed = {name for name, said in above.items() if below.get(name) != said and keep(name)}
    whited = {name for name in below.keys() - above.keys() if keep(name)}
    wanted = changed | {str(parent) for name in changed | whited for parent in PurePosixPath(name).parents}
    with tarfile.open(upper) as source, tarfile.open(output, "w", format=tarfile.PAX_FORMAT) as tar:
        for member in source:
            if name_of(member) in wanted:
                _copy(source, member, tar, wanted)
        for name in sorted(whited):
            tar.addfile(_whiteout(name))


def write_overlay(tree: Mapping[str, bytes], output: Path, epoch: int) -> None:
    """Write a tar of root's files (path without leading slash to content); what starts with `#!` runs."""
    with tarfile.open(output, "w", format=tarfile.PAX_FORMAT) as tar:
        for folder in sorted(_folders(tree)):
            tar.addfile(_entry(folder, tarfile.DIRTYPE, 0o755, epoch))
        for name, data in sorted(tree.items()):
            mode = 0o755 if data.startswith(b"#!") else 0o644
            entry = _entry(name, tarfile.REGTYPE, mode, epoch)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def _copy(
    source: tarfile.TarFile, member: tarfile.TarInfo, output: tarfile.TarFile, present: set[str]
) -> None:
    """Copy one member; a hard link to a file that is not present becomes that file."""
    if member.islnk() and member.linkname.removeprefix("./") not in present:
        linked = source.getmember(member.linkname)
        member.type, member.linkname, member.size = tarfile.REGTYPE, "", linked.size
        output.addfile(member, source.extractfile(linked))
    else:
        output.addfile(member, source.extractfile(member) if member.isreg() else None)


def _folders(names: Iterable[str]) -> set[str]:
    return {str(parent) for name in names for parent in PurePosixPath(name).parents} - {"."}


def _described(archive: Path) -> dict[str, tuple[object, ...]]:
    with tarfile.open(archive) as tar:
        return {name_of(member): _description(tar, member) for member in tar}


def _description(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[object, ...]:
    xattrs = sorted(item for item in member.pax_headers.items() if item[0].startswith("SCHILY.xattr."))
    return (
        *(member.type, member.mode, member.uid, member.gid, member.size, member.linkname),
        *(member.devmajor, member.devminor, *xattrs),
        _digest(tar, member) if member.isreg() else b"",
    )


def _digest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for block in _blocks(tar, member):
        digest.update(block)
    return digest.digest()


def _blocks(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    source = tar.extractfile(member)
    while source and (block := source.read(_BLOCK_BYTES)):
        yield block


def _entry(name: str, kind: bytes, mode: int, epoch: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(f"./{name}")
    entry.type, entry.mode, entry.mtime = kind, mode, epoch
    return entry


def _whiteout(name: str) -> tarfile.TarInfo:
    """Overlayfs hides what a character device 0:0 stands for."""
    return _entry(name, tarfile.CHRTYPE, 0, 0)
