"""Which clouds does rclone know? Source: rclone.conf. Its tokens and passwords stay behind."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import ClassVar

from collectors.domains.services.known import known
from collectors.failure import Finding
from collectors.homes import Home, homes
from collectors.host import Host
from collectors.judgement.knowledge import knowledge
from collectors.reading.keyfile import Group, parse_groups
from collectors.reading.looking import Outcome, text_in
from collectors.record import LeftOut, Thing, escaped

CONFIG = ".config/rclone/rclone.conf"
ENCRYPTED = "RCLONE_ENCRYPT"
TOKENS = "the tokens of rclone's remotes are secret: run `rclone config reconnect NAME:` for each"


class Remote(Thing):
    """A remote of somebody's rclone, `gdrive`; `settings` are `type=drive` and others that are no secret.

    `secrets` are the keys that stay behind.
    """

    KIND: ClassVar[str] = "rclone"

    user: str
    name: str
    settings: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def item_name(self) -> str:
        """Return `~ada/gdrive`."""
        return f"~{self.user}/{self.name}"

    def by_hand(self) -> str:
        """Return how it is made; rclone asks for the rest."""
        kind = next((each[5:] for each in self.settings if each.startswith("type=")), "")
        rest = (each for each in self.settings if not each.startswith("type="))
        return shlex.join(("rclone", "config", "create", self.name, kind, *rest))


def collect_remotes(host: Host) -> Iterator[Outcome]:
    """Yield each person's remotes, and that their file stays behind."""
    for home in homes(host):
        path = home.within(CONFIG)
        content, findings = text_in(host, path)
        yield from findings
        if content.strip():
            remotes, findings = parse_remotes(content, home, name=path)
            yield from findings
            yield from remotes
            yield LeftOut(path=escaped(path), reason=TOKENS)


def parse_remotes(content: str, home: Home, *, name: str) -> tuple[tuple[Remote, ...], tuple[Finding, ...]]:
    """Return the remotes of somebody's rclone.conf; nothing of one that is encrypted."""
    if ENCRYPTED in content:
        return (), ()
    groups, findings = parse_groups(content, name=name)
    return tuple(_remote(group, home) for group in groups), findings


def _remote(group: Group, home: Home) -> Remote:
    return Remote(
        user=home.user,
        name=group.name,
        settings=tuple(f"{key}={value}" for key, value in group.pairs if not _is_secret(key, value)),
        secrets=tuple(sorted({key for key, value in group.pairs if _is_secret(key, value)})),
    )


def _is_secret(key: str, value: str) -> bool:
    """Tell whether a value may hold a user's name or a password: an address, or a remote `:sftp,pass=x:`."""
    if key not in known().rclone_keys or "@" in value:
        return True
    return bool(knowledge().secret("/etc/rclone", f"{key}={value}".encode()))
