"""Which plugins do JetBrains' programs have, and which of their directories count?

Sources: "Directories used by the IDE" and "Plugin configuration file" in the vendor's documentation: a plugin
is a directory or a jar, and `META-INF/plugin.xml` in a jar says its id. Each version of a program has its own
directories; the newest counts, for it took over the settings of those before.
"""

from __future__ import annotations

import io
import re
import shlex
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar

from collectors.collected import Cover
from collectors.document import shipped
from collectors.failure import Finding
from collectors.homes import Home, homes
from collectors.host import Entry, Host
from collectors.judgement.capture import unread
from collectors.reading.looking import entry_at, names_in
from collectors.record import Record, Thing, escaped

VENDORS = ("JetBrains", "Google")
DATA, CONFIG = ".local/share", ".config"
PRODUCT = re.compile(r"([A-Za-z]+)(\d{4})\.(\d+)(?:\.(\d+))?")
DESCRIPTOR = "META-INF/plugin.xml"
MAX_JAR_BYTES = 64 * 1024 * 1024
MAX_DESCRIPTOR_BYTES = 1024 * 1024
NO_PLUGINS = ("ssl", "semantic-search", "full-line", "jcef_cache", "consentOptions")


class Plugin(Thing):
    """A plugin of a program, `PyCharm`, of one person; `plugin` is the id in JetBrains' market."""

    KIND: ClassVar[str] = "plugin"
    FREE: ClassVar[frozenset[str]] = frozenset({"version", "release"})

    user: str
    product: str
    plugin: str
    version: str = ""
    release: str = ""

    def item_name(self) -> str:
        """Return `~ada/PyCharm/IdeaVIM`."""
        return f"~{self.user}/{self.product}/{self.plugin}"

    def by_hand(self) -> str:
        """Return how the program installs it."""
        command = known().launchers.get(self.product)
        return shlex.join([command, "installPlugins", self.plugin]) if command else ""


class Descriptor(Record):
    """What a `plugin.xml` says of itself."""

    plugin: str
    version: str = ""


class Known(Record):
    """What is known of the programs: the command of each by the name of its directories."""

    launchers: dict[str, str]


@cache
def known() -> Known:
    """Return what is known of the programs."""
    return shipped("collectors.domains.editors", "jetbrains.yaml", Known)


def plugins(host: Host) -> Iterator[Thing | Finding | Cover]:
    """Yield the plugins of the newest version of each program in each home."""
    for home in homes(host):
        for folder, product, release in _newest(host, home, DATA):
            yield from _plugins_in(host, home, folder, product, release)


def outdated(host: Host) -> tuple[str, ...]:
    """Return the directories of settings, each ending in `/`, that a newer version took over."""
    found = []
    for home in homes(host):
        newest = {folder for folder, _, _ in _newest(host, home, CONFIG)}
        found += [f"{folder}/" for folder, _, _ in _releases(host, home, CONFIG) if folder not in newest]
    return tuple(found)


def parse_descriptor(content: str) -> Descriptor | None:
    """Return what a `plugin.xml` says, None if it names no plugin; one without an id goes by its name."""
    said = re.sub(r"<!--.*?-->", "", content, flags=re.DOTALL)
    words = {
        tag: escaped(found[1].strip())
        for tag in ("id", "name", "version")
        if (found := re.search(rf"<{tag}>([^<]*)</{tag}>", said))
    }
    plugin = words.get("id") or words.get("name", "")
    return Descriptor(plugin=plugin, version=words.get("version", "")) if plugin else None


def descriptor_in(jar: bytes) -> Descriptor | None:
    """Return what the descriptor in a jar says, None where there is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(jar)) as archive, archive.open(DESCRIPTOR) as file:
            return parse_descriptor(file.read(MAX_DESCRIPTOR_BYTES).decode(errors="replace"))
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, RuntimeError):
        return None
    except (zlib.error, EOFError, OSError):
        return None


def _releases(host: Host, home: Home, base: str) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Yield the directory, the name and the version of each release of each program."""
    for vendor in VENDORS:
        folder = home.within(base, vendor)
        for name in names_in(host, folder)[0]:
            if found := PRODUCT.fullmatch(name):
                yield f"{folder}/{name}", found[1], tuple(int(part or 0) for part in found.groups()[1:])


def _newest(host: Host, home: Home, base: str) -> Iterator[tuple[str, str, str]]:
    """Yield the directory, the name and the version `2024.1` of the newest release of each program."""
    newest: dict[str, tuple[tuple[int, ...], str]] = {}
    for folder, product, release in _releases(host, home, base):
        newest[product] = max(newest.get(product, ((), "")), (release, folder))
    for product, (release, folder) in sorted(newest.items()):
        yield folder, product, ".".join(map(str, release[:2]))


def _plugins_in(
    host: Host, home: Home, folder: str, product: str, release: str
) -> Iterator[Thing | Finding | Cover]:
    try:
        entries = host.entries(folder)
    except OSError as error:
        yield unread(folder, error)
        return
    for entry in entries:
        found = _plugin_at(host, entry)
        if isinstance(found, Finding):
            yield found
        elif found:
            facts: dict[str, Any] = {"user": home.user, "product": product, "release": release}
            plugin = Plugin(**facts, **found.model_dump())
            yield plugin
            yield Cover(entry.path, plugin.item_id())


def _plugin_at(host: Host, entry: Entry) -> Descriptor | Finding | None:
    """Return the plugin that a jar or a directory is; one whose jars say nothing goes by its name."""
    name = entry.path.rpartition("/")[2]
    if entry.is_file and name.endswith(".jar"):
        return _described(host, (entry.path,)) or Descriptor(plugin=escaped(name.removesuffix(".jar")))
    if not entry.is_dir or entry.is_foreign or name in NO_PLUGINS:
        return None
    lib = f"{entry.path}/lib"
    jars, findings = names_in(host, lib)
    if findings:
        return findings[0]
    ordered = sorted((jar for jar in jars if jar.endswith(".jar")), key=lambda jar: not jar.startswith(name))
    if not ordered:
        return None
    return _described(host, tuple(f"{lib}/{jar}" for jar in ordered)) or Descriptor(plugin=escaped(name))


def _described(host: Host, paths: tuple[str, ...]) -> Descriptor | Finding | None:
    """Return what the first of these jars that has a descriptor says."""
    for path in paths:
        entry, findings = entry_at(host, path)
        if findings:
            return findings[0]
        if entry is None or not entry.is_file or entry.size_bytes > MAX_JAR_BYTES:
            continue
        try:
            found = descriptor_in(host.read(path))
        except OSError as error:
            return unread(path, error)
        if found:
            return found
    return None
