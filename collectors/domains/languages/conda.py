"""Which environments did conda make, with what that somebody asked for?

Source: `conda-meta/history` of each environment (what was asked for, step by step, and what came), and
`~/.conda/environments.txt`, which lists the environments.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from collectors.collected import Cover
from collectors.domains.languages.managers import Room
from collectors.domains.languages.package import Package, command, secrets_left_out, short, shown
from collectors.domains.languages.reading import content, entries, folders, is_path, open_homes
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Host
from collectors.reading.looking import Outcome, entry_at
from collectors.record import escaped

BASES = (
    "miniconda3",
    "anaconda3",
    "miniforge3",
    "mambaforge",
    "micromamba",
    "conda",
    "miniconda",
    "anaconda",
)
SYSTEM = "/opt"
LISTED = ".conda/environments.txt"
OWN = (".conda/envs", ".local/share/mamba/envs", "micromamba/envs")
ASKED = re.compile(r"# (?P<what>update|install|remove|neutered) specs: *(?P<specs>.*)")
CAME = re.compile(
    r"\+(?P<channel>\S+?)(?:/(?:linux-\w+|noarch))?::(?P<name>\S+)-(?P<version>[^-\s]+)-[^-\s]+"
)
NAME = re.compile(r"(?:.*::)?([A-Za-z0-9_.-]+)")


class Conda(Package):
    """An environment of conda; its name is that of its folder, `base` for conda's own.

    `specs` are what was asked for, `channels` where that came from, both sorted.
    """

    KIND: ClassVar[str] = "conda"

    prefix: str
    specs: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    def by_hand(self) -> str:
        """Return how conda makes it."""
        channels = (word for channel in self.channels for word in ("--channel", channel))
        verb = "install" if self.name == "base" else "create"
        if verb == "install" and not self.specs:
            return ""
        conda = "conda" if self.user else f"{self.prefix.partition('/envs/')[0]}/bin/conda"
        return command(conda, verb, "--prefix", self.prefix, *channels, *self.specs)


@dataclass(frozen=True)
class History:
    """What was asked for, by the name of the package, and the channel each package came from."""

    specs: dict[str, str] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=dict)


def found(host: Host) -> Iterator[Outcome]:
    """Yield the environments of conda: the machine's and each person's."""
    seen: set[str] = set()
    for home, path in environments(host):
        if isinstance(path, Finding):
            yield path
        elif path not in seen:
            seen.add(path)
            yield from _environment(host, home, path)


def rooms(host: Host) -> Iterator[Room]:
    """Yield the environments as places where pip may have put packages."""
    paths = {path: home for home, path in environments(host) if isinstance(path, str)}
    for path, home in paths.items():
        if entry_at(host, f"{path}/conda-meta/history")[0]:
            within = command("conda", "run", "--prefix", short(home, path))
            yield Room(path, home, f"conda/{_name(host, home, path)}", within)


def environments(host: Host) -> Iterator[tuple[Home | None, str | Finding]]:
    """Yield the folders that may be environments, each after the one that it is in."""
    for name in BASES:
        for path in _with_inner(host, f"{SYSTEM}/{name}"):
            yield None, path
    for home in open_homes(host):
        for path in _of_person(host, home):
            yield home, path


def _of_person(host: Host, home: Home) -> Iterator[str | Finding]:
    for name in BASES:
        yield from _with_inner(host, home.within(name))
    for own in OWN:
        yield from _paths(host, home.within(own))
    text = content(host, home.within(LISTED))
    if isinstance(text, Finding):
        yield text
    listed = parse_environments(text) if isinstance(text, str) else ()
    yield from (path for path in listed if path.startswith(f"{home.path}/"))


def _with_inner(host: Host, base: str) -> Iterator[str | Finding]:
    yield base
    yield from _paths(host, f"{base}/envs")


def _paths(host: Host, folder: str) -> Iterator[str | Finding]:
    for each in folders(host, folder):
        yield each if isinstance(each, Finding) else each.path


def parse_environments(text: str) -> tuple[str, ...]:
    """Return the absolute paths in an environments.txt."""
    lines = (line.strip() for line in text.split("\n"))
    return tuple(path for path in map(posixpath.normpath, lines) if is_path(path))


def _environment(host: Host, home: Home | None, path: str) -> Iterator[Outcome]:
    text = content(host, f"{path}/conda-meta/history")
    if not isinstance(text, str):
        yield from (text,) if text else ()
        return
    history, findings = parse_history(text, escaped(f"{path}/conda-meta/history"))
    yield from findings
    environment = Conda(
        user=escaped(home.user) if home else "",
        name=_name(host, home, path),
        prefix=short(home, path),
        specs=tuple(sorted(map(shown, history.specs.values()))),
        channels=tuple(
            sorted({shown(history.channels[name]) for name in history.specs if name in history.channels})
        ),
    )
    yield environment
    asked = (*history.specs.values(), *(history.channels.get(name, "") for name in history.specs))
    yield from secrets_left_out(f"{path}/conda-meta/history", *asked)
    yield Cover(path, environment.item_id())


def _name(host: Host, home: Home | None, path: str) -> str:
    """Return the name of an environment: its folder's in `envs`, `base`, or its path."""
    folder, _, name = path.rpartition("/")
    if folder.endswith("/envs"):
        return escaped(name)
    if any(True for _ in entries(host, f"{path}/condabin")):
        return "base"
    return short(home, path)


def parse_history(text: str, path: str) -> tuple[History, tuple[Finding, ...]]:
    """Return what was asked for and still is, and the lines that ask in no way that is understood.

    A neutered spec is what conda made of an earlier one.
    """
    history, findings = History(), []
    for number, line in enumerate(text.split("\n"), start=1):
        asked, came = ASKED.fullmatch(line.rstrip("\r")), CAME.fullmatch(line.rstrip("\r"))
        if came:
            history.channels[came["name"]] = came["channel"]
        specs = _specs(asked["specs"]) if asked else []
        if specs is None:
            findings.append(Finding(f"{path}:{number}", "no list of packages", "conda list --revisions"))
        for spec in specs or []:
            _apply(history, asked["what"] if asked else "", spec)
    return history, tuple(findings)


def _apply(history: History, what: str, spec: str) -> None:
    match = NAME.match(spec)
    name = match[1].lower() if match else spec
    if what == "remove":
        history.specs.pop(name, None)
    else:
        history.specs[name] = spec


def _specs(listed: str) -> list[str] | None:
    """Return the words of a list as Python writes it, `['numpy', "python=3.11"]`, or of the older `a,b`."""
    if not listed.startswith("["):
        return [word for word in listed.split(",") if word]
    try:
        value = ast.literal_eval(listed)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else None
