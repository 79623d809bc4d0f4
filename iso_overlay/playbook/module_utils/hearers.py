"""Which programs must hear that files came back? Stdlib only: it runs on the target's python3.

Each is told once, after all files. What could not be told is a note on one of the files. A run that is killed
before that leaves word of it to the next.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from ansible.module_utils.merging import read_json, write_json
from ansible.module_utils.rekindle import remove, why

UNHEARD = "/var/lib/rekindle/unheard.json"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SECONDS = 900
REASON_LETTERS = 300
# Where files change, and what is run then; in the order in which one needs the other.
HEARERS = (
    (("/etc/ld.so.conf", "/etc/ld.so.conf.d/", "/usr/local/lib/"), "ldconfig"),
    (("/etc/locale.gen",), "locale-gen"),
    (("/usr/local/share/ca-certificates/", "/etc/ca-certificates.conf"), "update-ca-certificates"),
    (("/etc/dconf/",), "dconf update"),
    (("/etc/aliases",), "newaliases"),
    (("/etc/texmf/",), "update-texmf"),
    (("/usr/local/share/texmf/",), "mktexlsr"),
    (("/usr/local/share/mime/packages/",), "update-mime-database /usr/local/share/mime"),
    (("/usr/local/share/applications/",), "update-desktop-database /usr/local/share/applications"),
    (
        ("/usr/local/share/glib-2.0/schemas/",),
        "glib-compile-schemas /usr/local/share/glib-2.0/schemas",
    ),
    (("/etc/fonts/", "/usr/local/share/fonts/", "/usr/share/fonts/"), "fc-cache --system-only"),
    (("/etc/udev/hwdb.d/",), "systemd-hwdb update"),
    (("/etc/udev/",), "udevadm control --reload"),
    (("/etc/udev/hwdb.d/",), "udevadm trigger --subsystem-match=input"),
    (("/etc/sysusers.d/",), "systemd-sysusers"),
    (("/etc/tmpfiles.d/",), "systemd-tmpfiles --create"),
    (("/etc/sysctl.conf", "/etc/sysctl.d/"), "sysctl --quiet --system"),
    (("/etc/systemd/",), "systemctl daemon-reload"),
    (("/etc/apparmor.d/",), "systemctl reload apparmor.service"),
    (("/etc/keyd/",), "systemctl try-restart keyd.service"),
    (("/etc/input-remapper-2/",), "systemctl try-restart input-remapper.service"),
    (
        ("/etc/interception/", "/etc/udevmon.yaml", "/etc/udevmon.d/", "/etc/dual-function-keys.yaml"),
        "systemctl try-restart udevmon.service",
    ),
    (("/etc/logid.cfg",), "systemctl try-restart logid.service"),
    (
        (
            *("/etc/initramfs-tools/", "/etc/dracut.conf", "/etc/dracut.conf.d/", "/etc/modprobe.d/"),
            *("/etc/modules", "/etc/crypttab", "/etc/cryptsetup-initramfs/", "/etc/lvm/", "/etc/mdadm/"),
            *("/etc/plymouth/", "/etc/console-setup/", "/usr/lib/firmware/", "/usr/local/lib/firmware/"),
        ),
        "update-initramfs -u -k all",
    ),
    (("/etc/default/grub", "/etc/default/grub.d/", "/etc/grub.d/"), "update-grub"),
)
# What the next boot does in any case: that it could not be done now is not worth a word.
AT_BOOT = ("systemctl", "systemd-sysusers", "systemd-tmpfiles", "sysctl", "udevadm", "fc-cache")


def hearers(paths):
    """Return the commands for these escaped paths, in their order."""
    return [command for places, command in HEARERS if any(is_in(path, places) for path in paths)]


def is_in(path, places):
    """Tell whether a path is one of the places, or below one that ends in a slash."""
    return any(path.startswith(place) if place.endswith("/") else path == place for place in places)


def told(changed, unheard, say):
    """Run what must hear of the `changed` files (id by escaped path), or is `unheard`; return the notes."""
    due = {*hearers(changed), *unheard}
    notes = []
    for places, command in HEARERS:
        words = command.split()
        if command not in due or shutil.which(words[0], path=PATH) is None:
            continue
        say(command)
        complaint = run(words)
        if complaint and words[0] not in AT_BOOT:
            ids = [name for path, name in changed.items() if is_in(path, places)]
            reason = f"it is back, but `{command}` failed: {complaint}"
            notes += [{"id": name, "reason": reason, "remedy": f"run `{command}`"} for name in ids[:1]]
    return notes


def run(words):
    """Run a command; return why it failed, "" if it did not."""
    env = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            env=env,
            cwd="/",
        )
    except (OSError, subprocess.SubprocessError) as error:
        return why(error)
    if done.returncode == 0:
        return ""
    lines = done.stdout.decode(errors="replace").split("\n")
    last = [line.strip() for line in lines if line.strip()][-1:]
    return "".join(last)[:REASON_LETTERS] or f"it ended with {done.returncode}"


def unheard():
    """Return the commands that a killed run did not come to."""
    return read_json(UNHEARD, [])


def remember(commands):
    """Leave word to the next run of the commands that are due; of none, nothing."""
    if commands:
        os.makedirs(os.path.dirname(UNHEARD), exist_ok=True)
        write_json(UNHEARD, commands)
    else:
        remove(UNHEARD)
