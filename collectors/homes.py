"""Whose homes are on this machine?

Sources: passwd(5). The people, and root: an administrator's own settings are the owner's too.
"""

from __future__ import annotations

from dataclasses import dataclass

from collectors.accounts import GROUP, PASSWD, parse_group, parse_passwd
from collectors.host import Host, remembered, text

ROOT = "root"


@dataclass(frozen=True)
class Home:
    """One person's home that is there, `/home/ada`."""

    user: str
    uid: int
    path: str

    def within(self, *parts: str) -> str:
        """Return the absolute path of something in it."""
        return "/".join((self.path, *parts))

    def name(self, path: str) -> str:
        """Return `~ada/src/x` for a path in it: how ids name what is one person's own."""
        return f"~{self.user}{path.removeprefix(self.path)}"


@remembered
def homes(host: Host) -> tuple[Home, ...]:
    """Return the homes of the people and of root that are there, by user; of two who share one the first."""
    accounts, _ = parse_passwd(text(host, PASSWD))
    owners = (each for each in accounts if each.person or each.name == ROOT)
    found = {each.home.rstrip("/"): each for each in reversed([*owners]) if each.home.strip("/")}
    return tuple(
        Home(account.name, account.uid, path)
        for path, account in sorted(found.items(), key=lambda pair: pair[1].name)
        if (entry := host.look(path)) and entry.is_dir and not entry.is_foreign
    )


def home_of(host: Host, path: str) -> Home | None:
    """Return the home that `path` is in, if it is in one."""
    return next((home for home in homes(host) if path == home.path or path.startswith(f"{home.path}/")), None)


def usual(host: Host, path: str) -> str:
    """Return `path` as it would be were every home in /home: what is known of paths is written that way."""
    home = home_of(host, path)
    if home is None or home.user == ROOT:
        return path
    return f"/home/{home.user}{path.removeprefix(home.path)}"


@remembered
def user_names(host: Host) -> dict[int, str]:
    """Return the name of each user by number; of several names the first by alphabet counts."""
    accounts, _ = parse_passwd(text(host, PASSWD))
    return {account.uid: account.name for account in reversed(accounts)}


@remembered
def group_names(host: Host) -> dict[int, str]:
    """Return the name of each group by number."""
    teams, _ = parse_group(text(host, GROUP))
    return {team.gid: team.name for team in reversed(teams)}
