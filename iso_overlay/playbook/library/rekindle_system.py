#!/usr/bin/python
"""How does the machine get its name, language, time zone and keyboard?

The installer set them already: here is what differs, as on an OS that somebody installed by hand.
Files: hostname(5), locale.conf(5), localtime(5), keyboard(5).
"""

from __future__ import annotations

import os
import re
import socket
import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    FAILED,
    RESTORED,
    answer,
    outcome,
    read_plan,
    why,
    write_whole,
)

HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?")
LOCALE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.@-]*)?")
ZONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
# setupcon(1) sources the file: nothing that a shell would read as more than a word.
KEYBOARD = re.compile(r"[A-Za-z0-9_,:()+.@-]*")
GENERATE_SECONDS = 600
KEYBOARD_WORDS = {
    "model": "XKBMODEL",
    "layout": "XKBLAYOUT",
    "variant": "XKBVARIANT",
    "options": "XKBOPTIONS",
}


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    steps = read_plan(module.params["plan"], "system")
    answer(module, [brought_back(step, "/", module.check_mode) for step in steps])


def brought_back(step, root, check_mode):
    """Set one thing under `root`, and return its outcome."""
    valid, is_set, put = WAYS[step["key"]]
    value = step["value"]
    try:
        if not valid(root, value):
            return outcome(step, FAILED, "not a value that is known here", "set it by hand")
        if is_set(root, value):
            return outcome(step, ALREADY)
        reason = "" if check_mode else put(root, value) or ""
        return outcome(step, RESTORED, reason, "see `journalctl -b`" if reason else "")
    except (OSError, subprocess.SubprocessError) as error:
        return outcome(step, FAILED, why(error), "set it by hand")


def read(root, path):
    try:
        with open(root + path.lstrip("/"), encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write(root, path, text):
    place = os.path.realpath(root + path.lstrip("/"))
    os.makedirs(os.path.dirname(place), exist_ok=True)
    write_whole(place, text.encode("utf-8", "surrogateescape"), 0o644)


def value_of(text, key):
    """Return the value of a shell-like assignment: `XKBLAYOUT="de"`."""
    found = re.findall(rf"(?m)^\s*{key}=(.*)$", text)
    return found[-1].strip().strip("\"'") if found else ""


def with_value(text, key, value):
    """Replace the assignment of `key`, or add it; "" unsets it."""
    lines = [line for line in text.splitlines() if not re.match(rf"\s*{key}=", line)]
    return "".join(f"{line}\n" for line in [*lines, *([f'{key}="{value}"'] if value else [])])


def put_hostname(root, name):
    before = read(root, "/etc/hostname").strip()
    write(root, "/etc/hostname", name + "\n")
    write(root, "/etc/hosts", with_host(read(root, "/etc/hosts"), before, name))
    if root == "/":
        try:
            socket.sethostname(name)
        except OSError as error:
            return f"it takes effect at the next boot: {why(error)}"
    return ""


def with_host(hosts, before, name):
    """Let 127.0.1.1 be called `name` (hosts(5)), as Debian's installer does."""
    lines = [line for line in hosts.splitlines() if line.split()[:2] != ["127.0.1.1", before]]
    if not any(line.split()[:1] == ["127.0.1.1"] for line in lines):
        lines.append(f"127.0.1.1 {name}")
    return "\n".join(lines) + "\n"


def locale_file(root):
    return "/etc/locale.conf" if os.path.exists(root + "etc/locale.conf") else "/etc/default/locale"


def put_locale(root, name):
    reason = generated(root, name)
    write(root, locale_file(root), with_value(read(root, locale_file(root)), "LANG", name))
    return reason


def generated(root, name):
    """Generate the locale where the machine can, and say what stands against it."""
    if name.split(".")[0] in ("", "C", "POSIX"):
        return ""
    if not os.path.exists(root + "usr/sbin/locale-gen"):
        return "it cannot be generated here: the package locales is not installed"
    charset = name.partition(".")[2].split("@")[0] or "ISO-8859-1"
    line = f"{name} {charset.replace('utf8', 'UTF-8')}"
    listed = read(root, "/etc/locale.gen")
    if line not in listed.splitlines():
        write(root, "/etc/locale.gen", listed + line + "\n")
    done = subprocess.run(
        ["locale-gen"], capture_output=True, stdin=subprocess.DEVNULL, timeout=GENERATE_SECONDS, check=False
    )
    return "" if done.returncode == 0 else f"locale-gen ended with {done.returncode}"


def zone_file(root, zone):
    return os.path.isfile(f"{root}usr/share/zoneinfo/{zone}")


def is_zone(root, zone):
    try:
        return os.readlink(root + "etc/localtime").partition("zoneinfo/")[2] == zone
    except (FileNotFoundError, OSError):
        return (read(root, "/etc/timezone").strip() or "Etc/UTC") == zone


def put_zone(root, zone):
    place = root + "etc/localtime"
    aside = root + "etc/.rekindle"
    if os.path.lexists(aside):
        os.unlink(aside)
    os.symlink(f"/usr/share/zoneinfo/{zone}", aside)
    os.replace(aside, place)
    if os.path.exists(root + "etc/timezone"):
        write(root, "/etc/timezone", zone + "\n")


def is_keyboard(root, keyboard):
    text = read(root, "/etc/default/keyboard")
    return all(value_of(text, word) == keyboard.get(key, "") for key, word in KEYBOARD_WORDS.items())


def put_keyboard(root, keyboard):
    text = read(root, "/etc/default/keyboard")
    for key, word in KEYBOARD_WORDS.items():
        text = with_value(text, word, keyboard.get(key, ""))
    write(root, "/etc/default/keyboard", text)


WAYS = {
    "hostname": (
        lambda root, name: HOSTNAME.fullmatch(name),
        lambda root, name: read(root, "/etc/hostname").strip() == name,
        put_hostname,
    ),
    "locale": (
        lambda root, name: LOCALE.fullmatch(name),
        lambda root, name: value_of(read(root, locale_file(root)), "LANG") == name,
        put_locale,
    ),
    "timezone": (
        lambda root, zone: ZONE.fullmatch(zone) and zone_file(root, zone),
        is_zone,
        put_zone,
    ),
    "keyboard": (
        lambda root, keyboard: all(KEYBOARD.fullmatch(word) for word in keyboard.values()),
        is_keyboard,
        put_keyboard,
    ),
}


if __name__ == "__main__":
    main()
