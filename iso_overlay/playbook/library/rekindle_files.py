#!/usr/bin/python
"""How do thousands of files come back in one task?

Every path is checked, compared, written aside and renamed into place. Nothing is written through a
symlinked directory, and nothing for an owner who is not on this machine.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
import struct

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    FAILED,
    RESTORED,
    answer,
    outcome,
    raw,
    read_plan,
    remove,
    say,
    why,
    write_whole,
)

STEPS_PER_LINE = 100
CAPABILITY = "security.capability"
# acl(5), and the kernel's posix_acl_xattr.h: the version, then the tag, permissions and number of each entry.
ACLS = {"": "system.posix_acl_access", "default:": "system.posix_acl_default"}
ACL_VERSION = 2
NOBODY = 0xFFFFFFFF
OWN_TAGS = {"user": 0x01, "group": 0x04, "mask": 0x10, "other": 0x20}
NAMED_TAGS = {"user": 0x02, "group": 0x08}
KINDS = {"file": stat.S_IFREG, "directory": stat.S_IFDIR, "symlink": stat.S_IFLNK}


class RefusedError(Exception):
    """A step that is not applied, and what a person can do about it."""

    def __init__(self, reason, remedy):
        super().__init__(reason)
        self.remedy = remedy


def main():
    module = AnsibleModule(
        argument_spec={**ARGUMENTS, "first": {"type": "bool", "default": False}},
        supports_check_mode=True,
    )
    plan, first, progress = (module.params[key] for key in ("plan", "first", "progress"))
    base = os.path.dirname(plan)
    outcomes = []
    mine = (step for step in read_plan(plan, "files") if step["first"] == first)
    steps = sorted(mine, key=lambda step: raw(step["path"]))
    for number, step in enumerate(steps, 1):
        if number % STEPS_PER_LINE == 0 or number == len(steps):
            say(progress, f"files {number} of {len(steps)}")
        outcomes.append(brought_back(step, base, module.check_mode))
    if not module.check_mode:
        os.sync()
    answer(module, outcomes)


def brought_back(step, base, check_mode):
    """Make one path as the step says, and return its outcome."""
    try:
        path = checked(raw(step["path"]))
        owner = owner_ids(step)
        content = content_of(step, base)
        attributes = attributes_of(step)
        if is_there(step, path, owner, content) and attributes_at(path) == attributes:
            return outcome(step, ALREADY)
        if not check_mode:
            apply(step, path, owner, content)
            give(path, attributes)
        return outcome(step, RESTORED)
    except RefusedError as refused:
        return outcome(step, FAILED, str(refused), refused.remedy)
    except OSError as error:
        return outcome(step, FAILED, why(error), "put the file back by hand from the posture")


def checked(path):
    """Return `path` if it is a plain absolute name whose directories are no symlinks here."""
    if not path.startswith(b"/") or path == b"/" or b"\0" in path or os.path.normpath(path) != path:
        raise RefusedError("not a plain absolute path", "mend the posture")
    parent = os.path.dirname(path)
    if os.path.realpath(parent) != parent:
        raise RefusedError("its directory is a symlink on this machine", "put the file where it leads to")
    return path


def owner_ids(step):
    """Return the uid and gid of the step's owner and group, by name or number."""
    try:
        uid = numeric(step["owner"], user_number)
        gid = numeric(step["group"], group_number)
    except KeyError:
        raise RefusedError(
            f"no {step['owner']}:{step['group']} on this machine",
            "make the account, then restore again",
        ) from None
    return uid, gid


def user_number(name):
    return pwd.getpwnam(name).pw_uid


def group_number(name):
    return grp.getgrnam(name).gr_gid


def numeric(name, lookup):
    return int(name) if name.isascii() and name.isdigit() else lookup(name)


def content_of(step, base):
    """Return the bytes to be written: a file's content, a symlink's target."""
    if step["kind"] == "symlink":
        return raw(step["target"])
    if step["kind"] == "directory":
        return b""
    with open(os.path.join(os.fsencode(base), raw(step["content"])), "rb") as file:
        return file.read()


