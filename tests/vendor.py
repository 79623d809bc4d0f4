"""A vendor for the tests: keys of GnuPG made on the spot, and a download server that can misbehave."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from builder.base.vendor import SIGNATURE, SUMS, Signer
from collectors.command import output, run

LONG_AGO, A_WEEK_LATER = "20200101T000000!", "20200108T000000!"


@dataclass(frozen=True)
class Key:
    """A key in `home` that signs; `fingerprint` is its primary's."""

    home: Path
    fingerprint: str
    when: str = ""

    @cache  # noqa: B019 - a module's keys and a few texts
    def sign(self, text: bytes, how: str = "--detach-sign") -> bytes:
        when = ["--faked-system-time", self.when] if self.when else []
        return output([*gpg(self.home), *when, "--local-user", self.fingerprint, how], stdin=text)


def gpg(home: Path) -> list[str]:
    return ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", ""]


def make_key(home: Path, name: str, *, when: str = "", subkey: bool = False) -> Key:
    """Make a key; one made `when` has expired a month later, one with a `subkey` signs with that."""
    faked = ["--faked-system-time", when] if when else []
    usage = "cert" if subkey else "cert,sign"
    expires = "30d" if when else "0"
    made = [*gpg(home), *faked, "--status-fd", "1", "--quick-gen-key", name, "ed25519", usage, expires]
    fingerprint = re.search(r"KEY_CREATED \S ([0-9A-F]{40})", run(made))[1]
    if subkey:
        run([*gpg(home), "--quick-add-key", fingerprint, "ed25519", "sign", "0"])
    return Key(home, fingerprint, when and A_WEEK_LATER)


@dataclass(frozen=True)
class Keys:
    """The vendor's key, one that signs by a subkey, one that has expired, one of somebody else."""

    vendor: Key
    by_subkey: Key
    expired: Key
    stranger: Key

    def signer(self, key: Key | None = None, *, knows: tuple[Key, ...] = ()) -> Signer:
        """Return who trusts `key` (the vendor's), with a keyring that has it and those of `knows`."""
        trusted = key or self.vendor
        names = [each.fingerprint for each in (trusted, *knows)]
        ring = trusted.home / f"{'-'.join(name[:8] for name in names)}.gpg"
        ring.write_bytes(output([*gpg(trusted.home), "--export", *names]))
        return Signer(trusted.fingerprint, ring)


@contextmanager
def keys(home: Path) -> Iterator[Keys]:
    home.chmod(0o700)
    try:
        yield Keys(
            vendor=make_key(home, "vendor"),
            by_subkey=make_key(home, "by subkey", subkey=True),
            expired=make_key(home, "expired", when=LONG_AGO),
            stranger=make_key(home, "stranger"),
        )
    finally:
        run(["gpgconf", "--homedir", home, "--kill", "all"])


def sums_of(files: Mapping[str, bytes]) -> bytes:
    """Return `SHA256SUMS` of files by their names."""
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()} *{name}\n" for name in sorted(files)).encode()


@dataclass
class Server:
    """A server of files by their paths.

    `asked` has each request, path and Range. `cuts` says after how many bytes each of the next answers of an
    ISO ends; `busy` how many of them are refused for now; `ranges` whether it can begin in the middle. Of the
    file `broken` half comes.
    """

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    busy: int = 0
    broken: str = ""
    ranges: bool = True

    def release(self, folder: str, files: Mapping[str, bytes], key: Key) -> None:
        """Put ISOs into `folder` (`/24.04`), with sums that `key` signed."""
        sums = sums_of(files)
        self.files |= {f"{folder}/{name}": content for name, content in files.items()}
        self.files |= {f"{folder}/{SUMS}": sums, f"{folder}/{SIGNATURE}": key.sign(sums)}

    def isos_asked(self) -> list[tuple[str, str | None]]:
        return [each for each in self.asked if each[0].endswith(".iso")]


class _Answer(BaseHTTPRequestHandler):
    def __init__(self, server: Server, *args: object) -> None:
        self.told = server
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        self.told.asked.append((self.path, wanted))
        content, iso = self.told.files.get(self.path), self.path.endswith(".iso")
        if content is None:
            self.send_error(404)
        elif iso and self.told.busy:
            self.told.busy -= 1
            self.send_error(503)
        else:
            start = int(wanted[6:-1]) if wanted and self.told.ranges else 0
            cut = self.told.cuts.pop(0) if iso and self.told.cuts else None
            if self.path == self.told.broken:
                cut = len(content) // 2
            self._send(content, start, cut)

    def _send(self, content: bytes, start: int, cut: int | None) -> None:
        if start and start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        with suppress(ConnectionError):  # whoever asked may have had enough
            self.wfile.write(content[start:][:cut])

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    server = Server("")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answer, server)) as http:
        server.address = f"http://127.0.0.1:{http.server_port}"
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
