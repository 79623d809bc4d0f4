"""Which units did the owner switch off, and which links switch packages' units on?

deb-systemd-helper(1p) keeps a mirror of the links it made when a package was installed, and in
`<unit>.dsh-also` the links that belong to a unit. `systemctl disable` removes a link and leaves the mirror.
What the owner enabled or masked is a link in /etc that is in no mirror: a file like any other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, NamedTuple

from collectors.host import Host, names, text
from collectors.record import Thing, escaped, word

ALSO = ".dsh-also"
FOLDER = re.compile(r".*\.(?:wants|requires|upholds)", re.DOTALL)


class Mirror(NamedTuple):
    """Where the mirror of one folder of links is, and where units of that scope lie."""

    path: str
    links: str
    scope: Literal["system", "user"]
    units: tuple[str, ...]


SYSTEM = ("/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system")
USER = ("/etc/systemd/user", "/usr/lib/systemd/user")
STATE = "/var/lib/systemd"
ENABLED = (
    Mirror(f"{STATE}/deb-systemd-helper-enabled", "/etc/systemd/system", "system", SYSTEM),
    Mirror(f"{STATE}/deb-systemd-user-helper-enabled", "/etc/systemd/user", "user", USER),
)
MASKED = (
    Mirror(f"{STATE}/deb-systemd-helper-masked", "/etc/systemd/system", "system", SYSTEM),
    Mirror(f"{STATE}/deb-systemd-user-helper-masked", "/etc/systemd/user", "user", USER),
)


class Unit(Thing):
    """A unit that its package enables and the owner disabled, `cups.service`.

    `scope` is `user` for one that is enabled in every person's session.
    """

    KIND: ClassVar[str] = "unit"

    name: str
    scope: Literal["system", "user"] = "system"
    state: Literal["disabled"] = "disabled"

    def item_name(self) -> str:
        """Return its name, that of a session's unit after `user/`."""
        return self.name if self.scope == "system" else f"{self.scope}/{self.name}"

    def by_hand(self) -> str:
        """Return the command that disables it."""
        everybodys = " --global" if self.scope == "user" else ""
        return f"systemctl disable{everybodys} -- {word(self.name)}"


def packages_links(host: Host) -> Iterator[str]:
    """Yield the paths of the links that packages made when they were installed."""
    for mirror in (*ENABLED, *MASKED):
        yield from (f"{mirror.links}/{link}" for link in _mirrored(host, mirror))
        yield from (f"{mirror.links}/{name}" for name in names(host, mirror.path))


def disabled_units(host: Host) -> Iterator[Unit]:
    """Yield the units that are there, and of whose links that packages made one is not."""
    for mirror in ENABLED:
        aliases = _aliases(host, mirror)
        gone = (link for link in _mirrored(host, mirror) if host.look(f"{mirror.links}/{link}") is None)
        units = {aliases.get(link, os.path.basename(link)) for link in gone}
        for name in sorted(units):
            if _is_there(host, mirror, name):
                yield Unit(name=escaped(name), scope=mirror.scope)


def _mirrored(host: Host, mirror: Mirror) -> Iterator[str]:
    """Yield the links of a mirror: `ssh.service`, an alias, or `multi-user.target.wants/ssh.service`."""
    for name in names(host, mirror.path):
        if FOLDER.fullmatch(name):
            yield from (f"{name}/{link}" for link in names(host, f"{mirror.path}/{name}"))
        elif not name.endswith(ALSO):
            yield name


def _aliases(host: Host, mirror: Mirror) -> Mapping[str, str]:
    """Return the unit that each alias stands for: one whose list names the alias, and no other unit does."""
    found: dict[str, str] = {}
    for name in names(host, mirror.path):
        if name.endswith(ALSO):
            for line in text(host, f"{mirror.path}/{name}").splitlines():
                link = line.strip().removeprefix(f"{mirror.links}/")
                if "/" not in link:
                    found.setdefault(link, name.removesuffix(ALSO))
    return found


def _is_there(host: Host, mirror: Mirror, unit: str) -> bool:
    template = re.sub(r"@[^.]+(\.\w+)$", r"@\1", unit)
    return any(host.look(f"{folder}/{name}") for folder in mirror.units for name in {unit, template})
