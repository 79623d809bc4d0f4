"""Which folders does a cloud client or a backup keep elsewhere?

What each client writes is in clouds.yaml. Nothing is asked of a client or of a cloud: that a folder is named
in its settings is taken for that it is kept.
"""

from __future__ import annotations

import html
import json
import os
import posixpath
import re
import shlex
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from collectors.document import parsed, shipped
from collectors.failure import Failure
from collectors.homes import Home, homes
from collectors.host import Host, names
from collectors.reading.looking import text_in
from collectors.record import Record

CRONTABS = ("/etc/crontab", "/etc/anacrontab")
CRON_FOLDERS = (
    *("/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly"),
    "/var/spool/cron/crontabs",
)
UNITS = "/etc/systemd/system"
USER_UNITS = (".config/systemd/user", ".local/share/systemd/user")
RCLONE_REMOTES = re.compile(r"(?m)^\[([^\]\n]+)\]")
SCRIPT = re.compile(r"(?:/usr/local|/opt|/home|/root|/srv|%h|~)/[^\s\"';|&<>]+")
# The end of a copy that is not this disk: `gdrive:x`, `ada@example.org:x`, `ssh://example.org/x`.
REMOTE = re.compile(r"[^/\s=-][^/\s=]*:|[a-z0-9+]+://")
OTHER_DISKS = ("/media/", "/mnt/", "/run/media/")
MAX_SCRIPT_BYTES = 64 * 1024


class Client(Record):
    """A program with a text file of settings; `otherwise` is its folder where the file names none."""

    name: str
    files: tuple[str, ...]
    folders: str = ""
    decoded: Literal["plain", "json", "xml", "yaml"] = "plain"
    otherwise: str = ""


class Table(Record):
    """A program with an SQLite file; the query gives its folders."""

    name: str
    files: tuple[str, ...]
    query: str


class Command(Record):
    """A program that a timer or cron runs; one of `verbs` follows its name, if it has any.

    `copies`: it copies from one place to another, which may be on the same disk.
    """

    name: str
    verbs: tuple[str, ...]
    copies: bool = False


class Known(Record):
    """clouds.yaml."""

    clients: tuple[Client, ...]
    tables: tuple[Table, ...]
    commands: tuple[Command, ...]
    valued: tuple[str, ...]


@dataclass(frozen=True)
class Kept:
    """A folder that something keeps elsewhere: `/home/ada/Documents`, `Nextcloud`."""

    path: str
    by: str


def clouds(host: Host) -> tuple[Kept, ...]:
    """Return the folders that are kept elsewhere, sorted."""
    found = [kept for home in homes(host) for kept in (*_by_settings(host, home), *_by_tables(host, home))]
    for content, home_path in jobs(host):
        found.extend(parse_job(content, home_path))
    return tuple(sorted(set(found), key=lambda kept: (kept.path, kept.by)))


def remotes(host: Host) -> tuple[str, ...]:
    """Return the names of rclone's remotes of all persons: where a folder could be copied to."""
    found = (_text(host, home.within(".config/rclone/rclone.conf")) for home in homes(host))
    return tuple(sorted({name for content in found for name in RCLONE_REMOTES.findall(content)}))


def parse_settings(content: str, client: Client, home: str) -> tuple[Kept, ...]:
    """Return the folders that a client's settings name."""
    if client.decoded == "yaml":
        found = list(_listed(_yaml(content), client.folders))
    else:
        matches = re.findall(client.folders, content) if client.folders else []
        found = [_decoded(raw.strip(), client.decoded) for raw in matches]
    paths = [_absolute(raw, home) for raw in found or [client.otherwise] if raw]
    return tuple(Kept(path, client.name) for path in paths if path.strip("/"))


def parse_table(content: bytes, query: str) -> tuple[str, ...]:
    """Return the first column of a query on the bytes of an SQLite file, nothing where they are none."""
    with tempfile.NamedTemporaryFile(suffix=".db") as copy:
        copy.write(content)
        copy.flush()
        connection = sqlite3.connect(copy.name)
        connection.text_factory = os.fsdecode
        try:
            return tuple(str(row[0]) for row in connection.execute(query) if row[0])
        except sqlite3.Error:
            return ()
        finally:
            connection.close()


def parse_job(content: str, home: str) -> tuple[Kept, ...]:
    """Return the folders that the commands in a cron table, a unit or a script keep elsewhere."""
    joined = re.sub(r"\\\n", " ", content)
    return tuple(
        Kept(path, name)
        for line in joined.split("\n")
        if not line.lstrip().startswith("#")
        for name, words in _commands(line)
        for path in _local(words, home)
    )


