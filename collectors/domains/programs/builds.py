"""What was built from source and installed, from which clone, and with which commands?

A clone counts where something shows that a program was installed from it: what CMake, Meson or Autoconf left
there, an installed file that equals one in it, or a package of the same version as one made in it
(checkinstall(8)).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from collectors.collected import Cover
from collectors.debian import dpkg
from collectors.domains.programs import build_systems
from collectors.domains.programs.installed import by_user
from collectors.domains.programs.places import packaged, scopes
from collectors.failure import Finding
from collectors.git import git
from collectors.git.clones import clones
from collectors.git.git import State
from collectors.homes import Home
from collectors.host import Host, remembered, text
from collectors.reading.looking import Outcome
from collectors.reading.patterns import matches
from collectors.record import AtPath, LeftOut, escaped

SOURCES = ("/usr/src", "/usr/local/src", "/opt/src")
PROGRAMS = ("/usr/local/bin", "/usr/local/sbin", "/usr/local/games", ".local/bin", "bin")
BUILD_FOLDERS = ("build*", "_build*", "cmake-build-*", "out", "obj", "release", "Release")
BUILT_IN = (
    "",
    "bin",
    "src",
    "build",
    "build/bin",
    "build/src",
    "out",
    "dist",
    "target/release",
    "zig-out/bin",
)
MAX_COMPARED_BYTES = 256 * 1024 * 1024
MAX_LOG_BYTES = 64 * 1024
NO_REMOTE = "it was built from a clone without a remote: nothing but this disk has its source"
MASKED = "a password or token is in the address of a remote"

System = Literal["cmake", "meson", "autotools", "make", "cargo", "go", "zig", "copy", "checkinstall"]
# The file at the top of a clone that tells how it is built, where nothing else does.
BUILT_BY: tuple[tuple[str, System], ...] = (
    ("Makefile", "make"),
    ("GNUmakefile", "make"),
    ("Cargo.toml", "cargo"),
    ("go.mod", "go"),
    ("build.zig", "zig"),
)
COMMANDS: dict[System, str] = {
    "cargo": "cargo build --release",
    "go": "go build .",
    "zig": "zig build -Doptimize=ReleaseSafe",
}


class Build(AtPath):
    """What was built in the clone at `path` from `commit` of `remote`, in `folder` of it, and installed.

    `configure` is the command line of its configuration or what was chosen there; `programs` maps each
    installed program, by a pair, to the file in the clone that it equals ("" where that is not known).
    """

    KIND: ClassVar[str] = "build"

    name: str
    user: str = ""
    system: System
    remote: str = ""
    commit: str = ""
    folder: str = ""
    configure: tuple[str, ...] = ()
    programs: tuple[tuple[str, str], ...] = ()

    def item_name(self) -> str:
        """Return `~ada/src/x`."""
        return self.name

    def by_hand(self) -> str:
        """Return the command that clones, builds and installs it again."""
        if not self.remote:
            return ""
        path = shlex.quote(self.path)
        there = f"test -e {path}/.git || git clone {shlex.join(['--', self.remote, self.path])}"
        steps = (f"{{ {there}; }}", f"cd {path}", f"git checkout {self.commit}", *self._steps())
        return by_user(self.user, " && ".join(steps))

    def _steps(self) -> Iterator[str]:
        options, folder = shlex.join(self.configure), shlex.quote(self.folder or ".")
        if self.system == "cmake":
            yield f"cmake -S . -B {folder} {options}".rstrip()
            yield f"cmake --build {folder}"
            yield f"{self._root()}cmake --install {folder}"
        elif self.system == "meson":
            yield f"meson setup {folder} {options}".rstrip()
            yield f"{self._root()}meson install -C {folder}"
        elif self.system == "autotools":
            yield "{ test -x configure || autoreconf -fi; }"
            yield f"cd {folder} && {options} && make && {self._root()}make install"
        elif self.system == "checkinstall":
            yield "make && sudo checkinstall --default"
        elif self.system == "make":
            yield f"make && {self._root()}make install"
        else:
            yield from filter(None, [COMMANDS.get(self.system, "")])
            for place, built in self.programs:
                yield f"{self._root()}install -m 755 {shlex.join([built, place])}"

    def _root(self) -> str:
        """Return `sudo ` where what is installed does not lie in the home that the clone lies in."""
        home = self.path.removesuffix(self.name.removeprefix(f"~{self.user}")) if self.user else ""
        mine = home and all(place.startswith(f"{home}/") for place, _ in self.programs)
        return "" if not self.user or mine else "sudo "


@dataclass(frozen=True)
class Evidence:
    """What shows that something was installed from a clone; `installed` are all its paths."""

    system: System
    installed: tuple[str, ...] = ()
    folder: str = ""
    configure: tuple[str, ...] = ()
    programs: tuple[tuple[str, str], ...] = ()


def builds(host: Host) -> Iterator[Outcome]:
    """Yield what was built from the clones in homes and where sources are kept, and what that covers."""
    elsewhere = ((None, f"{top}/{name}") for top in SOURCES for name in _folders(host, top))
    for home, path in (*clones(host)[0], *elsewhere):
        evidence = evidence_in(host, path)
        if evidence:
            yield from _build(host, home, path, evidence)


def _build(host: Host, home: Home | None, path: str, evidence: Evidence) -> Iterator[Outcome]:
    try:
        place = git.located(host, path)
    except OSError:
        return  # section repos tells it
    state = git.state(host, place, untracked=False) if place else None
    if state is None or isinstance(state, Finding):
        return
    remote = _remote(state)
    build = Build(
        path=escaped(path),
        name=escaped(home.name(path) if home else path),
        user=home.user if home else "",
        system=evidence.system,
        remote=escaped(remote),
        commit=state.status.commit,
        folder=escaped(evidence.folder),
        configure=tuple(map(escaped, evidence.configure)),
        programs=tuple((escaped(place), escaped(built)) for place, built in evidence.programs),
        bound="" if remote else NO_REMOTE,
    )
    yield build
    if home is None and any(each.masked for each in state.remotes):
        yield LeftOut(path=escaped(state.place.common_dir), reason=MASKED)  # in homes, section repos tells it
    if remote:
        yield from (Cover(each, build.item_id()) for each in evidence.installed)


def _remote(state: State) -> str:
    urls = {remote.name: remote.url for remote in state.remotes}
    return urls.get("origin") or next(iter(urls.values()), "")


def evidence_in(host: Host, path: str) -> Evidence | None:
    """Return what shows that something was installed from the clone at `path`, the surest first."""
    try:
        top = host.glance(path)
    except OSError:
        return None
    wild = (name for name in top.folders if matches(name, BUILD_FOLDERS))
    for folder in ("", *wild):
        found = _configured(host, path, folder)
        if found:
            return found
    return _same(host, path, top.others) or _packaged(host, top.others)


def _configured(host: Host, path: str, folder: str) -> Evidence | None:
    """Return what a build system left in a folder of a clone."""
    here = f"{path}/{folder}".rstrip("/")
    listed = build_systems.parse_paths(_text(host, f"{here}/install_manifest.txt"))
    if listed:
        chosen = build_systems.parse_cmake_cache(_text(host, f"{here}/CMakeCache.txt"))
        options = tuple(f"-D{key}={value}" for key, value in chosen.items())
        return _installed(host, path, Evidence("cmake", listed, folder, options))
    listed = build_systems.parse_paths(_text(host, f"{here}/meson-logs/install-log.txt"))
    if listed:
        given = build_systems.parse_meson_options(_text(host, f"{here}/meson-private/cmd_line.txt"))
        options = tuple(f"-D{key}={value}" for key, value in given.items())
        return _installed(host, path, Evidence("meson", listed, folder, options))
    logs = (_part(host, f"{here}/{name}") for name in ("config.status", "config.log"))
    command = next(filter(None, map(build_systems.parse_configure, logs)), "")
    return _autotools(host, path, folder, command) if command else None


def _installed(host: Host, path: str, evidence: Evidence) -> Evidence | None:
    """Return the evidence of those installed files that are there, outside of the clone.

    A list names directories, too, /usr/local/bin: not all that is in them comes from here.
    """
    kept = tuple(
        each for each in evidence.installed if not each.startswith(f"{path}/") and _is_there(host, each)
    )
    programs = tuple((each, "") for each in kept if each.rpartition("/")[0].endswith(("bin", "games")))
    return Evidence(evidence.system, kept, evidence.folder, evidence.configure, programs) if kept else None


def _autotools(host: Host, path: str, folder: str, command: str) -> Evidence | None:
    """Return the evidence of programs in its prefix with the name of one that was built.

    libtool(1) links anew when it installs, so the content may differ.
    """
    prefix = build_systems.prefix_of(command)
    built = {
        name for place in ("", "src", "bin", "tools") for name in _programs(host, f"{path}/{folder}/{place}")
    }
    where = [(f"{prefix}/{kind}/{name}", "") for kind in ("bin", "sbin") for name in sorted(built)]
    found = tuple(each for each in where if each[0] not in packaged(host) and _is_there(host, each[0]))
    installed = tuple(place for place, _ in found)
    return Evidence("autotools", installed, folder, tuple(shlex.split(command)), found) if found else None


def _same(host: Host, path: str, names: Iterable[str]) -> Evidence | None:
    """Return the evidence of installed programs that equal a file of the clone."""
    found = []
    for folder in BUILT_IN:
        place = f"{path}/{folder}".rstrip("/")
        for name in sorted(_others(host, place) & candidates(host).keys()):
            built = f"{folder}/{name}".lstrip("/")
            found += [
                (each, built) for each in candidates(host)[name] if _equal(host, each, f"{path}/{built}")
            ]
    if not found:
        return None
    system: System = next((system for name, system in BUILT_BY if name in set(names)), "copy")
    programs = tuple(dict(reversed(found)).items())[::-1]
    return Evidence(system, tuple(place for place, _ in programs), programs=programs)


def _packaged(host: Host, names: Iterable[str]) -> Evidence | None:
    """Return the evidence of a .deb in the clone whose package is installed in that version."""
    installed = {
        (each.name, each.version.partition(":")[2] or each.version) for each in dpkg.read(host).installed
    }
    made = (re.fullmatch(r"([a-z0-9][a-z0-9.+-]+)_([^_/]+)_[a-z0-9-]+\.deb", name) for name in names)
    return Evidence("checkinstall") if any(each and each.groups() in installed for each in made) else None


@remembered
def candidates(host: Host) -> dict[str, tuple[str, ...]]:
    """Return the programs that people may have installed, by name: no package's."""
    found: dict[str, tuple[str, ...]] = {}
    for folder in (folder for scope in scopes(host) for folder in scope.paths(PROGRAMS)):
        for name in _programs(host, folder):
            path = f"{folder}/{name}"
            if path not in packaged(host):
                found[name] = (*found.get(name, ()), path)
    return found


