"""What do all modules of the restore share? Stdlib only: they run on the target's bare python3."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re

RESTORED, ALREADY, SUBSTITUTED = "restored", "already", "substituted"
DEFERRED, UNAVAILABLE, FAILED = "deferred", "unavailable", "failed"

ARGUMENTS = {
    "plan": {"type": "path", "required": True},
    "progress": {"type": "path", "default": ""},
}


def read_plan(path, part):
    """Return the steps of one part of the plan; each is a mapping with an `id`."""
    with open(path, encoding="utf-8") as file:
        return json.load(file).get(part, [])


def outcome(step, state, reason="", remedy="", until=""):
    """Say what became of one item, of something deferred until when: network, secret, login."""
    return {"id": step["id"], "state": state, "reason": reason, "remedy": remedy, "until": until}


def say(progress, line):
    """Append one line for a person to the progress file; "" is nowhere."""
    append(progress, {"line": line})


def count(progress, work, number, total, name, share=None):
    """Append how far a kind of work is: the `number`th of `total`, and its name.

    `work` is the word of its steps in the plan, for commands with their section: `packages`, `commands snap`.
    `share`, from 0 to 1, is how much of all of it is done, where that is not `number` of `total`.
    """
    append(progress, {"work": work, "number": number, "total": total, "name": name, "share": share})


def append(progress, event):
    if progress:
        with open(progress, "a", encoding="utf-8", errors="replace") as file:
            file.write(f"{json.dumps(event)}\n")


def answer(module, outcomes, notes=(), changed=None):
    """End the module with what became of each item; their states say whether one `changed`, if none does."""
    if changed is None:
        changed = any(entry["state"] in (RESTORED, SUBSTITUTED) for entry in outcomes)
    module.exit_json(changed=changed, outcomes=outcomes, notes=list(notes))


def safely(bring_back, step, *facts):
    """Bring one item back, and return its outcome: whatever is wrong with it, the others come back."""
    try:
        return bring_back(step, *facts)
    except Exception as error:
        return outcome(step, FAILED, why(error), "set it up by hand from the posture")


def orphaned():
    """Tell whether the restore that this is a part of was killed: the next one goes on."""
    pid = os.environ.get("REKINDLE_PID", "")
    status = read_lines(f"/proc/{pid}/status") if pid else ()
    # A zombie is dead, whether or not somebody has buried it.
    return bool(pid) and (not status or any(line.startswith("State:\tZ") for line in status))


def has_route():
    """Tell whether there is a default route (/proc/net/route, /proc/net/ipv6_route)."""
    return any(
        fields[1:2] == ["00000000"] or (fields[:2] == ["0" * 32, "00"] and fields[-1] != "lo")
        for table in ("route", "ipv6_route")
        for fields in map(str.split, read_lines(f"/proc/net/{table}"))
    )


def read_lines(path):
    try:
        with open(path) as file:
            return file.read().splitlines()
    except OSError:
        return []


def raw(name):
    r"""Return the bytes of an escaped name: `\xNN` stands for one byte."""
    encoded = name.encode("utf-8")
    return re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), encoded)


def why(error):
    """Say an exception in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def write_whole(path, content, mode, uid=0, gid=0):
    """Replace the file at `path` (bytes or str) by one of this content, mode and owner."""
    aside = os.path.join(os.path.dirname(path), b".rekindle" if isinstance(path, bytes) else ".rekindle")
    remove(aside)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchown(descriptor, uid, gid)
        # After the owner: chown(2) clears the set-user-ID bit.
        os.fchmod(descriptor, mode)
    os.replace(aside, path)


def remove(path):
    """Remove what a killed run left at `path`."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def misplaced(path):
    """Say why nothing is written at an absolute name (bytes), "" where nothing leads elsewhere."""
    if not path.startswith(b"/") or path == b"/" or b"\0" in path or os.path.normpath(path) != path:
        return "not a plain absolute path"
    parent = os.path.dirname(path)
    return "" if os.path.realpath(parent) == parent else "its directory is a symlink on this machine"


def as_person(name, work, *words):
    """Do `work(*words)` in a process of the person's own, for "" in this one; return what it returns.

    That goes through JSON. Raises KeyError for nobody, OSError with what was raised there.
    """
    if not name:
        return work(*words)
    entry = pwd.getpwnam(name)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os._exit(_worked(entry, writing, work, words))
    os.close(writing)
    with os.fdopen(reading) as file:
        told = file.read()
    os.waitpid(child, 0)
    done = json.loads(told or '{"error": "it was killed"}')
    if "error" in done:
        raise OSError(done["error"])
    return done["returned"]


def _worked(entry, writing, work, words):
    """Become a person, do the work, tell what came of it; return the code to exit with."""
    try:
        if os.getuid() != entry.pw_uid:
            os.initgroups(entry.pw_name, entry.pw_gid)
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
        os.umask(0o022)
        told = {"returned": work(*words)}
    except Exception as error:  # whatever it is, the parent hears of it
        told = {"error": why(error)}
    with os.fdopen(writing, "w") as file:
        json.dump(told, file)
    return 0
