"""Under which other name is a package offered? Stdlib only: it runs on the target's bare python3.

A name is guessed only where there is one choice: the sole package that provides the old name; the old name
with `t64`; the sole later one of names that carry their own version (`python3.11`, of version 3.11.2) or that
of a library (`libfoo5`).
"""

from __future__ import annotations

import re

NUMBER = re.compile(r"\d+(?:\.\d+)*")
LIBRARY = re.compile(r"lib[a-z0-9+.-]*?[a-z]-?(\d+(?:\.\d+)*)")
# Each release has its own.
NEVER = re.compile(r"linux-|nvidia-|.*-dbgsym$")


def providers(said):
    """Read `apt-cache showpkg`: the names of the packages that provide each of those asked for."""
    found, name, is_list = {}, "", False
    for line in said.splitlines():
        if line.startswith("Package: "):
            name, is_list = line.partition(": ")[2], False
        elif line.startswith("Reverse Provides:"):
            is_list = True
        elif is_list and line.strip():
            found.setdefault(name, set()).add(line.split()[0])
    return found


def choices(name, version, provided, known):
    """Return the names under which a package may be offered now, the likely kind of them alone.

    `version` is what the old machine had, `provided` who provides the name, `known` are all names.
    """
    bare, colon, architecture = name.partition(":")
    if provided:
        found = sorted(provided)
    elif f"{bare}t64" in known:
        found = [f"{bare}t64"]
    elif NEVER.match(bare):
        found = []
    else:
        found = later(bare, version, known)
    return [f"{each}{colon}{architecture}" for each in found]


def later(name, version, known):
    """Return the names that differ from `name` in a later number only."""
    for number in NUMBER.finditer(name):
        before, after = name[: number.start()], name[number.end() :]
        library = LIBRARY.fullmatch(name)
        is_librarys = bool(library) and library.start(1) == number.start()
        if not (begins(version, number[0]) or is_librarys):
            continue
        shape = re.compile(
            re.escape(before) + r"(\d+(?:\.\d+)*)" + re.escape(after) + ("(?:t64)?" if is_librarys else "")
        )
        matches = (shape.fullmatch(each) for each in known)
        return sorted(each[0] for each in matches if each and parts(each[1]) > parts(number[0]))
    return []


def fits(name, new, version):
    """Tell whether the version of a `new` name goes with the number in it, as that of `name` did."""
    if LIBRARY.fullmatch(name.partition(":")[0]) or not NUMBER.search(name):
        return True
    return any(begins(version, number) for number in NUMBER.findall(new.partition(":")[0]))


def begins(version, number):
    """Tell whether a version (`1:3.11.2-1`) begins with a number (`3.11`)."""
    upstream = version.partition(":")[2] or version
    return re.match(re.escape(number) + r"(?!\d)", upstream) is not None


def parts(number):
    return [int(part) for part in number.split(".")]
