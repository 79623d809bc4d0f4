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
NO_LOGIN = ("", "/bin/sync")
SHADOW = "/etc/shadow"
AGAIN = "then restore again"


class ActionModule(ActionBase):
    """Bring back the groups, then the users, of the plan; with `again` the shells that only now are here."""

    _supports_check_mode = True
    _VALID_ARGS = frozenset(("plan", "progress", "again"))

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        with open(self._task.args["plan"], encoding="utf-8") as file:
            plan = {"groups": [], "users": [], **json.load(file)}
        self._vars, self._changed, self._renumbered, self._made = task_vars, False, set(), set()
        self._notes = []
        if self._task.args.get("again"):
            outcomes, notes = self._users(list(filter(is_shell_new, plan["users"]))), []
        else:
            notes = [] if self._play_context.check_mode else self._renumber(plan["groups"], plan["users"])
            outcomes = [self._account(step, group_arguments) for step in plan["groups"]]
            outcomes += self._users(plan["users"])
        return {**result, "changed": self._changed, "outcomes": outcomes, "notes": [*notes, *self._notes]}

    def _users(self, steps):
        outcomes = []
        for number, step in enumerate(steps, 1):
            self._count(number, len(steps), step["name"])
            outcomes.append(self._account(step, self._user_arguments))
        return outcomes

    def _execute(self, module, arguments):
        """Run one of Ansible's modules, and return what it answers."""
        done = self._execute_module(module_name=module, module_args=arguments, task_vars=self._vars)
        self._changed = self._changed or bool(done.get("changed"))
        return done

    def _renumber(self, groups, users):
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
                self._execute(module, arguments)
                self._renumbered.add(wanted[name]["id"])
        return [note for step, old in before for note in given(step, old, pwd.getpwnam(step["name"]))]

    def _user_arguments(self, step):
        return user_arguments(step, self._made)

    def _account(self, step, arguments):
        """Run the module for one group or user, and return its outcome."""
        try:
            refusal = refused(step)
            if refusal:
                return outcome(step, "failed", refusal, "make the account by hand")
            made = self._groups(step)
            module, wanted, shortfalls = arguments(step)
            done = self._execute(module, wanted)
            if "gid" in step and not done.get("failed"):
                self._made.add(step["name"])
            is_opened = not self._play_context.check_mode and opened(step)
        except Exception as error:  # whatever one account does, the others come back
            return outcome(step, "failed", " ".join(str(error).split()), "make the account by hand")
        self._changed = self._changed or is_opened
        changed = done.get("changed") or step["id"] in self._renumbered or is_opened
        return judged(step, {**done, "changed": changed}, shortfalls, made)

    def _groups(self, step):
        """Make the groups of a person that are not here; return the names of those of the system."""
        made = []
        for name in missing_groups(step, self._made):
            arguments = missing_group_arguments(step, name)
            if arguments and not self._execute("ansible.builtin.group", arguments).get("failed"):
                self._made.add(name)
                made += [name] if "system" in arguments else []
        # It stands though the person's shell comes later, and with it another outcome.
        self._notes += [{"id": step["id"], "reason": unbrought(name), "remedy": ""} for name in made]
        return made

    def _count(self, number, total, name):
        """Tell how far it is, as modules do; their helpers cannot be had here."""
        if self._task.args.get("progress"):
            event = {"work": "users", "number": number, "total": total, "name": name, "share": None}
            with open(self._task.args["progress"], "a", encoding="utf-8", errors="replace") as file:
                file.write(f"{json.dumps(event)}\n")


def refused(step):
    """Say why an account is not touched, or ""."""
    if not NAME.fullmatch(step["name"]):
        return "not the name of an account"
    number = step["uid"] if "uid" in step else step["gid"]
    if step["name"] == "root" or number == 0:
        return "root is never changed"
    there = identity(step)
    if there is not None and there < FIRST_PERSON and not ("uid" in step and is_person(step["name"])):
        return "an account of the system has that name here"
    if "home" in step and not is_plain(step["home"]):
        return "its home is no plain absolute path"
    return ""


def is_person(name):
    """Tell whether somebody sits behind an account of this machine with a number of the system."""
    entry = pwd.getpwnam(name)
    is_closed = entry.pw_shell in NO_LOGIN or entry.pw_shell.endswith(("/nologin", "/false"))
    return entry.pw_dir.startswith("/home/") and not is_closed


def is_plain(home):
    """Tell whether a home is an absolute path that leads nowhere else; it may end in slashes."""
    path = home.rstrip("/") or "/"
    return home.startswith("/") and os.path.normpath(path) == path and not set("\0\n:") & set(home)


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


