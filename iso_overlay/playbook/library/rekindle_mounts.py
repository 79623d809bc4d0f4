#!/usr/bin/python
"""How do data disks and shares get into /etc/fstab, so that the machine starts without them?

The lines that are here stay, the owner's are added below. What may not be there when the machine starts gets
`nofail`, behind a word that tells a collector that this is not the owner's. Nothing is mounted.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.folders import Folders, RefusedError, homes
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    DEFERRED,
    FAILED,
    RESTORED,
    SUBSTITUTED,
    answer,
    misplaced,
    outcome,
    raw,
    read_plan,
    safely,
    why,
    write_whole,
)

FSTAB = "etc/fstab"
ADDED = b"x-rekindle.added"
NEVER_AWAITED = {b"nofail", b"noauto"}
AWAITED_SECONDS = 10
TAG = re.compile(rb"(?:UUID|LABEL|PARTUUID|PARTLABEL)=.+")
BLANKS = re.compile(rb"[\s\\]|^#")
OCTAL = re.compile(rb"\\([0-7]{3})")
LOOK_SECONDS = 30


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    steps = read_plan(module.params["plan"], "mounts")
    answer(module, [safely(brought_back, step, "/", module.check_mode) for step in steps])


def brought_back(step, root, check_mode):
    """Add one line, make the place, and return the outcome."""
    try:
        path = raw(step["path"])
        if path.startswith(b"/") and misplaced(path):
            return outcome(step, FAILED, misplaced(path), "mend the posture")
        there = lines_for(root, path)
        mine = [line for line in there if line[0] == raw(step["source"])]
        owners = {raw(source) for source in step["beside"]}
        if not mine and any(line[0] not in owners for line in there):
            return outcome(step, SUBSTITUTED, "this machine mounts something else there, which stays")
        if not mine and not check_mode:
            add(root, line_of(step, root))
        reason = "" if check_mode else placed(step, root)
    except OSError as error:
        return outcome(step, FAILED, why(error), "put the line into /etc/fstab by hand")
    if step["secrets"]:
        return awaited(step)
    state = ALREADY if mine else RESTORED
    return outcome(step, state, reason, "make the directory by hand" if reason else "")


def awaited(step):
    reason = f"secret and not here: {', '.join(step['secrets'])}"
    remedy = "put the password into a file, and its name into /etc/fstab: `credentials=FILE`"
    if step["credentials"]:
        remedy = f"run `rekindle secrets unlock`, or write {step['credentials']} (mode 0600)"
    return outcome(step, DEFERRED, reason, remedy, until="secret")


def lines_for(root, path):
    """Return the fields of each line that mounts something at `path`."""
    lines = (line.split() for line in read(root).split(b"\n") if not line.lstrip().startswith(b"#"))
    fields = [[plain(field) for field in line] for line in lines if len(line) >= 3]
    return [line for line in fields if line[1] == path]


def line_of(step, root):
    """Return the line of fstab(5)."""
    options = [raw(option) for option in step["options"]]
    if is_awaited(step, root, options):
        options += [ADDED, b"nofail"]
        if step["where"] == "disk":
            options.append(b"x-systemd.device-timeout=%ds" % AWAITED_SECONDS)
    fields = (raw(step["source"]), raw(step["path"]), raw(step["kind"]), b",".join(options) or b"defaults")
    check = raw(step["check"]) or b"0"
    return b" ".join((*(octal(field) for field in fields), b"0", octal(check)))


def is_awaited(step, root, options):
    """Tell whether a start would wait for what is not here, and stop: for a share, nobody knows yet."""
    if NEVER_AWAITED & set(options) or step["where"] == "memory":
        return False
    return step["where"] == "network" or not is_here(raw(step["source"]), root)


def is_here(source, root):
    """Tell whether a disk, a directory or an image is here."""
    if source.startswith(b"/"):
        return os.path.exists(os.fsencode(root) + source.lstrip(b"/"))
    findfs = shutil.which("findfs", path="/usr/sbin:/sbin:/usr/bin")
    if not TAG.fullmatch(source) or not findfs:
        return False
    found = subprocess.run(
        [findfs, source], capture_output=True, stdin=subprocess.DEVNULL, timeout=LOOK_SECONDS, check=False
    )
    return found.returncode == 0


def placed(step, root):
    """Make the directory to mount at, as theirs whose directory it is in; say why it cannot be made."""
    path = raw(step["path"])
    if not path.startswith(b"/"):
        return ""
    wrong = misplaced(path)
    if wrong:
        return wrong
    folders = Folders(homes(), check_mode=False)
    try:
        folders.of(os.fsencode(root) + path.lstrip(b"/") + b"/.", make=True)
    except RefusedError as refused:
        return str(refused)
    finally:
        folders.close()
    return ""


def add(root, line):
    before = read(root)
    gap = b"\n" if before and not before.endswith(b"\n") else b""
    write_whole(root + FSTAB, before + gap + line + b"\n", 0o644, os.getuid(), os.getgid())


def read(root):
    try:
        with open(root + FSTAB, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def octal(field):
    return BLANKS.sub(lambda found: b"\\%03o" % found[0][0], field)


def plain(field):
    return OCTAL.sub(lambda found: bytes([int(found[1], 8) & 255]), field)


if __name__ == "__main__":
    main()
