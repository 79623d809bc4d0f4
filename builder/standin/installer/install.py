"""In which order is an autoinstall obeyed?"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from . import autoinstall, bootloader, disks, storage, target
from .autoinstall import Document
from .chroot import entered
from .command import run, run_all
from .console import LOG, ask, milestone, note, say
from .errors import Broken, Refusal
from .plan import Plan, make_plan
from .storage import TARGET

SCHEMA = Path("/usr/lib/standin/schema.json")
SOURCES = Path("/cdrom/casper/install-sources.yaml")
BANNER = (
    "",
    "Rekindle stand-in: a small installer for tests and the demo only.",
    "It is not Ubuntu's installer; it obeys an autoinstall the way that one does.",
    "",
)
QUESTION = "Continue with autoinstall? (yes|no)"


def main() -> int:
    """Install what the autoinstall says, or say on both consoles why not, and stay."""
    for line in BANNER:
        say(line)
    milestone("installer started")
    command_line = Path("/proc/cmdline").read_text()
    try:
        found = autoinstall.find(command_line)
        if found is None:
            return _nothing_to_install()
        place, text = found
        milestone(f"autoinstall found at {place.path}")
        document = accepted(text)
    except Refusal as reason:
        return _refused(reason)
    if not autoinstall.is_confirmed(command_line) and not _agreed():
        milestone("not confirmed: nothing was installed")
        return 0
    return _obey(text, document, command_line)


def accepted(text: str) -> Document:
    """Read an autoinstall and check all that can be before a disk is looked at; raises Refusal."""
    document = autoinstall.unwrapped(autoinstall.parsed(text))
    autoinstall.check(document, json.loads(SCHEMA.read_text()))
    autoinstall.refuse_unable(document)
    autoinstall.refuse_unknown_words(document)
    autoinstall.chosen_source(document, _sources())
    milestone("autoinstall accepted")
    return document


def _obey(text: str, document: Document, command_line: str) -> int:
    try:
        document = _after_early_commands(text, document)
        _install(document, command_line)
    except Refusal as reason:
        return _failed(document, f"refused: {reason}")
    except Broken as reason:
        return _failed(document, f"failed: {reason}")
    except Exception as bug:  # a bug must not end in a silent screen
        note(repr(bug))
        return _failed(document, f"failed: {type(bug).__name__}: {bug}")
    return _end(document)


def _after_early_commands(text: str, document: Document) -> Document:
    """Run the early-commands, which may write the autoinstall anew, and read it again."""
    copy = Path(autoinstall.COPY)
    copy.write_text(text, errors="surrogateescape")
    commands = document.get("early-commands") or ()
    if not commands:
        return document
    milestone("early-commands")
    run_all("early-commands", commands, {})
    return accepted(copy.read_text(errors="surrogateescape"))


def _install(document: Document, command_line: str) -> None:
    milestone("storage")
    plan = _plan(document["storage"])
    for table in plan.tables:
        say(f"  {'a new' if table.is_new else 'the'} partition table on {table.disk}")
    layer = autoinstall.chosen_source(document, _sources())
    started = time.monotonic()
    storage.apply(plan)
    milestone("extract")
    target.unpack(layer, TARGET)
    say(f"  unpacked after {time.monotonic() - started:.0f} s")
    with entered(TARGET):
        _configure(document, plan, command_line)
    milestone("late-commands")
    run_all("late-commands", document.get("late-commands") or (), {"TARGET_MOUNT_POINT": str(TARGET)})


def _plan(section: Mapping[str, Any]) -> Plan:
    """Look at the disks and plan; raises Refusal before anything is written."""
    run(["udevadm", "settle"])
    present = disks.present()
    on_disk = {disk.path: storage.read(disk) for disk in present}
    return make_plan(section, present, on_disk, is_uefi=bootloader.is_uefi())


def _configure(document: Document, plan: Plan, command_line: str) -> None:
    milestone("configure")
    identity = document["identity"]
    storage.write_fstab(plan.mounts)
    target.name_machine(identity["hostname"], TARGET)
    target.set_timezone(document.get("timezone", "Etc/UTC"), TARGET)
    target.set_keyboard(document.get("keyboard", {}), TARGET)
    target.set_locale(document["locale"], TARGET)
    target.add_person(identity, TARGET)
    milestone("bootloader")
    bootloader.install(plan, command_line, TARGET)
    ssh = document.get("ssh") or {}
    server = ["openssh-server"] if ssh.get("install-server") else []
    packages = [*server, *(document.get("packages") or ())]
    if packages:
        milestone("packages")
        target.install_packages(packages, TARGET)
    target.allow_logins(ssh, identity["username"], TARGET)


def _end(document: Document) -> int:
    _keep_logs()
    run(["umount", "--recursive", str(TARGET)])
    os.sync()
    milestone("install complete")
    word = document.get("shutdown", "reboot")
    milestone(word)
    run(["systemctl", "--force", word])
    return 0


def _keep_logs() -> None:
    """Leave the log and the autoinstall where Ubuntu's installer leaves them."""
    folder = TARGET / "var/log/installer"
    folder.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(LOG, folder / LOG.name)
    kept = folder / "autoinstall-user-data"
    shutil.copy(autoinstall.COPY, kept)
    kept.chmod(0o600)


def _failed(document: Document, reason: str) -> int:
    milestone(reason)
    try:
        run_all("error-commands", document.get("error-commands") or (), {"TARGET_MOUNT_POINT": str(TARGET)})
    except Broken as error:
        say(f"  {error}")
    say(f"The installation stopped. The log is {LOG}. Switch the machine off when you have read this.")
    milestone("stopped")
    return 1


def _refused(reason: Refusal) -> int:
    milestone(f"refused: {reason}")
    say("No disk was touched. Mend the autoinstall, and start again.")
    milestone("stopped")
    return 1


def _nothing_to_install() -> int:
    milestone("nothing to install")
    say(f"There is no autoinstall: neither {autoinstall.COPY} nor {autoinstall.ON_MEDIUM}.")
    return 0


def _agreed() -> bool:
    """Ask until somebody says yes or no."""
    while (answer := ask(QUESTION)) not in ("yes", "no"):
        if not answer:
            time.sleep(1)
    return answer == "yes"


def _sources() -> list[dict[str, Any]]:
    return list(yaml.safe_load(SOURCES.read_text()))


if __name__ == "__main__":
    sys.exit(main())
