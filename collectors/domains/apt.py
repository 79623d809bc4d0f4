"""Which packages did the owner choose, and where do they come from?

Sources: apt-mark(8), sources.list(5), apt-secure(8), and dpkg's database; no command is run.
"""

from __future__ import annotations

import gzip
import io
import shlex
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from collectors.collected import Collected
from collectors.debian import dpkg
from collectors.debian.sources import SourceEntry, format_of, parse_sources, signed_by_paths
from collectors.failure import Finding
from collectors.host import Host
from collectors.host import names as names_in
from collectors.judgement.capture import Capture, content_of, gathered, unread
from collectors.judgement.knowledge import choices, knowledge
from collectors.record import AtPath, LeftOut, Section, Thing, escaped, sha256

SOURCES = "/etc/apt/sources.list"
SOURCE_PARTS = "/etc/apt/sources.list.d"
KEYRING = "/etc/apt/trusted.gpg"
KEYRING_PARTS = ("/etc/apt/trusted.gpg.d", "/etc/apt/keyrings")
INITIAL_STATUS = "/var/log/installer/initial-status.gz"
BASE_PRIORITIES = ("required", "important")
MAX_STATUS_BYTES = 64 * 1024 * 1024


SHIPPED = "part of a fresh installation"


class SourceFile(AtPath):
    """A file of package sources; its bytes are in the posture's contents under `path`."""

    KIND: ClassVar[str] = "apt-source"
    FREE: ClassVar[frozenset[str]] = frozenset({"format", "entries"})

    format: Literal["one-line", "deb822"]
    sha256: str
    entries: tuple[SourceEntry, ...]

    def content_path(self) -> str:
        """Return where its bytes are."""
        return self.path


class Keyring(AtPath):
    """A file of keys that sources are signed by; its bytes are in the posture's contents."""

    KIND: ClassVar[str] = "apt-key"

    sha256: str

    def content_path(self) -> str:
        """Return where its bytes are."""
        return self.path


class Named(Thing):
    """A package by its name, or a hold."""

    KIND: ClassVar[str] = "apt"

    name: str

    def item_name(self) -> str:
        """Return the name."""
        return self.name

    def by_hand(self) -> str:
        """Return how apt installs it."""
        return f"apt install {shlex.quote(self.name)}"


class Hold(Named):
    """A package that is held back (apt-mark(8))."""

    KIND: ClassVar[str] = "apt-hold"

    def by_hand(self) -> str:
        """Return how apt holds it."""
        return f"apt-mark hold {shlex.quote(self.name)}"


class Apt(Section):
    """Packages that the owner chose, and where they come from.

    `shipped` are manual packages that a fresh installation has anyway; `baseline` says how that is
    known. Names carry their architecture (`libc6:i386`) where it is not the machine's own.
    """

    NAME: ClassVar[str] = "apt"

    baseline: Literal["installer", "priority"] = "priority"
    packages: tuple[str, ...] = ()
    shipped: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    sources: tuple[SourceFile, ...] = ()
    keyrings: tuple[Keyring, ...] = ()

    def things(self) -> Iterator[Thing]:
        """Yield packages and holds by name, then the rest."""
        yield from (Named(name=name) for name in self.packages)
        yield from (Named(name=name, bound=SHIPPED) for name in self.shipped)
        yield from (Hold(name=name) for name in self.holds)
        yield from super().things()


@dataclass(frozen=True)
class Baseline:
    """The packages of a fresh installation by name, and whether its installer told them."""

    packages: frozenset[str]
    from_installer: bool
    findings: tuple[Finding, ...] = ()


def collect(host: Host) -> Collected[Apt]:
    """Collect the section `apt`."""
    database = dpkg.read(host)
    baseline = read_baseline(host, database)
    manual = manual_packages(database)
    shipped = [package for package in manual if is_shipped(package, baseline)]
    files, strange = capture_sources(host)
    sources = gathered(files)
    paths = keyring_paths(host, sources.records)
    keyrings = gathered(capture_keyrings(host, paths, _owned_by_base(host, database, baseline)))
    section = Apt(
        baseline="installer" if baseline.from_installer else "priority",
        packages=names((package for package in manual if package not in shipped), database),
        shipped=names(shipped, database),
        holds=names((each for each in database.installed if each.want == "hold"), database),
        sources=sources.records,
        keyrings=keyrings.records,
        left_out=(*sources.left_out, *keyrings.left_out),
    )
    found = (
        *database.findings,
        *baseline.findings,
        *sources.findings,
        *strange,
        *keyrings.findings,
    )
    return Collected(section, {**sources.contents, **keyrings.contents}, found)


def manual_packages(database: dpkg.Database) -> tuple[dpkg.Package, ...]:
    """Return the installed packages that were asked for, as `apt-mark showmanual` does.

    Extended states name the machine's own architecture for packages of the architecture `all`.
    """
    return tuple(
        package
        for package in database.installed
        if not {
            (package.name, package.architecture),
            (package.name, database.architecture if package.architecture == "all" else "all"),
        }
        & database.automatic
    )


