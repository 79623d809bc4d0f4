"""How does a file come over HTTP, and go on where it stopped?"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse
from io import BufferedRandom
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from builder import VERSION
from builder.tools import require
from collectors.failure import Failure

Say = Callable[[str], None]
# Called with how many bytes are there, and of how many (None: the server does not say).
Moved = Callable[[int, int | None], None]

TIMEOUT_SECONDS = 60
BLOCK_BYTES = 2**18
SMALL_BYTES = 2**20
# How long to wait before each new try while nothing comes.
PAUSES_SECONDS = (1.0, 5.0, 15.0, 30.0)
CUT = "the connection was cut"
GONE, BEYOND_THE_END, BUSY = (404, 410), 416, (408, 429, 500, 502, 503, 504)
CONNECT = "connect this machine to the network, or use another mirror"


class Missing(Failure):
    """The server is there, and has no such file."""


class Unreachable(Failure):
    """Nothing comes from the server."""


class _Cut(Exception):  # noqa: N818 - the connection was
    """It stopped for a reason that may pass."""


def small(url: str) -> bytes:
    """Return a text file of at most 1 MiB; raises Missing, Unreachable, Failure."""
    try:
        with _opened(url) as response:
            text = response.read(SMALL_BYTES)
            if len(text) < min(_length(response), SMALL_BYTES):
                raise _Cut(CUT)
            return text
    except (_Cut, OSError, HTTPException) as error:
        raise Unreachable(f"{url}: {_reason(error)}", remedy=CONNECT) from None


def download(url: str, part: Path, *, say: Say, moved: Moved) -> str:
    """Bring the file `part` to all that `url` has, and return its SHA-256 in hex.

    What is in it already is not asked for again. That it is the beginning of this very file the caller knows
    (its name has the signed hash), and the hash that is returned tells. A connection that is cut is taken up
    again as long as something comes. Raises Missing, and Failure: what came stays for the next run.
    """
    with part.open("ab+") as file:
        growing = _Growing(file)
        furthest, pauses = growing.size_bytes, iter(PAUSES_SECONDS)
        while True:
            try:
                _receive(url, growing, say, moved)
                break
            except _Cut as cut:
                if growing.size_bytes > furthest:
                    furthest, pauses = growing.size_bytes, iter(PAUSES_SECONDS)
                else:
                    _wait(url, pauses, str(cut), growing.size_bytes)
                say(f"{cut}: going on at {growing.size_bytes / 1e6:.1f} MB")
        file.flush()
        os.fsync(file.fileno())
        return growing.digest.hexdigest()


class _Growing:
    """A file at whose end is written, with the hash of all that is in it."""

    def __init__(self, file: BufferedRandom) -> None:
        self.file = file
        file.seek(0)
        self.digest = hashlib.file_digest(file, "sha256")
        self.size_bytes = file.seek(0, os.SEEK_END)

    def append(self, block: bytes) -> None:
        self.file.write(block)
        self.digest.update(block)
        self.size_bytes += len(block)

    def empty(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.digest, self.size_bytes = hashlib.sha256(), 0


def _receive(url: str, growing: _Growing, say: Say, moved: Moved) -> None:
    """Append what is missing; raises _Cut where it is not all."""
    try:
        response = _opened(url, growing.size_bytes)
    except _BeyondTheEnd:
        return
    with response:
        if growing.size_bytes and response.status != 206:
            say("the server cannot go on in the middle of a file: starting anew")
            growing.empty()
        _refuse_other_range(url, response, growing.size_bytes)
        length = _length(response)
        total = growing.size_bytes + length if length else None
        require(space_bytes={Path(growing.file.name).parent: length})
        while block := _read(response):
            growing.append(block)
            moved(growing.size_bytes, total)
    if total and growing.size_bytes < total:
        raise _Cut(CUT)


class _BeyondTheEnd(Exception):  # noqa: N818 - a place, not an error
    """There is nothing more than what is here."""


def _opened(url: str, start: int = 0) -> HTTPResponse:
    """Ask for a file from byte `start` on; raises _Cut, _BeyondTheEnd, Missing, Failure."""
    headers = {"User-Agent": f"rekindle/{VERSION}", **({"Range": f"bytes={start}-"} if start else {})}
    if not re.match(r"https?://", url):
        raise Failure(f"{url}: not an address", remedy="give one that begins with https:// or http://")
    try:
        response: HTTPResponse = urlopen(  # noqa: S310 - the scheme was looked at
            Request(url, headers=headers),  # noqa: S310
            timeout=TIMEOUT_SECONDS,
        )
        return response
    except HTTPError as error:
        error.close()
        if error.code == BEYOND_THE_END and start:
            raise _BeyondTheEnd from None
        if error.code in GONE:
            raise Missing(f"{url} is not there (HTTP {error.code})", remedy="name another release") from None
        if error.code in BUSY:
            raise _Cut(f"HTTP {error.code}") from None
        raise Failure(f"{url}: HTTP {error.code} {error.reason}", remedy="use another mirror") from None
    except (OSError, HTTPException) as error:
        raise _Cut(_reason(error)) from None


def _length(response: HTTPResponse) -> int:
    """Return how many bytes are announced, 0 where none are."""
    return int(response.headers.get("Content-Length") or 0)


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read(BLOCK_BYTES)
    except (OSError, HTTPException) as error:
        raise _Cut(_reason(error)) from None


def _refuse_other_range(url: str, response: HTTPResponse, start: int) -> None:
    said = response.headers.get("Content-Range", "")
    if start and not said.startswith(f"bytes {start}-"):
        raise Failure(f"{url}: asked from byte {start} on, got {said!r}", remedy="use another mirror")


def _wait(url: str, pauses: Iterator[float], reason: str, size_bytes: int) -> None:
    pause = next(pauses, None)
    if pause is None:
        kept = f"; {size_bytes / 1e6:.1f} MB are here, and the next run goes on there" if size_bytes else ""
        raise Unreachable(f"{url}: {reason}", remedy=f"{CONNECT}{kept}")
    time.sleep(pause)


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
