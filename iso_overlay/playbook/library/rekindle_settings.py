#!/usr/bin/python
"""How do hundreds of people's settings come back: keys of KDE, keys in dconf?

Each person's are written by a process of their own. Keys of KDE are merged into its files, which keep all
else that is in them; dconf takes all keys at once, and where it refuses one, all the others.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections import defaultdict

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kconfig import merged
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    DEFERRED,
    FAILED,
    RESTORED,
    UNAVAILABLE,
    answer,
    as_person,
    outcome,
    raw,
    read_plan,
    say,
    why,
    write_whole,
)

CONFIG = b".config"
KEPT = b".before-restore"
# What reads the files when it starts, and may write them when it ends.
KDE = frozenset(("kglobalaccel5", "kglobalacceld", "kwin_wayland", "kwin_x11", "plasmashell"))
NEXT_LOGIN = ("KDE is running", "log out and in again: KDE reads it then")

DCONF_SECONDS = 60
PATH = "/usr/local/bin:/usr/bin:/bin"
KEY = re.compile(r"(?:/[^/\x00]+)+")
# What can stand in a file of keys; all else is written key by key.
PLAIN_KEY = re.compile(r"/(?:[\w.@:+-][\w.@:+ -]*/)*[\w.@:+-]+")
VALUE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+")
# One of the keys is refused, and not all of them.
OF_ONE_KEY = re.compile(r"invalid (value|path)|non-writable|Key file contains", re.IGNORECASE)
SERVICE = "/usr/share/dbus-1/services/ca.desrt.dconf.service"


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    plan, progress = module.params["plan"], module.params["progress"]
    outcomes = []
    for part, work in (("kde", kde), ("dconf", dconf)):
        for user, steps in by_user(read_plan(plan, part)).items():
            say(progress, f"{len(steps)} settings of {user} ({part})")
            outcomes += theirs(user, steps, work, module.check_mode)
    if not module.check_mode:
        os.sync()
    answer(module, outcomes)


def by_user(steps):
    found = defaultdict(list)
    for step in steps:
        found[step["user"]].append(step)
    return found


def theirs(user, steps, work, check_mode):
    """Bring the settings of one person back, and return the outcome of each."""
    try:
        pwd.getpwnam(user)
        return as_person(user, work, steps, check_mode)
    except KeyError:
        return all_failed(steps, f"no {user} on this machine", "make the account, then restore again")
    except OSError as error:
        return all_failed(steps, why(error), "log in as its owner, then restore again")


def all_failed(steps, reason, remedy, state=FAILED):
    return [outcome(step, state, reason, remedy) for step in steps]


def kde(steps, check_mode):
    """Merge keys into the person's files; new ones are for nobody else, as KDE makes them."""
    os.umask(0o077)
    home = pwd.getpwuid(os.getuid()).pw_dir
    if not os.path.isdir(home):
        return all_failed(steps, f"no home {home} on this machine", "make it, then restore again")
    files = defaultdict(list)
    for step in steps:
        files[step["file"]].append(step)
    is_running = not check_mode and runs(KDE, os.getuid())
    outcomes = []
    for file, inside in files.items():
        outcomes += merged_into(os.path.join(os.fsencode(home), CONFIG), file, inside, check_mode)
    return [next_login(each) for each in outcomes] if is_running else outcomes


def next_login(entry):
    reason, remedy = NEXT_LOGIN
    told = entry["state"] == RESTORED and not entry["reason"]
    return {**entry, "reason": reason, "remedy": remedy} if told else entry


def merged_into(folder, file, steps, check_mode):
    """Merge keys into one file below `folder`, and return the outcome of each."""
    name = raw(file)
    if not is_below(name):
        return all_failed(steps, "not the name of a file below ~/.config", "mend the posture")
    try:
        # A person's own symlinks are theirs, and it is they who write.
        place = os.path.realpath(os.path.join(folder, name))
        before, mode = read(place)
        settings = [(step["header"].encode(), step["line"].encode()) for step in steps]
        content, replaced = merged(before or b"", settings)
        if content == (before or b""):
            return [outcome(step, ALREADY) for step in steps]
        if not check_mode:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if replaced:
                keep(place + KEPT, before)
            write_whole(place, content, mode, os.getuid(), os.getgid())
    except OSError as error:
        return [outcome(step, FAILED, why(error), f"by hand: {step['by_hand']}") for step in steps]
    kept = f"the file as it was is {file}{KEPT.decode()} beside it"
    return [outcome(step, RESTORED, kept if at in replaced else "") for at, step in enumerate(steps)]


def is_below(name):
    """Tell whether a relative name leads nowhere else."""
    return b"\0" not in name and all(part not in (b"", b".", b"..") for part in name.split(b"/"))


def read(place):
    """Return the content and mode of a file, None and the mode of a new one where there is none."""
    try:
        mode = os.stat(place).st_mode
    except FileNotFoundError:
        return None, 0o600
    if not stat.S_ISREG(mode):
        raise FileExistsError(errno.EEXIST, "something else than a file is there")
    with open(place, "rb") as file:
        return file.read(), stat.S_IMODE(mode)


def keep(place, content):
    """Keep what a restore found, once: a later one finds what the first one wrote."""
    if not os.path.lexists(place):
        write_whole(place, content, 0o600, os.getuid(), os.getgid())


