"""Where do the catalogue's paths lead to on a machine?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from collectors.debian import dpkg
from collectors.homes import Home, homes
from collectors.host import Host, remembered

PACKAGED = ("/usr/bin/", "/usr/sbin/", "/usr/games/", "/usr/lib/", "/usr/local/", "/opt/", "/bin/", "/sbin/")
WILD = re.compile(r"[*?[]")


@dataclass(frozen=True)
class Scope:
    """Whose programs are looked for: one person's, or the machine's (`home` is None)."""

    home: Home | None = None

    @property
    def user(self) -> str:
        """The person's name, "" for the machine."""
        return self.home.user if self.home else ""

    def name(self, path: str) -> str:
        """Return how an id names a path: `~ada/bin/x`, or as it stands."""
        return self.home.name(path) if self.home else path

    def paths(self, patterns: Iterable[str]) -> tuple[str, ...]:
        """Return the absolute paths of those that are this scope's."""
        top = self.home.path if self.home else ""
        mine = (each for each in patterns if each.startswith("/") == (self.home is None))
        return tuple(f"{top}/{each.lstrip('/')}" for each in mine)

    def places(self, host: Host, patterns: Iterable[str]) -> tuple[str, ...]:
        """Return the paths that are there and match, in the order of the patterns; packages' are none."""
        found = (path for pattern in patterns for path in self._matching(host, pattern))
        return tuple(dict.fromkeys(path for path in found if path not in packaged(host)))

    def _matching(self, host: Host, pattern: str) -> Iterator[str]:
        if pattern.startswith("/") == (self.home is None):
            top = self.home.path if self.home else ""
            yield from matching(host, top, pattern.lstrip("/"))


def scopes(host: Host) -> tuple[Scope, ...]:
    """Return the machine and each person."""
    return (Scope(), *map(Scope, homes(host)))


def matching(host: Host, top: str, pattern: str) -> Iterator[str]:
    """Yield the paths below `top` that match; what cannot be looked at is as if it were not there.

    A name with a leading dot matches only a pattern that has one.
    """
    name, _, rest = pattern.partition("/")
    for found in _names(host, top, name):
        path = f"{top}/{found}"
        if rest:
            yield from matching(host, path, rest)
        elif WILD.search(name) or _is_there(host, path):
            yield path


def _names(host: Host, folder: str, pattern: str) -> list[str]:
    if not WILD.search(pattern):
        return [pattern]
    try:
        listed = host.list(folder or "/")
    except OSError:
        return []
    dotted = pattern.startswith(".")
    return [name for name in listed if fnmatchcase(name, pattern) and name.startswith(".") == dotted]


def _is_there(host: Host, path: str) -> bool:
    try:
        return host.look(path) is not None
    except OSError:
        return False


@remembered
def packaged(host: Host) -> frozenset[str]:
    """Return the paths of packages where programs lie; /bin is /usr/bin where the two are merged."""
    owned = dpkg.owners(host, dpkg.read(host), PACKAGED)
    return frozenset({*owned, *(f"/usr{path}" for path in owned if path.startswith(("/bin/", "/sbin/")))})
