"""Which packages did npm install globally, and from where?

Sources: npm-folders(5), npmrc(5), package.json(5). A global package is a folder in `lib/node_modules` of a
prefix; npm keeps no list of them. Packages that dpkg brought there are none.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import ClassVar

from collectors.collected import Cover
from collectors.debian import dpkg
from collectors.domains.languages.managers import Room, rooms
from collectors.domains.languages.package import (
    Package,
    command,
    launchers,
    secrets_left_out,
    short,
    shown,
    sourceless,
)
from collectors.domains.languages.reading import (
    Table,
    content,
    entries,
    is_name,
    is_path,
    json_table,
    name_of,
    open_homes,
    target_of,
    word,
)
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Entry, Host
from collectors.reading.looking import Outcome, mapping
from collectors.record import escaped

DISTRIBUTION = "/usr"
SYSTEM_PREFIXES = ("/usr/local", DISTRIBUTION)
OWN_PREFIXES = (".npm-global", ".npm-packages", ".local", ".node_modules_global")
MODULES = "lib/node_modules"
# npm and what comes with node itself.
WITH_NODE = frozenset({"npm", "corepack"})
PRIVATE = "it is marked private: what a registry may have under its name is another package"
ELSEWHERE = ("git", "http:", "https:", "github:", "gitlab:", "bitbucket:", "ssh:")


class Npm(Package):
    """A global package of npm.

    `prefix` is the folder that holds it, `~/.npm-global`, "" for a toolchain's own. `source` is where it
    is from, "" for the registry: `git+https://example.org/x.git#1f2e`.
    """

    KIND: ClassVar[str] = "npm"

    prefix: str = ""
    source: str = ""
    within: str = ""

    def by_hand(self) -> str:
        """Return how npm installs it, in its prefix."""
        if self.bound:
            return ""
        prefix = ("--prefix", self.prefix) if self.prefix else ()
        what = self.source or (f"{self.name}@{self.version}" if self.version else self.name)
        asked = command("npm", "install", "--global", *prefix, what)
        return f"{self.within} {asked}" if self.within else asked


@dataclass(frozen=True)
class Manifest:
    """What a package.json says.

    `source` is where npm got the package from, `private` whether no registry may have it.
    """

    version: str = ""
    source: str = ""
    private: bool = False
    programs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prefix:
    """A place of global packages: `/usr/local`, or one in a home or in a toolchain."""

    path: str
    home: Home | None = None
    room: Room | None = None


def found(host: Host) -> Iterator[Outcome]:
    """Yield the global packages of npm, and what comes back with them."""
    for prefix in prefixes(host):
        if isinstance(prefix, Finding):
            yield prefix
            continue
        told = tuple(packages(host, prefix))
        yield from told
        if told:
            links = (f"{prefix.path}/bin", f"{prefix.path}/share/man/man1")
            yield from launchers(host, links, (each for each in told if isinstance(each, Cover)))


def prefixes(host: Host) -> Iterator[Prefix | Finding]:
    """Yield the places where global packages may be: the machine's, each person's, each toolchain's."""
    for path in SYSTEM_PREFIXES:
        yield Prefix(path)
    for home in open_homes(host):
        text = content(host, home.within(".npmrc"))
        if isinstance(text, Finding):
            yield text
        chosen = parse_prefix(text, home.path) if isinstance(text, str) else ""
        own = (chosen, *map(home.within, OWN_PREFIXES))
        seen = dict.fromkeys(path for path in own if path and path not in SYSTEM_PREFIXES)
        for path in seen:
            yield Prefix(path, home)
    for room in rooms(host, "node"):
        yield Prefix(room.path, room.home, room)


def parse_prefix(text: str, home: str) -> str:
    """Return the prefix that an npmrc sets, absolute, "" where it sets none; the last line counts."""
    chosen = ""
    for line in text.split("\n"):
        key, _, value = line.partition("=")
        if key.strip() == "prefix":
            chosen = value.strip().strip("\"'")
    for start in ("~/", "${HOME}/", "$HOME/"):
        if chosen.startswith(start):
            chosen = f"{home}/{chosen.removeprefix(start)}"
    path = posixpath.normpath(chosen.replace("//", "/"))
    return path if is_path(path) else ""


