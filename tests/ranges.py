"""A server that gives parts of one file, keeps account of what it sent, and can misbehave."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@dataclass
class Ranges:
    """`sent` has the first and the last byte of each part, and `asked` counts all requests.

    `says` are the states of the next answers instead of a part; `tags` their ETags, the last one from then
    on; `cuts` after how many bytes the next parts end; `wholes` serves no parts; `strays` other parts.
    """

    url: str
    file: Path
    sent: list[tuple[int, int]] = field(default_factory=list)
    asked: int = 0
    says: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=lambda: ['"one"'])
    cuts: list[int] = field(default_factory=list)
    wholes: bool = False
    strays: bool = False

    def sent_bytes(self) -> int:
        return sum(last + 1 - first for first, last in self.sent)


class _Answer(BaseHTTPRequestHandler):
    def __init__(self, told: Ranges, *args: object) -> None:
        self.told = told
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        told = self.told
        told.asked += 1
        if told.says:
            self.send_error(told.says.pop(0))
        elif told.wholes:
            self.send_response(200)
            self.send_header("Content-Length", str(told.file.stat().st_size))
            self.end_headers()
        else:
            first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups())
            self._send(first + told.strays, min(last, told.file.stat().st_size - 1))

    def _send(self, first: int, last: int) -> None:
        told = self.told
        told.sent.append((first, last))
        with told.file.open("rb") as file:
            file.seek(first)
            part = file.read(last + 1 - first)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{told.file.stat().st_size}")
        cut = told.cuts.pop(0) if told.cuts else None
        if cut is None:  # a server need not tell a length, and then a part may end early unnoticed
            self.send_header("Content-Length", str(len(part)))
        self.send_header("ETag", told.tags.pop(0) if len(told.tags) > 1 else told.tags[0])
        self.end_headers()
        self.wfile.write(part[:cut])

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def ranges(file: Path) -> Iterator[Ranges]:
    told = Ranges("", file)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answer, told)) as http:
        told.url = f"http://127.0.0.1:{http.server_port}/{file.name}"
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield told
        finally:
            http.shutdown()
            thread.join()
