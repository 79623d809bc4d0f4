#!/usr/bin/python
"""How do thousands of files come back in one task?

Every path is checked, compared, written aside and renamed into place. Nothing is written through a symlinked
directory, and nothing for an owner who is not on this machine. What is in the way in somebody's home is kept
beside it; a conffile that a newer release changed is merged, or left as it is with the owner's beside it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import grp
import os
import pwd
import stat
import struct
from dataclasses import dataclass, field, replace

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.folders import ASIDE, OPEN, Folders, RefusedError, homes
from ansible.module_utils.hearers import hearers, remember, told, unheard
from ansible.module_utils.merging import BESIDE, LAID_BESIDE, MEMORY, MERGED, Memory, merged
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    FAILED,
    RESTORED,
    SUBSTITUTED,
    answer,
    count,
    orphaned,
    outcome,
    raw,
    read_plan,
    say,
    why,
)

STEPS_PER_LINE = 100
KEPT = b".before-restore"
SKELETON, SKELETON_OF_ROOT = b"/etc/skel", b"/usr/share/base-files"
# What is there and larger is not read, unless it may be the same.
MAX_READ_BYTES = 1024 * 1024
CAPABILITY = "security.capability"
# acl(5), and the kernel's posix_acl_xattr.h: the version, then the tag, permissions and number of each entry.
ACLS = {"": "system.posix_acl_access", "default:": "system.posix_acl_default"}
ATTRIBUTES = (*ACLS.values(), CAPABILITY)
ACL_VERSION = 2
NOBODY = 0xFFFFFFFF
OWN_TAGS = {"user": 0x01, "group": 0x04, "mask": 0x10, "other": 0x20}
NAMED_TAGS = {"user": 0x02, "group": 0x08}
KINDS = {"file": stat.S_IFREG, "directory": stat.S_IFDIR, "symlink": stat.S_IFLNK, "absent": 0}
BY_HAND = "put the file back by hand from the posture"
REMEDIES = {
    errno.ENOSPC: "make room, then restore again",
    errno.EDQUOT: "make room, then restore again",
    errno.EROFS: "make its file system writable, then restore again",
    errno.EPERM: "if `lsattr` shows it or its directory immutable, `chattr -i` it, then restore again",
}


@dataclass(frozen=True)
class Wanted:
    """What is to be at a path: `content` is a file's bytes, or where a symlink leads."""

    kind: int
    owner: tuple = (0, 0)
    mode: int = 0
    content: bytes = b""
    attributes: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What is at a path; `content` is None where it was not read."""

    kind: int
    owner: tuple
    mode: int
    content: bytes | None
    attributes: dict

    def is_as(self, wanted):
        """Tell whether it is as wanted; the mode of a symlink says nothing."""
        is_link = self.kind == stat.S_IFLNK
        return (
            (self.kind, self.owner, self.content) == (wanted.kind, wanted.owner, wanted.content)
            and (is_link or self.mode == wanted.mode)
            and self.attributes == wanted.attributes
        )


@dataclass(frozen=True)
class Work:
    """What all steps share; `broken` are the directories that did not come back."""

    base: str
    check_mode: bool
    folders: Folders
    memory: Memory
    skeletons: dict
    broken: set = field(default_factory=set)


def main():
    module = AnsibleModule(
        argument_spec={**ARGUMENTS, "first": {"type": "bool", "default": False}},
        supports_check_mode=True,
    )
    plan, first, progress = (module.params[key] for key in ("plan", "first", "progress"))
    mine = (step for step in read_plan(plan, "files") if step["first"] == first)
    # A directory comes before what is in it.
    steps = sorted(mine, key=lambda step: raw(step["path"]).split(b"/"))
    work = begun(os.path.dirname(plan), module.check_mode)
    if module.check_mode:
        end(module, all_back(steps, work, progress), [])
    with alone(work.base):
        if first:
            end(module, all_back(steps, work, progress), [])
        due = unheard()
        remember(sorted({*due, *hearers([step["path"] for step in steps])}))
        outcomes = all_back(steps, work, progress)
        os.sync()
        notes = told(changed(steps, outcomes), due, lambda line: say(progress, f"files: {line}"))
        remember([])
        end(module, outcomes, notes)


def begun(base, check_mode):
    return Work(base, check_mode, Folders(homes(), check_mode), Memory(MEMORY), skeletons())


@contextlib.contextmanager
def alone(base):
    """Wait until a run that was killed writes no file any more."""
    with open(os.path.join(os.path.dirname(base), ".files.lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def all_back(steps, work, progress):
    """Bring back all, and return their outcomes."""
    outcomes = []
    for number, step in enumerate(steps, 1):
        if number % STEPS_PER_LINE == 0 or number == len(steps):
            if orphaned():
                break
            count(progress, "files first" if step["first"] else "files", number, len(steps), step["path"])
        outcomes.append(brought_back(step, work))
    work.folders.close()
    return outcomes


def changed(steps, outcomes):
    """Return the ids of the files that were made or changed, by escaped path."""
    states = {each["id"]: each["state"] for each in outcomes}
    return {step["path"]: step["id"] for step in steps if states.get(step["id"]) == RESTORED}


def end(module, outcomes, notes):
    """End the module; that the release's own is in force is a change only the first time."""
    news = [entry.pop("new", entry["state"] in (RESTORED, SUBSTITUTED)) for entry in outcomes]
    answer(module, outcomes, notes, changed=any(news))