def packages(host: Host, prefix: Prefix) -> Iterator[Outcome]:
    """Yield what comes of each global package in a prefix."""
    modules = f"{prefix.path}/{MODULES}"
    listed = tuple(entries(host, modules))
    owned = _owned(host, modules, listed) if prefix.path == DISTRIBUTION else frozenset()
    for each in listed:
        scope = isinstance(each, Entry) and each.is_dir and name_of(each).startswith("@")
        for entry in entries(host, each.path) if scope and isinstance(each, Entry) else (each,):
            if isinstance(entry, Finding):
                yield entry
            elif entry.path not in owned:
                yield from _package(host, prefix, entry)


def _package(host: Host, prefix: Prefix, entry: Entry) -> Iterator[Outcome]:
    name = entry.path.removeprefix(f"{prefix.path}/{MODULES}/")
    if entry.is_foreign or not (entry.is_dir or entry.is_symlink) or name.startswith("."):
        return
    if prefix.room and name in WITH_NODE:
        return
    manifest = _linked(host, entry) if entry.is_symlink else read_manifest(host, entry.path)
    if isinstance(manifest, Finding):
        yield manifest
        manifest = Manifest()
    package = _npm(prefix, name, manifest)
    yield package
    yield from secrets_left_out(f"{entry.path}/package.json", manifest.source)
    yield Cover(entry.path, package.item_id())
    local = manifest.source.startswith("file:")
    if local or manifest.private:
        where = escaped(manifest.source.removeprefix("file:")) if local else "a package marked private"
        yield sourceless(package, where, "push its folder to a remote, and install it from there")


def _linked(host: Host, entry: Entry) -> Manifest | Finding:
    """Return what is known of a package that `npm link` made: the folder that it is."""
    folder = target_of(host, entry)
    return folder if isinstance(folder, Finding) else Manifest(source=f"file:{folder}")


def _npm(prefix: Prefix, name: str, manifest: Manifest) -> Npm:
    room = prefix.room
    return Npm(
        user=escaped(prefix.home.user) if prefix.home else "",
        name=escaped(name),
        version=shown(manifest.version),
        runtime=room.name if room else "",
        within=room.within if room else "",
        prefix="" if room else short(prefix.home, prefix.path),
        source=shown(manifest.source),
        bound=PRIVATE if manifest.private and not manifest.source else "",
    )


def read_manifest(host: Host, folder: str) -> Manifest | Finding:
    """Return what the package.json in a package's folder says; a folder without one says nothing."""
    text = content(host, f"{folder}/package.json")
    if isinstance(text, Finding):
        return text
    return parse_manifest(text, escaped(f"{folder}/package.json")) if text is not None else Manifest()


def parse_manifest(text: str, path: str) -> Manifest | Finding:
    """Return what a package.json says; npm before 7 wrote `_resolved` into it."""
    data = json_table(text, path)
    if isinstance(data, Finding):
        return data
    source = next((each for key in ("_resolved", "_from") if _is_source(each := word(data.get(key)))), "")
    version, private = word(data.get("version")), data.get("private") is True
    return Manifest(version, source, private, parse_programs(data))


def parse_programs(data: Table) -> tuple[str, ...]:
    """Return the names of the programs in a package.json: the keys of `bin`, or the package's own name."""
    declared = data.get("bin")
    named = [word(data.get("name")).rpartition("/")[2]] if isinstance(declared, str) else mapping(declared)
    return tuple(sorted(filter(is_name, named)))


def _is_source(source: str) -> bool:
    """Tell whether this is no registry's tarball, which ends `/-/name-1.0.tgz`."""
    return source.startswith(("file:", *ELSEWHERE)) and "/-/" not in source


def _owned(host: Host, modules: str, listed: tuple[Entry | Finding, ...]) -> Set[str]:
    """Return the paths that dpkg brought there; it is asked only where there is more than comes with node."""
    with_node = {f"{modules}/{name}" for name in WITH_NODE}
    if all(isinstance(each, Finding) or each.path in with_node for each in listed):
        return with_node
    return with_node | dpkg.owners(host, dpkg.read(host), (f"{modules}/",)).keys()
