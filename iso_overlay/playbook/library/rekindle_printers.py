#!/usr/bin/python
"""How do printers come back whose makers' machines may be switched off?

`lpadmin -m everywhere` asks the printer. So the block of each queue is written into CUPS' own files, as cupsd
writes it, while cupsd does not run. A queue that is here already stays.
"""

from __future__ import annotations

import grp
import os
import re
import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    DEFERRED,
    FAILED,
    RESTORED,
    SUBSTITUTED,
    answer,
    outcome,
    raw,
    read_plan,
    safely,
    why,
    write_whole,
)

FILES = ("/etc/cups/printers.conf", "/etc/cups/classes.conf")
BEGINS = re.compile(rb"<(?:Default)?(?:Printer|Class) (.+)>")
PASSWORD = re.compile(rb"(://[^/@:\s]*):[^/\s]*@")
DEFAULT = re.compile(rb"(?m)^(</?)Default(Printer|Class)\b")
UNITS = ("cups.path", "cups.socket", "cups.service")
SYSTEMCTL_SECONDS = 60


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    steps = read_plan(module.params["plan"], "printers")
    if not steps or module.check_mode:
        answer(module, [brought_back(step, "/", True) for step in steps])
    stopped = [unit for unit in UNITS if systemctl("is-active", unit)]
    systemctl("stop", *stopped)
    try:
        outcomes = [safely(brought_back, step, "/", False) for step in steps]
    finally:
        systemctl("start", *stopped)
    answer(module, outcomes)


def brought_back(step, root, check_mode):
    """Add one queue, and return its outcome."""
    try:
        there = blocks(read(root + step["path"].lstrip("/"))).get(raw(step["name"]))
        if there is not None and address(there) != address([raw(line) for line in step["lines"]]):
            return outcome(step, SUBSTITUTED, "there is a queue of that name here, which stays")
        if there is None and not check_mode:
            add(step, root)
    except (OSError, ValueError) as error:
        return outcome(step, FAILED, why(error), "set the printer up by hand")
    if step["secrets"] and not PASSWORD.search(b"\n".join(there or [])):
        reason = "the password in its address is secret"
        return outcome(step, DEFERRED, reason, step["remedy"], until="secret")
    return outcome(step, RESTORED if there is None else ALREADY)


def blocks(content):
    """Return the lines of each queue of a file, by its name."""
    found = {}
    lines = None
    for line in map(bytes.strip, content.split(b"\n")):
        begins = BEGINS.fullmatch(line)
        if begins:
            lines = found.setdefault(begins[1].strip(), [])
        elif line.startswith(b"</"):
            lines = None
        elif lines is not None and line:
            lines.append(line)
    return found


def address(lines):
    """Return where a queue prints, or which printers a class has, without a password."""
    return sorted(
        PASSWORD.sub(rb"\1@", line) for line in lines if line.startswith((b"DeviceURI ", b"Printer "))
    )


def add(step, root):
    """Write the file with the queue at its end; there is one default alone."""
    words = [raw(word) for word in (step["name"], *step["lines"])]
    if any(b"\n" in word or b"\r" in word for word in words):
        raise ValueError("a line break in a value")
    name, *lines = words
    if step["default"]:
        for path in FILES:
            demoted(root + path.lstrip("/"))
    place = root + step["path"].lstrip("/")
    sort = (b"Default" if step["default"] else b"") + step["sort"].encode()
    block = b"\n".join((b"<" + sort + b" " + name + b">", *lines, b"</" + sort + b">", b""))
    before = read(place)
    write(place, before + (b"\n" if before and not before.endswith(b"\n") else b"") + block)


def demoted(place):
    before = read(place)
    after = DEFAULT.sub(rb"\1\2", before)
    if after != before:
        write(place, after)


def read(place):
    try:
        with open(place, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def write(place, content):
    os.makedirs(os.path.dirname(place), exist_ok=True)
    write_whole(place, content, 0o600, os.getuid(), group())


def group():
    """Return the group that cupsd gives its files."""
    try:
        return grp.getgrnam("lp").gr_gid if os.getuid() == 0 else os.getgid()
    except KeyError:
        return 0


def systemctl(verb, *units):
    """Tell whether it did; where nothing was booted, or for no units, there is nothing to do."""
    if not units or not os.path.isdir("/run/systemd/system"):
        return False
    done = subprocess.run(
        ["systemctl", "--quiet", verb, *units],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SYSTEMCTL_SECONDS,
        check=False,
    )
    return done.returncode == 0


if __name__ == "__main__":
    main()
