"""How do the scripts of the live system speak with whoever is there, on the screen and on the serial line?

Standard library only.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import termios
import threading
import tty
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

ACTIVE = Path("/sys/class/tty/console/active")
# The kernel's name of the terminal that is in front, and the one that a start leaves there.
FRONT, SCREEN = "tty0", "tty1"


def consoles() -> list[str]:
    """Return the terminals that the kernel has as consoles; one that was named but is not there is none."""
    names = [SCREEN if name == FRONT else name for name in ACTIVE.read_text().split()]
    return [f"/dev/{name}" for name in names]


def say(text: str) -> None:
    """Write lines to all consoles."""
    for console in consoles():
        with suppress(OSError), open(console, "w", errors="backslashreplace") as terminal:
            terminal.write("".join(f"rekindle: {line}\r\n" for line in text.splitlines()))


def asked(choices: Mapping[str, str]) -> str:
    """Offer keys (`{"r": "restart"}`) on all consoles, and return the first one of them that is pressed.

    What was typed before the offer does not count.
    """
    terminals = {os.open(console, os.O_RDWR | os.O_NOCTTY): console for console in consoles()}
    before = {terminal: termios.tcgetattr(terminal) for terminal in terminals}
    try:
        for terminal in terminals:
            tty.setcbreak(terminal)
        say("press " + ", ".join(f"[{key}] to {what}" for key, what in choices.items()))
        while True:
            for terminal in select.select(list(terminals), [], [])[0]:
                pressed = os.read(terminal, 1).decode(errors="replace")
                if pressed in choices:
                    return pressed
    finally:
        for terminal, state in before.items():
            termios.tcsetattr(terminal, termios.TCSANOW, state)
            os.close(terminal)


def shells(folder: Path) -> None:
    """Give a root shell on every console, for as long as the machine runs; it starts in `folder`."""
    running = [threading.Thread(target=_shell, args=(console, folder)) for console in consoles()]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def leave(verb: str) -> None:
    """Restart (`reboot`) or switch off (`poweroff`) the machine."""
    subprocess.run(["systemctl", "--no-block", verb], check=True)
    signal.pause()


def finish() -> None:
    """Let a person say how it goes on."""
    pressed = asked({"r": "restart", "p": "power off", "s": "get a shell"})
    if pressed == "s":
        shells(Path("/"))
    leave({"r": "reboot", "p": "poweroff"}[pressed])


def _shell(console: str, folder: Path) -> None:
    env = {**os.environ, "HOME": "/root", "TERM": "linux" if console.endswith(SCREEN) else "vt220"}
    while True:
        with open(console, "r+b", buffering=0) as terminal:
            # A line without a carrier would hang up.
            subprocess.run(["stty", "sane", "clocal"], stdin=terminal, check=False)
            subprocess.run(
                ["setsid", "--ctty", "--wait", "bash", "--login"],
                stdin=terminal,
                stdout=terminal,
                stderr=terminal,
                cwd=folder,
                env=env,
                check=False,
            )
        say("the shell has ended and starts again; `reboot` or `poweroff` leaves it")
