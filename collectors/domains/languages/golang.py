"""Which programs did `go install` build?

Go keeps no list of them: what is in `GOBIN` or `~/go/bin` says itself what it was built of. Sources: `go help
environment`, `go help install`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import ClassVar

from collectors.collected import Cover, Loss
from collectors.domains.languages.buildinfo import BuildInfo, parse_blob, parse_modules, read_blob
from collectors.domains.languages.package import Package, command, shown, sourceless
from collectors.domains.languages.reading import content, entries, is_path, open_homes
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Entry, Host
from collectors.judgement.capture import unread
from collectors.reading.looking import Outcome
from collectors.record import escaped

SETTINGS = ".config/go/env"
DEVEL = "(devel)"
# Section programs tells of what is in these.
SHARED = (".local/bin", "bin")
VARIABLE = re.compile(r"\s*(GOBIN|GOPATH)\s*=\s*(\S.*?)\s*")


class Go(Package):
    """A program that Go built; its name is its package, `golang.org/x/tools/gopls`.

    `tags` are the build tags it was built with.
    """

    KIND: ClassVar[str] = "go"

    tags: str = ""

    def by_hand(self) -> str:
        """Return how Go builds it again, "" where its package is in no module that can be fetched."""
        if not is_fetched(self.name):
            return ""
        tags = ("-tags", self.tags) if self.tags else ()
        return command("go", "install", *tags, f"{self.name}@{self.version or 'latest'}")


def found(host: Host) -> Iterator[Outcome]:
    """Yield the programs that Go built for a person, and their files."""
    for home in open_homes(host):
        seen: set[str] = set()
        for folder in bins(host, home):
            if isinstance(folder, Finding):
                yield folder
                continue
            for entry in entries(host, folder):
                if isinstance(entry, Finding):
                    yield entry
                elif entry.is_file:
                    yield from _once(_program(host, home, entry), seen)


def bins(host: Host, home: Home) -> Iterator[str | Finding]:
    """Yield the folders that Go puts programs of this person into."""
    text = content(host, home.within(SETTINGS))
    if isinstance(text, Finding):
        yield text
        text = None
    settings = parse_environment(text or "")
    gopath = settings.get("GOPATH", "").partition(":")[0] or home.within("go")
    usual = home.within("go/bin")
    yield from dict.fromkeys(
        path for path in (settings.get("GOBIN", ""), f"{gopath}/bin", usual) if is_path(path)
    )


def parse_environment(text: str) -> dict[str, str]:
    """Return what `go env -w` set of the places of programs, `GOBIN` and `GOPATH`; the last line counts."""
    found = (VARIABLE.fullmatch(line) for line in text.split("\n"))
    return {each[1]: each[2] for each in found if each}


def _program(host: Host, home: Home, entry: Entry) -> Iterator[Outcome]:
    try:
        blob = read_blob(lambda start, size_bytes: host.part(entry.path, start, size_bytes))
    except OSError as error:
        yield unread(entry.path, error)
        return
    text = parse_blob(blob)
    if not text:
        yield from _mute(home, entry)
        return
    build = parse_modules(text, escaped(entry.path))
    if isinstance(build, Finding):
        yield build
        return
    program = _go(home, build)
    yield program
    yield Cover(entry.path, program.item_id())
    if is_local(build):
        yield sourceless(
            program, "a folder of this machine", "push that folder, and `go install` it from there"
        )


def _mute(home: Home, entry: Entry) -> Iterator[Loss]:
    """Yield the loss of a program that says nothing, unless its folder is one for programs of all kinds."""
    is_shared = str(PurePosixPath(entry.path).parent) in map(home.within, SHARED)
    if is_shared or not entry.mode & 0o111:
        return
    reason = "a program in a folder of Go that does not say what it was built of"
    remedy = "build it again with `go install`"
    newest = entry.mtime_ns // 10**9
    yield Loss("sourceless", escaped(entry.path), reason, remedy, entry.size_bytes, 1, newest)


def _go(home: Home, build: BuildInfo) -> Go:
    revision = build.setting("vcs.revision")
    version = revision if build.version == DEVEL else build.version
    return Go(
        user=escaped(home.user),
        name=shown(build.package),
        version=shown(version),
        tags=shown(build.setting("-tags")),
    )


def is_local(build: BuildInfo) -> bool:
    """Tell whether a program was built from what no module proxy or repository has."""
    changed = build.setting("vcs.modified") == "true" or build.version.endswith("+dirty")
    unknown = build.version in ("", DEVEL) and not build.setting("vcs.revision")
    return changed or unknown or bool(build.replaced) or not is_fetched(build.package)


def is_fetched(package: str) -> bool:
    """Tell whether a package begins with a host: `golang.org/x/tools/gopls`, not `command-line-arguments`."""
    return "." in package.partition("/")[0]


def _once(told: Iterator[Outcome], seen: set[str]) -> Iterator[Outcome]:
    """Yield what is told, each program once: a copy with another name is the same one."""
    for each in told:
        if isinstance(each, Go):
            if each.item_id() in seen:
                continue
            seen.add(each.item_id())
        yield each