def runs(names, uid):
    """Tell whether one of these programs is run by `uid` (proc(5))."""
    for number in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{number}").st_uid == uid:
                with open(f"/proc/{number}/comm") as file:
                    if file.read().strip() in names:
                        return True
    return False


def dconf(steps, check_mode):
    """Give dconf all keys that it takes at once, then each of the others."""
    if check_mode:
        return [outcome(step, RESTORED) for step in steps]
    if shutil.which("dconf", path=PATH) is None:
        remedy = "`sudo apt install dconf-cli dconf-service`, then restore again"
        return all_failed(steps, "no dconf here", remedy, UNAVAILABLE)
    os.umask(0o077)
    with tempfile.TemporaryDirectory(prefix="rekindle-") as folder:
        ask = served() or Unserved(folder)
        good = [step for step in steps if KEY.fullmatch(key_of(step)) and VALUE.fullmatch(step["value"])]
        plain = [step for step in good if PLAIN_KEY.fullmatch(key_of(step))]
        told = {each["id"]: each for each in loaded(ask, plain)}
        return [told.get(step["id"]) or alone(ask, step, step in good) for step in steps]


def loaded(ask, steps):
    """Load keys; where one of them is refused, half of them each."""
    if not steps:
        return []
    refusal = ask.load(keyfile(steps))
    if not refusal:
        return [outcome(step, RESTORED) for step in steps]
    if len(steps) == 1 or not OF_ONE_KEY.search(refusal):
        return [refused(step, refusal) for step in steps]
    half = len(steps) // 2
    return loaded(ask, steps[:half]) + loaded(ask, steps[half:])


def alone(ask, step, is_good):
    """Write a key that cannot be loaded with others."""
    if not is_good:
        return refused(step, "not one value of one key")
    if isinstance(ask, Unserved):
        remedy = f"log in, then `{step['by_hand']}`"
        return outcome(step, DEFERRED, "it needs a session of its owner", remedy, until="login")
    refusal = ask.write(key_of(step), step["value"])
    return refused(step, refusal) if refusal else outcome(step, RESTORED)


def refused(step, refusal):
    return outcome(step, FAILED, refusal, f"as its owner: {step['by_hand']}")


def served():
    """Return who is asked in the person's session, None where there is none with a service for dconf."""
    runtime = f"/run/user/{os.getuid()}"
    if os.path.exists(f"{runtime}/bus") and os.path.exists(SERVICE):
        bus = {"XDG_RUNTIME_DIR": runtime, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}
        return Served(bus)
    return None


class Served:
    """dconf(1) with its service in a session: whoever uses a key hears of it."""

    def __init__(self, env):
        self.env = env

    def load(self, text):
        """Set keys; return what was said against it, "" where it is done."""
        return asked(("load", "/"), self.env, text)[0]

    def write(self, key, value):
        """Set one key; return what was said against it, "" where it is done."""
        return asked(("write", key, value), self.env)[0]


class Unserved:
    """dconf(1) with nobody logged in: the database is compiled anew, from what is in it and what comes.

    What dconf would else leave in ~/.cache goes with `folder`.
    """

    def __init__(self, folder):
        self.keys = os.path.join(folder, "keys")
        self.profile = os.path.join(folder, "profile")
        os.mkdir(self.keys)
        # Nothing of the machine's own defaults becomes the person's.
        with open(self.profile, "w") as file:
            file.write("user-db:user\n")
        self.env = {"XDG_RUNTIME_DIR": folder, "DCONF_PROFILE": self.profile}

    def load(self, text):
        """Set keys; return what was said against it, "" where it is done."""
        refusal, before = asked(("dump", "/"), self.env)
        if refusal:
            return refusal
        with open(os.path.join(self.keys, "all"), "w") as file:
            # Of two lines for a key the last one counts.
            file.write(f"{before}\n{text}")
        database = os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".config/dconf/user")
        os.makedirs(os.path.dirname(database), exist_ok=True)
        return asked(("compile", os.path.realpath(database), self.keys), self.env)[0]


def asked(words, env, text=""):
    """Ask dconf; return what it said against it, "" where it did it, and what it said else."""
    entry = pwd.getpwuid(os.getuid())
    own = {"HOME": entry.pw_dir, "USER": entry.pw_name, "PATH": PATH, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            ["dconf", *words],
            env={**own, **env},
            input=text.encode(),
            capture_output=True,
            timeout=DCONF_SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return why(error), ""
    if done.returncode == 0:
        return "", done.stdout.decode()
    return complaint(done.stderr.decode(errors="replace")) or f"dconf ended with {done.returncode}", ""


def key_of(step):
    return os.fsdecode(raw(step["key"]))


def complaint(said):
    """Return dconf's own line of what it said: libraries speak, too."""
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    return lines[-1][len("error: ") :][:300] if lines else ""


def keyfile(steps):
    """Return keys as `dconf load` reads them."""
    groups = defaultdict(list)
    for step in steps:
        folder, _, name = key_of(step).rpartition("/")
        groups[folder[1:] or "/"].append(f"{name}={step['value']}\n")
    return "\n".join(f"[{folder}]\n{''.join(lines)}" for folder, lines in groups.items())


if __name__ == "__main__":
    main()
