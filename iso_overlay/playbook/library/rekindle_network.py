#!/usr/bin/python
"""How does a desktop's network take over from the installer's, without cutting the line?

All of it is files that count from the next start: netplan's, what keeps cloud-init from writing its own
again, and resolv.conf, which comes last. A file that netplan refuses would leave a machine without any
network: it is not written.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    DEFERRED,
    FAILED,
    RESTORED,
    SUBSTITUTED,
    UNAVAILABLE,
    answer,
    outcome,
    raw,
    read_plan,
    remove,
    safely,
    why,
    write_whole,
)

PLANS = ("etc/netplan", "usr/lib/netplan", "lib/netplan")
PLAN = re.compile(r"[A-Za-z0-9_@+][A-Za-z0-9_.@+-]*\.yaml")
RENDERER = "etc/netplan/99-network-manager-all.yaml"
IN_CHARGE = b"network:\n  version: 2\n  renderer: NetworkManager\n"
CLOUD = "etc/cloud/cloud.cfg.d"
QUIET = "etc/cloud/cloud.cfg.d/99-disable-network-config.cfg"
QUIET_CLOUD = b"network: {config: disabled}\n"
MANAGER = "usr/sbin/NetworkManager"
# It waits for a network of networkd's, two minutes at each start, where there is none.
WAITS = "systemd-networkd-wait-online.service"
RESOLVER = "etc/resolv.conf"
UNLOCK = "run `rekindle secrets unlock`: it goes on by itself"
ORDER = ("renderer", "plan", "resolver")
CHECK_SECONDS = 60


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    steps = sorted(read_plan(module.params["plan"], "network"), key=lambda step: ORDER.index(step["kind"]))
    answer(module, [safely(brought_back, step, "/", module.check_mode) for step in steps])


def brought_back(step, root, check_mode):
    """Do one step under `root`, and return its outcome."""
    try:
        return WAYS[step["kind"]](step, root, check_mode)
    except (OSError, subprocess.SubprocessError) as error:
        return outcome(step, FAILED, why(error), "set it up by hand from the posture")


def renderer(step, root, check_mode):
    """Put NetworkManager in charge of all networks, from the next start."""
    if not os.path.exists(root + MANAGER):
        if not check_mode:
            give_back(root)
        remedy = "install network-manager, then restore again"
        return outcome(step, UNAVAILABLE, "NetworkManager is not here: what has the network keeps it", remedy)
    refusal = refused(root, os.path.basename(RENDERER), IN_CHARGE)
    if refusal:
        return outcome(step, FAILED, refusal, "mend that file, then restore again")
    if not check_mode:
        take_over(root)
    return outcome(step, RESTORED, "from the next start")


def take_over(root):
    write(root + RENDERER, IN_CHARGE, 0o600)
    if os.path.isdir(root + CLOUD):
        write(root + QUIET, QUIET_CLOUD, 0o644)
    systemctl(root, "disable", WAITS)


def give_back(root):
    """Undo what an earlier restore did, when NetworkManager was here."""
    if read(root + RENDERER) != IN_CHARGE:
        return
    remove(root + RENDERER)
    if read(root + QUIET) == QUIET_CLOUD:
        remove(root + QUIET)
    systemctl(root, "enable", WAITS)


def plan(step, root, check_mode):
    """Write one of netplan's files, unless netplan refuses it."""
    content = step["text"].encode("utf-8", "surrogateescape")
    if not PLAN.fullmatch(step["name"]):
        return outcome(step, FAILED, "not the name of a file of netplan", "write it there under another name")
    place = f"{root}etc/netplan/{step['name']}"
    there = read(place)
    if there not in (None, content):
        return outcome(step, SUBSTITUTED, "there is one of that name here, which stays")
    refusal = refused(root, step["name"], content, needs=bool(step["secrets"]))
    if refusal and not step["secrets"]:
        return outcome(step, FAILED, refusal, f"write it by hand into /etc/netplan/{step['name']}")
    if there is None and not refusal and not check_mode:
        write(place, content, 0o600)
    if step["secrets"]:
        reason = f"secret and not here: {', '.join(step['secrets'])}"
        return outcome(step, DEFERRED, reason, UNLOCK, until="secret")
    return outcome(step, RESTORED if there is None else ALREADY)


def refused(root, name, content, needs=False):
    """Say why netplan does not take a file beside those that are here, "" where it does, or is not here.

    `needs`: a file without its secrets is not written where nobody can tell.
    """
    program = shutil.which(
        "netplan", path=os.pathsep.join(f"{root}{place}" for place in ("usr/sbin", "sbin"))
    )
    if not program:
        return "netplan is not here to look at it" if needs else ""
    with tempfile.TemporaryDirectory() as trial:
        for folder in PLANS:
            if os.path.isdir(root + folder) and not os.path.islink(os.path.dirname(root + folder)):
                shutil.copytree(root + folder, os.path.join(trial, folder))
        write(os.path.join(trial, "etc/netplan", name), content, 0o600)
        done = subprocess.run(
            [program, "generate", "--root-dir", trial],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=CHECK_SECONDS,
            check=False,
        )
    said = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if "rror" in line]
    return "" if done.returncode == 0 else (said or [f"netplan ended with {done.returncode}"])[0][:300]


def resolver(step, root, check_mode):
    """Say which name servers to ask: a file of lines, or a link to one that a program writes."""
    place, content, link = root + RESOLVER, raw(step["text"]), raw(step["link"])
    if not check_mode and link:
        make_link(os.fsencode(place), link)
    elif not check_mode:
        write(place, content, 0o644)
    return outcome(step, RESTORED)


def make_link(place, target):
    aside = os.path.join(os.path.dirname(place), b".rekindle")
    remove(aside)
    os.symlink(target, aside)
    os.replace(aside, place)


def systemctl(root, verb, unit):
    """Have a unit start or not from the next start on; one that is not here needs nothing."""
    with contextlib.suppress(FileNotFoundError):
        subprocess.run(
            ["systemctl", f"--root={root}", verb, unit],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=CHECK_SECONDS,
            check=False,
        )


def write(place, content, mode):
    os.makedirs(os.path.dirname(place), exist_ok=True)
    write_whole(place, content, mode, os.getuid(), os.getgid())


def read(place):
    try:
        with open(place, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


WAYS = {"renderer": renderer, "plan": plan, "resolver": resolver}


if __name__ == "__main__":
    main()
