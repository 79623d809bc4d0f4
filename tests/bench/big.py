"""How is a large machine made: so many files, items and clones that only their number is remarkable?

Files have a size and no content (sparse), so that a million of them need a gigabyte of inodes and no more.
Two of five belong to packages, the rest lies in a home; the items are packages, files in /etc and clones.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from collectors.command import run

ADA = "/home/ada"
FILES_IN_DIRECTORY = 25
DIRECTORIES_IN_DIRECTORY = 40
ITEMS_OF_PACKAGES = 0.3
RELEASE = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
PASSWD = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
STANZA = """\
Package: {name}
Status: install ok installed
Priority: optional
Section: utils
Architecture: amd64
Version: 1.0

"""


@dataclass(frozen=True)
class Size:
    """How large a machine is."""

    files: int
    items: int
    repositories: int


def big_machine(root: Path, size: Size) -> None:
    """Make a machine of `size` below `root`."""
    packages = int(size.items * ITEMS_OF_PACKAGES)
    _write(root, "/etc/os-release", RELEASE)
    _write(root, "/etc/passwd", PASSWD)
    for number in range(size.items - packages - size.repositories):
        _write(root, f"/etc/mine/{number // 100}/{number}.conf", f"number = {number}\n")
    _clones(root, size.repositories)
    owned = size.files * 2 // 5
    _data(root, size.files - owned)
    _packages(root, packages, owned)


def _data(root: Path, files: int) -> None:
    names = ("Documents", "Pictures", "src", "Music", "Videos")
    for number, name in enumerate(names):
        share = files // len(names) + (number < files % len(names))
        for _ in _files(root, f"{ADA}/{name}", share):
            pass


def _packages(root: Path, packages: int, files: int) -> None:
    """Make the files of packages, then what dpkg says of them."""
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    listed = []
    for number in range(packages):
        share = files // packages + (number < files % packages)
        listed.append(list(_files(root, f"/usr/share/package{number}", share)))
    for number, paths in enumerate(listed):
        folders = {str(parent) for path in paths for parent in Path(path).parents} - {"/"}
        lines = [*sorted(folders), *paths, f"/usr/share/package{number}"]
        (info / f"package{number}.list").write_text("/.\n" + "\n".join(lines) + "\n")
    stanzas = (STANZA.format(name=f"package{number}") for number in range(packages))
    (info.parent / "status").write_text(STANZA.format(name="dpkg") + "".join(stanzas))


def _files(root: Path, top: str, count: int) -> Iterator[str]:
    """Make `count` files in directories below `top`, and yield their paths."""
    left = iter(range(count))
    for folder in _folders(top):
        some = list(islice(left, FILES_IN_DIRECTORY))
        if not some:
            return
        os.makedirs(f"{root}{folder}", exist_ok=True)
        for number in some:
            path = f"{folder}/file{number}"
            file = os.open(f"{root}{path}", os.O_CREAT | os.O_WRONLY)
            os.ftruncate(file, 1000 + number % 1000)
            os.close(file)
            yield path


def _folders(top: str) -> Iterator[str]:
    """Yield directories without end, none with many in it."""
    number = 0
    while True:
        parts: list[str] = []
        rest = number
        while rest or not parts:
            rest, part = divmod(rest, DIRECTORIES_IN_DIRECTORY)
            parts.append(f"d{part}")
        yield "/".join((top, *parts))
        number += 1


def _clones(root: Path, count: int) -> None:
    """Make one clone that is pushed but for a commit, and copies of it."""
    first = root / ADA.lstrip("/") / "clones/0"
    first.mkdir(parents=True)
    git = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-C", first)
    (first / "main.c").write_text("int main(void) { return 0; }\n")
    for words in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "."),
        ("commit", "--quiet", "-m", "First"),
        ("remote", "add", "origin", "https://example.org/ada/x.git"),
        ("update-ref", "refs/remotes/origin/main", "HEAD"),
        ("commit", "--quiet", "--allow-empty", "-m", "Not pushed"),
    ):
        run([*git, *words])
    for number in range(1, count):
        shutil.copytree(first, first.parent / str(number), symlinks=True)


def _write(root: Path, path: str, content: str) -> None:
    place = root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content)
