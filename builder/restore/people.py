"""What is a posture under other people's names?

`ada` becomes `eve`: her account, her group, her home, whose items are hers, and what names her home inside
captured files. `~ada/…` inside a file is left, and so is whatever is no text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from autoinstall.userdata import RESERVED_NAMES, USERNAME
from collectors.domains.users import Group, User
from collectors.failure import Failure
from collectors.posture import Posture
from collectors.reading.patterns import globs
from collectors.record import Record, Section, escaped, sha256

HOMES = b"/home"
# In these folders something is named after a person.
NAMED_AFTER = (
    *(b"/etc/sudoers.d", b"/media", b"/run/media", b"/var/mail", b"/var/spool/mail"),
    *(b"/var/lib/AccountsService/icons", b"/var/lib/AccountsService/users"),
    *(b"/var/lib/systemd/linger", b"/var/spool/cron/crontabs"),
)
# What follows a name that is no more than that: neither a longer name nor an ending, but for a full stop.
END = rb"(?![\w\x80-\xff-]|\.[\w\x80-\xff]|\\x[0-9a-f]{2})"
# What stands before a path that is the end of a longer one, or of another machine's; `-I` and `\n` are none.
LONGER = re.compile(rb"(?:[\w\x80-\xff.%+~)}-]/*|@[\w.-]+:)\Z")
NOT_LONGER = re.compile(rb"(?:(?:^|[^\w-])-{1,2}[A-Za-z]|\\[nrt])\Z")
BEFORE_BYTES = 256
# Files that are about accounts: a word there that is a name is that account's.
ABOUT_ACCOUNTS = (
    *("/etc/sudoers", "/etc/sudoers.d", "/etc/cron.d", "/etc/crontab", "/etc/doas.conf"),
    *("/etc/security", "/etc/ssh", "/etc/samba", "/etc/polkit-1"),
)
# Settings whose value is an account: of systemd's units, of the display managers; and options of commands.
ACCOUNT_KEYS = rb"(?:User|Group|SocketUser|SocketGroup|AutomaticLogin|TimedLogin|autologin-user)"
UNITS = rb"(?:service|socket|timer|path|mount|automount|target|slice)"


def parse_names(words: Iterable[str]) -> dict[str, str]:
    """Return the names by old name from words like `ada:eve`; raises Failure."""
    names: dict[str, str] = {}
    for word in words:
        old, colon, new = word.partition(":")
        if not (old and colon and new):
            raise Failure(f"{word!r} names no two people", remedy="write --map-user old:new")
        if names.get(old, new) != new:
            raise Failure(f"{escaped(old)} cannot become two people", remedy="name a person once")
        names[old] = new
    return names


def renamed(posture: Posture, names: Mapping[str, str]) -> Posture:
    """Return the posture with other names for people, `{"ada": "eve"}`; the same posture for none.

    Raises Failure for a person that is not in it, and for a name that is none, or another's.
    """
    names = {old: new for old, new in names.items() if old != new}
    if not names:
        return posture
    refuse_names(posture, names)
    words = Words.of(posture, names)
    contents = {path: words.content(path, content) for path, content in posture.contents.items()}
    changed = {
        sha256(was): sha256(contents[path]) for path, was in posture.contents.items() if was != contents[path]
    }
    sections: dict[str, Any] = {each.NAME: _section(each, words, changed) for each in posture.sections()}
    return replace(
        posture,
        **sections,
        contents={words.text(path): content for path, content in contents.items()},
        pristine={words.text(path): content for path, content in posture.pristine.items()},
    )


def refuse_names(posture: Posture, names: Mapping[str, str]) -> None:
    """Raise Failure unless every old name is a person of the posture and every new one is free."""
    people = {user.name: user for user in posture.users.users}
    known = ", ".join(sorted(people)) or "nobody"
    left = people.keys() - names.keys()
    homes = {people[name].home for name in left}
    groups = {group.name for group in posture.users.groups} | {
        name for user in people.values() for name in user.groups
    }
    groups -= {user.group for user in people.values() if user.name in names}
    for old, new in names.items():
        if old not in people or old in RESERVED_NAMES:
            raise Failure(f"{escaped(old)}: nobody of this posture has that name", remedy=f"it has {known}")
        if not re.fullmatch(USERNAME, new) or new in RESERVED_NAMES:
            raise Failure(f"{new!r} cannot be a person's name", remedy="use small letters, digits, - and _")
        taken = [*names.values()].count(new) > 1 or new in left or f"/home/{new}" in homes
        if taken or (new in groups and people[old].group == old):
            raise Failure(f"{new} is somebody else in this posture", remedy=f"choose another name for {old}")


@dataclass(frozen=True)
class Words:
    """What becomes of each name: of `people`, of their own `groups` of the same name, of their `homes`."""

    people: Mapping[bytes, bytes]
    groups: Mapping[bytes, bytes]
    homes: Mapping[bytes, bytes]

    @classmethod
    def of(cls, posture: Posture, names: Mapping[str, str]) -> Words:
        """Return the words for the people of a posture."""
        raw = {old.encode(): new.encode() for old, new in names.items()}
        users = [user for user in posture.users.users if user.name in names]
        own = {user.name.encode() for user in users if user.group == user.name}
        usual = {user.name.encode() for user in users if user.home.rstrip("/") == f"/home/{user.name}"}
        return cls(
            raw,
            {old: new for old, new in raw.items() if old in own},
            {old: new for old, new in raw.items() if old in usual},
        )

    def account(self, name: str, among: Mapping[bytes, bytes]) -> str:
        """Return the new name for one that is only that."""
        return among.get(name.encode(errors="surrogateescape"), b"").decode() or name

    def text(self, text: str) -> str:
        """Return a value of a posture: an item's name, a path, an access list, whatever names a home."""
        raw = text.encode(errors="surrogatepass")
        owned = self._owned.sub(lambda found: b"~" + self.people[found["name"]], raw)
        listed = self._listed.sub(self._in_list, owned)
        return self._paths(listed).decode(errors="surrogatepass")

    def content(self, path: str, content: bytes) -> bytes:
        """Return the bytes of the captured file at an escaped path."""
        if b"\0" in content:
            return content
        text = self._paths(content)
        text = self._keys.sub(lambda found: found["key"] + self.people[found["name"]], text)
        if globs(ABOUT_ACCOUNTS).fullmatch(path):
            text = self._alone.sub(lambda found: self.people[found["name"]], text)
        return text

    def _paths(self, text: bytes) -> bytes:
        return self._named.sub(self._at_path, text)

    def _at_path(self, found: re.Match[bytes]) -> bytes:
        unit, parent, name = found["unit"], found["parent"], found["name"]
        if unit is not None:
            return b"@" + self.people[unit]
        before = found.string[max(0, found.start() - BEFORE_BYTES) : found.start()]
        new = self.homes.get(name, name) if parent == HOMES else self.people[name]
        is_longer = LONGER.search(before) and not NOT_LONGER.search(before)
        return found[0] if is_longer else parent + b"/" + new

    def _in_list(self, found: re.Match[bytes]) -> bytes:
        among = self.people if found["kind"] == b"user" else self.groups
        return found["kind"] + b":" + among.get(found["name"], found["name"]) + b":"

    @cached_property
    def _any(self) -> bytes:
        return b"(?P<name>" + b"|".join(map(re.escape, self.people)) + b")"

    @cached_property
    def _named(self) -> re.Pattern[bytes]:
        parents = b"|".join(map(re.escape, (HOMES, *NAMED_AFTER)))
        unit = self._any.replace(b"<name>", b"<unit>")
        return re.compile(
            b"(?P<parent>" + parents + b")/" + self._any + END + b"|@" + unit + rb"(?=\." + UNITS + rb"\b)"
        )

    @cached_property
    def _owned(self) -> re.Pattern[bytes]:
        return re.compile(b"^~" + self._any + rb"(?=/|\Z)")

    @cached_property
    def _listed(self) -> re.Pattern[bytes]:
        return re.compile(rb"(?<![\w-])(?P<kind>user|group):" + self._any + b":")

    @cached_property
    def _keys(self) -> re.Pattern[bytes]:
        before = (
            rb"(?P<key>^[ \t]*" + ACCOUNT_KEYS + rb"[ \t]*=[ \t]*|--autologin[ =]|\b(?:runuser|sudo) -u )"
        )
        return re.compile(before + self._any + rb"(?=\s|\Z)", re.MULTILINE)

    @cached_property
    def _alone(self) -> re.Pattern[bytes]:
        return re.compile(rb"(?<![\w\x80-\xff./@-])" + self._any + rb"(?![/@])" + END)