def holder(key, number, name):
    """Return who else has a number ("uid", "gid") on this machine, "" for nobody."""
    return next((each for each, its in accounts(key).items() if its == number and each != name), "")


def group_arguments(step):
    """Return the module, its arguments, and what falls short of the posture."""
    wanted = {"name": step["name"], "state": "present"}
    other = holder("gid", step["gid"], step["name"])
    if other:
        return "ansible.builtin.group", wanted, [taken(step["gid"], other)]
    return "ansible.builtin.group", {**wanted, "gid": step["gid"]}, []


def missing_groups(step, made=frozenset()):
    """Return the names of a person's groups that are not here; `made` are about to be."""
    names = dict.fromkeys((step.get("group", ""), *step.get("groups", ())))
    return [name for name in names if name and name not in made and not group_exists(name)]


def missing_group_arguments(step, name):
    """Return how a group that a person is in is made, None where it is not.

    A person's own comes with the account. What neither the posture nor a package brings is one of the system:
    that the owner made it, nothing tells but that they are in it.
    """
    if name == step["name"] or not NAME.fullmatch(name):
        return None
    gid = step["gids"].get(name)
    if gid is None:
        return {"name": name, "system": True}
    return {"name": name} if holder("gid", gid, name) else {"name": name, "gid": gid}


def user_arguments(step, made=frozenset()):
    """Return the module, its arguments, and what falls short of the posture.

    `made` names groups that are about to be there.
    """
    missing = missing_groups(step, made)
    wanted = {
        "name": step["name"],
        "comment": step["gecos"],
        "home": step["home"],
        "groups": [name for name in step["groups"] if name not in missing],
        "append": False,
        # Who had no home gets none.
        "create_home": bool(step["home_mode"]),
        "system": step["uid"] < FIRST_PERSON,
        "state": "present",
    }
    shortfalls = [(f"no group {name} here", f"make it, {AGAIN}") for name in missing if name != step["name"]]
    other = holder("uid", step["uid"], step["name"])
    if other:
        shortfalls.append(taken(step["uid"], other))
    else:
        wanted["uid"] = step["uid"]
    if is_shell_here(step["shell"]):
        wanted["shell"] = step["shell"]
    else:
        wanted["shell"] = FALLBACK_SHELL
        shortfalls.append((f"no {step['shell']} here, so {FALLBACK_SHELL}", f"install it, {AGAIN}"))
    if step["expires"]:
        wanted["expires"] = float(calendar.timegm(time.strptime(step["expires"], "%Y-%m-%d")))
    if step["group"] not in missing:
        wanted["group"] = step["group"]
    return "ansible.builtin.user", wanted, shortfalls


def taken(number, other):
    return f"its number {number} is {other}'s here", f"give {other} another one, {AGAIN}"


def unbrought(name):
    return f"no package brought the group {name}, so it is made"


def is_shell_here(shell):
    """Tell whether one can log in with a shell; none at all means /bin/sh."""
    return not shell or (shell.startswith("/") and os.access(shell, os.X_OK))


def is_shell_new(step):
    """Tell whether a person who is here has another shell than the one that was theirs, and is here, too."""
    if refused(step) or not user_exists(step["name"]) or not is_shell_here(step["shell"]):
        return False
    return pwd.getpwnam(step["name"]).pw_shell != step["shell"]


def is_locked(name):
    """Tell whether nobody can log in to an account with a password (shadow(5))."""
    with open(SHADOW, errors="surrogateescape") as file:
        words = next((line.split(":") for line in file if line.startswith(f"{name}:")), [])
    return bool(words[1:]) and words[1].startswith(("!", "*"))


def judged(step, done, shortfalls, made=()):
    """Return the outcome from what the module said; `made` are groups that no package brought."""
    if done.get("failed"):
        return outcome(step, "failed", " ".join(str(done.get("msg", "")).split()), "see `man useradd`")
    told = list(shortfalls)
    told += [(unbrought(name), "") for name in made]
    if "uid" in step and done.get("changed") and step["password"] != "locked" and is_locked(step["name"]):
        told.append(("it has no password", f"run `passwd {step['name']}`"))
    state = "restored" if done.get("changed") else "already"
    if shortfalls:
        state = "failed" if any(reason.startswith("no group") for reason, _ in shortfalls) else "substituted"
    reasons = "; ".join(reason for reason, _ in told)
    remedies = "; ".join(remedy for _, remedy in told if remedy)
    return outcome(step, state, reasons, remedies)


def outcome(step, state, reason="", remedy=""):
    return {"id": step["id"], "state": state, "reason": reason, "remedy": remedy}
