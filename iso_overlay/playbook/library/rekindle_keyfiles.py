#!/usr/bin/python
"""How do files of `[group]` and `key=value` come back that lack their secrets?

NetworkManager's connections, rclone's remotes. One that is here already stays as it is: it may have secrets
that the posture has not.
"""

from __future__ import annotations

import os
import pwd

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    DEFERRED,
    FAILED,
    RESTORED,
    SUBSTITUTED,
    answer,
    as_person,
    misplaced,
    outcome,
    raw,
    read_plan,
    safely,
    why,
    write_whole,
)

COMMENTS = (b"#", b";")


class RefusedError(Exception):
    """A file that is not written."""


def main():
    module = AnsibleModule(
        argument_spec={**ARGUMENTS, "section": {"required": True}}, supports_check_mode=True
    )
    steps = read_plan(module.params["plan"], "keyfiles")
    mine = [step for step in steps if step["section"] == module.params["section"]]
    answer(module, [safely(brought_back, step, module.check_mode) for step in mine])


def brought_back(step, check_mode):
    """Write one file, or one group of it, and return its outcome."""
    try:
        state, missing = as_person(step["user"], written, step, check_mode)
    except KeyError:
        return outcome(step, FAILED, f"no {step['user']} on this machine", "make the account first")
    except (OSError, RefusedError) as error:
        return outcome(step, FAILED, why(error), "set it up by hand from the posture")
    if state == SUBSTITUTED:
        return outcome(step, state, "there is one of that name here, which stays")
    if missing:
        reason = f"secret and not here: {', '.join(missing)}"
        return outcome(step, DEFERRED, reason, step["remedy"], until="secret")
    return outcome(step, state)


def written(step, check_mode):
    """Write what is not there; return the state and which secrets are not there then."""
    place = place_of(step)
    wanted = wanted_of(step)
    there = parsed(read(place))
    found = {name: keys for name, keys in (there or {}).items() if step["whole"] or name in wanted}
    values = by_name(found)
    missing = [name for name in step["secrets"] if raw(name) not in values]
    if there is None or not (step["whole"] or found):
        if not check_mode:
            write(step, place, wanted)
        return RESTORED, step["secrets"]
    beside = {raw(name) for name in (*step["own"], *step["secrets"])}
    if any(values.get(name) != by_name(wanted).get(name) for name in {*values, *by_name(wanted)} - beside):
        return SUBSTITUTED, []
    return ALREADY, missing


def place_of(step):
    """Return where the file is, in bytes."""
    place = raw(step["path"])
    if step["user"]:
        home = os.fsencode(pwd.getpwnam(step["user"]).pw_dir)
        # A person's own symlinks are theirs, and it is they who write.
        return os.path.realpath(os.path.join(home, place))
    wrong = misplaced(place)
    if wrong:
        raise RefusedError(wrong)
    return place


def wanted_of(step):
    """Return the groups of a step in bytes; no name and no value may begin a line of its own."""
    groups = {
        raw(name): {raw(key): raw(value) for key, value in keys.items()}
        for name, keys in step["groups"].items()
    }
    words = [word for name, keys in groups.items() for word in (name, *keys, *keys.values())]
    if any(b"\n" in word or b"\r" in word for word in words):
        raise RefusedError("a line break in a value")
    return groups


def parsed(content):
    """Return the groups of a file, None where there is none."""
    if content is None:
        return None
    groups = {}
    keys = None
    for line in map(bytes.strip, content.split(b"\n")):
        key, equals, value = line.partition(b"=")
        if not line or line.startswith(COMMENTS):
            continue
        if line.startswith(b"[") and line.endswith(b"]"):
            keys = groups.setdefault(line[1:-1].strip(), {})
        elif equals and keys is not None:
            keys[key.strip()] = value.strip()
        else:
            raise RefusedError("the file that is here has lines that are no `key=value`")
    return groups


def by_name(groups):
    """Return the value of each key by its name, `wifi-security.psk`."""
    return {group + b"." + key: value for group, keys in groups.items() for key, value in keys.items()}


def read(place):
    if os.path.lexists(place) and not os.path.isfile(place):
        raise RefusedError("what is here is no file")
    try:
        with open(place, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(step, place, wanted):
    """Write the file, or add its groups to it."""
    os.makedirs(os.path.dirname(place), mode=0o700 if step["user"] else 0o755, exist_ok=True)
    before = b"" if step["whole"] else read(place) or b""
    text = b"\n".join(rendered(name, keys) for name, keys in wanted.items())
    gap = b"\n" if before.endswith(b"\n") else b"\n\n" if before else b""
    write_whole(place, before + gap + text, int(step["mode"], 8), os.getuid(), os.getgid())


def rendered(name, keys):
    return b"[" + name + b"]\n" + b"".join(key + b"=" + value + b"\n" for key, value in keys.items())


if __name__ == "__main__":
    main()
