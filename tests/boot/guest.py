"""How does a test get a machine that sticks can be plugged into?

It is the stand-in's live system with our agent in place of its init: the kernel, udev and lsblk are real.
"""

from __future__ import annotations

import compileall
import itertools
import json
import py_compile
import shutil
import socket
import subprocess
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.iso.medium import opened
from builder.rehearse.vm import QEMU, Running, Vm, kvm_works
from collectors.command import run
from tests.boot.served import Served

BOOT_SECONDS, ANSWER_SECONDS, POLL_SECONDS = 900, 600, 0.2
AGENT = Path(__file__).with_name("agent.py")
# What `rekindle flash` imports.
PACKAGES = ("builder", "autoinstall", "collectors", "iso_overlay")
LIBRARIES = (
    *("annotated_types", "click", "jinja2", "markdown_it", "markupsafe", "mdurl", "pycdlib", "pydantic"),
    *("pydantic_core", "pygments", "rich", "shellingham", "typer", "typing_extensions.py"),
    *("typing_inspection", "yaml", "_yaml", "annotated_doc"),
)
# The stand-in's way to its root, and then our files are there, too. Programs are read before they start: page
# by page out of a squashfs, an emulated machine unpacks the same blocks again and again.
BOOT_SCRIPT = b"""\
. /scripts/casper
mount_bottom() {
    mount -t squashfs -o ro /dev/vdb "$rootmnt/srv"
    cd "$rootmnt"
    cat usr/bin/python3* usr/bin/udevadm usr/bin/lsblk usr/sbin/sfdisk usr/sbin/blkid \
        usr/lib/x86_64-linux-gnu/lib*.so.? usr/lib/x86_64-linux-gnu/systemd/*.so >/dev/null
    cd /
}
"""


@dataclass(frozen=True)
class Ended:
    """How a program in the guest ended; `code` is less than 0 by a signal."""

    code: int
    out: str
    err: str


class Guest:
    """A machine that runs; use `guest`."""

    def __init__(self, running: Running, port: socket.socket) -> None:
        self.running, self._port = running, port
        self._ids = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._came = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def flash(self, *words: str, typed: str = "") -> Ended:
        return self.wait(self.begin(flash=words, typed=typed))

    def run(self, *argv: str) -> Ended:
        return self.wait(self.begin(run=argv))

    def begin(self, **told: Any) -> int:
        """Tell the agent to do something; return what `wait` needs."""
        number = next(self._ids)
        self._port.sendall(json.dumps({"id": number, **told}).encode() + b"\n")
        return number

    def wait(self, number: int) -> Ended:
        said = self._answer(number, ANSWER_SECONDS)
        return Ended(said["code"], said["out"], said["err"])

    def wait_until_up(self) -> None:
        self._answer(0, BOOT_SECONDS)

    def _answer(self, number: int, seconds: float) -> dict[str, Any]:
        with self._came:
            assert self._came.wait_for(lambda: number in self._answers, seconds), "the guest does not answer"
        return self._answers[number]

    @contextmanager
    def plugged(self, served: Served) -> Iterator[str]:
        """Plug a stick in; yield its path in the guest. Whoever unplugs it may be first."""
        name = served.socket_path.stem
        before = self._disks()
        source = f"file.driver=nbd,file.server.type=unix,file.server.path={served.socket_path}"
        self.running.ask(f"drive_add 0 if=none,id={name},format=raw,{source}")
        self.running.ask(
            f"device_add usb-storage,bus=usb.0,drive={name},id={name},removable=on,serial={name}"
        )
        while not (new := self._disks() - before):
            time.sleep(POLL_SECONDS)
        try:
            yield f"/dev/{new.pop()}"
        finally:
            self.unplug(served)

    def unplug(self, served: Served) -> None:
        self.running.ask(f"device_del {served.socket_path.stem}")

    def _disks(self) -> set[str]:
        said = self.run("lsblk", "--nodeps", "--noheadings", "--output", "NAME,SIZE")
        pairs = (line.split() for line in said.out.splitlines())
        return {name for name, size in pairs if name.startswith("sd") and size != "0B"}

    def _listen(self) -> None:
        with self._port.makefile("r") as lines, suppress(OSError, ValueError):
            for line in lines:
                said = json.loads(line)
                with self._came:
                    self._answers[said["id"]] = said
                    self._came.notify_all()