def names(packages: Iterable[dpkg.Package], database: dpkg.Database) -> tuple[str, ...]:
    """Return the sorted names, with `:arch` where it is not the machine's own."""
    own = ("all", database.architecture)
    return tuple(
        sorted(
            package.name if package.architecture in own else f"{package.name}:{package.architecture}"
            for package in packages
        )
    )


def read_baseline(host: Host, database: dpkg.Database) -> Baseline:
    """Return what a fresh installation has: the base, and what the installer recorded where it did.

    The base is what is essential or of a base priority, and what that needs. Of a desktop's
    metapackages an installer's record counts for nothing: the base ISO may be a server's.
    """
    basic = (each for each in database.installed if each.essential or each.priority in BASE_PRIORITIES)
    base = dpkg.with_needs((package.name for package in basic), database)
    try:
        recorded = parse_initial_status(host.read(INITIAL_STATUS))
    except FileNotFoundError:
        return Baseline(base, from_installer=False)
    except OSError as error:
        return Baseline(base, from_installer=False, findings=(unread(INITIAL_STATUS, error),))
    if recorded is None:
        broken = Finding(INITIAL_STATUS, "not a gzip file of a dpkg status", "remove it if it is broken")
        return Baseline(base, from_installer=False, findings=(broken,))
    chosen = {each.name for each in database.installed if each.section in choices().chosen_sections}
    return Baseline(base | (recorded - chosen), from_installer=True)


def parse_initial_status(content: bytes) -> frozenset[str] | None:
    """Return the names of the packages in the installer's gzipped status file, None if it is none."""
    try:
        with gzip.open(io.BytesIO(content)) as file:
            status = file.read(MAX_STATUS_BYTES).decode(errors="surrogateescape")
    except (OSError, EOFError, zlib.error):
        return None
    packages, _ = dpkg.parse_status(status)
    return frozenset(package.name for package in packages if package.installed) or None


def is_shipped(package: dpkg.Package, baseline: Baseline) -> bool:
    """Tell whether a fresh installation brings `package` by itself."""
    return package.name in baseline.packages or choices().by_installer(package.name)


def capture_sources(
    host: Host,
) -> tuple[list[Capture[SourceFile] | LeftOut | Finding], tuple[Finding, ...]]:
    """Return what comes of each file of sources, and the findings in those that are kept."""
    outcomes: list[Capture[SourceFile] | LeftOut | Finding] = []
    strange: tuple[Finding, ...] = ()
    for path in source_paths(host):
        content = _kept(host, path)
        if isinstance(content, bytes):
            entries, odd = parse_sources(content.decode(errors="surrogateescape"), path=escaped(path))
            strange += odd
            record = SourceFile(
                path=escaped(path), format=format_of(path), sha256=sha256(content), entries=entries
            )
            outcomes.append(Capture(record, content))
        else:
            outcomes.append(content)
    return outcomes, strange


def source_paths(host: Host) -> Iterator[str]:
    """Yield the files that apt reads sources from; other names it ignores."""
    if host.look(SOURCES):
        yield SOURCES
    for name in names_in(host, SOURCE_PARTS):
        if name.endswith((".list", ".sources")):
            yield f"{SOURCE_PARTS}/{name}"


def keyring_paths(host: Host, sources: Iterable[SourceFile]) -> tuple[str, ...]:
    """Return the files of keys that are there: apt's own places, and wherever a source points."""
    parts = (f"{folder}/{name}" for folder in KEYRING_PARTS for name in names_in(host, folder))
    pointed = (path for file in sources for entry in file.entries for path in signed_by_paths(entry))
    return tuple(sorted(path for path in {KEYRING, *parts, *pointed} if host.look(path)))


def capture_keyrings(
    host: Host, paths: Iterable[str], from_base: frozenset[str]
) -> Iterator[Capture[Keyring] | LeftOut | Finding]:
    """Yield what comes of each keyring, but for those that a package of the base brings.

    One that a vendor's package owns is kept: without it that vendor's source cannot be asked for
    the package.
    """
    for path in paths:
        if path in from_base or path.endswith("~"):
            continue
        content = _kept(host, path)
        if isinstance(content, bytes):
            yield Capture(Keyring(path=escaped(path), sha256=sha256(content)), content)
        else:
            yield content


def _kept(host: Host, path: str) -> bytes | LeftOut | Finding:
    """Return the bytes of a file, unless they cannot be read or hold a secret."""
    content = content_of(host, path)
    if isinstance(content, Finding):
        return content
    secret = knowledge().secret(path, content)
    return LeftOut(path=escaped(path), reason=secret) if secret else content


def _owned_by_base(host: Host, database: dpkg.Database, baseline: Baseline) -> frozenset[str]:
    """Return the paths below the usual places of keys that packages of a fresh installation own."""
    base = {package.name for package in database.packages if is_shipped(package, baseline)}
    places = ("/usr/share/keyrings/", KEYRING, *(f"{folder}/" for folder in KEYRING_PARTS))
    return frozenset(path for path, by in dpkg.owners(host, database, places).items() if by in base)
