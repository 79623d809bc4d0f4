"""What did the owner tell the package system about files?

Modes and owners in the place of a package's own (dpkg-statoverride(1)), files that packages lay elsewhere
(dpkg-divert(1)), and which program stands for a common name (update-alternatives(1)).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from typing import ClassVar

from collectors.debian import dpkg
from collectors.debian.alternatives import ALTERNATIVES, LINKS, Group, parse_alternative
from collectors.debian.overrides import Override, overrides
from collectors.failure import Finding
from collectors.host import Host, names, text
from collectors.record import AtPath, EscapedPath, Thing, escaped, word

SCRIPTS = (".preinst", ".postinst", ".config")
LOCAL = ("/usr/local/", "/opt/", "/home/", "/root/", "/srv/")  # where no Debian package may put anything


class StatOverride(AtPath):
    """The owner, group and mode that dpkg gives a path: `root`, `dialout`, `4750`."""

    KIND: ClassVar[str] = "statoverride"

    owner: str
    group: str
    mode: str

    def by_hand(self) -> str:
        """Return the command that gives them."""
        words = " ".join(map(word, (self.owner, self.group, self.mode, self.path)))
        return f"dpkg-statoverride --force-statoverride-add --update --add {words}"


class Diversion(AtPath):
    """A local diversion: whatever a package installs at `path` lies at `to`."""

    KIND: ClassVar[str] = "diversion"

    to: EscapedPath

    def by_hand(self) -> str:
        """Return the command that makes it."""
        return f"dpkg-divert --local --rename --divert {word(self.to)} --add {word(self.path)}"


class Alternative(Thing):
    """What a common name leads to by the owner's choice: `editor`, `/usr/bin/vim.basic`.

    `link` and `priority` are there where no package brings what it leads to: it must be made known first.
    """

    KIND: ClassVar[str] = "alternative"
    FREE: ClassVar[frozenset[str]] = frozenset({"priority"})

    name: str
    target: EscapedPath
    link: str = ""
    priority: int = 0

    def item_name(self) -> str:
        """Return the name."""
        return self.name

    def by_hand(self) -> str:
        """Return the command that chooses it."""
        choice = f"{word(self.name)} {word(self.target)}"
        chosen = f"update-alternatives --set {choice}"
        if not self.link:
            return chosen
        return f"update-alternatives --install {word(self.link)} {choice} {self.priority} && {chosen}"


def stat_overrides(host: Host) -> tuple[tuple[StatOverride, ...], tuple[Finding, ...]]:
    """Return the overrides that are the owner's: no package's script makes them."""
    found, findings = overrides(host)
    scripts = _scripts(host) if found else ()
    owners_own = (each for each in found if not any(_makes(script, each) for script in scripts))
    return tuple(
        StatOverride(
            path=escaped(each.path), owner=escaped(each.owner), group=escaped(each.group), mode=each.mode
        )
        for each in owners_own
        if _is_plain(each.path)
    ), findings


def local_diversions(host: Host) -> Iterator[Diversion]:
    """Yield the diversions that no package asked for."""
    for each in dpkg.read(host).diversions:
        if not each.package and _is_plain(each.path) and _is_plain(each.to):
            yield Diversion(path=escaped(each.path), to=escaped(each.to))


def alternatives(host: Host, owned: Set[str]) -> tuple[tuple[Alternative, ...], tuple[Finding, ...]]:
    """Return the names that do not lead where the package system alone would let them.

    `owned` holds what packages have below /usr/local and /opt.
    """
    found, findings = [], []
    for name in names(host, ALTERNATIVES):
        group = parse_alternative(text(host, f"{ALTERNATIVES}/{name}"))
        if group is None:
            findings.append(_malformed(name))
        elif (chosen := _chosen(host, name, group, owned)) is not None:
            found.append(chosen)
    return tuple(found), tuple(findings)


def _chosen(host: Host, name: str, group: Group, owned: Set[str]) -> Alternative | None:
    try:
        target = host.link(f"{LINKS}/{name}")
    except OSError:
        return None
    is_local = target.startswith(LOCAL) and target not in owned
    if not _is_plain(target) or not (group.manual or target != group.best or is_local):
        return None
    priority = next((choice.priority for choice in group.choices if choice.path == target), 0)
    return Alternative(
        name=escaped(name),
        target=escaped(target),
        link=escaped(group.link) if is_local else "",
        priority=priority if is_local else 0,
    )


def _scripts(host: Host) -> tuple[str, ...]:
    """Return the packages' scripts that make overrides."""
    listed = (f"{dpkg.LISTS}/{name}" for name in names(host, dpkg.LISTS) if name.endswith(SCRIPTS))
    return tuple(script for path in listed if "dpkg-statoverride" in (script := text(host, path)))


def _makes(script: str, override: Override) -> bool:
    """Tell whether a script that makes overrides names this path, or its folder and its name apart."""
    folder, name = os.path.split(override.path)
    return override.path in script or (folder in script and name in script)


def _is_plain(path: str) -> bool:
    return os.path.isabs(path) and os.path.normpath(path) == path


def _malformed(name: str) -> Finding:
    remedy = f"see `update-alternatives --display {escaped(name)}`"
    return Finding(escaped(f"{ALTERNATIVES}/{name}"), "not understood", remedy)
