"""Which accounts and groups does this machine have?

Sources: passwd(5), group(5), login.defs(5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collectors.failure import Finding

PASSWD = "/etc/passwd"  # noqa: S105 - a path
GROUP = "/etc/group"
PEOPLE = range(1000, 60000)
NO_LOGIN = ("", "/bin/sync")


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
