#!/usr/bin/python
"""How do items come back that have a command each?

The commands of one section are run in stages; in each, its lanes go side by side. A command is run by the
person whose item it is, in their home and with what their session has. What fails is told, the next is run.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import fcntl
import os
import pwd
import re
import shutil
import signal
import subprocess
import threading

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.rekindle import (
    ARGUMENTS,
    DEFERRED,
    FAILED,
    RESTORED,
    UNAVAILABLE,
    answer,
    has_route,
    orphaned,
    outcome,
    read_plan,
    say,
    why,
)

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"
# Where managers put the programs of one person, below the home.
OWN_PATHS = (".local/bin", ".cargo/bin", "go/bin", ".npm-global/bin", ".local/share/pnpm", ".bun/bin")
LOOK_SECONDS = 0.5
LAST_BYTES = 20_000
NO_NETWORK = re.compile(
    r"Could not resolve|Temporary failure in name resolution|Name or service not known|"
    r"Network is unreachable|No route to host|EAI_AGAIN|ENOTFOUND|ENETUNREACH|getaddrinfo",
)
NO_ENTRY = re.compile(
    r"Permission denied \(|could not read (Username|Password)|Authentication failed|"
    r"terminal prompts disabled|Host key verification failed|HTTP Basic: Access denied",
)
CONNECT = "connect the network and restart: it goes on by itself"
UNLOCK = "run `rekindle secrets unlock`: it goes on by itself"
# The words after which tools tell what went wrong.
COMPLAINT = re.compile(r"(?i)\b(error|fatal|failed|cannot|could not|not found|denied)\b")


def main():
    module = AnsibleModule(
        argument_spec={**ARGUMENTS, "section": {"required": True}}, supports_check_mode=True
    )
    plan, progress, section = (module.params[key] for key in ("plan", "progress", "section"))
    steps = [step for step in read_plan(plan, "commands") if step["section"] == section]
    if module.check_mode or not steps:
        answer(module, [planned(step) for step in steps])
    with alone(os.path.dirname(plan), section) as lock:
        log = os.path.join(os.path.dirname(plan), f"{section}.log")
        answer(module, staged(steps, Runner(section, len(steps), progress, log, lock)))


def planned(step):
    """Say what a restore would do; a program that is not here may come with the packages."""
    return outcome(step, RESTORED)


@contextlib.contextmanager
def alone(work, section):
    """Wait until no command of a run that was killed is at work any more: they hold the same lock."""
    with open(os.path.join(os.path.dirname(work), f".{section}.lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def staged(steps, runner):
    """Run the steps stage by stage, and return the outcome of each in their order."""
    outcomes = {}
    for stage in sorted({step["stage"] for step in steps}):
        lanes = {}
        for step in steps:
            if step["stage"] == stage:
                lanes.setdefault(step["lane"], []).append(step)
        with concurrent.futures.ThreadPoolExecutor(max_workers=len(lanes)) as pool:
            for some in pool.map(runner.lane, lanes.values()):
                outcomes.update((each["id"], each) for each in some)
    return [outcomes[step["id"]] for step in steps if step["id"] in outcomes]


class Runner:
    """Runs steps, counts them, and keeps what they said."""

    def __init__(self, section, total, progress, log, lock):
        self.section, self.total, self.progress, self.log, self.lock = section, total, progress, log, lock
        self.begun = 0
        self.counting = threading.Lock()

    def lane(self, steps):
        """Run steps one after the other, and return their outcomes."""
        return [self.step(step) for step in steps if not orphaned()]

    def step(self, step):
        with self.counting:
            self.begun += 1
            say(self.progress, f"{self.section} {self.begun} of {self.total} {step['id']}")
        try:
            path, identity = who(step["user"])
            missing = [name for name in step["needs"] if not shutil.which(name, path=path)]
            if missing:
                names = " and ".join(missing)
                return outcome(step, UNAVAILABLE, f"no {names} here", f"install {names}, then restore again")
            code, said = self.run(step, identity)
        except KeyError:
            return outcome(step, FAILED, f"no {step['user']} on this machine", "make the account first")
        except OSError as error:
            return outcome(step, FAILED, why(error), step["by_hand"])
        return outcome(step, RESTORED) if code == 0 else refused(step, code, said)

    def run(self, step, identity):
        """Run one command to its end, and return its code and the end of what it said."""
        with open(self.log, "ab+") as log:
            log.write(f"--- {step['id']}\n".encode(errors="replace"))
            log.flush()
            start = log.seek(0, os.SEEK_END)
            process = subprocess.Popen(
                ["bash", "-c", step["command"]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(self.lock.fileno(),),
                **identity,
            )
            code, said = ended(process, step["seconds"])
            log.seek(start)
            log.write(said)
        return code, said[-LAST_BYTES:].decode(errors="replace")


def ended(process, seconds):
    """Wait for a command, and end it and all it started when it takes too long."""
    try:
        said, _ = process.communicate(timeout=seconds)
        return process.returncode, said
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        return 124, said + f"\nerror: ended after {seconds} s\n".encode()


def who(name):
    """Return the PATH and the identity, as Popen takes it, of a person, of root for ""."""
    entry = pwd.getpwnam(name or "root")
    path = ":".join([*(f"{entry.pw_dir}/{each}" for each in OWN_PATHS if name), SYSTEM_PATH])
    env = {
        "HOME": entry.pw_dir,
        "USER": entry.pw_name,
        "LOGNAME": entry.pw_name,
        "SHELL": entry.pw_shell or "/bin/sh",
        "PATH": path,
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        **session(entry.pw_uid),
    }
    if not name:
        return path, {"env": env, "cwd": "/", "umask": 0o022}
    home = entry.pw_dir if os.path.isdir(entry.pw_dir) else "/"
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}
    return path, {"env": env, "cwd": home, "umask": 0o022, **identity}


def session(uid):
    """Return what tells a program where the person's session is, if they have one."""
    runtime = f"/run/user/{uid}"
    if not os.path.exists(f"{runtime}/bus"):
        return {}
    return {"XDG_RUNTIME_DIR": runtime, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}


def refused(step, code, said):
    """Return the outcome of a command that failed, by what it said."""
    reason = complaint(said) or f"it ended with {code}"
    if NO_ENTRY.search(said):
        return outcome(step, DEFERRED, reason, UNLOCK, until="secret")
    if step["network"] and NO_NETWORK.search(said) and not has_route():
        return outcome(step, DEFERRED, reason, CONNECT, until="network")
    if step["network"] and NO_NETWORK.search(said):
        return outcome(step, UNAVAILABLE, reason, step["by_hand"])
    return outcome(step, FAILED, reason, f"see the log, then: {step['by_hand']}")


def complaint(said):
    """Return the line in which a command most likely says why it failed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if COMPLAINT.search(line)]
    return (telling or lines or [""])[-1][:300]


if __name__ == "__main__":
    main()
