"""Which AppImages are there, and where does a newer one come from?

Sources: the AppImage specification (the magic at offset 8, the ELF section `.upd_info`). An image is known by
its name and size: to hash gigabytes each week would tell no more that a restore could use, for what comes
back is the latest release.
"""

from __future__ import annotations

import re
import shlex
import struct
from collections.abc import Iterator
from typing import ClassVar

from collectors.collected import Cover, Loss
from collectors.domains.programs.catalogue import (
    KnownAppImage,
    catalogue,
    command_for_recipe,
    latest,
    yaml_word,
)
from collectors.domains.programs.installed import by_user
from collectors.domains.programs.places import Scope, packaged, scopes
from collectors.host import Entry, Host
from collectors.reading.looking import Outcome
from collectors.reading.patterns import matches
from collectors.record import AtPath, escaped

FOLDERS = (
    "Applications", "AppImages", ".local/bin", "bin", "Downloads", "Desktop", "/opt", "/opt/appimages",
    "/usr/local/bin",
)  # fmt: skip
ELF = b"\x7fELF"
UNKNOWN = "an AppImage that does not tell where it comes from: a person must get it"
HEAD_BYTES = 1024 * 1024
MAX_SECTIONS = 200
SECTION_BYTES = 64


class AppImage(AtPath):
    """A program in one file; `source` is its update information, `gh-releases-zsync|a|b|latest|x*.zsync`."""

    KIND: ClassVar[str] = "appimage"
    FREE: ClassVar[frozenset[str]] = frozenset({"size_bytes", "source"})

    name: str
    user: str = ""
    size_bytes: int = 0
    source: str = ""

    def item_name(self) -> str:
        """Return `~ada/Applications/x.AppImage`, or the path."""
        return self.name

    def by_hand(self) -> str:
        """Return the command that fetches its latest release."""
        url = url_of(self.source)
        if not url:
            return ""
        path = shlex.quote(self.path)
        return by_user(self.user, f"curl -fL --create-dirs -o {path} {url} && chmod +x {path}")


def appimages(host: Host) -> Iterator[Outcome]:
    """Yield the AppImages at their usual places, and the losses of those of unknown origin."""
    known = catalogue(host)[0].appimages
    for scope in scopes(host):
        for folder in scope.paths(FOLDERS):
            for entry in _entries(host, folder):
                yield from _appimage(host, scope, entry, known)


def _appimage(host: Host, scope: Scope, entry: Entry, known: tuple[KnownAppImage, ...]) -> Iterator[Outcome]:
    executable = entry.is_file and entry.mode & 0o111
    head = head_of(host, entry.path) if executable and entry.path not in packaged(host) else b""
    if not is_appimage(head):
        return
    name = entry.path.rpartition("/")[2]
    listed = (each.source for each in known if matches(name, each.names))
    source = parse_update_information(host.part(entry.path, 0, HEAD_BYTES)) or next(listed, "")
    image = AppImage(
        path=escaped(entry.path),
        name=escaped(scope.name(entry.path)),
        user=scope.user,
        size_bytes=entry.size_bytes,
        source=source,
        bound="" if url_of(source) else UNKNOWN,
    )
    yield image
    yield Cover(entry.path, image.item_id()) if url_of(source) else _loss(entry)


def _loss(entry: Entry) -> Loss:
    name = entry.path.rpartition("/")[2]
    body = f"appimages: [{{names: [{yaml_word(name)}], source: 'zsync|https://ITS-ADDRESS.zsync'}}]"
    return Loss(
        "no-recipe",
        escaped(entry.path),
        UNKNOWN,
        command_for_recipe(name, body),
        size_bytes=entry.size_bytes,
        files=1,
        newest=entry.mtime_ns // 10**9,
    )


def head_of(host: Host, path: str) -> bytes:
    """Return the first 16 bytes of a file; none of one that cannot be read."""
    try:
        return host.part(path, 0, 16)
    except OSError:
        return b""


def is_appimage(head: bytes) -> bool:
    r"""Tell whether a file begins as an AppImage does: ELF, with `AI\1` or `AI\2` at offset 8."""
    return head.startswith(ELF) and head[8:11] in (b"AI\x01", b"AI\x02")


def parse_update_information(image: bytes) -> str:
    """Return what the section `.upd_info` of a 64-bit ELF says, "" where there is none in these bytes."""
    if len(image) < SECTION_BYTES or image[:6] != ELF + b"\x02\x01":
        return ""
    (table,) = struct.unpack_from("<Q", image, 40)
    count, names = struct.unpack_from("<HH", image, 60)
    headers = [_header(image, table + number * SECTION_BYTES) for number in range(min(count, MAX_SECTIONS))]
    if names >= len(headers):
        return ""
    strings = headers[names][1]
    for name, offset, size in headers:
        if image[strings + name :][:10] == b".upd_info\0":
            told = image[offset : offset + min(size, 4096)].partition(b"\0")[0]
            return escaped(told.decode(errors="surrogateescape").strip())
    return ""


def _header(image: bytes, at: int) -> tuple[int, int, int]:
    """Return the offset of the name, and the offset and size of a section; zeros where it is not here."""
    if at + SECTION_BYTES > len(image):
        return 0, len(image), 0
    (name,) = struct.unpack_from("<I", image, at)
    offset, size = struct.unpack_from("<QQ", image, at + 24)
    return name, offset, size


def url_of(source: str) -> str:
    """Return the shell words for the address that update information leads to, "" where it is unknown."""
    words = source.split("|")
    if words[0] == "zsync" and len(words) == 2 and words[1].startswith("https://"):
        return shlex.quote(words[1].removesuffix(".zsync"))
    if words[0] == "gh-releases-zsync" and len(words) == 5:
        _, owner, repository, _, glob = words
        safe = all(re.fullmatch(r"[A-Za-z0-9._-]+", word) for word in (owner, repository))
        if safe and re.fullmatch(r"[A-Za-z0-9._*+-]+", glob):
            expression = glob.removesuffix(".zsync").replace(".", "[.]").replace("*", '[^"/]*')
            return latest(f"{owner}/{repository}", expression)
    return ""


def _entries(host: Host, folder: str) -> tuple[Entry, ...]:
    try:
        return host.entries(folder)
    except OSError:
        return ()
