"""Which packages did pip install for a person, or for the machine, because somebody asked?

Sources: the PyPA specifications "Recording installed projects" (INSTALLER, REQUESTED, RECORD) and "Direct URL
data structure". What Debian's packages bring is in `/usr/lib/python3`, where nobody looks here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from collectors.collected import Cover
from collectors.domains.languages import conda
from collectors.domains.languages.managers import Room, rooms
from collectors.domains.languages.package import Package, command, secrets_left_out, shown, sourceless
from collectors.domains.languages.reading import (
    content,
    folders,
    json_table,
    name_of,
    open_homes,
    plain,
    word,
)
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Host, names
from collectors.judgement.capture import unread
from collectors.reading.looking import Outcome, mapping
from collectors.record import escaped

SITES = ("dist-packages", "site-packages")
SYSTEM = "/usr/local/lib"
INSTALLERS = ("pip", "uv")
# A Python of this version or newer may be the distribution's, which pip must be told to add to.
MANAGED_EXTERNALLY = (3, 11)
WITH_PYTHON = frozenset({"pip", "setuptools", "wheel"})
INSTALLED = re.compile(r"(?P<name>[^-]+)-(?P<version>.+)\.dist-info", re.DOTALL)
VERSION = re.compile(r"python(\d{1,3})\.(\d{1,3})")


class Pip(Package):
    """A package that pip was asked for.

    `python` is the version whose folder it is in, `3.12`. `source` is where it is from, "" for the index:
    `git+https://example.org/x.git@1f2e`. `within` runs a command in its toolchain.
    """

    KIND: ClassVar[str] = "pip"
    FREE: ClassVar[frozenset[str]] = frozenset({"version", "python"})

    python: str = ""
    source: str = ""
    editable: bool = False
    within: str = ""

    def by_hand(self) -> str:
        """Return how pip installs it again, for whom it was."""
        what = self.source or f"{self.name}=={self.version}"
        scope = "--user" if self.user and not self.runtime else ""
        allowed = "--break-system-packages" if not self.runtime and self._managed_externally() else ""
        edited = "--editable" if self.editable else ""
        asked = command("pip", "install", scope, allowed, edited, what)
        return f"{self.within} {asked}" if self.within else asked

    def _managed_externally(self) -> bool:
        return tuple(map(int, re.findall(r"\d+", self.python))) >= MANAGED_EXTERNALLY


@dataclass(frozen=True)
class Source:
    """Where a package that is from no index is from; `folder` is set where that is on this machine."""

    url: str = ""
    folder: str = ""
    editable: bool = False


@dataclass(frozen=True)
class Site:
    """A folder of installed packages, `…/lib/python3.12/site-packages`, and the prefix that has its `lib`."""

    path: str
    prefix: str
    python: str
    home: Home | None = None
    room: Room | None = None


def found(host: Host) -> Iterator[Outcome]:
    """Yield the packages that pip was asked for; the newest Python that has one counts."""
    seen = set()
    for site in sites(host):
        if isinstance(site, Finding):
            yield site
            continue
        for told in packages(host, site):
            if not isinstance(told, Pip):
                yield told
            elif told.item_id() not in seen:
                seen.add(told.item_id())
                yield told


def sites(host: Host) -> Iterator[Site | Finding]:
    """Yield the folders of packages: the machine's, each person's, each toolchain's; new Pythons first."""
    yield from _sites(host, "/usr/local")
    for home in open_homes(host):
        yield from _sites(host, home.within(".local"), home)
    for room in (*rooms(host, "python"), *conda.rooms(host)):
        yield from _sites(host, room.path, room.home, room)


def _sites(
    host: Host, prefix: str, home: Home | None = None, room: Room | None = None
) -> Iterator[Site | Finding]:
    pythons = []
    for folder in folders(host, f"{prefix}/lib"):
        version = None if isinstance(folder, Finding) else VERSION.fullmatch(name_of(folder))
        if isinstance(folder, Finding):
            yield folder
        elif version:
            pythons.append((int(version[1]), int(version[2]), folder.path))
    for major, minor, path in sorted(pythons, reverse=True):
        for site in SITES:
            yield Site(f"{path}/{site}", prefix, f"{major}.{minor}", home, room)