def brought_back(step, work):
    """Make one path as the step says, and return its outcome."""
    try:
        path = checked(raw(step["path"]), work)
        wanted = wanted_of(step, work.base)
        found = found_at(path, work, len(wanted.content))
        if found is None and step["kind"] == "absent":
            return outcome(step, ALREADY)
        if found is not None and found.is_as(wanted):
            return outcome(step, ALREADY)
        if step.get("merge") and is_changed_by_release(step, wanted, found, work):
            return reconciled(step, path, wanted, found, work)
        return put_back(step, path, wanted, found, work)
    except RefusedError as refused:
        reason, remedy = str(refused), refused.remedy
    except OSError as error:
        reason, remedy = why(error), REMEDIES.get(error.errno, BY_HAND)
    except (ValueError, OverflowError, KeyError, struct.error) as error:
        reason, remedy = f"its facts are none: {why(error)}", "mend the posture"
    if step["kind"] == "directory":
        work.broken.add(raw(step["path"]))
    return outcome(step, FAILED, reason, remedy)


def checked(path, work):
    """Return `path` if it is a plain absolute name, and not below what did not come back."""
    if not path.startswith(b"/") or path == b"/" or b"\0" in path or os.path.normpath(path) != path:
        raise RefusedError("not a plain absolute path", "mend the posture")
    if any(path.startswith(folder + b"/") for folder in work.broken):
        raise RefusedError("its directory did not come back", "mend that one, then restore again")
    return path


def wanted_of(step, base):
    """Return what a step wants at its path."""
    kind = KINDS[step["kind"]]
    if step["kind"] == "absent":
        return Wanted(kind)
    mode = int(step["mode"], 8) if step["mode"] else 0
    return Wanted(kind, owner_ids(step), mode, content_of(step, base), attributes_of(step))


def owner_ids(step):
    """Return the uid and gid of the step's owner and group, by name or number."""
    try:
        return numeric(step["owner"], user_number), numeric(step["group"], group_number)
    except KeyError:
        raise RefusedError(
            f"no {step['owner']}:{step['group']} on this machine",
            "make the account, then restore again",
        ) from None


@functools.cache
def user_number(name):
    return pwd.getpwnam(name).pw_uid


@functools.cache
def group_number(name):
    return grp.getgrnam(name).gr_gid


def numeric(name, lookup):
    return int(name) if name.isascii() and name.isdigit() else lookup(name)


def content_of(step, base):
    """Return the bytes to be written: a file's content, a symlink's target."""
    if step["kind"] == "symlink":
        return raw(step["target"])
    return from_posture(step["content"], base) if step["kind"] == "file" else b""


def from_posture(name, base):
    with open(os.path.join(os.fsencode(base), raw(name)), "rb") as file:
        return file.read()


def attributes_of(step):
    """Return the extended attributes for the step's access list and capabilities, by name."""
    found = {}
    entries = step.get("acl", "").split(",") if step.get("acl") else []
    for prefix, name in ACLS.items():
        mine = [entry[len(prefix) :] for entry in entries if entry.count(":") == 2 + bool(prefix)]
        if mine:
            found[name] = acl_bytes(mine)
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


def found_at(path, work, size_bytes):
    """Return what is at a path, None where nothing is; a file is read if it is small or of this size.

    Raises RefusedError for what is neither a file, a directory nor a symlink.
    """
    folder, name = work.folders.of(path), os.path.basename(path)
    if folder is None:
        return None
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        return found_of(status, os.readlink(name, dir_fd=folder), {})
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise RefusedError("a pipe, a socket or a device is there", "move it away, then restore again")
    # Whatever takes its place in this moment: no pipe is waited for, no symlink followed.
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        content = b"" if stat.S_ISDIR(status.st_mode) else read(descriptor, status, size_bytes)
        return found_of(status, content, attributes_at(descriptor))
    finally:
        os.close(descriptor)


