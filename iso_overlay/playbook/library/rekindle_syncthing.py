#!/usr/bin/python
"""How does Syncthing learn of folders and devices before it was ever started?

Its config.xml is written, as its person; at its first start Syncthing adds all the rest, and an identity of
its own. What it knows already stays.
"""

from __future__ import annotations

import os
import pwd
from xml.etree import ElementTree

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    FAILED,
    RESTORED,
    SUBSTITUTED,
    answer,
    as_person,
    outcome,
    raw,
    read_plan,
    safely,
    why,
    write_whole,
)

# Where Syncthing keeps it; every version looks at the older place, too, which comes last.
PLACES = (".local/state/syncthing/config.xml", ".config/syncthing/config.xml")
# Of Syncthing 1.4: each later one brings it up to date.
EMPTY = '<configuration version="30"></configuration>'


class RefusedError(Exception):
    """A configuration that is not touched."""


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    steps = read_plan(module.params["plan"], "syncthing")
    answer(module, [safely(brought_back, step, module.check_mode) for step in steps])


def brought_back(step, check_mode):
    """Add one device or folder, and return the outcome."""
    try:
        if not check_mode and is_running(pwd.getpwnam(step["user"]).pw_uid):
            return outcome(step, FAILED, "Syncthing runs, and would write over it", step["by_hand"])
        state = as_person(step["user"], added, step, check_mode)
    except KeyError:
        return outcome(step, FAILED, f"no {step['user']} on this machine", "make the account first")
    except (OSError, RefusedError) as error:
        return outcome(step, FAILED, why(error), step["by_hand"])
    if state == SUBSTITUTED:
        return outcome(step, state, "Syncthing has one with that id, which stays")
    if state == RESTORED:
        return outcome(step, state, "this machine is new to the other devices", "let them accept it")
    return outcome(step, state)


def added(step, check_mode):
    """Add the element unless there is one; return the state."""
    home = pwd.getpwnam(step["user"]).pw_dir
    places = [os.path.join(home, place) for place in PLACES]
    place = next((each for each in places if os.path.exists(each)), places[-1])
    root = parsed(place)
    wanted = element(step)
    there = [each for each in root.iterfind(step["sort"]) if each.get("id") == wanted.get("id")]
    if there:
        return ALREADY if is_same(there[0], wanted) else SUBSTITUTED
    if not check_mode:
        root.append(wanted)
        os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
        write_whole(place, serialized(root), 0o600, os.getuid(), os.getgid())
    return RESTORED


def serialized(root):
    """Return the bytes of a document; what XML has no letter for would make it none."""
    content = ElementTree.tostring(root, "utf-8")
    try:
        ElementTree.fromstring(content)
    except ElementTree.ParseError:
        raise RefusedError("a name with a control character") from None
    return content


def is_same(there, wanted):
    """Tell whether one that is there has all that is wanted of it."""
    shared = ({each.get("id") for each in every.iterfind("device")} for every in (wanted, there))
    return wanted.attrib.items() <= there.attrib.items() and next(shared) <= next(shared)


def element(step):
    """Return the element of a device or a folder."""
    made = ElementTree.Element(step["sort"], {text(key): text(value) for key, value in step["facts"].items()})
    if step["path"]:
        made.set("path", text(step["path"]))
    made.extend(fragment(each) for each in step["settings"])
    for number in step["devices"]:
        ElementTree.SubElement(made, "device", {"id": text(number)})
    made.tail = "\n"
    return made


def fragment(setting):
    said = text(setting)
    if "<!" in said:
        raise RefusedError("a declaration in a setting")
    try:
        return ElementTree.fromstring(said)
    except ElementTree.ParseError:
        raise RefusedError("a setting that is not XML") from None


def text(name):
    try:
        return raw(name).decode()
    except UnicodeDecodeError:
        raise RefusedError("a name that is no text") from None


def parsed(place):
    if os.path.exists(place) and not os.path.isfile(place):
        raise RefusedError("the config.xml that is here is no file")
    try:
        return ElementTree.parse(place).getroot()
    except FileNotFoundError:
        return ElementTree.fromstring(EMPTY)
    except ElementTree.ParseError:
        raise RefusedError("the config.xml that is here is not XML") from None


def is_running(uid):
    """Tell whether a person's Syncthing is at work."""
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/comm") as file:
                if file.read() == "syncthing\n" and os.stat(f"/proc/{number}").st_uid == uid:
                    return True
        except OSError:
            continue
    return False


if __name__ == "__main__":
    main()
