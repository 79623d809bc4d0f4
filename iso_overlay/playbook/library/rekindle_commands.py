#!/usr/bin/python
"""How do items come back that have a command each?

The commands of one section are run in stages; in each, its lanes go side by side. A command is run by the
person whose item it is, in their home and with what their session has. What fails is told, the next is run.
What lacks a program waits: with `again`, when more of them are here, nothing else of the section is run.
A program that can tell more says it in a line: `rekindle: {"state": …, "reason": …, "remedy": …}`.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import fcntl
import itertools
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.complaints import (
    TOOK_TOO_LONG,
    Refusal,
    is_passing,
    lacking,
    masked,
    refused,
)
from ansible.module_utils.rekindle import (
    ARGUMENTS,
    DEFERRED,
    FAILED,
    RESTORED,
    UNAVAILABLE,
    answer,
    count,
    has_route,
    orphaned,
    outcome,
    raw,
    read_plan,
    why,
)

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"
# Where managers put programs, below a home: what a login shell adds once its dotfiles are back.
OWN_PATHS = (
    *(".local/bin", ".cargo/bin", "go/bin", ".npm-global/bin", ".local/share/pnpm", ".bun/bin", ".volta/bin"),
    *(".pyenv/bin", ".pyenv/shims", ".rbenv/bin", ".rbenv/shims", ".nodenv/bin", ".nodenv/shims"),
    *(".goenv/bin", ".goenv/shims", ".asdf/bin", ".asdf/shims", ".local/share/mise/shims"),
    *(".local/share/flatpak/exports/bin", ".local/share/fnm", ".fnm"),
    *(".linuxbrew/bin", "miniconda3/bin", "miniforge3/bin", "anaconda3/bin"),
)
MORE_PATHS = ("/usr/local/go/bin", "/var/lib/flatpak/exports/bin")
# Tools ask nothing, say nothing of updates, thanks or funds, and install as they did before.
QUIET = {
    "CONDA_ALWAYS_YES": "true",
    "DEBIAN_FRONTEND": "noninteractive",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    "GIT_TERMINAL_PROMPT": "0",
    "HOMEBREW_NO_AUTO_UPDATE": "1",
    "NONINTERACTIVE": "1",
    "PIP_BREAK_SYSTEM_PACKAGES": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "npm_config_audit": "false",
    "npm_config_fund": "false",
    "npm_config_update_notifier": "false",
    "sdkman_auto_answer": "true",
}
# Seconds before what fetches something is tried once more, and then a last time.
PAUSES = (3, 15)
SESSION_SECONDS = 60
HEED_SECONDS = 10
TOGETHER = 100
LAST_BYTES = 200_000
REMARK = "rekindle: "
STATES = (RESTORED, DEFERRED, UNAVAILABLE, FAILED)


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "section": {"required": True},
            "again": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    plan, progress, section, again = (module.params[key] for key in ("plan", "progress", "section", "again"))
    waits = os.path.join(os.path.dirname(plan), f"{section}.waits")
    steps = [step for step in read_plan(plan, "commands") if step["section"] == section]
    if again:
        waiting = read_waits(waits)
        steps = [step for step in steps if step["id"] in waiting]
    if module.check_mode or not steps:
        answer(module, [planned(step) for step in steps])
    log = os.path.join(os.path.dirname(plan), f"{section}.log")
    with alone(os.path.dirname(plan), section) as lock:
        runner = Runner(section, len(steps), progress, log, lock)
        outcomes = staged(steps, runner)
    write_waits(waits, runner.waiting)
    answer(module, outcomes)


def planned(step):
    """Say what a restore would do; a program that is not here may come with the packages."""
    return outcome(step, RESTORED)


def read_waits(path):
    """Return the ids of the items that lacked a program."""
    try:
        with open(path, encoding="utf-8") as file:
            return frozenset(json.load(file))
    except FileNotFoundError:
        return frozenset()


def write_waits(path, waiting):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(sorted(waiting), file)


@contextlib.contextmanager
def alone(work, section):
    """Wait until no command of a run that was killed is at work any more: they hold the same lock."""
    with open(os.path.join(os.path.dirname(work), f".{section}.lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def staged(steps, runner):
    """Run the steps stage by stage, and return the outcome of each in their order.

    An item may have steps in several stages: after one that failed there is no other.
    """
    outcomes = {}
    for stage in sorted({step["stage"] for step in steps}):
        lanes = {}
        for step in steps:
            if step["stage"] == stage and outcomes.get(step["id"], {}).get("state", RESTORED) == RESTORED:
                lanes.setdefault(step["lane"], []).append(step)
        with concurrent.futures.ThreadPoolExecutor(max_workers=len(lanes) or 1) as pool:
            for some in pool.map(runner.lane, lanes.values()):
                outcomes.update((each["id"], each) for each in some)
    return list(outcomes.values())


def together(steps):
    """Yield the steps that one command brings back: those that differ in nothing but their operand."""
    alike = itertools.groupby(enumerate(steps), lambda each: likeness(*each))
    for _, some in alike:
        group = [step for _, step in some]
        yield from (group[start : start + TOGETHER] for start in range(0, len(group), TOGETHER))


def likeness(number, step):
    return (step["user"], step["command"], step["pooled"], step["needs"]) if step["operand"] else number


class Runner:
    """Runs steps, counts them, and keeps what they said; `waiting` are the ids that lack a program."""

    def __init__(self, section, total, progress, log, lock):
        self.section, self.total, self.progress, self.log, self.lock = section, total, progress, log, lock
        self.begun = 0
        self.waiting = set()
        self.remarks = {}
        self.offline = None
        self.writing = threading.Lock()

    def lane(self, steps):
        """Run steps one after the other, and return their outcomes."""
        outcomes = []
        for group in together(steps):
            if orphaned():
                break
            self.count(group)
            outcomes += self.from_anywhere(group)
        return outcomes

    def count(self, group):
        with self.writing:
            done = self.begun / self.total
            self.begun += len(group)
            more = f" and {len(group) - 1} more" if len(group) > 1 else ""
            name = f"{group[0]['id']}{more}"
            count(self.progress, f"commands {self.section}", self.begun, self.total, name, done)

    def from_anywhere(self, steps):
        """Bring steps back from the pool if they are in it, and in the usual way what does not come so."""
        if not steps[0]["pooled"]:
            return self.group(steps)
        pooled = self.group([{**step, "command": step["pooled"], "network": False} for step in steps])
        there = [each for each in pooled if each["state"] == RESTORED]
        left = [step for step, each in zip(steps, pooled, strict=True) if each["state"] != RESTORED]
        return [*there, *(self.group(left) if left else ())]

    def group(self, steps):
        """Run one command for steps; where it fails for one of them, half of them each."""
        refusal = self.refusal(steps)
        if refusal is None:
            return [self.restored(step) for step in steps]
        is_offline = steps[0]["network"] and refusal.until == "network"
        if len(steps) == 1 or is_offline or steps[0]["id"] in self.waiting or orphaned():
            return [refusal.of(step) for step in steps]
        half = len(steps) // 2
        return self.group(steps[:half]) + self.group(steps[half:])

    def restored(self, step):
        remark = self.remarks.get(step["id"], {})
        return outcome(step, RESTORED, remark.get("reason", step["note"]), remark.get("remedy", ""))

    def refusal(self, steps):
        """Run the command of steps; return why it brought nothing back, None if it did."""
        step = steps[0]
        if self.offline and step["network"] and not has_route():
            return self.offline
        try:
            path, identity = who(step["user"], step["session"])
        except (KeyError, ValueError):
            return Refusal(
                FAILED, f"no {step['user']} on this machine", "make the account, then restore again"
            )
        missing = [need for need in step["needs"] if not is_here(need, path, identity["env"]["HOME"])]
        if missing:
            self.waiting.update(each["id"] for each in steps)
            return lacking(missing)
        if step["session"] and "XDG_RUNTIME_DIR" not in identity["env"]:
            return Refusal(DEFERRED, "it needs a session of its owner", "log in and restore again", "login")
        try:
            return self.tried(steps, identity)
        except (OSError, ValueError) as error:
            return Refusal(FAILED, why(error))

    def tried(self, steps, identity):
        """Run a command, several times if it fetches something and that fails for what may pass."""
        step = steps[0]
        command = " ".join([step["command"], *(each["operand"] for each in steps if each["operand"])])
        for pause in (*PAUSES, None) if step["network"] else (None,):
            code, said = self.run(step, command, identity)
            remark = remarked(said)
            if code == 0:
                self.remarks[step["id"]] = remark
                return None
            refusal = refused(code, said, step["seconds"])
            if remark:
                return Refusal(remark["state"], remark["reason"], remark["remedy"], remark.get("until", ""))
            if step["network"] and refusal.until == "network" and not has_route():
                self.offline = Refusal(refusal.state, "no network", refusal.remedy, refusal.until)
                return refusal
            if pause is None or orphaned() or not is_passing(said):
                return refusal
            time.sleep(pause)
        return refusal

    def run(self, step, command, identity):
        """Run one command to its end, and return its code and the end of what it said."""
        begun = time.monotonic()
        with tempfile.TemporaryFile(dir=os.path.dirname(self.log)) as output:
            code = subprocess.call(
                bounded(command, step["seconds"]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Without a terminal: ssh and sudo would ask there.
                start_new_session=True,
                pass_fds=(self.lock.fileno(),),
                **identity,
            )
            said = masked(last_lines(output))
        self.keep(step, said)
        # What does not heed it takes timeout(1) down with it.
        is_late = code == -signal.SIGKILL and time.monotonic() - begun >= step["seconds"]
        return TOOK_TOO_LONG if is_late else code, said

    def keep(self, step, said):
        with self.writing, open(self.log, "a", encoding="utf-8", errors="replace") as log:
            log.write(f"--- {step['id']}\n{said}")


def bounded(command, seconds):
    """Return the argv of a command that is ended with all it started, also when we are not here any more."""
    within = ("timeout", f"--kill-after={HEED_SECONDS}", str(seconds))
    return [*within, "bash", "-o", "pipefail", "-c", command]


def last_lines(output):
    """Return the last whole lines of a file: half a line may hide what stands before a password."""
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - LAST_BYTES))
    if size > LAST_BYTES:
        output.readline()
    return output.read().decode(errors="replace")


def remarked(said):
    """Return what a program of ours told of itself in its last such line, {} for nothing.

    `state` is what it failed to be or restored, `reason` and `remedy` say more, `until` what it waits for.
    """
    told = [line[len(REMARK) :] for line in said.splitlines() if line.startswith(REMARK)]
    with contextlib.suppress(IndexError, ValueError, TypeError):
        remark = json.loads(told[-1])
        if {"state", "reason", "remedy"} <= set(remark) and remark["state"] in STATES:
            return remark
    return {}


def who(name, wants_session=False):
    """Return the PATH and the identity, as Popen takes it, of a person, of root for "".

    Raises KeyError where nobody has that name.
    """
    entry = pwd.getpwnam(name or "root")
    own = [f"{entry.pw_dir}/{each}" for each in OWN_PATHS if name]
    path = ":".join([*own, *MORE_PATHS, SYSTEM_PATH])
    env = {
        **QUIET,
        "HOME": entry.pw_dir,
        "USER": entry.pw_name,
        "LOGNAME": entry.pw_name,
        "SHELL": entry.pw_shell or "/bin/sh",
        "PATH": path,
        "PNPM_HOME": f"{entry.pw_dir}/.local/share/pnpm",
        "LC_ALL": "C.UTF-8",
        **session(entry.pw_uid, wants_session),
    }
    if not name:
        return path, {"env": env, "cwd": "/", "umask": 0o022}
    home = entry.pw_dir if os.path.isdir(entry.pw_dir) else "/"
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}
    return path, {"env": env, "cwd": home, "umask": 0o022, **identity}


def session(uid, wanted):
    """Return what tells a program where the person's session is, if they have one.

    Where one is `wanted`, systemd begins it, and ends it when the machine stops.
    """
    runtime = f"/run/user/{uid}"
    if wanted and not os.path.exists(runtime):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            asked = ["systemctl", "start", f"user@{uid}.service"]
            subprocess.run(asked, timeout=SESSION_SECONDS, capture_output=True, stdin=subprocess.DEVNULL)
    bus = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"} if os.path.exists(f"{runtime}/bus") else {}
    return {"XDG_RUNTIME_DIR": runtime, **bus} if os.path.exists(runtime) else {}


def is_here(need, path, home):
    """Tell whether a program is on PATH, or a file is where its escaped name says, below `~/` or `/`."""
    if "/" in need:
        return os.path.exists(raw(f"{home}{need[1:]}" if need.startswith("~/") else need))
    return shutil.which(need, path=path) is not None


if __name__ == "__main__":
    main()