def found_of(status, content, attributes):
    kind, mode = stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode)
    return Found(kind, (status.st_uid, status.st_gid), mode, content, attributes)


def read(descriptor, status, size_bytes):
    if not stat.S_ISREG(status.st_mode) or status.st_size > max(MAX_READ_BYTES, size_bytes):
        return None
    return b"".join(iter(lambda: os.read(descriptor, MAX_READ_BYTES), b""))


def attributes_at(descriptor):
    """Return the access lists and capabilities of an open file, by name."""
    try:
        names = os.listxattr(descriptor)
        return {name: os.getxattr(descriptor, name) for name in names if name in ATTRIBUTES}
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENODATA):
            return {}
        raise


def put_back(step, path, wanted, found, work, reason="", remedy=""):
    """Put what is wanted in its place, and return the outcome."""
    name = os.path.basename(path)
    refuse(wanted, found)
    if not work.check_mode:
        folder = work.folders.of(path, make=True)
        if is_to_be_kept(step, path, wanted, found, work):
            kept = keep(folder, name)
            reason = f"what was there is kept beside it as {os.fsdecode(kept)}"
            remedy = "compare the two, then remove the one that you do not want"
        put(folder, name, wanted, found)
    return outcome(step, RESTORED, shown(reason), remedy)


def refuse(wanted, found):
    """Refuse what would take the place of something that is no version of it."""
    if found is None or found.kind == wanted.kind:
        return
    if stat.S_IFDIR in (wanted.kind, found.kind) and not (found.kind == stat.S_IFDIR and wanted.kind):
        what = "a directory" if found.kind == stat.S_IFDIR else "a file"
        raise RefusedError(f"{what} is there", "move it away, then restore again")


def put(folder, name, wanted, found):
    """Make what is wanted in an open directory, where now is what was found."""
    if wanted.kind == 0:
        os.unlink(name, dir_fd=folder)
    elif wanted.kind == stat.S_IFDIR:
        put_directory(folder, name, wanted, found)
    else:
        if found is not None and found.kind == stat.S_IFDIR:
            make_room(folder, name)
        put_whole(folder, name, wanted)


def make_room(folder, name):
    """Remove an empty directory; anything in it stays, and is a reason not to go on."""
    try:
        os.rmdir(name, dir_fd=folder)
    except OSError:
        raise RefusedError("a directory with files is there", "move it away, then restore again") from None


def put_directory(folder, name, wanted, found):
    if found is None:
        os.mkdir(name, 0o700, dir_fd=folder)
    descriptor = os.open(name, OPEN | os.O_NOFOLLOW, dir_fd=folder)
    try:
        give(descriptor, wanted)
    finally:
        os.close(descriptor)


def put_whole(folder, name, wanted):
    """Make a file or a symlink aside, and rename it into its place; nothing is left where that fails."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(ASIDE, dir_fd=folder)
    try:
        if wanted.kind == stat.S_IFLNK:
            os.symlink(wanted.content, ASIDE, dir_fd=folder)
            os.chown(ASIDE, *wanted.owner, dir_fd=folder, follow_symlinks=False)
        else:
            write(folder, wanted)
        os.replace(ASIDE, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(ASIDE, dir_fd=folder)
        raise


def write(folder, wanted):
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(ASIDE, flags, 0o600, dir_fd=folder)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        rest = memoryview(wanted.content)
        while rest:
            rest = rest[file.write(rest) :]
        give(descriptor, wanted)


def give(descriptor, wanted):
    """Give an open file the owner, the mode, and these access lists and capabilities, and no others."""
    os.fchown(descriptor, *wanted.owner)
    # After the owner: chown(2) clears the set-user-ID bit, and capabilities.
    os.fchmod(descriptor, wanted.mode)
    for name in attributes_at(descriptor):
        if name not in wanted.attributes:
            os.removexattr(descriptor, name)
    for name, value in wanted.attributes.items():
        os.setxattr(descriptor, name, value)


def is_to_be_kept(step, path, wanted, found, work):
    """Tell whether what is in the way is somebody's: in a home, and not what the system laid there."""
    home = work.folders.home_of(path)
    if not home or found is None or stat.S_IFDIR in (found.kind, wanted.kind):
        return False
    same = (found.kind, found.content)
    if same == (wanted.kind, wanted.content) or same == (stat.S_IFREG, b""):
        return False
    if step.get("pristine") and found.content == from_posture(step["pristine"], work.base):
        return False
    inner = path[len(home) + 1 :]
    return same not in (work.skeletons.get(inner), work.skeletons.get((home, inner)))