def jobs(host: Host) -> Iterator[tuple[str, str]]:
    """Yield the text of each cron table, unit, and script that one runs, with the home that `~` is in it."""
    for path, home in _job_files(host):
        content = _text(host, path)
        yield content, home
        for script in sorted(set(SCRIPT.findall(content))):
            place = _absolute(script, home)
            entry = host.look(place) if place else None
            if entry and entry.is_file and entry.size_bytes <= MAX_SCRIPT_BYTES:
                yield _text(host, place), home


def _text(host: Host, path: str) -> str:
    """Return a file's text, "" where it cannot be read: then it names no folder."""
    return text_in(host, path)[0]


@cache
def known() -> Known:
    """Return what is known of clients."""
    return shipped("collectors.coverage", "clouds.yaml", Known)


def _by_settings(host: Host, home: Home) -> Iterator[Kept]:
    for client in known().clients:
        for name in client.files:
            if content := _text(host, posixpath.join(home.path, name)):
                yield from parse_settings(content, client, home.path)


def _by_tables(host: Host, home: Home) -> Iterator[Kept]:
    for table in known().tables:
        for name in table.files:
            try:
                content = host.read(home.within(name))
            except OSError:
                continue
            for raw in parse_table(content, table.query):
                if (path := _absolute(raw, home.path)).strip("/"):
                    yield Kept(path, table.name)


def _job_files(host: Host) -> Iterator[tuple[str, str]]:
    yield from ((path, "/root") for path in CRONTABS)
    by_user = {home.user: home.path for home in homes(host)}
    for folder in (*CRON_FOLDERS, UNITS):
        for name in _names(host, folder):
            yield f"{folder}/{name}", by_user.get(name, "/root")
    for home in homes(host):
        for folder in USER_UNITS:
            yield from ((home.within(folder, name), home.path) for name in _names(host, home.within(folder)))


def _names(host: Host, folder: str) -> list[str]:
    try:
        return names(host, folder)
    except OSError:
        return []


def _commands(line: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each known command in a line, with the words that follow."""
    for part in re.split(r"&&|\|\||[;|]", line.partition("=")[2] if line.startswith("Exec") else line):
        words = _words(part)
        for place, word in enumerate(words):
            name, rest = posixpath.basename(word.lstrip("@+!:-")), words[place + 1 :]
            command = next((each for each in known().commands if each.name == name), None)
            if command and _keeps(command, rest):
                yield name, rest
                break


def _keeps(command: Command, words: list[str]) -> bool:
    """Tell whether a command with these words keeps something elsewhere."""
    if command.verbs and not set(command.verbs) & set(words):
        return False
    return not command.copies or any(REMOTE.match(word) or word.startswith(OTHER_DISKS) for word in words)


def _local(words: Iterable[str], home: str) -> Iterator[str]:
    """Yield the words that are local folders."""
    before = ""
    for word in words:
        is_local = word.startswith(("/", "~", "$HOME", "${HOME}", "%h"))
        if is_local and before not in known().valued and (path := _absolute(word, home)):
            yield path
        before = word


def _words(part: str) -> list[str]:
    try:
        return shlex.split(part)
    except ValueError:
        return part.split()


def _decoded(raw: str, how: str) -> str:
    if how == "xml":
        return html.unescape(raw)
    if how == "json":
        try:
            return str(json.loads(f'"{raw}"'))
        except ValueError:
            return ""
    return raw.strip("\"'")


def _yaml(content: str) -> Any:
    try:
        return parsed(content, name="settings")
    except Failure:
        return None


def _listed(value: Any, key: str) -> Iterator[str]:
    """Yield the words of each list that has this key, wherever in plain data."""
    if isinstance(value, list):
        for each in value:
            yield from _listed(each, key)
    if isinstance(value, dict):
        for name, each in value.items():
            if name == key and isinstance(each, list):
                yield from (word for word in each if isinstance(word, str))
            else:
                yield from _listed(each, key)


def _absolute(raw: str, home: str) -> str:
    """Return an absolute path without `.` and `..`, "" for none."""
    for sign in ("${HOME}", "$HOME", "%h", "~"):
        if raw == sign or raw.startswith(f"{sign}/"):
            raw = f"{home}{raw[len(sign) :]}"
    if "\0" in raw or raw.startswith("~"):
        return ""
    path = posixpath.normpath(posixpath.join(home, raw))
    return re.sub(r"^//", "/", path)
