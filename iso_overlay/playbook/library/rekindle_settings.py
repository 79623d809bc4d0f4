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
# What `dconf load` takes as a line of its own; all else is written key by key.
PLAIN_KEY = re.compile(r"/(?:[\w.@:+-][\w.@:+ -]*/)*[\w.@:+-]+")
PLAIN_VALUE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+")
# One of the keys is refused, and not all of them.
OF_ONE_KEY = re.compile(r"invalid (value|path)|non-writable|Key file contains", re.IGNORECASE)
TOOLS = "sudo apt install dconf-cli dconf-service dbus-daemon"


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    plan, progress = module.params["plan"], module.params["progress"]
    outcomes = []
    for part, work in (("kde", kde), ("dconf", dconf)):
        for user, steps in by_user(read_plan(plan, part)).items():
            say(progress, f"desktop {len(steps)} settings of {user} ({part})")
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
    os.umask(0o077)
    with session() as (words, env):
        missing = [name for name in (*words[:1], "dconf") if shutil.which(name, path=PATH) is None]
        if missing:
            reason = f"no {' and '.join(missing)} here"
            return all_failed(steps, reason, f"`{TOOLS}`, then restore again", UNAVAILABLE)
        ask = Dconf(words, env)
        plain = [step for step in steps if is_plain(step)]
        odd = [step for step in steps if not is_plain(step)]
        return ask.load(plain) + [ask.write(step) for step in odd]


@contextlib.contextmanager
def session():
    """Yield what begins a session of its own where the person has none, and its environment.

    What dconf would else leave in ~/.cache goes with it.
    """
    entry = pwd.getpwuid(os.getuid())
    runtime = f"/run/user/{entry.pw_uid}"
    env = {"HOME": entry.pw_dir, "USER": entry.pw_name, "PATH": PATH, "LC_ALL": "C.UTF-8"}
    if os.path.exists(f"{runtime}/bus"):
        bus = {"XDG_RUNTIME_DIR": runtime, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}
        yield (), {**env, **bus}
        return
    with tempfile.TemporaryDirectory(prefix="rekindle-") as folder:
        yield ("dbus-run-session", "--"), {**env, "XDG_RUNTIME_DIR": folder}


def is_plain(step):
    return bool(PLAIN_KEY.fullmatch(key_of(step)) and PLAIN_VALUE.fullmatch(step["value"]))


def key_of(step):
    return os.fsdecode(raw(step["key"]))


class Dconf:
    """dconf(1), asked in a session."""

    def __init__(self, words, env):
        self.words, self.env = words, env

    def load(self, steps):
        """Load keys; where one of them is refused, half of them each."""
        if not steps:
            return []
        refusal = self.refusal(("load", "/"), keyfile(steps))
        if not refusal:
            return [outcome(step, RESTORED) for step in steps]
        if len(steps) == 1 or not OF_ONE_KEY.search(refusal):
            return [self.refused(step, refusal) for step in steps]
        half = len(steps) // 2
        return self.load(steps[:half]) + self.load(steps[half:])

    def write(self, step):
        """Write one key."""
        key, value = key_of(step), step["value"]
        if "\0" in key + value:
            return self.refused(step, "a NUL in it")
        refusal = self.refusal(("write", key, value))
        return self.refused(step, refusal) if refusal else outcome(step, RESTORED)

    def refused(self, step, refusal):
        return outcome(step, FAILED, refusal, f"as its owner: {step['by_hand']}")

    def refusal(self, words, text=""):
        """Ask dconf; return what it said against it, "" where it did it."""
        try:
            done = subprocess.run(
                [*self.words, "dconf", *words],
                env=self.env,
                input=text.encode(),
                capture_output=True,
                timeout=DCONF_SECONDS,
                check=False,
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            return why(error)
        if done.returncode == 0:
            return ""
        return complaint(done.stderr.decode(errors="replace")) or f"dconf ended with {done.returncode}"


def complaint(said):
    """Return dconf's own line of what it said: the bus speaks, too."""
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
