"""How does QEMU get a stick that lies? Over NBD, from this process.

The protocol: github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md (fixed newstyle, simple replies).
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.sticks import Stick

IHAVEOPT, OPTION_REPLY, REQUEST, REPLY = b"IHAVEOPT", 0x3E889045565A9, 0x25609513, 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
ABORT, GO = 2, 7
ACK, INFO, UNSUPPORTED = 1, 3, 2**31 + 1
HAS_FLAGS, SEND_FLUSH = 1, 4
READ, WRITE, DISCONNECT, FLUSH = range(4)


class Served:
    """A stick that is served; `paused` is set once it was written that many bytes, and then it waits."""

    def __init__(self, stick: Stick, socket_path: Path, pause_after: int | None) -> None:
        self.stick, self.socket_path = stick, socket_path
        self.paused, self.go_on = threading.Event(), threading.Event()
        self._pause_after = pause_after

    def serve(self, connection: socket.socket) -> None:
        with connection, suppress(ConnectionError):
            _shake_hands(connection, self.stick.size_bytes)
            while self._answer(connection):
                pass

    def _answer(self, connection: socket.socket) -> bool:
        _, _, kind, handle, offset, size = struct.unpack(">IHHQQI", _received(connection, 28))
        if kind == DISCONNECT:
            return False
        block = self.stick.read(offset, size) if kind == READ else b""
        if kind == WRITE:
            self.stick.write(offset, _received(connection, size))
            self._pause()
        elif kind == FLUSH:
            self.stick.flush()
        connection.sendall(struct.pack(">IIQ", REPLY, 0, handle) + block)
        return True

    def _pause(self) -> None:
        if self._pause_after is not None and self.stick.written_bytes >= self._pause_after:
            self.paused.set()
            self.go_on.wait()


@contextmanager
def served(stick: Stick, socket_path: Path, *, pause_after: int | None = None) -> Iterator[Served]:
    """Serve a stick on a socket, until the client has gone or the context ends."""
    serving = Served(stick, socket_path, pause_after)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(socket_path))
        listening.listen()

        def accept() -> None:
            with suppress(OSError):  # it was closed
                serving.serve(listening.accept()[0])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield serving
        finally:
            serving.go_on.set()


def _shake_hands(connection: socket.socket, size_bytes: int) -> None:
    connection.sendall(b"NBDMAGIC" + IHAVEOPT + struct.pack(">H", FIXED_NEWSTYLE | NO_ZEROES))
    _received(connection, 4)
    while True:
        magic, option, length = struct.unpack(">8sII", _received(connection, 16))
        assert magic == IHAVEOPT
        _received(connection, length)
        if option == GO:
            export = struct.pack(">HQH", 0, size_bytes, HAS_FLAGS | SEND_FLUSH)
            _reply(connection, option, INFO, export)
            _reply(connection, option, ACK)
            return
        _reply(connection, option, ACK if option == ABORT else UNSUPPORTED)


def _reply(connection: socket.socket, option: int, kind: int, data: bytes = b"") -> None:
    connection.sendall(struct.pack(">QIII", OPTION_REPLY, option, kind, len(data)) + data)


def _received(connection: socket.socket, size_bytes: int) -> bytes:
    """Return that many bytes; raises ConnectionError where the client has gone."""
    content = bytearray()
    while len(content) < size_bytes:
        block = connection.recv(size_bytes - len(content))
        if not block:
            raise ConnectionError
        content += block
    return bytes(content)