def keep(folder, name):
    """Give what is there a second name beside it, and return that."""
    for number in range(1000):
        kept = name + KEPT + (b".%d" % number if number else b"")
        try:
            os.link(name, kept, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            return kept
        except FileExistsError:
            if os.path.samestat(*(os.lstat(each, dir_fd=folder) for each in (name, kept))):
                return kept
    raise RefusedError("too many versions of it are kept", f"remove some of {shown(os.fsdecode(name))}.*")


def skeletons():
    """Return what new homes begin with: kind and content by path in a home, root's by their home, too."""
    found = {}
    for folder, _, names in os.walk(SKELETON):
        for name in names:
            place = os.path.join(folder, name)
            found[os.path.relpath(place, SKELETON)] = laid(place)
    with contextlib.suppress(OSError):
        for name in os.listdir(SKELETON_OF_ROOT):
            if name.startswith(b"dot."):
                found[b"/root", name[3:]] = laid(os.path.join(SKELETON_OF_ROOT, name))
    return found


def laid(place):
    """Return the kind and content of a file or symlink of the system's, None where it cannot be read."""
    with contextlib.suppress(OSError):
        if os.path.islink(place):
            return stat.S_IFLNK, os.readlink(place)
        if os.path.isfile(place):
            with open(place, "rb") as file:
                return stat.S_IFREG, file.read(MAX_READ_BYTES)
    return None


def is_changed_by_release(step, wanted, found, work):
    """Tell whether what is there is a version of a newer release that the owner never saw."""
    if found is None or stat.S_IFDIR in (found.kind, wanted.kind) or wanted.kind != stat.S_IFREG:
        return False
    if found.kind != stat.S_IFREG or found.content is None:
        return True
    if found.content == wanted.content:
        return False
    return not step["pristine"] or found.content != from_posture(step["pristine"], work.base)


def reconciled(step, path, wanted, found, work):
    """Merge the owner's version into the release's, or lay it beside that, and return the outcome."""
    release = found.content or b""
    way = work.memory.way(step["path"], wanted.content, release)
    if way:
        return reconciled_before(step, path, way, release, work)
    new = None
    if step["pristine"] and found.kind == stat.S_IFREG and found.content is not None:
        new = merged(wanted.content, from_posture(step["pristine"], work.base), release, work.base)
    if new is None:
        done = lay_beside(step, path, wanted, work)
    else:
        reason = "this release changed it, too: both changes are merged"
        remedy = "see whether it says what you want"
        done = put_back(step, path, replace(wanted, content=new), found, work, reason, remedy)
    if not work.check_mode:
        work.memory.keep(step["path"], LAID_BESIDE if new is None else MERGED, wanted.content, release)
    return done


def reconciled_before(step, path, way, release, work):
    """Return the outcome of a file that was treated by an earlier run; what was made of it stays."""
    is_beside = way == LAID_BESIDE and found_at(path + BESIDE, work, 0) is not None
    if is_beside and work.memory.is_release(step["path"], release):
        return {**beside(step, path), "new": False}
    return outcome(step, ALREADY)


def lay_beside(step, path, wanted, work):
    """Leave the release's version in force, and write the owner's beside it."""
    place = path + BESIDE
    found = found_at(place, work, len(wanted.content))
    aside = replace(wanted, mode=wanted.mode & 0o777, attributes={})
    refuse(aside, found)
    if not work.check_mode and (found is None or not found.is_as(aside)):
        put(work.folders.of(place, make=True), os.path.basename(place), aside, found)
    return beside(step, path)


def beside(step, path):
    own = shown(os.fsdecode(path + BESIDE))
    reason = f"this release changed it, too: its own is in force, the owner's lies beside it as {own}"
    return outcome(step, SUBSTITUTED, reason, "bring your changes into it, then remove that one")


def shown(name):
    """Return a name in one line of valid text."""
    plain = name.encode(errors="surrogateescape").decode(errors="replace")
    return "".join(letter if letter.isprintable() else "?" for letter in plain)


if __name__ == "__main__":
    main()
