"""Where does the `.deb` of a package lie that no source offers?

In apt's cache, beside it in /var/cache, or where a browser put it. A file is known by its name, as apt writes
it; of any other one in a Downloads folder dpkg-deb(1) is asked what it holds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collectors.debian.dpkg import Package
from collectors.failure import Failure
from collectors.homes import Home, homes
from collectors.host import Host, text
from collectors.record import escaped

ARCHIVES = "/var/cache/apt/archives"
CACHES = "/var/cache"
DOWNLOADS = "Downloads"
USER_DIRS = ".config/user-dirs.dirs"
DOWNLOAD_DIR = re.compile(r'^XDG_DOWNLOAD_DIR="\$HOME/([^"]+)"', re.MULTILINE)
CHUNK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Deb:
    """A `.deb` that is on the disk: its path as `os.fsdecode` gives it, and its SHA-256."""

    path: str
    sha256: str

    @property
    def fetched_by_apt(self) -> bool:
        """Whether apt downloaded it, so that a source once offered it."""
        return self.path.startswith(f"{ARCHIVES}/")


def find_debs(host: Host, packages: Iterable[Package]) -> dict[Package, Deb]:
    """Return the `.deb` of each of `packages` that is to be found."""
    sought = list(packages)
    if not sought:
        return {}
    places = [_place(name) for name in _cached(host)]
    downloaded = [_place(name) for home in homes(host) for name in _downloaded(host, home)]
    by_name = {name: path for path, name in reversed([*places, *downloaded])}
    found = {
        package: path for package in sought for name in file_names(package) if (path := by_name.get(name))
    }
    asked = {_held(host, path): path for path, _ in downloaded if len(found) < len(sought)}
    found.update(
        (package, asked[key])
        for package in sought
        if package not in found and (key := _key(package)) in asked
    )
    return {package: Deb(path, digest) for package, path in found.items() if (digest := _sha256(host, path))}


def file_names(package: Package) -> tuple[str, ...]:
    """Return the names that the `.deb` of a package has in apt's cache (`a_1%3a2_all.deb`) or a pool."""
    version, bare = package.version.replace(":", "%3a"), package.version.partition(":")[2]
    versions = (version, bare) if bare else (version,)
    return tuple(f"{package.name}_{each}_{package.architecture}.deb" for each in versions)


def parse_fields(said: str) -> tuple[str, str, str]:
    """Return package, version and architecture of what `dpkg-deb --field` said."""
    fields = dict(line.partition(": ")[::2] for line in said.split("\n"))
    return fields.get("Package", ""), fields.get("Version", ""), fields.get("Architecture", "")


def download_folder(user_dirs: str) -> str:
    """Return the name of the Downloads folder in a home, by its `user-dirs.dirs` (xdg-user-dirs)."""
    found = DOWNLOAD_DIR.search(user_dirs)
    return found[1].strip("/") if found else DOWNLOADS


def _cached(host: Host) -> Iterator[str]:
    yield from _debs_in(host, ARCHIVES)
    yield from _debs_in(host, CACHES)
    for folder in _names(host, CACHES):
        yield from _debs_in(host, f"{CACHES}/{folder}")


def _downloaded(host: Host, home: Home) -> Iterator[str]:
    try:
        folder = download_folder(text(host, home.within(USER_DIRS)))
    except OSError:
        folder = DOWNLOADS
    return _debs_in(host, home.within(folder))


def _debs_in(host: Host, folder: str) -> Iterator[str]:
    return (f"{folder}/{name}" for name in _names(host, folder) if name.endswith(".deb"))


def _names(host: Host, path: str) -> list[str]:
    """Return the names in a directory; one that cannot be seen holds nothing that could be kept."""
    try:
        return host.list(path)
    except OSError:
        return []


def _place(path: str) -> tuple[str, str]:
    return path, path.rpartition("/")[2]


def _key(package: Package) -> tuple[str, str, str]:
    return package.name, package.version, package.architecture


def _held(host: Host, path: str) -> tuple[str, str, str]:
    """Return what is in a `.deb`, nothing where it is none."""
    argv = ("dpkg-deb", "--field", "{}", "Package", "Version", "Architecture")
    try:
        return parse_fields(escaped(host.examine(argv, path, env={})).replace(r"\x0a", "\n"))
    except (Failure, OSError):
        return "", "", ""


def _sha256(host: Host, path: str) -> str:
    """Return the SHA-256 of a file of any size, "" where it cannot be read."""
    digest, start = hashlib.sha256(), 0
    try:
        while chunk := host.part(path, start, CHUNK_BYTES):
            digest.update(chunk)
            start += len(chunk)
    except OSError:
        return ""
    return digest.hexdigest()
