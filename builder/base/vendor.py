"""Where does the vendor keep its ISOs, and whose signature counts?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.gpg"


@dataclass(frozen=True)
class Signer:
    """Whose signature counts: the fingerprint of a primary key (40 hex digits), and a keyring that has it.

    The keyring is one that gpgv(1) reads. Only the fingerprint is trusted.
    """

    fingerprint: str
    keyring: Path


UBUNTU = Signer(
    "843938DF228D22F7B3742BC0D94AA3F0EFE21092", Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg")
)


@dataclass(frozen=True)
class Site:
    """A server with a folder for each version: `<root>/24.04/`, or `<root>/24.04/release/`."""

    root: str
    below: str = ""

    def folder(self, version: str) -> str:
        """Return the address of a version's folder, which ends in `/`."""
        return f"{self.root.rstrip('/')}/{version}/{self.below}"


OLD_RELEASES = Site("https://old-releases.ubuntu.com/releases")
SITES = {
    "amd64": (Site("https://releases.ubuntu.com"), OLD_RELEASES),
    "arm64": (Site("https://cdimage.ubuntu.com/releases", "release/"), OLD_RELEASES),
}


@dataclass(frozen=True)
class Wanted:
    """An installer ISO by what a person says of it: `24.04` is any point release, `24.04.3` this one."""

    release: str
    architecture: str = "amd64"
    flavour: str = "live-server"

    def __str__(self) -> str:
        return f"ubuntu-{self.release}*-{self.flavour}-{self.architecture}.iso"

    def version(self, name: str) -> tuple[int, ...] | None:
        """Return the version of the ISO called `name`, `(24, 4, 3)`; None where it is another one."""
        found = wanted_by(name)
        if found is None or (found.architecture, found.flavour) != (self.architecture, self.flavour):
            return None
        version, mine = _numbers(found.release), _numbers(self.release)
        return version if version[: len(mine)] == mine else None

    def newest(self, names: Iterable[str]) -> str | None:
        """Return the one of `names` with the highest version, None where none is wanted."""
        versions = {name: version for name in names if (version := self.version(name))}
        return max(versions, key=lambda name: versions[name], default=None)


def wanted_by(name: str) -> Wanted | None:
    """Return what `ubuntu-24.04.3-live-server-amd64.iso` names; None for a name of another form."""
    found = re.fullmatch(r"ubuntu-(\d\d\.\d\d(?:\.\d+)*)-([a-z-]+)-([a-z0-9]+)\.iso", name)
    return Wanted(found[1], architecture=found[3], flavour=found[2]) if found else None


def sites(architecture: str, mirror: str | None) -> tuple[Site, ...]:
    """Return where to look: at the mirror, laid out as the vendor's server, or at the vendor's."""
    own = SITES.get(architecture, (OLD_RELEASES,))
    return (Site(mirror, own[0].below),) if mirror else own


def folders(wanted: Wanted, at: Iterable[Site]) -> list[str]:
    """Return the addresses of all folders that may have it, the likeliest first.

    A point release has a folder of its own, and lies in its series' as long as it is current.
    """
    series = ".".join(wanted.release.split(".")[:2])
    versions = dict.fromkeys((wanted.release, series))
    return [site.folder(version) for site in at for version in versions]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
