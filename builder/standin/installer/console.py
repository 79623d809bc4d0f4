"""How does the installer speak with whoever watches, on the screen and on the serial line?"""

from __future__ import annotations

import os
import select
import time
from contextlib import suppress
from pathlib import Path

CONSOLES = ("/dev/tty1", "/dev/ttyS0")
LOG = Path("/var/log/installer/standin.log")


def say(text: str) -> None:
    """Write lines for a person to both consoles and to the log; a console that is not there is no matter."""
    note(text)
    for console in CONSOLES:
        with suppress(OSError):
            descriptor = os.open(console, os.O_WRONLY | os.O_NOCTTY)
            try:
                os.write(descriptor, f"{text}\n".encode(errors="backslashreplace"))
            finally:
                os.close(descriptor)


def milestone(text: str) -> None:
    """Say `standin: <text>`: what a test watches for."""
    say(f"standin: {text}")


def note(text: str) -> None:
    """Write to the log alone, with the seconds since the machine started."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("a", errors="backslashreplace") as log:
        log.write(f"[{time.monotonic():7.1f}] {text}\n")


def ask(question: str) -> str:
    """Ask on both consoles and return the first line that is typed on either."""
    milestone(question)
    readers = [reader for reader in map(_reader, CONSOLES) if reader is not None]
    try:
        return _first_line(readers)
    finally:
        for reader in readers:
            os.close(reader)


def _reader(console: str) -> int | None:
    try:
        return os.open(console, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return None


def _first_line(readers: list[int]) -> str:
    typed = dict.fromkeys(readers, b"")
    while typed:
        for reader in select.select(list(typed), [], [])[0]:
            try:
                typed[reader] += os.read(reader, 4096)
            except BlockingIOError:
                continue
            except OSError:
                del typed[reader]  # the kernel lists serial ports that are not there
                continue
            line, ended, _ = typed[reader].replace(b"\r", b"\n").partition(b"\n")
            if ended:
                return line.decode(errors="replace").strip()
    return ""
