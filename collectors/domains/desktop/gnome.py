"""How is GNOME, or another desktop that keeps its settings in dconf or xfconf, set up?

Sources: dconf(7), the GNOME Shell extensions guide. A user's database holds the keys that differ from the
defaults, and some that programs write unasked: gnome.yaml beside this module names those.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import ClassVar

from collectors.collected import Cover
from collectors.domains.desktop.gvariant import variant_text
from collectors.domains.desktop.gvdb import MalformedError, Value, parse_gvdb
from collectors.domains.desktop.part import Part, joined, kept, kept_apart, known, trimmed
from collectors.domains.desktop.trees import kept_tree
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Host
from collectors.judgement.capture import Outcome, content_of
from collectors.judgement.knowledge import knowledge
from collectors.reading.looking import names_in
from collectors.reading.patterns import matches
from collectors.reading.places import expanded
from collectors.record import Record, Thing, escaped, unescaped

DATABASE = ".config/dconf/user"
EXTENSIONS = ".local/share/gnome-shell/extensions"
PICTURE = re.compile("/picture-uri(?:-dark)?$")
BY_KEY = "its keys, told one by one"


class Lines(Record):
    """Lines that are left out of the files in one folder below the home."""

    folder: str
    patterns: tuple[str, ...]


class Known(Record):
    """What is known of the settings of GNOME and its kin."""

    churn: tuple[str, ...]
    database: tuple[str, ...]
    trees: tuple[str, ...]
    lines: tuple[Lines, ...]


class DconfKey(Thing):
    """A key in a user's dconf database: `/org/gnome/desktop/interface/gtk-theme`, its name escaped.

    `value` is in GVariant text format: `'Adwaita-dark'`, `uint32 5`.
    """

    KIND: ClassVar[str] = "dconf"

    user: str
    key: str
    value: str

    def item_name(self) -> str:
        """Return `~ada/org/gnome/desktop/interface/gtk-theme`."""
        return f"~{self.user}{self.key}"

    def by_hand(self) -> str:
        """Return how its owner sets it."""
        return f"dconf write {shlex.quote(unescaped(self.key))} {shlex.quote(self.value)}"


class Extension(Thing):
    """An extension of GNOME Shell in a home; whether it is enabled is a key in dconf.

    `from_site` says that GNOME's site packed it: it notes so in the metadata.
    """

    KIND: ClassVar[str] = "gnome-extension"
    FREE: ClassVar[frozenset[str]] = frozenset({"title", "version", "url", "shell_versions"})

    user: str
    uuid: str
    title: str = ""
    version: str = ""
    url: str = ""
    shell_versions: tuple[str, ...] = ()
    from_site: bool = False

    def item_name(self) -> str:
        """Return `~ada/dash-to-dock@micxgx.gmail.com`."""
        return f"~{self.user}/{self.uuid}"

    def by_hand(self) -> str:
        """Return how GNOME Shell is asked to install it; one that its site does not have has its files."""
        if not self.from_site:
            return ""
        method = "org.gnome.Shell.Extensions.InstallRemoteExtension"
        target = "--session --dest org.gnome.Shell.Extensions --object-path /org/gnome/Shell/Extensions"
        return f"gdbus call {target} --method {method} {shlex.quote(unescaped(self.uuid))}"


@cache
def gnome() -> Known:
    """Return what is known of the settings of GNOME and its kin."""
    return known("gnome.yaml", Known)


@dataclass(frozen=True)
class Database:
    """What a dconf database comes to; `secrets` are (key, why it is one)."""

    keys: tuple[DconfKey, ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()


def collect_gnome(host: Host, home: Home) -> Part[DconfKey]:
    """Return the dconf keys of one home, and the files of desktops that have their settings in files."""
    path = home.within(DATABASE)
    database = _database(host, home, path)
    paths, unseen = expanded(host, home.path, gnome().trees)
    trimmed_files = (outcome for each in gnome().lines for outcome in _files(host, home, each))
    made, _ = expanded(host, home.path, gnome().database)
    return Part(
        database.keys,
        (*kept_apart(path, database.secrets), *kept(host, *paths), *trimmed_files),
        (*unseen, *database.findings),
        tuple(Cover(each, BY_KEY) for each in made),
    )


def collect_extensions(host: Host, home: Home) -> Part[Extension]:
    """Return the extensions of GNOME Shell in one home."""
    folder = home.within(EXTENSIONS)
    uuids, unseen = names_in(host, folder)
    found = [_extension(host, home, f"{folder}/{uuid}", uuid) for uuid in uuids]
    return joined((Part(findings=unseen), *found))


def parse_dconf(content: bytes, *, user: str, path: str) -> Database:
    """Return the keys of a database that are no churn, secrets apart; a broken value is a finding."""
    try:
        values = parse_gvdb(content)
    except MalformedError as error:
        return Database(findings=(_broken(escaped(path), str(error)),))
    keys, secrets, findings = [], [], []
    for value in values:
        if value.key.endswith("/") or matches(value.key, gnome().churn):
            continue
        key = _key(value, user, path)
        if isinstance(key, Finding):
            findings.append(key)
        elif why := _secret(key, path):
            secrets.append((key.key, why))
        else:
            keys.append(key)
    return Database(tuple(keys), tuple(secrets), tuple(findings))


def parse_metadata(content: bytes, *, user: str, uuid: str) -> Extension | None:
    """Return the extension that a metadata.json tells, None if it is not JSON that names one."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    versions = told.get("shell-version")
    return Extension(
        user=user,
        uuid=escaped(uuid),
        title=_word(told.get("name")),
        version=_word(told.get("version-name")) or _word(told.get("version")),
        url=_word(told.get("url")),
        shell_versions=tuple(map(_word, versions)) if isinstance(versions, list) else (),
        from_site="_generated" in told,
    )


