#!/usr/bin/python
"""How do people get the numbers back that they give to users and groups in their containers?

Whoever makes an account gives it the next free range: that is not the one they had, and may be another's. So
the files (subuid(5), subgid(5)) are written as they were for those who come back; all others keep theirs, and
nobody gets what is another's.
"""

from __future__ import annotations

import pwd
import re
from collections import namedtuple

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    FAILED,
    RESTORED,
    SUBSTITUTED,
    outcome,
    read_plan,
    why,
    write_whole,
)

PLACES = {"uids": "/etc/subuid", "gids": "/etc/subgid"}
RANGE = re.compile(r"([0-9]{1,10})-([0-9]{1,10})")

Range = namedtuple("Range", ("owner", "first", "last"))


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    outcomes = brought_back(read_plan(module.params["plan"], "subids"), module.check_mode)
    changed = any(each["state"] == RESTORED for each in outcomes)
    module.exit_json(changed=changed, outcomes=outcomes, notes=[])


def brought_back(steps, check_mode):
    """Give all their ranges, and return the outcome of each."""
    outcomes = {}
    good = []
    for step in steps:
        refusal = refused(step, check_mode)
        if refusal:
            outcomes[step["id"]] = outcome(step, FAILED, *refusal)
        else:
            good.append(step)
    for key, place in PLACES.items():
        try:
            told = settled(place, key, good, check_mode)
        except OSError as error:
            told = {step["id"]: outcome(step, FAILED, why(error), by_hand(step)) for step in good}
        # What went wrong, or was changed, in one of the files counts.
        outcomes.update(
            {name: each for name, each in told.items() if each["state"] != ALREADY or name not in outcomes}
        )
    return [outcomes[step["id"]] for step in steps]


def refused(step, check_mode):
    """Say why a person gets no ranges, and what can be done; None for no reason."""
    if not all(map(bounds, (*step["uids"], *step["gids"]))):
        return "not a range of numbers", "mend the posture"
    is_coming = check_mode and step["user"] in step["people"]
    if number_of(step["user"]) is None and not is_coming:
        return f"no {step['user']} on this machine", "make the account, then restore again"
    return None


def bounds(text):
    """Return the first and the last number of a range, None where it is none or would give root away."""
    found = RANGE.fullmatch(text)
    first, last = map(int, found.groups()) if found else (0, 0)
    return (first, last) if 0 < first <= last else None


def number_of(name):
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def settled(place, key, steps, check_mode):
    """Write one file anew; return the outcome of each step by its id."""
    lines = read(place)
    wanted = {step["user"]: [bounds(text) for text in step[key]] for step in steps}
    numbers = {str(number_of(name)): name for name in wanted}
    there = [(line, parsed(line, numbers)) for line in lines]
    back = {*wanted, *(name for step in steps for name in step["people"])}
    others = [each for _, each in there if each and each.owner not in back]
    outcomes = {}
    for step in steps:
        name = step["user"]
        theirs = next((each.owner for each in others if overlaps(each, wanted[name])), "")
        mine = [each[1:] for _, each in there if each and each.owner == name]
        if theirs:
            state = SUBSTITUTED if mine else FAILED
            outcomes[step["id"]] = outcome(step, state, f"its numbers are {theirs}'s here", by_hand(step))
        elif mine == wanted[name]:
            outcomes[step["id"]] = outcome(step, ALREADY)
        else:
            outcomes[step["id"]] = outcome(step, RESTORED)
    now = frozenset(step["user"] for step in steps if outcomes[step["id"]]["state"] == RESTORED)
    kept = [line for line, each in there if not is_gone(each, now, wanted)]
    new = [
        f"{name}:{first}:{last - first + 1}" for name in wanted if name in now for first, last in wanted[name]
    ]
    if [*kept, *new] != lines and not check_mode:
        text = "".join(f"{line}\n" for line in (*kept, *new))
        write_whole(place, text.encode(errors="surrogateescape"), 0o644)
    return outcomes


def parsed(line, numbers):
    """Return the range of a line `ada:100000:65536`, where a number may stand for a name; None for none."""
    words = line.strip().split(":")
    if len(words) != 3 or not all(word.isascii() and word.isdigit() for word in words[1:]):
        return None
    first = int(words[1])
    return Range(numbers.get(words[0], words[0]), first, first + int(words[2]) - 1)


def overlaps(one, ranges):
    return any(first <= one.last and one.first <= last for first, last in ranges)


def is_gone(one, now, wanted):
    """Tell whether a range goes: of those who get others `now`, and of newcomers what is somebody's."""
    if one is None or one.owner in wanted:
        return one is not None and one.owner in now
    return any(overlaps(one, wanted[name]) for name in now)


def by_hand(step):
    return f"by hand, with free numbers: {step['by_hand']}"


def read(place):
    try:
        with open(place, errors="surrogateescape") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


if __name__ == "__main__":
    main()
