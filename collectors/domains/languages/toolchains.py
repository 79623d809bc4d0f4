"""Which versions of languages did their version managers install, and which is the default?

Where each manager keeps them is in managers.yaml; rustup's toolchains are in rustup.py.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import ClassVar

from collectors.collected import Cover, Loss
from collectors.domains.languages.managers import Default, Manager, Version, managers, versions
from collectors.domains.languages.package import Package, Told, shown
from collectors.domains.languages.reading import content, json_table, table, toml_table, word
from collectors.failure import Finding
from collectors.homes import Home, homes
from collectors.host import Host
from collectors.record import Thing, escaped


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


def found(host: Host) -> Iterator[Told]:
    """Yield the versions that managers keep in homes, and the default ones."""
    for each in versions(host):
        if isinstance(each, Finding):
            yield each
        else:
            yield from _toolchain(host, each)
    for home in homes(host):
        for manager in managers().managers:
            yield from defaults(host, home, manager)


def _toolchain(host: Host, version: Version) -> Iterator[Told]:
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
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), host.link(path)))
    if posixpath.dirname(target) == posixpath.dirname(path):
        yield Cover(path, f"made anew by {version.manager.manager}")
    else:
        reason = f"leads to {escaped(target)}, which {version.manager.manager} cannot install"
        remedy = "write down what is in it: `pip freeze`, `npm ls --global`, or how it was built"
        yield Loss("sourceless", escaped(path), reason, remedy)


def defaults(host: Host, home: Home, manager: Manager) -> Iterator[Told]:
    """Yield what a manager takes unless told otherwise, for each runtime that it says so of."""
    if manager.default is None:
        return
    for path, runtime in _default_paths(host, home, manager, manager.default):
        chosen = _chosen(host, path, runtime, manager.default)
        if isinstance(chosen, Finding):
            yield chosen
            continue
        for named, chosen_versions in chosen.items():
            yield ToolchainDefault(
                user=escaped(home.user),
                manager=manager.manager,
                runtime=shown(named),
                versions=tuple(map(shown, chosen_versions)),
                command=manager.told(manager.choose, named, chosen_versions[0]),
            )


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
        entry = host.look(path)
        target = host.link(path) if entry and entry.is_symlink else ""
        name = posixpath.basename(posixpath.normpath(target)) if target else ""
        name = posixpath.basename(posixpath.dirname(target)) if name == "installation" else name
        return {runtime: (name,)} if name else {}
    text = content(host, path)
    if text is None or isinstance(text, Finding):
        return text or {}
    if default.format == "words":
        return {runtime: chosen} if (chosen := parse_words(text)) else {}
    if default.format == "tools":
        return parse_tools(text)
    parse = parse_mise if default.format == "mise" else parse_volta
    return parse(text, escaped(path))


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
    for tool, value in table(data.get("tools")).items():
        several = value if isinstance(value, list) else [value]
        asked = tuple(filter(None, (word(each) or word(table(each).get("version")) for each in several)))
        if asked:
            found[tool] = asked
    return found


def parse_volta(text: str, path: str) -> dict[str, tuple[str, ...]] | Finding:
    """Return node's version in volta's platform.json, `{"node": {"runtime": "20.11.0"}}`."""
    data = json_table(text, path)
    if isinstance(data, Finding):
        return data
    version = word(table(data.get("node")).get("runtime"))
    return {"node": (version,)} if version else {}
