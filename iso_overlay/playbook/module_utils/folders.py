"""How is a file reached, and nobody's symlink followed? Stdlib only: it runs on the target's python3.

Directories are opened one below the other and stay open while files in them are made: whoever renames one, or
lays a symlink in its place, changes nothing about where a file goes.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import stat

# What a file is written to before it is renamed into its place; a killed run may leave it behind.
ASIDE = b".rekindle-aside"
OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
PEOPLE = range(1000, 60000)


class RefusedError(Exception):
    """Something that is not done, and what a person can do about it."""

    def __init__(self, reason, remedy):
        super().__init__(reason)
        self.remedy = remedy


def homes():
    """Return the user's and the group's number for the home of each person and of root."""
    found = {}
    for entry in pwd.getpwall():
        home = os.path.normpath(os.fsencode(entry.pw_dir or "/"))
        is_somebodys = entry.pw_uid in PEOPLE or entry.pw_uid == 0 or home.startswith(b"/home/")
        if is_somebodys and home.startswith(b"/") and home != b"/":
            found.setdefault(home, (entry.pw_uid, entry.pw_gid))
    return found


class Folders:
    """The directories on the way to the path at hand, open; made where they are missing, unless `check_mode`.

    No symlink is followed, but for those on the way to a home, which passwd(5) names. What is made in a home
    is its owner's. `homes` is as of `homes()`.
    """

    def __init__(self, homes, check_mode):
        self.homes, self.check_mode = homes, check_mode
        # Which home and which directory are open, and what leads from the one to the other.
        self.home, self.at, self.names, self.opened = None, None, [], []
        self.known = {}

    def home_of(self, path):
        """Return the home that a path is in, b"" where it is in none."""
        folder = os.path.dirname(path)
        if folder not in self.known:
            above = folder
            while above != b"/" and above not in self.homes:
                above = os.path.dirname(above)
            self.known[folder] = above if above in self.homes else b""
        return self.known[folder]

    def of(self, path, make=False):
        """Return the descriptor of the directory that a path is in; None where it is not there.

        Raises RefusedError where a symlink or a file is on the way.
        """
        folder = os.path.dirname(path)
        if folder == self.at:
            return self.opened[-1]
        self.at = None
        home = self.home_of(path)
        names = path[len(home) :].split(b"/")[1:-1]
        if home != self.home and not self._begin(home, make):
            return None
        self._leave(common(names, self.names))
        for name in names[len(self.names) :]:
            if not self._enter(name, make):
                return None
        self.at = folder
        return self.opened[-1]

    def _begin(self, home, make):
        self.close()
        if home and make and not os.path.isdir(home):
            os.makedirs(os.path.dirname(home), mode=0o755, exist_ok=True)
            os.mkdir(home, 0o700)
            os.chown(home, *self.homes[home])
        try:
            self._opened(os.open(home or b"/", OPEN))
        except FileNotFoundError:
            return False
        self.home = home
        return True

    def _enter(self, name, make):
        above = self.opened[-1]
        try:
            descriptor = os.open(name, OPEN | os.O_NOFOLLOW, dir_fd=above)
        except FileNotFoundError:
            if not make:
                return False
            descriptor = self._made(name)
        except NotADirectoryError:
            raise RefusedError(*in_the_way(name, above)) from None
        self._opened(descriptor)
        self.names.append(name)
        return True

    def _made(self, name):
        above = self.opened[-1]
        os.mkdir(name, 0o700, dir_fd=above)
        descriptor = os.open(name, OPEN | os.O_NOFOLLOW, dir_fd=above)
        if self.home:
            os.fchown(descriptor, *self.homes[self.home])
        else:
            os.fchmod(descriptor, 0o755)
        return descriptor

    def _opened(self, descriptor):
        """Keep a directory open, without what a killed run left in it."""
        if not self.check_mode:
            with contextlib.suppress(OSError):
                os.unlink(ASIDE, dir_fd=descriptor)
        self.opened.append(descriptor)

    def _leave(self, depth):
        """Close all but the top and `depth` directories below it."""
        del self.names[depth:]
        while len(self.opened) > depth + 1:
            os.close(self.opened.pop())

    def close(self):
        """Close all of them."""
        self._leave(-1)
        self.home, self.at, self.names = None, None, []


def common(one, other):
    """Return how many of the first names are the same."""
    same = (mine == theirs for mine, theirs in zip(one, other, strict=False))
    return len(list(itertools.takewhile(bool, same)))


def in_the_way(name, folder):
    """Say what is in the place of a directory."""
    if stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode):
        return "its directory is a symlink on this machine", "put the file where it leads to"
    return "a file is in the place of its directory", "move it away, then restore again"
