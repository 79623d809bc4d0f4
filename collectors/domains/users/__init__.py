"""Who uses this machine?

Sources: passwd(5), group(5), shadow(5), subuid(5), loginctl(1), and what AccountsService keeps of people. Of
a password only whether there is one is told, never its hash.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from collectors.accounts import GROUP, PASSWD, PEOPLE, Account, Team, parse_group, parse_passwd
from collectors.collected import Collected, Loss
from collectors.domains.users.shadow import SHADOW, Validity, parse_shadow
from collectors.domains.users.shells import shell_losses
from collectors.domains.users.subids import SubIds, sub_ids
from collectors.failure import Finding
from collectors.homes import ROOT
from collectors.host import Host, names, text
from collectors.judgement.capture import gathered, settings, unread
from collectors.record import File, LeftOut, Section, Thing

HASHES = {
    SHADOW: "password hashes are secret: set the passwords again",
    "/etc/gshadow": "password hashes of groups are secret",
}
LINGER = "/var/lib/systemd/linger"
SESSIONS = "/var/lib/AccountsService"


class User(Thing):
    """A person's account (passwd(5)); `groups` are the supplementary ones, sorted.

    `home_mode` is the mode of the home, `0750`, "" where it is not there; `expires` the day on which the
    account ends, `2026-12-31`. `password` says whether one can log in with one; "" where that is not known.
    """

    KIND: ClassVar[str] = "user"
    FREE: ClassVar[frozenset[str]] = frozenset({"password"})

    name: str
    uid: int
    group: str
    gecos: str
    home: str
    shell: str
    groups: tuple[str, ...] = ()
    home_mode: str = ""
    expires: str = ""
    password: Literal["", "set", "none", "locked"] = ""

    def item_name(self) -> str:
        """Return the name."""
        return self.name


class Group(Thing):
    """A group that a person made or that people are alone in (group(5))."""

    KIND: ClassVar[str] = "group"

    name: str
    gid: int

    def item_name(self) -> str:
        """Return the name."""
        return self.name


class Linger(Thing):
    """Somebody whose services run without being logged in (loginctl(1), `enable-linger`)."""

    KIND: ClassVar[str] = "linger"

    user: str

    def item_name(self) -> str:
        """Return the name."""
        return self.user

    def by_hand(self) -> str:
        """Return the command that lets them."""
        return shlex.join(["loginctl", "enable-linger", "--", self.user])


class Users(Section):
    """The people who use the machine, and their groups.

    `files` are what AccountsService keeps of them: the session that they log in to, their picture.
    """

    NAME: ClassVar[str] = "users"

    groups: tuple[Group, ...] = ()
    users: tuple[User, ...] = ()
    sub_ids: tuple[SubIds, ...] = ()
    linger: tuple[Linger, ...] = ()
    files: tuple[File, ...] = ()


def collect(host: Host) -> Collected[Users]:
    """Collect the section `users`."""
    accounts, odd = parse_passwd(text(host, PASSWD))
    teams, strange = parse_group(text(host, GROUP))
    validity, unknown = _validity(host)
    persons = tuple(people(host, accounts, teams, validity))
    named = {each.name: each.uid for each in accounts if each.person or each.name == ROOT}
    ranges, unclear = sub_ids(host, named)
    kept = gathered(settings(host, *_session_files(persons)))
    left_out = (LeftOut(path=path, reason=why) for path, why in HASHES.items() if host.look(path))
    section = Users(
        users=persons,
        groups=tuple(Group(name=team.name, gid=team.gid) for team in teams if team.gid in PEOPLE),
        sub_ids=ranges,
        linger=tuple(Linger(user=name) for name in names(host, LINGER) if name in named),
        files=kept.records,
        left_out=(*left_out, *kept.left_out),
    )
    findings = (*odd, *strange, *unknown, *unclear, *kept.findings)
    return Collected(section, kept.contents, findings, losses=tuple(_lost_shells(host, persons)))


def people(
    host: Host, accounts: tuple[Account, ...], teams: tuple[Team, ...], validity: Mapping[str, Validity]
) -> Iterator[User]:
    """Yield the people among `accounts` with the names of their groups."""
    groups = {team.gid: team.name for team in reversed(teams)}
    for account in accounts:
        if account.person:
            primary = groups.get(account.gid, str(account.gid))
            joined = {team.name for team in teams if account.name in team.members}
            valid = validity.get(account.name, Validity())
            yield User(
                name=account.name,
                uid=account.uid,
                group=primary,
                gecos=account.gecos,
                home=account.home,
                shell=account.shell,
                groups=tuple(sorted(joined - {primary})),
                home_mode=_home_mode(host, account),
                expires=valid.expires,
                password=valid.password,
            )


def _validity(host: Host) -> tuple[Mapping[str, Validity], tuple[Finding, ...]]:
    try:
        return parse_shadow(text(host, SHADOW))
    except OSError as error:
        return {}, (unread(SHADOW, error),)


def _home_mode(host: Host, account: Account) -> str:
    """Return the mode of a home that is the person's own."""
    path = account.home.rstrip("/")
    entry = host.look(path) if os.path.isabs(path) else None
    is_own = entry is not None and entry.is_dir and not entry.is_foreign and entry.uid == account.uid
    return entry.permissions if entry and is_own else ""


def _session_files(persons: tuple[User, ...]) -> Iterator[str]:
    for person in persons:
        if "/" not in person.name:
            yield from (f"{SESSIONS}/users/{person.name}", f"{SESSIONS}/icons/{person.name}")


def _lost_shells(host: Host, persons: tuple[User, ...]) -> Iterator[Loss]:
    yield from shell_losses(host, {person.name: person.shell for person in persons})
