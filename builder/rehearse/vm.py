"""What virtual machine is a rehearsal held in?

`command_line` is pure; `Running` is one QEMU process that ends with the guest, or with us.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from collectors.command import run
from collectors.failure import Failure

Firmware = Literal["bios", "uefi", "secure-boot"]
Slot = Literal["stick", "cd"]

QEMU = "qemu-system-x86_64"
OVMF = Path("/usr/share/OVMF")
# Firmware code and the variables it starts with; the latter trust Microsoft's keys for Secure Boot.
OVMF_FILES = {
    "uefi": ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"),
    "secure-boot": ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd"),
}
REPORT_PORT = "org.rekindle.report"
POLL_SECONDS = 0.5
# Where the text of VGA's text mode lies in memory: a character and its colour, each a byte.
VGA_TEXT = 0xB8000
PROBE_SECONDS = 20


@dataclass(frozen=True)
class Vm:
    """A machine to boot: `disk` is a qcow2 file, `medium` an ISO that is never written to.

    `folder` keeps its serial log, its report and its firmware variables. `conservative` is for kernels that
    are not stable with several emulated processors. When the guest restarts, the process ends, or the guest
    starts again where `restarts` says so.
    """

    folder: Path
    firmware: Firmware
    disk: Path
    medium: Path | None = None
    slot: Slot = "stick"
    memory_mib: int = 2048
    conservative: bool = False
    restarts: bool = False

    @property
    def serial_log(self) -> Path:
        """What the guest said on its serial console."""
        return self.folder / "serial.log"

    @property
    def serial_line(self) -> Path:
        """The socket that the guest's serial console reads from."""
        return self.folder / "serial.sock"

    @property
    def report(self) -> Path:
        """What the guest sent through the report port: a tar stream."""
        return self.folder / "report.tar"

    @property
    def monitor(self) -> Path:
        """The socket of QEMU's monitor."""
        return self.folder / "monitor.sock"


def command_line(vm: Vm, *, kvm: bool) -> list[str]:
    """Return QEMU's argv."""
    return [
        QEMU,
        *_processor(vm, kvm),
        *("-m", str(vm.memory_mib), "-display", "none", "-nodefaults", "-vga", "std"),
        *(() if vm.restarts else ("-no-reboot",)),
        *_firmware(vm),
        *("-drive", f"if=none,id=disk,file={vm.disk},format=qcow2,cache=unsafe,discard=unmap"),
        *("-device", "virtio-blk-pci,drive=disk,serial=rekindle-disk,bootindex=2"),
        *_medium(vm),
        *("-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-rng-pci"),
        *("-chardev", f"socket,id=serial,path={vm.serial_line},server=on,wait=off,logfile={vm.serial_log}"),
        *("-serial", "chardev:serial"),
        *("-chardev", f"file,id=report,path={vm.report}", "-device", "virtio-serial-pci"),
        *("-device", f"virtserialport,chardev=report,name={REPORT_PORT}"),
        *("-chardev", f"socket,id=monitor,path={vm.monitor},server=on,wait=off"),
        *("-mon", "chardev=monitor"),
    ]


def _processor(vm: Vm, kvm: bool) -> list[str]:
    if kvm:
        return ["-accel", "kvm", "-cpu", "host", "-smp", "2"]
    if vm.conservative:
        return ["-accel", "tcg", "-cpu", "Westmere,-cx16", "-smp", "1"]
    return ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max", "-smp", "2"]


def _firmware(vm: Vm) -> list[str]:
    if vm.firmware == "bios":
        return ["-machine", "q35"]
    code, _ = OVMF_FILES[vm.firmware]
    secure = vm.firmware == "secure-boot"
    return [
        *("-machine", "q35,smm=on" if secure else "q35"),
        *(("-global", "driver=cfi.pflash01,property=secure,value=on") if secure else ()),
        *("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF / code}"),
        *("-drive", f"if=pflash,unit=1,format=raw,file={_variables(vm)}"),
    ]


