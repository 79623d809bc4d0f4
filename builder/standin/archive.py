"""Which release runs here, and where do its own packages come from?

Entries of other archives are left out: the stand-in is made of the distribution's packages only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collectors.failure import Failure
from collectors.host import Host, text

APT = "/etc/apt"
POCKETS = ("", "-updates", "-security", "-backports")
COMPONENTS: Mapping[str, frozenset[str]] = {
    "debian": frozenset({"main", "contrib", "non-free", "non-free-firmware"}),
    "ubuntu": frozenset({"main", "restricted", "universe", "multiverse"}),
}
ARCHIVE_KEYRING = "archive-keyring"

_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<rest>\S+\s.*)")


@dataclass(frozen=True)
class Release:
    """The running release by os-release(5): `debian`, `12`, `bookworm`, `Debian GNU/Linux`."""

    distribution: str
    version: str
    codename: str
    name: str


@dataclass(frozen=True)
class Source:
    """One suite of one archive."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""

    @property
    def line(self) -> str:
        """The source as a line of sources.list(5)."""
        return f"deb {self.uri} {self.suite} {' '.join(self.components)}"


def running_release(host: Host) -> Release:
    """Read os-release(5); raises Failure for a distribution whose package names are not known here."""
    pairs = (line.partition("=") for line in text(host, "/etc/os-release").splitlines())
    fields = {key: value.strip("\"'") for key, _, value in pairs}
    release = Release(
        fields.get("ID", ""),
        fields.get("VERSION_ID", ""),
        fields.get("VERSION_CODENAME", ""),
        fields.get("NAME", ""),
    )
    if release.distribution not in COMPONENTS:
        raise Failure(
            f"a stand-in cannot be made of {release.name or 'an unknown distribution'}",
            remedy="run this on Debian 12 or Ubuntu 24.04",
        )
    return release


def own_sources(host: Host, release: Release) -> tuple[Source, ...]:
    """Return the release's own sources, in the order apt reads them; raises Failure where there is none."""
    found = [source for source in _written(host) if _is_own(source, release)]
    if not found:
        raise Failure(
            f"{APT} names no archive of {release.name} {release.codename}",
            remedy=f"add the archive of {release.codename} to {APT}/sources.list",
        )
    return tuple(dict.fromkeys(found))


def one_line(content: str) -> Iterator[Source]:
    """Read the `deb` lines of a sources.list(5)."""
    for line in content.splitlines():
        match = _ONE_LINE.fullmatch(line.partition("#")[0].strip())
        if match:
            suite, *components = match["rest"].split()
            signed = re.search(r"signed-by=(\S+)", match["options"] or "")
            yield Source(match["uri"], suite, tuple(components), signed[1] if signed else "")


def deb822(content: str) -> Iterator[Source]:
    """Read the stanzas of a `.sources` file, one source for each URI and suite."""
    for stanza in re.split(r"\n\s*\n", content):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled") == "no":
            continue
        components = tuple(fields.get("components", "").split())
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(uri, suite, components, fields.get("signed-by", ""))


def _fields(stanza: str) -> dict[str, str]:
    lines = [line for line in stanza.splitlines() if not line.startswith("#")]
    unfolded = re.sub(r"\n[ \t]+", " ", "\n".join(lines))
    pairs = (line.partition(":") for line in unfolded.splitlines())
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _written(host: Host) -> Iterator[Source]:
    yield from one_line(text(host, f"{APT}/sources.list"))
    folder = f"{APT}/sources.list.d"
    for name in host.list(folder) if host.look(folder) else []:
        if name.endswith(".list"):
            yield from one_line(text(host, f"{folder}/{name}"))
        elif name.endswith(".sources"):
            yield from deb822(text(host, f"{folder}/{name}"))


def _is_own(source: Source, release: Release) -> bool:
    suites = {f"{release.codename}{pocket}" for pocket in POCKETS}
    return (
        source.uri.startswith(("http://", "https://"))
        and source.suite in suites
        and bool(source.components)
        and set(source.components) <= COMPONENTS[release.distribution]
        and (not source.signed_by or ARCHIVE_KEYRING in source.signed_by)
    )
