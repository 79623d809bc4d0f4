"""Which fonts did somebody add?

Source: fonts-conf(5), for where fontconfig looks besides the packages' places. Fonts that a posture can hold
come back as files, the first `MAX_CAPTURED_BYTES` of each place; of the others is told which they were.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import ClassVar

from collectors.collected import Cover, Loss
from collectors.domains.desktop.part import Part, joined
from collectors.domains.desktop.places import places
from collectors.domains.desktop.stores import all_stuff, source_of
from collectors.failure import Finding
from collectors.homes import Home, homes
from collectors.host import Entry, Host
from collectors.judgement.capture import (
    MAX_FILE_BYTES,
    MAX_HASHED_BYTES,
    Outcome,
    captured,
    content_of,
    judged,
    settings,
    unread,
    walk,
)
from collectors.reading.patterns import matches
from collectors.record import LeftOut, Thing, escaped, sha256

MAX_CAPTURED_BYTES = 8 * 1024 * 1024
# How the bytes of a font begin (TrueType, OpenType, collections, WOFF, Type 1): nothing in it is a password.
BEGINNINGS = (b"\0\1\0\0", b"OTTO", b"true", b"ttcf", b"wOFF", b"wOF2", b"\x80\1", b"%!PS-AdobeFont")
BESIDE = "laid beside a font, and no font"


class Font(Thing):
    """A font that is too large for a posture. `sha256` is "" for one of more than 64 MiB."""

    KIND: ClassVar[str] = "font"

    name: str
    size_bytes: int
    sha256: str = ""
    page: str = ""

    def item_name(self) -> str:
        """Return `~ada/.local/share/fonts/Fira.ttf`, or the path where it is everybody's."""
        return self.name

    def by_hand(self) -> str:
        """Return how its page is opened, where it has one."""
        return f"xdg-open {shlex.quote(self.page)}" if self.page else ""


def collect_fonts(host: Host) -> Part[Font]:
    """Return the fonts in each home, and those that are everybody's."""
    own = [each for each in places().fonts if not each.startswith("/")]
    all_users = [each for each in places().fonts if each.startswith("/")]
    parts = [_collected(host, home.within(folder), home) for home in homes(host) for folder in own]
    return joined((*parts, *(_collected(host, folder, None) for folder in all_users)))


def _collected(host: Host, folder: str, home: Home | None) -> Part[Font]:
    """Return the fonts of one place: its files as long as there is room, then the large ones."""
    top = host.look(folder)
    if top is None or not top.is_dir:
        return Part(outcomes=tuple(settings(host, folder)))
    seen = list(walk(host, folder, mine=True))
    odd = [each for each in seen if isinstance(each, Finding | LeftOut)]
    files = sorted(each for each in seen if isinstance(each, Entry) and not each.is_dir)
    fonts = [each for each in files if matches(each.path.lower(), places().font_names)]
    small = frozenset(_fitting(fonts))
    found = [(each, _font(host, each, home)) for each in fonts if each not in small]
    whole = [(each, font) for each, font in found if isinstance(font, Font)]
    kept = (outcome for each in sorted(small) for outcome in _kept(host, each))
    beside = sorted({*files} - {*fonts})
    return Part(
        things=tuple(font for _, font in whole),
        outcomes=(*odd, *kept),
        findings=tuple(font for _, font in found if isinstance(font, Finding)),
        covers=(
            *(Cover(each.path, BESIDE) for each in beside),
            *(Cover(each.path, font.item_id()) for each, font in whole if font.page),
        ),
        losses=tuple(_losses(each for each, font in whole if not font.page)),
    )


def _fitting(fonts: Iterable[Entry]) -> Iterator[Entry]:
    room = MAX_CAPTURED_BYTES
    for each in fonts:
        if each.size_bytes <= min(room, MAX_FILE_BYTES):
            room -= each.size_bytes
            yield each


def _kept(host: Host, entry: Entry) -> Iterator[Outcome]:
    """Yield what comes of a font that fits; what does not begin like one is searched for secrets."""
    content = content_of(host, entry.path) if entry.is_file else b""
    if isinstance(content, bytes) and content.startswith(BEGINNINGS):
        yield captured(host, entry, "file", "settings", content)
    else:
        yield from judged(host, entry, "settings", mine=True)


def _font(host: Host, entry: Entry, home: Home | None) -> Font | Finding:
    try:
        digest = sha256(host.read(entry.path)) if entry.size_bytes <= MAX_HASHED_BYTES else ""
    except OSError as error:
        return unread(entry.path, error)
    stuff = all_stuff(host).get(home.user, ()) if home else ()
    source = source_of(entry.path, stuff)
    return Font(
        name=escaped(home.name(entry.path) if home else entry.path),
        size_bytes=entry.size_bytes,
        sha256=digest,
        page=source.page if source else "",
    )


def _losses(fonts: Iterable[Entry]) -> Iterator[Loss]:
    """Yield a loss for each folder with fonts that nothing would bring back."""
    folders: dict[str, list[Entry]] = {}
    for each in fonts:
        folders.setdefault(each.path.rpartition("/")[0], []).append(each)
    for folder, inside in sorted(folders.items()):
        yield Loss(
            "uncovered",
            escaped(folder),
            f"fonts without a source that is known, too large for the posture: {len(inside)}",
            f"rclone copy {shlex.quote(escaped(folder))} CLOUD:fonts",
            size_bytes=sum(each.size_bytes for each in inside),
            files=len(inside),
            newest=max(each.mtime_ns for each in inside) // 10**9,
        )
