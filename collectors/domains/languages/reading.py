"""How are the managers' own files read, whatever may be in them?

JSON as in RFC 8259, TOML 1.0. A file that is not there comes to nothing, one that cannot be read or is
malformed to a finding.
"""

from __future__ import annotations

import json
import os
import posixpath
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from collectors.failure import Finding
from collectors.homes import Home, homes
from collectors.host import Entry, Host, remembered
from collectors.judgement.capture import content_of, unread
from collectors.reading.looking import names_in

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Table = Mapping[str, Any]


def json_table(text: str, path: str) -> Table | Finding:
    """Return the object that a JSON text is; `path` is where it is from, escaped."""
    return _table(json.loads, text, path, "JSON")


def toml_table(text: str, path: str) -> Table | Finding:
    """Return the table that a TOML text is; `path` is where it is from, escaped."""
    return _table(tomllib.loads, text, path, "TOML")


def content(host: Host, path: str) -> str | Finding | None:
    """Return the text of a file, None where there is none."""
    try:
        if host.look(path) is None:
            return None
    except OSError as error:
        return unread(path, error)
    found = content_of(host, path)
    return found if isinstance(found, Finding) else found.decode(errors="surrogateescape")


def entries(host: Host, path: str) -> Iterator[Entry | Finding]:
    """Yield what is in a directory; nothing where there is none."""
    try:
        yield from host.entries(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield unread(path, error)


def folders(host: Host, path: str) -> Iterator[Entry | Finding]:
    """Yield the directories in a directory that are no mounts of another machine."""
    for each in entries(host, path):
        if isinstance(each, Finding) or (each.is_dir and not each.is_foreign):
            yield each


@remembered
def open_homes(host: Host) -> tuple[Home, ...]:
    """Return the homes that can be looked into."""
    return tuple(home for home in homes(host) if not names_in(host, home.path)[1])


def closed_homes(host: Host) -> Iterator[Finding]:
    """Yield the finding for each home that cannot be looked into."""
    return (finding for home in homes(host) for finding in names_in(host, home.path)[1])


def target_of(host: Host, link: Entry) -> str | Finding:
    """Return the absolute path that a symlink leads to, whether or not there is something."""
    try:
        return posixpath.normpath(posixpath.join(posixpath.dirname(link.path), host.link(link.path)))
    except OSError as error:
        return unread(link.path, error)


def name_of(entry: Entry) -> str:
    """Return the last part of an entry's path."""
    return entry.path.rpartition("/")[2]


def is_name(name: str) -> bool:
    """Tell whether a word that a file gives can be the name of something in a folder."""
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return raw not in (b"", b".", b"..") and not {b"/"[0], 0} & {*raw}


def is_path(path: str) -> bool:
    """Tell whether a word that a file gives can be the absolute path of something."""
    return path.startswith("/") and all(map(is_name, path.rstrip("/").split("/")[1:]))


def plain(address: str) -> str:
    """Return the path in an address of a file: `/home/ada/my%20x` is `/home/ada/my x`."""
    return unquote(address, errors="surrogateescape")


def word(value: Any) -> str:
    """Return a text, "" for anything else."""
    return value if isinstance(value, str) else ""


def words(value: Any) -> tuple[str, ...]:
    """Return the texts in a list, none of anything else."""
    return tuple(filter(None, map(word, value))) if isinstance(value, list) else ()


def _table(load: Callable[[str], Any], text: str, path: str, kind: str) -> Table | Finding:
    try:
        value = load(text)
    except (ValueError, RecursionError):
        return Finding(path, f"not {kind}", "install it again")
    return value if isinstance(value, dict) else Finding(path, f"no table of {kind}", "install it again")