def attributes_of(step):
    """Return the extended attributes for the step's access list and capabilities, by name."""
    found = {}
    for prefix, name in ACLS.items():
        entries = [entry for entry in step.get("acl", "").split(",") if entry.count(":") == 2 + bool(prefix)]
        if entries:
            found[name] = acl_bytes([entry[len(prefix) :] for entry in entries])
    if step.get("capabilities"):
        found[CAPABILITY] = bytes.fromhex(step["capabilities"])
    return found


def acl_bytes(entries):
    """Return an access list, `["user::rw-", "user:ada:r--", …]`, as the kernel takes it."""
    packed = sorted((packed_entry(*entry.split(":")) for entry in entries), key=lambda each: each[::2])
    return struct.pack("<I", ACL_VERSION) + b"".join(struct.pack("<HHI", *each) for each in packed)


def packed_entry(kind, name, letters):
    permissions = sum(bit for letter, bit in (("r", 4), ("w", 2), ("x", 1)) if letter in letters)
    if not name:
        return OWN_TAGS[kind], permissions, NOBODY
    try:
        number = numeric(name, user_number if kind == "user" else group_number)
    except KeyError:
        raise RefusedError(
            f"no {kind} {name} of its access list on this machine", "make the account, then restore again"
        ) from None
    return NAMED_TAGS[kind], permissions, number


def attributes_at(path):
    """Return the access lists and capabilities that a path has, by name."""
    found = {}
    for name in (*ACLS.values(), CAPABILITY):
        try:
            found[name] = os.getxattr(path, name, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.ENODATA, errno.ENOTSUP, errno.ENOENT, errno.ENOTDIR, errno.EPERM):
                raise
    return found


def give(path, attributes):
    """Give a path these access lists and capabilities, and no others."""
    for name in attributes_at(path):
        if name not in attributes:
            os.removexattr(path, name, follow_symlinks=False)
    for name, value in attributes.items():
        os.setxattr(path, name, value, follow_symlinks=False)


def is_there(step, path, owner, content):
    """Tell whether the path is as the step wants it."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    if stat.S_IFMT(found.st_mode) != KINDS[step["kind"]] or (found.st_uid, found.st_gid) != owner:
        return False
    if step["kind"] == "symlink":
        return os.readlink(path) == content
    if stat.S_IMODE(found.st_mode) != int(step["mode"], 8):
        return False
    return step["kind"] == "directory" or holds(path, found.st_size, content)


def holds(path, size_bytes, content):
    if size_bytes != len(content):
        return False
    with open(path, "rb") as file:
        return file.read() == content


def apply(step, path, owner, content):
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    if step["kind"] == "directory":
        make_directory(path, owner, int(step["mode"], 8))
        return
    make_room(path)
    if step["kind"] == "symlink":
        make_symlink(path, owner, content)
    else:
        write_whole(path, content, int(step["mode"], 8), *owner)


def make_room(path):
    """Remove an empty directory at `path`; anything in it stays, and is a reason not to go on."""
    if os.path.isdir(path) and not os.path.islink(path):
        try:
            os.rmdir(path)
        except OSError:
            raise RefusedError(
                "a directory with files is there", "move it away, then restore again"
            ) from None


def make_directory(path, owner, mode):
    if os.path.lexists(path) and (os.path.islink(path) or not os.path.isdir(path)):
        raise RefusedError("a file is there", "move it away, then restore again")
    if not os.path.isdir(path):
        os.mkdir(path, 0o700)
    os.chown(path, *owner)
    os.chmod(path, mode)


def make_symlink(path, owner, target):
    aside = os.path.join(os.path.dirname(path), b".rekindle")
    remove(aside)
    os.symlink(target, aside)
    os.lchown(aside, *owner)
    os.replace(aside, path)


if __name__ == "__main__":
    main()
