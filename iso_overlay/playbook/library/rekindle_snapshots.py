#!/usr/bin/python
"""How do snapshots go on, on other disks: Timeshift's schedule, subvolumes of btrfs?

A subvolume is made where the root is on btrfs and nothing is at its place yet: mounted over files, it would
hide them.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    FAILED,
    RESTORED,
    UNAVAILABLE,
    answer,
    outcome,
    raw,
    read_plan,
    safely,
    why,
    write_whole,
)

FSTAB = "/etc/fstab"
BY_UUID = "/dev/disk/by-uuid"
TOP = "subvolid=5"
SECONDS = 120


class RefusedError(Exception):
    """What cannot be done here, and what a person can do about it."""

    def __init__(self, reason, remedy):
        super().__init__(reason)
        self.remedy = remedy


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    steps = read_plan(module.params["plan"], "snapshots")
    answer(module, [safely(brought_back, step, module.check_mode) for step in steps])


def brought_back(step, check_mode):
    """Do one step, and return its outcome."""
    try:
        return WAYS[step["kind"]](step, check_mode)
    except RefusedError as refused:
        return outcome(step, UNAVAILABLE, str(refused), refused.remedy)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return outcome(step, FAILED, why(error), "set it up by hand from the posture")


def timeshift(step, check_mode, place=None):
    """Tell Timeshift when to take snapshots, and onto which of this machine's disks."""
    place = place or step["path"]
    before = read_json(place)
    device = device_of(step)
    after = {**before, **unescaped(step["said"]), "parent_device_uuid": "", "backup_device_uuid": device}
    if not check_mode and after != before:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        content = json.dumps(after, indent=2, ensure_ascii=False).encode("utf-8", "surrogateescape") + b"\n"
        write_whole(place, content, 0o644, os.getuid(), os.getgid())
    state = ALREADY if after == before else RESTORED
    if device:
        return outcome(step, state)
    return outcome(step, state, "the disk with its snapshots is not here", "choose another in Timeshift")


def device_of(step):
    """Return the UUID of the disk for snapshots: the old one if it is here, for btrfs the system's, or ""."""
    old = step["device"]
    if old and "/" not in old and os.path.exists(f"{BY_UUID}/{old}"):
        return old
    return root_file_system()[1] if step["said"]["btrfs_mode"] == "true" else ""


def unescaped(value):
    """Return what a posture says as it was said."""
    if isinstance(value, dict):
        return {key: unescaped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [unescaped(each) for each in value]
    return raw(value).decode("utf-8", "surrogateescape")


def read_json(place):
    try:
        with open(place, encoding="utf-8", errors="surrogateescape") as file:
            found = json.load(file)
    except FileNotFoundError:
        return {}
    return found if isinstance(found, dict) else {}


def subvolume(step, check_mode):
    """Make a subvolume of the system's btrfs, have it mounted at each start, and mount it."""
    kind, uuid = root_file_system()
    if kind != "btrfs":
        raise RefusedError(
            f"the system is on {kind or 'another file system'} here, not on btrfs",
            "install with btrfs, where snapshots are wanted",
        )
    paths = [raw(path) for path in step["paths"] if not os.path.ismount(raw(path))]
    for path in paths:
        if os.path.isdir(path) and os.listdir(path):
            raise RefusedError(
                f"{os.fsdecode(path)} has files here, which it would hide",
                "make it by hand, and move them into it",
            )
    if not check_mode:
        make(raw(step["name"]), uuid)
        for path in paths:
            mount(path, raw(step["name"]), uuid, [raw(option) for option in step["options"]])
    return outcome(step, RESTORED)


def make(name, uuid):
    """Make a subvolume at the top of the system's btrfs, unless it is there."""
    with tempfile.TemporaryDirectory() as top:
        run("mount", "-o", TOP, f"UUID={uuid}", top)
        try:
            place = os.path.join(os.fsencode(top), name)
            if os.path.relpath(place, os.fsencode(top)).startswith(b".."):
                raise ValueError("not a name below the top")
            if not os.path.isdir(place):
                os.makedirs(os.path.dirname(place), exist_ok=True)
                run("btrfs", "subvolume", "create", place)
        finally:
            run("umount", top)


def mount(path, name, uuid, options):
    """Write the line for a subvolume, and mount it."""
    os.makedirs(path, exist_ok=True)
    with open(FSTAB, "rb") as file:
        before = file.read()
    words = b",".join((b"subvol=" + name, *options))
    line = b" ".join((b"UUID=" + uuid.encode(), octal(path), b"btrfs", octal(words), b"0", b"0"))
    if line not in before.split(b"\n"):
        gap = b"" if before.endswith(b"\n") or not before else b"\n"
        write_whole(FSTAB, before + gap + line + b"\n", 0o644)
    run("mount", path)


def octal(field):
    return b"".join(b"\\%03o" % each if each in b" \t\n\\" else bytes([each]) for each in field)


def root_file_system():
    """Return the kind and the UUID of the file system that / is on."""
    done = subprocess.run(
        ["findmnt", "--noheadings", "--output", "FSTYPE,UUID", "/"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=SECONDS,
        check=False,
    )
    kind, _, uuid = done.stdout.decode(errors="replace").strip().partition(" ")
    return kind, uuid.strip()


def run(*words):
    done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise OSError(said[-1] if said else f"{words[0]} ended with {done.returncode}")


WAYS = {"timeshift": timeshift, "subvolume": subvolume}


if __name__ == "__main__":
    main()
