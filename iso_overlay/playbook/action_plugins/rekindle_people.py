"""How do people and their groups come back?

Ansible's own modules `group` and `user` do it, one person at a time. Their arguments are handed
over as data here, so that no name or comment is ever read as a template, and no person's failure is
another's.
"""

from __future__ import annotations

import calendar
import grp
import json
import os
import pwd
import re
import stat
import time

from ansible.plugins.action import ActionBase

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?")
FIRST_PERSON = 1000
FALLBACK_SHELL = "/bin/bash"


class ActionModule(ActionBase):
    """Bring back the groups, then the users, of the plan."""

    _supports_check_mode = True
    _VALID_ARGS = frozenset(("plan", "progress"))

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        with open(self._task.args["plan"], encoding="utf-8") as file:
            plan = {"groups": [], "users": [], **json.load(file)}
        self._renumbered = set()
        checks = self._play_context.check_mode
        notes = [] if checks else self._renumber(plan["groups"], plan["users"], task_vars)
        outcomes = [self._person(step, group_arguments, task_vars) for step in plan["groups"]]
        self._made = {step["name"] for step in plan["groups"]} if checks else set()
        for number, step in enumerate(plan["users"], 1):
            self._say(f"users {number} of {len(plan['users'])} {step['name']}")
            outcomes.append(self._person(step, self._user_arguments, task_vars))
        changed = any(entry["state"] in ("restored", "substituted") for entry in outcomes)
        return {**result, "changed": changed, "outcomes": outcomes, "notes": notes}

    def _renumber(self, groups, users, task_vars):
        """Give those who are here their own numbers, and the homes with them: a new one may need the old.

        What cannot be done here is asked for again, and answered for, where the account comes back.
        Returns the notes on homes.
        """
        here = [step for step in users if not refused(step) and user_exists(step["name"])]
        before = [(step, pwd.getpwnam(step["name"])) for step in here]
        for steps, key in ((groups, "gid"), (users, "uid")):
            wanted = {step["name"]: step for step in steps if not refused(step)}
            numbers = {name: step[key] for name, step in wanted.items()}
            for name, number in moves(numbers, accounts(key)):
                module, arguments = renumber_arguments(name, key, number)
                self._execute_module(module_name=module, module_args=arguments, task_vars=task_vars)
                self._renumbered.add(wanted[name]["id"])
        return [note for step, old in before for note in given(step, old, pwd.getpwnam(step["name"]))]

    def _user_arguments(self, step):
        return user_arguments(step, self._made)

    def _person(self, step, arguments, task_vars):
        """Run the module for one group or user, and return its outcome."""
        try:
            refusal = refused(step)
            if refusal:
                return outcome(step, "failed", refusal, "make the account by hand")
            module, wanted, shortcomings = arguments(step)
            is_new = module.endswith("user") and not user_exists(step["name"])
            done = self._execute_module(module_name=module, module_args=wanted, task_vars=task_vars)
            home_changed = not self._play_context.check_mode and opened(step)
        except Exception as error:  # whatever one account does, the others come back
            return outcome(step, "failed", " ".join(str(error).split()), "make the account by hand")
        changed = done.get("changed") or step["id"] in self._renumbered or home_changed
        return judged(step, {**done, "changed": changed}, shortcomings, is_new)

    def _say(self, line):
        if self._task.args.get("progress"):
            with open(self._task.args["progress"], "a", encoding="utf-8", errors="replace") as file:
                file.write(f"{line}\n")


def refused(step):
    """Say why an account is not touched, or ""."""
    if not NAME.fullmatch(step["name"]):
        return "not the name of an account"
    number = step["uid"] if "uid" in step else step["gid"]
    if step["name"] == "root" or number == 0:
        return "root is never changed"
    there = identity(step)
    if there is not None and there < FIRST_PERSON <= number:
        return "an account of the system has that name here"
    return ""


def identity(step):
    """Return the number that the account has on this machine, None where it is not."""
    try:
        return pwd.getpwnam(step["name"]).pw_uid if "uid" in step else grp.getgrnam(step["name"]).gr_gid
    except KeyError:
        return None