def _programs(host: Host, folder: str) -> list[str]:
    try:
        entries = host.entries(folder.rstrip("/"))
    except OSError:
        return []
    return [each.path.rpartition("/")[2] for each in entries if each.is_file and each.mode & 0o111]


def _others(host: Host, folder: str) -> set[str]:
    try:
        return set(host.glance(folder).others)
    except OSError:
        return set()


def _folders(host: Host, folder: str) -> tuple[str, ...]:
    try:
        return host.glance(folder).folders
    except OSError:
        return ()


def _equal(host: Host, one: str, other: str) -> bool:
    try:
        seen = host.look(one), host.look(other)
        if not (seen[0] and seen[1] and seen[1].is_file and seen[0].size_bytes == seen[1].size_bytes):
            return False
        return seen[0].size_bytes <= MAX_COMPARED_BYTES and host.read(one) == host.read(other)
    except OSError:
        return False


def _is_there(host: Host, path: str) -> bool:
    """Tell whether a file or a link is there."""
    try:
        entry = host.look(path)
    except OSError:
        return False
    return entry is not None and not entry.is_dir


def _text(host: Host, path: str) -> str:
    try:
        return text(host, path)
    except OSError:
        return ""


def _part(host: Host, path: str) -> str:
    try:
        return host.part(path, 0, MAX_LOG_BYTES).decode(errors="surrogateescape")
    except OSError:
        return ""