def _medium(vm: Vm) -> list[str]:
    if vm.medium is None:
        return []
    drive = f"if=none,id=medium,file={vm.medium},format=raw,readonly=on"
    if vm.slot == "stick":
        stick = "usb-storage,bus=usb.0,drive=medium,removable=on,bootindex=1"
        return ["-drive", drive, "-device", "qemu-xhci,id=usb", "-device", stick]
    return ["-drive", f"{drive},media=cdrom", "-device", "ide-cd,drive=medium,bootindex=1"]


def _variables(vm: Vm) -> Path:
    return vm.folder / "variables.fd"


class Running:
    """A started VM; use `started`."""

    def __init__(self, vm: Vm, process: subprocess.Popen[bytes]) -> None:
        self.vm = vm
        self.process = process
        self._line: socket.socket | None = None

    def lines(self, timeout_seconds: float) -> Iterator[str]:
        """Yield the lines of the serial console until the VM ends; raises Failure past the time."""
        deadline = time.monotonic() + timeout_seconds
        seen = 0
        while True:
            ended = self.process.poll() is not None
            fresh = serial_text(self.vm)[seen:]
            complete = fresh if ended else fresh[: fresh.rfind("\n") + 1]
            seen += len(complete)
            yield from (line.strip() for line in complete.splitlines())
            if ended:
                return
            if time.monotonic() > deadline:
                raise Failure(
                    f"the VM did not finish within {timeout_seconds:.0f} s",
                    remedy=f"read {self.vm.serial_log}",
                )
            time.sleep(POLL_SECONDS)

    def wait_for(self, pattern: str, timeout_seconds: float) -> str:
        """Return the first line of the serial console that has `pattern`; raises Failure without one."""
        for line in self.lines(timeout_seconds):
            if re.search(pattern, line):
                return line
        raise Failure(f"the VM ended before it said {pattern!r}", remedy=f"read {self.vm.serial_log}")

    def until(self, pattern: str, timeout_seconds: float, *, after: int = 0) -> re.Match[str]:
        """Return the first match in what the serial console says, where it has ended its line or not.

        Only what comes after that many bytes of the log counts. Raises Failure past the time, or when the
        VM ended without it.
        """
        return self._until(pattern, timeout_seconds, lambda: serial_text(self.vm, after))

    def until_on_screen(self, pattern: str, timeout_seconds: float) -> re.Match[str]:
        """Return the first match in the text of the screen; raises Failure as `until` does."""
        return self._until(pattern, timeout_seconds, self.screen_text)

    def _until(self, pattern: str, timeout_seconds: float, text: Callable[[], str]) -> re.Match[str]:
        deadline = time.monotonic() + timeout_seconds
        while True:
            ended = self.process.poll() is not None
            if found := re.search(pattern, text()):
                return found
            if ended or time.monotonic() > deadline:
                when = "ended" if ended else f"ran for {timeout_seconds:.0f} s"
                raise Failure(
                    f"the VM {when} before it said {pattern!r}", remedy=f"read {self.vm.serial_log}"
                )
            time.sleep(POLL_SECONDS)

    def answer(self, typed: str, pattern: str, timeout_seconds: float) -> re.Match[str]:
        """Type on the serial console, and wait for `pattern` in what is said from then on."""
        after = self.vm.serial_log.stat().st_size
        self.type(typed)
        return self.until(pattern, timeout_seconds, after=after)

    def type(self, text: str) -> None:
        """Type on the serial console."""
        if self._line is None:
            self._line = socket.socket(socket.AF_UNIX)
            self._line.connect(str(self.vm.serial_line))
            # The guest is held up when nobody takes what it says; the log has it anyway.
            threading.Thread(target=_drain, args=(self._line,), daemon=True).start()
        self._line.sendall(text.encode())

    def hang_up(self) -> None:
        """Close the line that was typed on."""
        if self._line is not None:
            self._line.close()

    def press(self, key: str) -> None:
        """Press a key of the keyboard (`down`, `ret`, `x`: QEMU's names)."""
        self.ask(f"sendkey {key}")

    def screen_text(self) -> str:
        """Return the lines of the screen while it is in VGA's text mode: 25 of 80 characters."""
        with tempfile.NamedTemporaryFile(dir=self.vm.folder) as dump:
            self.ask(f'pmemsave {VGA_TEXT} {80 * 25 * 2} "{dump.name}"')
            cells = Path(dump.name).read_bytes()[::2].decode("cp437")
        return "\n".join(cells[at : at + 80].rstrip() for at in range(0, len(cells), 80))

    def screenshot(self, png: Path) -> None:
        """Write what the screen shows."""
        self.ask(f"screendump {png} -f png")

    def ask(self, command: str) -> str:
        """Give QEMU's monitor one command."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(10)
            monitor.connect(str(self.vm.monitor))
            _until_prompt(monitor)
            monitor.sendall(f"{command}\n".encode())
            return _until_prompt(monitor)


@contextmanager
def started(vm: Vm) -> Iterator[Running]:
    """Start the VM; whatever happens, it is gone afterwards. Raises Failure when QEMU does not start."""
    vm.folder.mkdir(parents=True, exist_ok=True)
    if vm.firmware != "bios":
        shutil.copyfile(OVMF / OVMF_FILES[vm.firmware][1], _variables(vm))
    vm.serial_log.write_bytes(b"")
    with (vm.folder / "qemu.log").open("wb") as log:
        try:
            process = subprocess.Popen(
                command_line(vm, kvm=kvm_works()), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        except FileNotFoundError:
            raise Failure(f"{QEMU} is not installed", remedy="apt install qemu-system-x86 ovmf") from None
    running = Running(vm, process)
    try:
        yield running
    finally:
        process.kill()
        process.wait()
        running.hang_up()


def blank_disk(path: Path, size_gib: int) -> Path:
    """Make an empty disk that grows as it is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    run(["qemu-img", "create", "-q", "-f", "qcow2", path, f"{size_gib}G"])
    return path


