"""Who uses this machine?

Sources: passwd(5), group(5), login.defs(5). Password hashes are never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from collectors.collected import Collected
from collectors.failure import Finding
from collectors.host import Host, text
from collectors.record import LeftOut, Section, Thing

PASSWD = "/etc/passwd"  # noqa: S105 - a path
GROUP = "/etc/group"
PEOPLE = range(1000, 60000)
NO_LOGIN = ("", "/bin/sync")
HASHES = {
    "/etc/shadow": "password hashes are secret: set the passwords again",
    "/etc/gshadow": "password hashes of groups are secret",
}


class User(Thing):
    """A person's account (passwd(5)); `groups` are the supplementary ones, sorted."""

    KIND: ClassVar[str] = "user"

    name: str
    uid: int
    group: str
    gecos: str
    home: str
    shell: str
    groups: tuple[str, ...] = ()

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


class Users(Section):
    """The people who use the machine, and their groups."""

    NAME: ClassVar[str] = "users"

    groups: tuple[Group, ...] = ()
    users: tuple[User, ...] = ()


@dataclass(frozen=True)
class Account:
    """A line of passwd(5)."""

    name: str
    uid: int
    gid: int
    gecos: str
    home: str
    shell: str

    @property
    def person(self) -> bool:
        """Whether somebody sits behind it: by number, or by a login shell and a home in /home."""
        if self.uid in PEOPLE:
            return True
        closed = self.shell in NO_LOGIN or self.shell.endswith(("/nologin", "/false"))
        return self.home.startswith("/home/") and not closed


@dataclass(frozen=True)
class Team:
    """A line of group(5)."""

    name: str
    gid: int
    members: tuple[str, ...]


def collect(host: Host) -> Collected[Users]:
    """Collect the section `users`."""
    accounts, odd = parse_passwd(text(host, PASSWD))
    teams, strange = parse_group(text(host, GROUP))
    left_out = (LeftOut(path=path, reason=why) for path, why in HASHES.items() if host.look(path))
    section = Users(
        users=tuple(people(accounts, teams)),
        groups=tuple(Group(name=team.name, gid=team.gid) for team in teams if team.gid in PEOPLE),
        left_out=tuple(left_out),
    )
    return Collected(section, findings=(*odd, *strange))


def people(accounts: tuple[Account, ...], teams: tuple[Team, ...]) -> Iterator[User]:
    """Yield the people among `accounts` with the names of their groups."""
    names = {team.gid: team.name for team in reversed(teams)}
    for account in accounts:
        if account.person:
            primary = names.get(account.gid, str(account.gid))
            joined = {team.name for team in teams if account.name in team.members}
            yield User(
                name=account.name,
                uid=account.uid,
                group=primary,
                gecos=account.gecos,
                home=account.home,
                shell=account.shell,
                groups=tuple(sorted(joined - {primary})),
            )


def parse_passwd(content: str) -> tuple[tuple[Account, ...], tuple[Finding, ...]]:
    """Return the accounts by name, and the lines that are none."""
    accounts: dict[str, Account] = {}
    findings = []
    for number, words in _lines(content):
        account = _account(words)
        if account is None or account.name in accounts:
            findings.append(_finding(PASSWD, number, account is not None))
        else:
            accounts[account.name] = account
            if not _utf8(words):
                findings.append(
                    Finding(f"{PASSWD}:{number}", "a name that is not UTF-8", f"chfn {account.name}")
                )
    return tuple(accounts[name] for name in sorted(accounts)), tuple(findings)


def parse_group(content: str) -> tuple[tuple[Team, ...], tuple[Finding, ...]]:
    """Return the groups by name, and the lines that are none."""
    teams: dict[str, Team] = {}
    findings = []
    for number, words in _lines(content):
        team = _team(words)
        if team is None or team.name in teams:
            findings.append(_finding(GROUP, number, team is not None))
        else:
            teams[team.name] = team
    return tuple(teams[name] for name in sorted(teams)), tuple(findings)


def _lines(content: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            yield number, line.split(":")


def _account(words: list[str]) -> Account | None:
    if len(words) != 7 or not words[0] or not _utf8(words[:4] + words[5:]):
        return None
    name, _, uid, gid, gecos, home, shell = words
    numbers = _number(uid), _number(gid)
    if numbers[0] is None or numbers[1] is None:
        return None
    shown = gecos.encode(errors="surrogateescape").decode(errors="replace")
    return Account(name, numbers[0], numbers[1], shown, home, shell)


def _team(words: list[str]) -> Team | None:
    if len(words) != 4 or not words[0] or not _utf8(words):
        return None
    gid = _number(words[2])
    members = tuple(filter(None, words[3].split(",")))
    return None if gid is None else Team(words[0], gid, members)


def _number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 10 else None


def _utf8(words: list[str]) -> bool:
    """Tell whether all bytes were UTF-8: what was not is a surrogate here."""
    return not any("\ud800" <= letter <= "\udfff" for word in words for letter in word)


def _finding(path: str, number: int, double: bool) -> Finding:
    reason = "the name is given twice" if double else "not a line that is understood here"
    return Finding(f"{path}:{number}", reason, "mend it with `vipw`, and check with `pwck`")
