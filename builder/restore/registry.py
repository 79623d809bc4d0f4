"""How does npm install from the pool: who answers it as a registry?

A server on the loopback answers for as long as a restore lasts: a package's document is made of the tarballs
that lie in its folder, `semver/7.5.0.tgz`. Source: npm's registry API ("package metadata").
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from builder.pool.tarball import read_tarball
from collectors.failure import Failure

PATH = re.compile(r"/(?P<name>(?:@[\w~-][\w.~-]*/)?[\w~-][\w.~-]*)(?:/-/(?P<file>\d[\w.+-]*\.tgz))?")
NUMBERS = re.compile(r"\d+")


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Serve the tarballs below `folder`, and yield the address of the registry, `http://127.0.0.1:40123/`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, folder)) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    """Answers for the packages in `folder`."""

    def __init__(self, folder: Path, *words: Any) -> None:
        self.folder = folder
        super().__init__(*words)

    def do_GET(self) -> None:
        """Send a package's document or a tarball."""
        found = PATH.fullmatch(unquote(self.path.partition("?")[0]))
        content = self.answer(found["name"], found["file"]) if found else b""
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content)))
        self.send_header(
            "Content-Type", "application/octet-stream" if found and found["file"] else "application/json"
        )
        self.end_headers()
        self.wfile.write(content)

    def answer(self, name: str, file: str | None) -> bytes:
        """Return what is asked for, nothing where it is not in the pool."""
        try:
            if file:
                return (self.folder / name / file).read_bytes()
            return document(self.folder, name, f"http://{self.headers['Host']}/")
        except (FileNotFoundError, NotADirectoryError, Failure):
            return b""

    def log_message(self, format: str, *words: Any) -> None:
        """Say nothing: npm tells what went wrong."""


def document(folder: Path, name: str, address: str) -> bytes:
    """Return what a registry says of a package, as JSON; raises Failure where it has none."""
    tarballs = sorted((folder / name).glob("*.tgz"), key=lambda path: _order(path.stem))
    if not tarballs:
        raise Failure(f"{name} is not in the pool", remedy="build again with --offline")
    versions = {path.stem: _version(path, f"{address}{name}/-/{path.name}") for path in tarballs}
    return json.dumps(
        {"name": name, "dist-tags": {"latest": tarballs[-1].stem}, "versions": versions}
    ).encode()


def _version(path: Path, address: str) -> dict[str, Any]:
    tarball, content = read_tarball(path), path.read_bytes()
    integrity = base64.b64encode(hashlib.sha512(content).digest()).decode()
    dist = {"tarball": address, "integrity": f"sha512-{integrity}"}
    return {**tarball.manifest, "version": path.stem, "dist": dist, "hasInstallScript": tarball.scripted}


def _order(version: str) -> tuple[bool, list[int]]:
    """Order versions by their numbers, all that are `1.0.0-beta` before any that is released."""
    return "-" not in version, [int(number) for number in NUMBERS.findall(version)]