def packages(host: Host, site: Site) -> Iterator[Outcome]:
    """Yield what comes of each package in a folder of them."""
    try:
        inside = host.glance(site.path).folders
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield unread(site.path, error)
        return
    for name in inside:
        match = INSTALLED.fullmatch(name)
        if match:
            yield from _package(host, site, f"{site.path}/{name}", match["name"], match["version"])


def _package(host: Host, site: Site, folder: str, name: str, version: str) -> Iterator[Outcome]:
    try:
        inside = frozenset(names(host, folder))
    except OSError as error:
        yield unread(folder, error)
        return
    installer, record, direct = (
        content(host, f"{folder}/{each}") if each in inside else ""
        for each in ("INSTALLER", "RECORD", "direct_url.json")
    )
    yield from (each for each in (installer, record, direct) if isinstance(each, Finding))
    if not (isinstance(installer, str) and installer.strip() in INSTALLERS):
        return
    by = "made anew by pip for a package that needs it"
    if "REQUESTED" in inside and not (site.room and name in WITH_PYTHON):
        source = (
            parse_direct_url(direct, escaped(f"{folder}/direct_url.json"))
            if isinstance(direct, str)
            else Source()
        )
        if isinstance(source, Finding):
            yield source
            source = Source()
        package = _pip(site, name, version, source)
        yield package
        yield from secrets_left_out(f"{folder}/direct_url.json", source.url)
        by = package.item_id()
        if source.folder:
            where = f"{shown(source.folder)}"
            yield sourceless(package, where, "push that folder to a remote, and install it from there")
    yield Cover(folder, by)
    listed = parse_record(record) if isinstance(record, str) else ()
    yield from (Cover(path, by) for path in covered(listed, site))


def _pip(site: Site, name: str, version: str, source: Source) -> Pip:
    room = site.room
    return Pip(
        user=escaped(site.home.user) if site.home else "",
        name=escaped(re.sub(r"[-_.]+", "-", name).lower()),
        version=escaped(version),
        runtime=room.name if room else "",
        within=room.within if room else "",
        python=site.python,
        source=shown(source.url),
        editable=source.editable,
    )


def parse_direct_url(text: str, path: str) -> Source | Finding:
    """Return where a direct_url.json says that a package is from; an empty one says nothing."""
    if not text:
        return Source()
    data = json_table(text, path)
    if isinstance(data, Finding):
        return data
    url, vcs = word(data.get("url")), mapping(data.get("vcs_info"))
    if not url:
        return Finding(path, "names no address", "install it again")
    below = f"#subdirectory={word(data.get('subdirectory'))}" if data.get("subdirectory") else ""
    if url.startswith("file:"):
        folder = plain(url.removeprefix("file://"))
        editable = mapping(data.get("dir_info")).get("editable") is True
        return Source(folder if editable else url, folder, editable)
    if vcs:
        revision = word(vcs.get("requested_revision")) or word(vcs.get("commit_id"))
        at = f"@{revision}" if revision else ""
        return Source(f"{word(vcs.get('vcs'))}+{url}{at}{below}")
    return Source(f"{url}{below}")


def parse_record(text: str) -> tuple[str, ...]:
    """Return where a RECORD says that a package has something: its top folders and files, and all outside.

    `../../../bin/httpie` is a launcher; paths are relative to the folder of packages.
    """
    tops = set()
    for line in text.split("\n"):
        path = line[1:].partition('"')[0] if line.startswith('"') else line.partition(",")[0]
        if path and "\0" not in path:
            tops.add(path.rstrip("\r") if path.startswith(("..", "/")) else path.partition("/")[0])
    return tuple(sorted(tops))


def covered(listed: tuple[str, ...], site: Site) -> Iterator[str]:
    """Yield the absolute paths that a package has; none that is not well below the prefix."""
    for name in listed:
        path = posixpath.normpath(posixpath.join(site.path, name))
        below = path.removeprefix(f"{site.prefix}/")
        if below != path and below.count("/") and path not in (site.path, posixpath.dirname(site.path)):
            yield path