@contextmanager
def guest(standin: Path, folder: Path, *carried: Path) -> Iterator[Guest]:
    """Start a machine; `carried` files lie in its /srv."""
    folder.mkdir()
    vm = Vm(folder, "bios", standin)
    port = folder / "port.sock"
    with (folder / "qemu.log").open("wb") as log:
        process = subprocess.Popen(_command_line(vm, standin, port, carried), stdout=log, stderr=log)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            while connection.connect_ex(str(port)):
                assert process.poll() is None, (folder / "qemu.log").read_text()
                time.sleep(POLL_SECONDS)
            machine = Guest(Running(vm, process), connection)
            machine.wait_until_up()
            yield machine
    finally:
        process.kill()
        process.wait()


def _command_line(vm: Vm, standin: Path, port: Path, carried: tuple[Path, ...]) -> list[str]:
    kernel, initrd = vm.folder / "vmlinuz", vm.folder / "initrd"
    with opened(standin) as iso:
        iso.get_file_from_iso(str(kernel), rr_path="/casper/vmlinuz")
        iso.get_file_from_iso(str(initrd), rr_path="/casper/initrd")
    with initrd.open("ab") as file:
        file.write(b"\0" * (-file.tell() % 4) + _cpio("scripts/guest", BOOT_SCRIPT))
    ours = vm.folder / "ours.squashfs"
    run(["mksquashfs", _laid(vm.folder / "ours", carried), ours, "-quiet", "-noI", "-noD", "-noF", "-noX"])
    processor = ("kvm", "host") if kvm_works() else ("tcg,thread=multi,tb-size=512", "max")
    return [
        *(QEMU, "-machine", "q35", "-accel", processor[0], "-cpu", processor[1], "-smp", "2", "-m", "1536"),
        *("-display", "none", "-no-reboot", "-nodefaults", "-serial", f"file:{vm.serial_log}"),
        *("-kernel", str(kernel), "-initrd", str(initrd)),
        *("-append", "boot=guest init=/srv/agent.py console=ttyS0 panic=-1"),
        *("-drive", f"if=none,id=live,file={standin},format=raw,readonly=on"),
        *("-drive", f"if=none,id=ours,file={ours},format=raw,readonly=on"),
        *("-device", "virtio-blk-pci,drive=live", "-device", "virtio-blk-pci,drive=ours"),
        *("-device", "qemu-xhci,id=usb"),
        *("-chardev", f"socket,id=port,path={port},server=on,wait=off", "-device", "virtio-serial-pci"),
        *("-device", "virtserialport,chardev=port,name=org.rekindle.test"),
        *("-chardev", f"socket,id=monitor,path={vm.monitor},server=on,wait=off", "-mon", "chardev=monitor"),
    ]


def _laid(folder: Path, carried: tuple[Path, ...]) -> Path:
    """Lay out what is the guest's /srv."""
    site, ours = folder / "site", Path(sysconfig.get_paths()["purelib"])
    without = shutil.ignore_patterns("__pycache__", "tests")
    for source in (*map(Path, PACKAGES), *(ours / name for name in LIBRARIES)):
        if source.is_dir():
            shutil.copytree(source, site / source.name, ignore=without)
        elif source.exists():
            shutil.copy(source, site)
    # Compiled here, they need not be in an emulated machine; nothing there tells when a source was changed.
    compileall.compile_dir(site, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    (folder / "bin").mkdir()
    shutil.copy(shutil.which("mkfs.exfat") or "", folder / "bin")
    for file in (AGENT, *carried):
        shutil.copy(file, folder)
    (folder / AGENT.name).chmod(0o755)
    return folder


def _cpio(name: str, content: bytes) -> bytes:
    """Pack one file as the kernel unpacks it (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    return _packed(name, 0o100644, content) + _packed("TRAILER!!!", 0, b"")


def _packed(name: str, mode: int, content: bytes) -> bytes:
    fields = (1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    head += b"\0" * (-len(head) % 4)
    return head + content + b"\0" * (-len(content) % 4)