def serial_text(vm: Vm, after: int = 0) -> str:
    """Return what the serial console said so far, without the terminal's escape sequences.

    The first `after` bytes of the log are left out.
    """
    said = vm.serial_log.read_bytes()[after:].decode(errors="replace") if vm.serial_log.exists() else ""
    return re.sub(r"\x1b\[[0-9;?=]*[A-Za-z]", "", said)


@lru_cache(maxsize=1)
def kvm_works() -> bool:
    """Tell whether a guest runs under KVM: /dev/kvm may be there and be no use.

    The guest is a boot sector that ends QEMU through its debug-exit port, with a code that QEMU has for
    nothing else: twice the value, plus one. Nested KVM that hides the processor's features starts such a
    sector but no kernel: so the features of an old processor are insisted on.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    # mov dx,0x501 ; mov al,32 ; out dx,al ; hlt
    sector = bytes.fromhex("ba0105b020eef4").ljust(510, b"\x00") + b"\x55\xaa"
    with tempfile.NamedTemporaryFile() as image:
        image.write(sector)
        image.flush()
        argv = [QEMU, "-accel", "kvm", "-cpu", "Nehalem,enforce", "-display", "none", "-nodefaults"]
        argv += ["-device", "isa-debug-exit,iobase=0x501,iosize=1"]
        argv += ["-drive", f"file={image.name},format=raw,snapshot=on"]
        try:
            done = subprocess.run(argv, capture_output=True, timeout=PROBE_SECONDS, check=False)
        except (subprocess.TimeoutExpired, FileNotFoundError):
            return False
    return done.returncode == 2 * 32 + 1


def _drain(line: socket.socket) -> None:
    with suppress(OSError):
        while line.recv(1 << 16):
            pass


def _until_prompt(monitor: socket.socket) -> str:
    said = ""
    while not said.endswith("(qemu) "):
        block = monitor.recv(4096).decode(errors="replace")
        if not block:
            break
        said += block
    return said
