"""What is in a package's archive?

Source: deb(5): an ar(5) archive with a member `data.tar`, packed with one of several programs.
"""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Collection, Iterator
from io import BytesIO

from collectors.failure import Failure
from collectors.host import Host

MAGIC = b"!<arch>\n"
HEADER_BYTES = 60
END_OF_HEADER = b"`\n"
MAX_ARCHIVE_BYTES = 16 * 1024 * 1024
MAX_MEMBER_BYTES = 1024 * 1024
# What the standard library unpacks.
STREAMS = ("data.tar", "data.tar.gz", "data.tar.xz", "data.tar.bz2")
BROKEN = (OSError, EOFError, ValueError, tarfile.TarError, lzma.LZMAError, zlib.error, Failure)


def files_in(host: Host, archive: str, wanted: Collection[str]) -> dict[str, bytes]:
    """Return the content of the `wanted` files, `/etc/x`, that are in the archive at `archive`.

    An archive that is broken, or too large to be worth it, has none.
    """
    entry = host.look(archive)
    if entry is None or not entry.is_file or entry.size_bytes > MAX_ARCHIVE_BYTES:
        return {}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=_tar(host, archive), mode="r|*") as tar:
            for path, content in _members(tar, frozenset(wanted)):
                found[path] = content
                if len(found) == len(wanted):
                    break
    except BROKEN:
        return found
    return found


def members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each member of an ar archive; raises ValueError where it is none."""
    if not content.startswith(MAGIC):
        raise ValueError("not an ar archive")
    place = len(MAGIC)
    while place < len(content):
        header = content[place : place + HEADER_BYTES]
        if len(header) < HEADER_BYTES or header[58:] != END_OF_HEADER:
            raise ValueError("a broken header in an ar archive")
        size, place = int(header[48:58]), place + HEADER_BYTES
        if not 0 <= size <= len(content) - place:
            raise ValueError("an ar archive that was cut short")
        yield header[:16].decode("latin-1").rstrip().rstrip("/"), content[place : place + size]
        place += size + size % 2


def _tar(host: Host, archive: str) -> BytesIO:
    """Return the tar; what the standard library cannot unpack, dpkg-deb does."""
    for name, content in members(host.read(archive)):
        if name in STREAMS:
            return BytesIO(content)
    return BytesIO(host.examined(["dpkg-deb", "--fsys-tarfile", "{}"], archive, env={}))


def _members(tar: tarfile.TarFile, wanted: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    for member in tar:
        path = f"/{member.name.removeprefix('./').lstrip('/')}"
        if path in wanted and member.isreg() and member.size <= MAX_MEMBER_BYTES:
            file = tar.extractfile(member)
            if file is not None:
                yield path, file.read()
