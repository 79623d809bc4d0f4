"""Which paths of this machine would nobody miss?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from collectors.coverage.knowledge import Short, noise
from collectors.coverage.made import made
from collectors.coverage.owned import aliases, placed
from collectors.homes import homes
from collectors.host import Host, remembered
from collectors.reading.patterns import globs

ALTERNATIVES = "/etc/alternatives/"
WILD = re.compile(r"[*?]")


@dataclass(frozen=True)
class Quiet:
    """The noise of one machine: names, whole paths, symlinks, and patterns for the system and for homes.

    `system_tops` begin all that the system's pattern can match.

    A path is noise with all that is below it, so it is asked for from the top down.
    """

    names: frozenset[str]
    fixed: frozenset[str]
    links: frozenset[str]
    system: re.Pattern[str]
    system_tops: tuple[str, ...]
    home: re.Pattern[str]
    short: Short

    def covers(self, path: str, name: str) -> bool:
        """Tell whether `path`, whose last part is `name`, is noise."""
        if name in self.names or path in self.fixed:
            return True
        short = self.short(path)
        if short.startswith("~"):
            return bool(self.home.fullmatch(short))
        return short.startswith(self.system_tops) and bool(self.system.fullmatch(short))

    def covers_file(self, host: Host, path: str, name: str, *, is_link: bool) -> bool:
        """Tell whether a file or symlink is noise by itself, or by what is in it."""
        if self.covers(path, name):
            return True
        if is_link:
            return path in self.links or host.link(path).startswith(ALTERNATIVES)
        folder = self.short(path)[: -len(name) - 1]
        return any(_equal(host, path, f"{each.of}{name}") for each in noise().copies if each.folder == folder)


@remembered
def quiet(host: Host) -> Quiet:
    """Return the noise of `host`: what is known of all machines, and what it says itself."""
    short = Short(placed(home.path, aliases(host)) for home in homes(host))
    paths = [path for rule in noise().paths for path in rule.paths]
    wild = [path for path in paths if WILD.search(path)]
    of_system = tuple(path for path in wild if not path.startswith("~"))
    fixed = {place for path in paths if not WILD.search(path) for place in _placed(path, short)}
    return Quiet(
        noise().any_name(),
        made(host).anew | fixed,
        frozenset(path for rule in noise().links for path in rule.paths),
        globs(of_system),
        tuple(sorted({f"/{path.split('/')[1]}/" for path in of_system})),
        globs(tuple(path for path in wild if path.startswith("~"))),
        short,
    )


def _placed(path: str, short: Short) -> Iterable[str]:
    return (f"{home}{path[1:]}" for home in short.homes) if path.startswith("~") else (path,)


def _equal(host: Host, path: str, other: str) -> bool:
    one, two = host.look(path), host.look(other)
    if not (one and two and one.is_file and one.size_bytes == two.size_bytes):
        return False
    try:
        return host.read(path) == host.read(other)
    except OSError:
        return False