def pictures(keys: Iterable[DconfKey], user: str) -> Iterator[str]:
    """Yield the addresses of the pictures behind one user's windows and locked screen."""
    mine = (key for key in keys if key.user == user)
    yield from (key.value.strip("'\"") for key in mine if PICTURE.search(key.key))


def without_lines(text: str, *, patterns: tuple[str, ...]) -> tuple[str, tuple[Finding, ...]]:
    """Return a text less the lines that one of `patterns` is for."""
    dropped = re.compile("|".join(patterns) or "(?!)")
    return "".join(line for line in text.splitlines(True) if not dropped.fullmatch(line.rstrip("\r\n"))), ()


def _database(host: Host, home: Home, path: str) -> Database:
    if host.look(path) is None:
        return Database()
    content = content_of(host, path)
    if isinstance(content, Finding):
        return Database(findings=(content,))
    return parse_dconf(content, user=home.user, path=path)


def _key(value: Value, user: str, path: str) -> DconfKey | Finding:
    if not value.key.startswith("/"):
        return _broken(f"{escaped(path)}: {escaped(value.key)}", "a key that does not begin with /")
    try:
        return DconfKey(user=user, key=escaped(value.key), value=variant_text(value.content, value.order))
    except MalformedError as error:
        return _broken(f"{escaped(path)}: {escaped(value.key)}", str(error))


def _secret(key: DconfKey, path: str) -> str:
    """Return why the value of a key must not be in the clear, or ""."""
    name = key.key.rpartition("/")[2]
    return knowledge().secret(path, f"{name}={key.value}".encode())


def _broken(subject: str, why: str) -> Finding:
    return Finding(subject, why, "look at it with `dconf dump /`, and `dconf reset` what is broken")


def _files(host: Host, home: Home, lines: Lines) -> Iterator[Outcome]:
    """Yield what comes of each file in a folder, less the lines that are churn."""
    folder = home.within(lines.folder)
    inside, unseen = names_in(host, folder)
    yield from unseen
    for name in inside:
        yield from trimmed(host, f"{folder}/{name}", partial(without_lines, patterns=lines.patterns))


def _is_folder(host: Host, path: str) -> bool:
    entry = host.look(path)
    return entry is not None and entry.is_dir


def _extension(host: Host, home: Home, folder: str, uuid: str) -> Part[Extension]:
    metadata = f"{folder}/metadata.json"
    if not _is_folder(host, folder) or host.look(metadata) is None:
        return Part()
    content = content_of(host, metadata)
    if isinstance(content, Finding):
        return Part(findings=(content,))
    found = parse_metadata(content, user=home.user, uuid=uuid)
    if found is None:
        return Part(findings=(Finding(escaped(metadata), "not the JSON of an extension", "install it anew"),))
    if found.from_site:
        return Part((found,), covers=(Cover(folder, found.item_id()),))
    whole = kept_tree(host, folder, found.title)
    return Part((found,), whole.outcomes, whole.findings, whole.covers, whole.losses)


def _word(value: object) -> str:
    """Return a text or a number in UTF-8, else nothing."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