def _section(section: Section, words: Words, changed: Mapping[str, str]) -> Section:
    """Return the section with each word changed, held against its schema again."""
    try:
        return type(section).model_validate(_record(section, words, changed).model_dump())
    except ValidationError as error:
        raise Failure(
            f"{section.NAME}: {error.errors()[0]['msg']} under another name", remedy="choose another name"
        ) from None


def _record(record: Record, words: Words, changed: Mapping[str, str]) -> Record:
    return record.model_copy(
        update={
            name: _value(getattr(record, name), _names_in(record, name, words), words, changed)
            for name in type(record).model_fields
            if name != "pristine"
        }
    )


def _names_in(record: Record, field: str, words: Words) -> Mapping[bytes, bytes]:
    """Return what becomes of accounts that a field names: it holds a name alone, or several."""
    if not isinstance(getattr(record, field), str) and field != "groups":
        return {}
    if field in ("user", "owner") or (field == "name" and isinstance(record, User)):
        return words.people
    if field in ("group", "groups") or (field == "name" and isinstance(record, Group)):
        return words.groups
    return {}


def _value(value: Any, names: Mapping[bytes, bytes], words: Words, changed: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return changed.get(value) or words.account(words.text(value), names)
    if isinstance(value, Record):
        return _record(value, words, changed)
    if isinstance(value, tuple):
        return tuple(_value(each, names, words, changed) for each in value)
    if isinstance(value, Mapping):
        return {words.text(key): _value(each, names, words, changed) for key, each in value.items()}
    return value
