"""Which versions of languages did their version managers install, and which is the default?

Where each manager keeps them is in managers.yaml; rustup's toolchains are in rustup.py.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import ClassVar

from collectors.collected import Cover, Loss
from collectors.domains.languages.managers import Default, Manager, Version, managers, versions
from collectors.domains.languages.package import Package, shown
from collectors.domains.languages.reading import content, json_table, open_homes, target_of, toml_table, word
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Host
from collectors.reading.looking import Outcome, entry_at, mapping
from collectors.record import Thing, escaped

# Files that say more than the default versions: whoever captures settings has them.
SETTINGS = ("tools", "mise")


class Toolchain(Package):
    """A version of a language's runtime, `~ada/node/v20.11.0`; `command` is what its manager is asked."""

    KIND: ClassVar[str] = "toolchain"
    FREE: ClassVar[frozenset[str]] = frozenset({"version", "command"})

    manager: str
    components: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    command: str = ""

    def by_hand(self) -> str:
        """Return what its manager is asked."""
        return self.command


class ToolchainDefault(Thing):
    """What a manager takes unless told otherwise, `3.11.7`; of several the first counts most.

    Its id names whose it is, the manager and the runtime: `toolchain-default:~ada/nvm/node`.
    """

    KIND: ClassVar[str] = "toolchain-default"
    FREE: ClassVar[frozenset[str]] = frozenset({"command"})

    user: str
    manager: str
    runtime: str
    versions: tuple[str, ...]
    command: str = ""

    def item_name(self) -> str:
        """Return whose it is, and of what."""
        return f"~{self.user}/{self.manager}/{self.runtime}"

    def by_hand(self) -> str:
        """Return what its manager is asked."""
        return self.command


def found(host: Host) -> Iterator[Outcome]:
    """Yield the versions that managers keep in homes, and the default ones."""
    for each in versions(host):
        if isinstance(each, Finding):
            yield each
        else:
            yield from _toolchain(host, each)
    for home in open_homes(host):
        for manager in managers().managers:
            yield from defaults(host, home, manager)


def _toolchain(host: Host, version: Version) -> Iterator[Outcome]:
    toolchain = Toolchain(
        user=escaped(version.home.user),
        name=version.name,
        manager=version.manager.manager,
        command=version.told(version.manager.install),
    )
    path = version.entry.path
    if not version.entry.is_symlink:
        yield toolchain
        yield Cover(path, toolchain.item_id())
        return
    target = target_of(host, version.entry)
    if isinstance(target, Finding):
        yield target
    elif posixpath.dirname(target) == posixpath.dirname(path):
        yield Cover(path, f"made anew by {version.manager.manager}")
    else:
        reason = f"leads to {escaped(target)}, which {version.manager.manager} cannot install"
        remedy = "write down what is in it: `pip freeze`, `npm ls --global`, or how it was built"
        yield Loss("sourceless", escaped(path), reason, remedy)


def defaults(host: Host, home: Home, manager: Manager) -> Iterator[Outcome]:
    """Yield what a manager takes unless told otherwise, for each runtime that it says so of."""
    if manager.default is None:
        return
    for path, runtime in _default_paths(host, home, manager, manager.default):
        chosen = _chosen(host, path, runtime, manager.default)
        if isinstance(chosen, Finding):
            yield chosen
            continue
        for named, chosen_versions in chosen.items():
            default = ToolchainDefault(
                user=escaped(home.user),
                manager=manager.manager,
                runtime=shown(named),
                versions=tuple(map(shown, chosen_versions)),
                command=manager.told(manager.choose, named, *chosen_versions),
            )
            yield default
            if manager.default.format not in SETTINGS:
                yield Cover(path, default.item_id())


def _default_paths(host: Host, home: Home, manager: Manager, default: Default) -> Iterator[tuple[str, str]]:
    """Yield the files that say so, each with its runtime; only where there are versions of this manager."""
    kept = {
        each.runtime for each in versions(host) if isinstance(each, Version) and _is_of(each, home, manager)
    }
    if "{runtime}" in default.path:
        yield from ((home.within(default.path.format(runtime=each)), each) for each in sorted(kept))
    elif kept:
        yield home.within(default.path), manager.runtime


def _is_of(version: Version, home: Home, manager: Manager) -> bool:
    return version.home == home and version.manager == manager


def _chosen(host: Host, path: str, runtime: str, default: Default) -> dict[str, tuple[str, ...]] | Finding:
    if default.format == "link":
        return _linked(host, path, runtime)
    text = content(host, path)
    if text is None or isinstance(text, Finding):
        return text or {}
    if default.format == "words":
        return {runtime: chosen} if (chosen := parse_words(text)) else {}
    if default.format == "tools":
        return parse_tools(text)
    parse = parse_mise if default.format == "mise" else parse_volta
    return parse(text, escaped(path))


def _linked(host: Host, path: str, runtime: str) -> dict[str, tuple[str, ...]] | Finding:
    """Return the version whose folder a symlink leads to, or to a folder in it as fnm has it."""
    entry, findings = entry_at(host, path)
    if entry is None or not entry.is_symlink:
        return findings[0] if findings else {}
    target = target_of(host, entry)
    if isinstance(target, Finding):
        return target
    return {runtime: (posixpath.basename(target.removesuffix("/installation")),)}


def parse_words(text: str) -> tuple[str, ...]:
    """Return the versions in a file of pyenv or nvm, parted by blanks; `#` begins a comment."""
    return tuple(word for line in text.split("\n") for word in line.partition("#")[0].split())


def parse_tools(text: str) -> dict[str, tuple[str, ...]]:
    """Return the versions by runtime in a .tool-versions, lines `nodejs 20.11.0 18.19.0`."""
    lines = (line.partition("#")[0].split() for line in text.split("\n"))
    return {words[0]: tuple(words[1:]) for words in lines if len(words) > 1}


def parse_mise(text: str, path: str) -> dict[str, tuple[str, ...]] | Finding:
    """Return the versions by tool in mise's config: `node = "20"`, a list of them, or `{version = "20"}`."""
    data = toml_table(text, path)
    if isinstance(data, Finding):
        return data
    found = {}
    for tool, value in mapping(data.get("tools")).items():
        several = value if isinstance(value, list) else [value]
        asked = tuple(filter(None, (word(each) or word(mapping(each).get("version")) for each in several)))
        if asked:
            found[tool] = asked
    return found


def parse_volta(text: str, path: str) -> dict[str, tuple[str, ...]] | Finding:
    """Return node's version in volta's platform.json, `{"node": {"runtime": "20.11.0"}}`."""
    data = json_table(text, path)
    if isinstance(data, Finding):
        return data
    version = word(mapping(data.get("node")).get("runtime"))
    return {"node": (version,)} if version else {}
