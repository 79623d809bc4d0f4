"""Where do the catalogue's paths lead to on a machine?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from collectors.debian import dpkg
from collectors.homes import Home, homes
from collectors.host import Host, remembered
from collectors.reading.places import expanded

PACKAGED = ("/usr/bin/", "/usr/sbin/", "/usr/games/", "/usr/lib/", "/usr/local/", "/opt/", "/bin/", "/sbin/")


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
        return tuple(f"{top}/{each.lstrip('/')}" for each in self._mine(patterns))

    def places(self, host: Host, patterns: Iterable[str]) -> tuple[str, ...]:
        """Return the paths that are there and match, in the order of the patterns; packages' are none."""
        top = self.home.path if self.home else ""
        found, _ = expanded(host, top, self._mine(patterns))
        return tuple(path for path in found if path not in packaged(host))

    def _mine(self, patterns: Iterable[str]) -> list[str]:
        return [each for each in patterns if each.startswith("/") == (self.home is None)]


def scopes(host: Host) -> tuple[Scope, ...]:
    """Return the machine and each person."""
    return (Scope(), *map(Scope, homes(host)))


@remembered
def packaged(host: Host) -> frozenset[str]:
    """Return the paths of packages where programs lie; /bin is /usr/bin where the two are merged."""
    owned = dpkg.owners(host, dpkg.read(host), PACKAGED)
    return frozenset({*owned, *(f"/usr{path}" for path in owned if path.startswith(("/bin/", "/sbin/")))})
