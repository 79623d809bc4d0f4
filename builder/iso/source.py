"""From where is an image read: a file, a device, a URL?

What lies behind a URL is read by parts (RFC 9110, section 14): aligned blocks, of which some are kept, and
the more at once the longer it is read straight on.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException, InvalidURL
from io import BufferedReader, FileIO, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request, urlopen

from collectors.failure import Failure

SCHEMES = ("http://", "https://")
BLOCK_BYTES = 64 * 2**10
KEPT_BLOCKS = 128
MOST_BLOCKS_AT_ONCE = 16
TIMEOUT_SECONDS = 30
ATTEMPTS = 3
PAUSE_SECONDS = 1.0
# What a server says that may be right the next time.
PASSING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, 500, 502, 503, 504})
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
DOWNLOAD = "download it, and name the file"
READABLE = "run with sudo, or name an image that you may read"


@dataclass(frozen=True)
class Url:
    """An address; what is secret in it, or may be, is not in its text."""

    address: str

    def __str__(self) -> str:
        parts = urlsplit(self.address)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


Place = Path | Url


def place_of(word: str) -> Place:
    """Return what a person means by a word: `https://…` is a URL, all else a path; raises Failure."""
    if not word.lower().startswith(SCHEMES):
        return Path(word)
    try:
        urlsplit(word).port  # noqa: B018 - it is parsed when it is asked for
    except ValueError as error:
        raise Failure(f"not an address: {error}", remedy="check it") from None
    return Url(word)


@contextmanager
def reading(place: Place) -> Iterator[BinaryIO]:
    """Yield what is at `place` as bytes that can be sought in; its end is where its size says.

    Raises Failure where there is none, or it cannot be read; so does reading on.
    """
    raw = _Remote(place) if isinstance(place, Url) else _local(place)
    with BufferedReader(raw) as stream:
        yield stream


def _local(path: Path) -> _Local:
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            kind = "a directory" if stat.S_ISDIR(mode) else "neither a file nor a disk"
            raise Failure(f"{path} is {kind}", remedy="name an ISO file, a stick or a URL")
        return _Local(path)
    except FileNotFoundError:
        raise Failure(f"{path}: no such file", remedy="name an existing ISO") from None
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}", remedy=READABLE) from None


class _Local(FileIO):
    """A file or a device: one that is bad says so in one line."""

    def readinto(self, buffer: Any, /) -> int | None:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise Failure(f"{self.name}: {error.strerror}", remedy="try another stick or copy") from None


@dataclass(frozen=True)
class _State:
    """What must stay the same of a file while it is read by parts."""

    size_bytes: int
    version: str


class _Remote(RawIOBase):
    """What lies behind a URL; raises Failure."""

    mode = "rb"

    def __init__(self, url: Url) -> None:
        super().__init__()
        self._url, self._at = url, 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next, self._at_once = 0, 1
        self._state: _State | None = None
        if urlsplit(url.address).username is not None:
            raise Failure(f"{url}: names and passwords in a URL are not sent", remedy=DOWNLOAD)
        self._load(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        number, within = divmod(self._at, BLOCK_BYTES)
        if self._at >= self._size:
            return 0
        part = self._block(number)[within : within + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    @property
    def _size(self) -> int:
        return self._state.size_bytes if self._state else 0

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            self._load(number)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _load(self, number: int) -> None:
        """Ask for a block, and for some after it where the one before it was asked for last."""
        straight_on = number == self._next
        self._at_once = min(2 * self._at_once, MOST_BLOCKS_AT_ONCE) if straight_on else 1
        start, stop = number * BLOCK_BYTES, (number + self._at_once) * BLOCK_BYTES
        got = self._asked(start, min(stop, self._size) if self._state else stop)
        for at in range(0, len(got), BLOCK_BYTES):
            self._blocks[number + at // BLOCK_BYTES] = got[at : at + BLOCK_BYTES]
        self._next = number + self._at_once
        while len(self._blocks) > KEPT_BLOCKS:
            self._blocks.popitem(last=False)

    def _asked(self, start: int, stop: int) -> bytes:
        said = ""
        for attempt in range(ATTEMPTS):
            time.sleep(attempt * PAUSE_SECONDS)
            try:
                return self._ask(start, stop)
            except HTTPError as error:
                error.close()
                said = f"the server says {error.code} {error.reason}"
                if error.code not in PASSING:
                    break
            except (InvalidURL, ValueError):
                raise Failure(f"{self._url}: not an address", remedy="check it") from None
            except (OSError, HTTPException) as error:
                said = _said(error)
        raise Failure(f"{self._url}: {said}", remedy="check the address and the network")

    def _ask(self, start: int, stop: int) -> bytes:
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        request = Request(self._url.address, headers=headers)  # noqa: S310 - http or https: place_of
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            if answer.status != HTTPStatus.PARTIAL_CONTENT:
                raise Failure(f"{self._url}: the server gives it as a whole only", remedy=DOWNLOAD)
            expected = self._expected(answer.headers, start, stop)
            got: bytes = answer.read()
        if len(got) != expected:
            raise HTTPException("the connection was cut")
        return got

    def _expected(self, headers: Message, start: int, stop: int) -> int:
        """Return how many bytes follow the `headers`; raises Failure where they are of something else."""
        found = CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        first, last, size = map(int, found.groups()) if found else (-1, -1, -1)
        if first != start or last != min(stop, size) - 1:
            raise Failure(f"{self._url}: the server gives other parts than asked for", remedy=DOWNLOAD)
        state = _State(size, headers.get("ETag", headers.get("Last-Modified", "")))
        if self._state not in (None, state):
            raise Failure(f"{self._url}: it was replaced while it was read", remedy="try again")
        self._state = state
        return last + 1 - first


def _said(error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    return (reason.strerror if isinstance(reason, OSError) else "") or str(reason) or type(reason).__name__
