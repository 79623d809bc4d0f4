#!/usr/bin/python3
"""What runs in the guest as its first process: it does what the host says, one JSON line each.

`{"id": 1, "flash": ["--yes"], "typed": "y\n"}` runs `rekindle flash`, `{"id": 2, "run": ["lsblk"]}` a
program; each is answered when it has ended: `{"id": 1, "code": 0, "out": "…", "err": "…"}`. Several may be
under way. Rekindle is imported once, for that takes its time in an emulated machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PORT = Path("/dev/virtio-ports/org.rekindle.test")
UDEV = ("/lib/systemd/systemd-udevd", "--daemon")


def main() -> None:
    sys.path.insert(0, "/srv/site")
    os.environ |= {"PATH": "/srv/bin:/usr/sbin:/usr/bin", "NO_COLOR": "1", "TERM": "dumb"}
    for name in ("xhci_pci", "usb_storage", "sd_mod", "virtio_console"):
        subprocess.run(["modprobe", name], check=True)
    subprocess.run(UDEV, check=True)
    subprocess.run(["udevadm", "trigger", "--settle"], check=True)
    from builder.cli import app  # each flash is a fork of this
    from builder.stick import flash, lying, refusals  # noqa: F401  what a flash imports

    threads = threading.Lock()
    with PORT.open("r+b", buffering=0) as port:
        answer = _answering(port, threads)
        answer({"id": 0})
        for line in iter(lambda: _line(port), b""):
            threading.Thread(target=_work, args=(json.loads(line), app, answer)).start()


def _answering(port: Any, alone: Any) -> Callable[[dict[str, Any]], None]:
    def answer(said: dict[str, Any]) -> None:
        with alone:
            port.write(json.dumps(said).encode() + b"\n")

    return answer


def _line(port: Any) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        block = port.read(1)
        if not block:
            time.sleep(0.1)  # the host has not opened its end yet
        line += block
    return line


def _work(told: dict[str, Any], app: Any, answer: Callable[[dict[str, Any]], None]) -> None:
    with tempfile.TemporaryFile() as typed, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        typed.write(told.get("typed", "").encode())
        typed.seek(0)
        streams = (typed, out, err)
        if "run" in told:
            code = subprocess.run(told["run"], stdin=typed, stdout=out, stderr=err, check=False).returncode
        else:
            code = _forked(lambda: app(["flash", *told["flash"]], prog_name="rekindle"), streams)
        out.seek(0)
        err.seek(0)
        said = {"id": told["id"], "code": code, "out": out.read().decode(), "err": err.read().decode()}
    answer(said)


def _forked(call: Callable[[], object], streams: tuple[Any, ...]) -> int:
    """Call it in a process of its own; return how that ended, less than 0 by a signal."""
    child = os.fork()
    if child:
        Path("/run/flash.pid").write_text(str(child))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
    code = 1
    try:
        call()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
