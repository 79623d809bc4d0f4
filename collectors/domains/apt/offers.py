"""Which packages do the sources offer, and which sources answered at the last `apt update`?

Read from /var/lib/apt/lists, without a network. A list's name is the URI that it came from, written as
`URItoFileName` of apt does it; `apt-get update --print-uris` shows both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from collectors.debian.sources import SourceEntry
from collectors.domains.apt.indexes import ENDINGS, read_index, stanzas_named, value
from collectors.failure import Finding
from collectors.host import Host, names
from collectors.judgement.capture import unread
from collectors.record import escaped

LISTS = "/var/lib/apt/lists"
NEVER = "no index of a source is there: where packages come from is not known"

# What apt writes as `%xx` in the name of a list, besides what is not printable.
QUOTED = re.compile(r"[\\|{}\[\]<>\"^~_=!@#$%&*\x00-\x20\x7f-\U0010ffff]")
RELEASES = ("InRelease", "Release")


@dataclass(frozen=True)
class Archive:
    """One archive that an enabled source names.

    `label` is for a person, `https://example.org/debian bookworm`; `stem` begins the names of its lists,
    `example.org_debian_dists_bookworm_`. A flat archive has no `components`.
    """

    source: str
    label: str
    stem: str
    components: tuple[str, ...] = ()

    def indexes(self, lists: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield the name of each of its lists of packages, and the origin that packages in it have."""
        parts = {f"{self.stem}{quoted(part)}_binary-": f"{self.label}/{part}" for part in self.components}
        for name in lists:
            bare = next((name.removesuffix(each) for each in ENDINGS[1:] if name.endswith(each)), name)
            for begin, origin in (parts or {f"{self.stem}Packages": self.label}).items():
                if bare.startswith(begin) and bare.endswith("Packages"):
                    yield name, origin


@dataclass(frozen=True)
class Offer:
    """A version of a package that an archive has."""

    version: str
    architecture: str
    origin: str


@dataclass(frozen=True)
class Offers:
    """What the sources offer of the packages that were asked for, by name and in the order of the sources.

    `whole`: every index of every source that answered was read. `dead` are the archives that did not.
    """

    by_name: Mapping[str, tuple[Offer, ...]] = field(default_factory=dict)
    whole: bool = False
    dead: tuple[Archive, ...] = ()
    findings: tuple[Finding, ...] = ()

    def of(self, name: str, architecture: str) -> tuple[Offer, ...]:
        """Return the offers of a package for its architecture; it may have become `all`, or ceased to be."""
        return tuple(
            offer
            for offer in self.by_name.get(name, ())
            if architecture == offer.architecture or "all" in (architecture, offer.architecture)
        )


def read_offers(host: Host, archives: Iterable[Archive], wanted: Iterable[str]) -> Offers:
    """Return what `archives` offer of the packages with the names `wanted`."""
    archives = tuple(archives)
    try:
        lists = names(host, LISTS)
    except OSError as error:
        return Offers(findings=(unread(LISTS, error),))
    fetched = tuple(archive for archive in archives if _fetched(archive, lists))
    if not fetched:
        return Offers(findings=(Finding(LISTS, NEVER, "apt update"),) if archives else ())
    dead = tuple(archive for archive in archives if archive not in fetched)
    found, findings = _scanned(host, fetched, lists, frozenset(name.encode() for name in wanted))
    return Offers(found, not findings, dead, findings)


def archives_of(
    entries: Mapping[str, Iterable[SourceEntry]], private: frozenset[str], architecture: str
) -> tuple[Archive, ...]:
    """Return the archives that enabled sources of packages name, in their order.

    `entries` are by file. Those of a `private` file hold a secret: only the file is told of them.
    """
    archives: list[Archive] = []
    for path, each in entries.items():
        for entry in each:
            if entry.enabled and "deb" in entry.types:
                archives.extend(_archives(entry, path, path in private, architecture))
    return tuple(dict.fromkeys(archives))


def parse_packages(content: bytes, wanted: frozenset[bytes], origin: str) -> Iterator[tuple[str, Offer]]:
    """Yield the name and the offer of each package of `wanted` in a `Packages` file."""
    for name, stanza in stanzas_named(content, "Package", wanted):
        yield name, Offer(escaped(value(stanza, "Version")), escaped(value(stanza, "Architecture")), origin)


def list_stem(uri: str) -> str:
    """Return how apt begins the names of the lists that come from `uri`, which ends in a slash.

    `https://user:key@example.org/a_b/` becomes `example.org_a%5fb_`.
    """
    rest = _without_scheme(uri).replace("[", "").replace("]", "")
    return quoted(rest)


def quoted(part: str) -> str:
    """Return a part of a URI as apt writes it in the name of a list."""
    return QUOTED.sub(_hexed, part).replace("/", "_")


def shown(uri: str) -> str:
    """Return a URI without the name, the password and the query in it."""
    scheme, colon, _ = uri.partition(":")
    slashes = "//" if "://" in uri else ""
    return f"{scheme}{colon}{slashes}{_without_scheme(uri).partition('?')[0]}".rstrip("/")


def _without_scheme(uri: str) -> str:
    """Return `example.org/debian` of `https://user:key@example.org/debian`, `/srv/x` of `file:///srv/x`."""
    rest = uri.partition(":")[2]
    if not rest.startswith("//"):
        return rest
    authority, slash, path = rest[2:].partition("/")
    return authority.rpartition("@")[2] + slash + path


def _archives(entry: SourceEntry, path: str, private: bool, architecture: str) -> Iterator[Archive]:
    for uri in entry.uris:
        base = uri.replace("$(ARCH)", architecture).rstrip("/") + "/"
        for suite in entry.suites:
            label = f"{path} {suite}" if private else f"{shown(base)} {suite}"
            place = _place(suite.replace("$(ARCH)", architecture) if suite.endswith("/") else suite)
            yield Archive(path, label, list_stem(base) + quoted(place), entry.components)


def _place(suite: str) -> str:
    """Return where a suite lies below its URI: a flat one is a path, `./`."""
    if suite.endswith("/"):
        return suite.lstrip("/")
    return f"dists/{suite}/"


def _fetched(archive: Archive, lists: list[str]) -> bool:
    releases = {f"{archive.stem}{release}" for release in RELEASES}
    return any(name in releases for name in lists) or any(True for _ in archive.indexes(lists))


def _scanned(
    host: Host, archives: Iterable[Archive], lists: list[str], wanted: frozenset[bytes]
) -> tuple[dict[str, tuple[Offer, ...]], tuple[Finding, ...]]:
    """Read each list once, whichever sources name it."""
    found: dict[str, tuple[Offer, ...]] = {}
    findings: list[Finding] = []
    indexes: dict[str, str] = {}
    for archive in archives:
        for name, origin in archive.indexes(lists):
            indexes.setdefault(name, origin)
    for name, origin in indexes.items():
        content = read_index(host, f"{LISTS}/{name}")
        if isinstance(content, Finding):
            findings.append(content)
            continue
        for package, offer in parse_packages(content, wanted, origin):
            found[package] = (*found.get(package, ()), offer)
    return found, tuple(findings)


def _hexed(letter: re.Match[str]) -> str:
    return "".join(f"%{byte:02x}" for byte in letter[0].encode(errors="surrogateescape"))
