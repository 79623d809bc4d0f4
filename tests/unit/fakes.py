"""A machine for tests: a tree in a temporary folder, canned answers, and a record of what was asked."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from collectors.failure import Failure
from collectors.host import Entry, Glance, Machine, Mount


@dataclass(frozen=True)
class FakeHost:
    """A host with the files under `root`.

    `failing` maps a path to the error that reading or listing it raises; `owners` maps one to its uid and gid
    (root's where it is not named, whoever runs the tests); `devices` to another file system's number;
    `given` maps the first words of a program's argv to what `examine` returns for it.
    """

    root: Path
    booted: bool = False
    answers: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    failing: Mapping[str, Exception] = field(default_factory=dict)
    owners: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    devices: Mapping[str, int] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    mounts: Mapping[str, Mount] = field(default_factory=dict)
    given: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    xattrs: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    memory: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def read(self, path: str) -> bytes:
        self._fail(path)
        return self._machine.read(path)

    def list(self, path: str) -> list[str]:
        self._fail(path)
        return self._machine.list(path)

    def look(self, path: str) -> Entry | None:
        entry = self._machine.look(path)
        return self._seen(entry) if entry else None

    def entries(self, path: str) -> tuple[Entry, ...]:
        self._fail(path)
        return tuple(map(self._seen, self._machine.entries(path)))

    def glance(self, path: str) -> Glance:
        self._fail(path)
        return self._machine.glance(path)

    def part(self, path: str, start: int, size_bytes: int) -> bytes:
        self._fail(path)
        return self._machine.part(path, start, size_bytes)

    def scan(self, path: str, device: int) -> Iterator[os.DirEntry[str]]:
        self._fail(path)
        if self.devices.get(path, 1) != device:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
        return self._machine.scan(path, os.lstat(f"{self.root}{path}").st_dev)

    def link(self, path: str) -> str:
        return self._machine.link(path)

    def ask(self, argv: Sequence[str], timeout_seconds: float = 30) -> str:
        self.asked.append(tuple(argv))
        if tuple(argv) not in self.answers:
            raise Failure(f"{argv[0]} has no answer", remedy="give the fake one")
        return self.answers[tuple(argv)]

    def attributes(self, path: str) -> Mapping[str, bytes]:
        return self.xattrs.get(path, {})

    def examine(
        self, argv: Sequence[str], path: str, *, env: Mapping[str, str], timeout_seconds: float = 30
    ) -> str:
        self.asked.append(tuple(argv))
        answer = next(
            (said for words, said in self.given.items() if tuple(argv[: len(words)]) == words), None
        )
        return self._machine.examine(argv, path, env=env) if answer is None else answer

    def examined(
        self, argv: Sequence[str], path: str, *, env: Mapping[str, str], timeout_seconds: float = 30
    ) -> bytes:
        return self.examine(argv, path, env=env).encode(errors="surrogateescape")

    @cached_property
    def _machine(self) -> Machine:
        return Machine(self.root)

    def _seen(self, entry: Entry) -> Entry:
        uid, gid = self.owners.get(entry.path, (0, 0))
        return entry._replace(uid=uid, gid=gid, device=self.devices.get(entry.path, 1))

    def _fail(self, path: str) -> None:
        if path in self.failing:
            raise self.failing[path]


STATUS = """\
Package: dpkg
Status: install ok installed
Priority: required
Architecture: amd64
"""


def tree(root: Path, files: Mapping[str, str | bytes | None]) -> Path:
    """Write `files` by absolute path below `root`.

    A value is text, bytes, `-> target` for a symlink, or None for a directory. A dpkg status with nothing but
    dpkg is there unless `files` has one.
    """
    for path, content in {"/var/lib/dpkg/status": STATUS, "/var/lib/dpkg/info": None, **files}.items():
        place = os.path.join(os.fspath(root), path.lstrip("/"))
        os.makedirs(place if content is None else os.path.dirname(place), exist_ok=True)
        if isinstance(content, str) and content.startswith("-> "):
            os.symlink(content[3:], place)
        elif content is not None:
            with open(place, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
            os.chmod(place, 0o644)
        else:
            os.chmod(place, 0o755)
    return root


def machine(root: Path, files: Mapping[str, str | bytes | None] | None = None) -> FakeHost:
    """Return a host with these files."""
    return FakeHost(tree(root, files or {}))
