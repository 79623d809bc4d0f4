"""How do people and their groups come back?

Ansible's own modules `group` and `user` do it, one person at a time. Their arguments are handed
over as data here, so that no name or comment is ever read as a template, and no person's failure is
another's.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import re

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
            plan = json.load(file)
        outcomes = [self._person(step, group_arguments, task_vars) for step in plan["groups"]]
        self._made = {step["name"] for step in plan["groups"]} if self._play_context.check_mode else set()
        for number, step in enumerate(plan["users"], 1):
            self._say(f"users {number} of {len(plan['users'])} {step['name']}")
            outcomes.append(self._person(step, self._user_arguments, task_vars))
        changed = any(entry["state"] in ("restored", "substituted") for entry in outcomes)
        return {**result, "changed": changed, "outcomes": outcomes, "notes": []}

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
        except Exception as error:  # whatever one account does, the others come back
            return outcome(step, "failed", " ".join(str(error).split()), "make the account by hand")
        return judged(step, done, shortcomings, is_new)

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