def accounts(key):
    """Return the number of every account ("uid") or group ("gid") of this machine."""
    if key == "uid":
        return {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return {entry.gr_name: entry.gr_gid for entry in grp.getgrall()}


def moves(wanted, there):
    """Yield who gets which number, in order, until those of `wanted` who are `there` have their own.

    Who stands in another's way, with the own number taken, moves to a free one first.
    """
    now = dict(there)
    while True:
        astray = [name for name in sorted(wanted) if now.get(name, wanted[name]) != wanted[name]]
        at_once = [name for name in astray if wanted[name] not in now.values()]
        in_the_way = [name for name in astray if now[name] in wanted.values()]
        if not at_once and not in_the_way:
            return
        name = (at_once or in_the_way)[0]
        now[name] = wanted[name] if at_once else free_number({*now.values(), *wanted.values()})
        yield name, now[name]


def free_number(taken):
    return next(
        number for number in range(FIRST_PERSON, FIRST_PERSON + len(taken) + 1) if number not in taken
    )


def renumber_arguments(name, key, number):
    if key == "uid":
        return "ansible.builtin.user", {"name": name, "uid": number, "create_home": False}
    return "ansible.builtin.group", {"name": name, "gid": number}


def given(step, old, new):
    """Give the home of one whose numbers changed to the new ones; return a note where that failed."""
    if (old.pw_uid, old.pw_gid) == (new.pw_uid, new.pw_gid):
        return []
    try:
        give(old.pw_dir, (old.pw_uid, old.pw_gid), (new.pw_uid, new.pw_gid))
    except OSError as error:
        remedy = f"run `chown -R {new.pw_uid}:{new.pw_gid}` on it"
        return [{"id": step["id"], "reason": f"{old.pw_dir} has its old owner: {error}", "remedy": remedy}]
    return []


def give(home, old, new):
    """Give what is `old`'s (uid, gid) in a home to `new`, as usermod(8) does for the uid alone.

    A home that is somebody else's stays as it is.
    """
    if not os.path.isdir(home) or os.lstat(home).st_uid not in (old[0], new[0]):
        return
    hand_over(home, old, new)
    for _, folders, files, folder in os.fwalk(home):
        for name in (*folders, *files):
            hand_over(name, old, new, folder)


def hand_over(name, old, new, folder=None):
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    uid = new[0] if found.st_uid == old[0] else found.st_uid
    gid = new[1] if found.st_gid == old[1] else found.st_gid
    if (uid, gid) != (found.st_uid, found.st_gid):
        os.chown(name, uid, gid, dir_fd=folder, follow_symlinks=False)


def opened(step):
    """Give a home that is the person's own its mode; tell whether that changed it."""
    home, mode = step.get("home", ""), step.get("home_mode", "")
    if not mode or not os.path.isdir(home):
        return False
    found = os.lstat(home)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != step["uid"]:
        return False
    if stat.S_IMODE(found.st_mode) == int(mode, 8):
        return False
    os.chmod(home, int(mode, 8))
    return True


def user_exists(name):
    return identity({"name": name, "uid": 0}) is not None


def group_exists(name):
    return identity({"name": name, "gid": 0}) is not None


def group_arguments(step):
    """Return the module, its arguments, and what falls short of the posture."""
    return (
        "ansible.builtin.group",
        {"name": step["name"], "gid": step["gid"], "state": "present"},
        [],
    )


def user_arguments(step, made=frozenset()):
    """Return the module, its arguments, and what falls short of the posture.

    `made` names groups that are about to be there.
    """
    missing = [
        name for name in (step["group"], *step["groups"]) if not group_exists(name) and name not in made
    ]
    shell = step["shell"] if os.path.exists(step["shell"] or "/") else FALLBACK_SHELL
    wanted = {
        "name": step["name"],
        "uid": step["uid"],
        "comment": step["gecos"],
        "home": step["home"],
        "shell": shell,
        "groups": [name for name in step["groups"] if name not in missing],
        "append": False,
        "create_home": True,
        "state": "present",
    }
    if step.get("expires"):
        wanted["expires"] = float(calendar.timegm(time.strptime(step["expires"], "%Y-%m-%d")))
    if step["group"] not in missing:
        wanted["group"] = step["group"]
    shortcomings = [f"no group {name} here" for name in missing]
    if shell != step["shell"]:
        shortcomings.append(f"no {step['shell']} here, so {shell}")
    return "ansible.builtin.user", wanted, shortcomings


def judged(step, done, shortcomings, is_new):
    """Return the outcome from what the module said."""
    if done.get("failed"):
        return outcome(step, "failed", " ".join(str(done.get("msg", "")).split()), "see `man useradd`")
    if shortcomings:
        state = "failed" if any(text.startswith("no group") for text in shortcomings) else "substituted"
        return outcome(step, state, "; ".join(shortcomings), "install what is missing, then restore again")
    if not done.get("changed"):
        return outcome(step, "already")
    if is_new:
        return outcome(step, "restored", "made without a password", f"run `passwd {step['name']}`")
    return outcome(step, "restored")


def outcome(step, state, reason="", remedy=""):
    return {"id": step["id"], "state": state, "reason": reason, "remedy": remedy}
