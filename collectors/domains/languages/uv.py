"""Which programs did uv install as tools?

Source: uv's `uv-receipt.toml`, one in the environment of each tool: what was asked for, and its launchers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from collectors.collected import Cover
from collectors.domains.languages.package import Package, command, secrets_left_out, shown, sourceless
from collectors.domains.languages.reading import (
    Table,
    content,
    folders,
    is_path,
    name_of,
    open_homes,
    toml_table,
    word,
    words,
)
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Host, names
from collectors.reading.looking import Outcome, mapping
from collectors.record import escaped

TOOLS = ".local/share/uv/tools"
LOCAL = ("path", "directory", "editable")


class Uv(Package):
    """A tool of uv.

    `package` is what was asked for: `ruff==0.4.1`, `x @ git+https://example.org/x@main`; `others` are the
    packages added to it. `python` is the version asked for, "" for any.
    """

    KIND: ClassVar[str] = "uv"

    package: str
    others: tuple[str, ...] = ()
    python: str = ""
    editable: bool = False

    def by_hand(self) -> str:
        """Return how uv installs it."""
        python = ("--python", self.python) if self.python else ()
        added = (word for other in self.others for word in ("--with", other))
        edited = "--editable" if self.editable else ""
        return command("uv", "tool", "install", *python, *added, edited, self.package)


@dataclass(frozen=True)
class Receipt:
    """What a receipt says; `folder` is set where the tool is from one on this machine."""

    package: str
    others: tuple[str, ...] = ()
    python: str = ""
    folder: str = ""
    editable: bool = False
    launchers: tuple[str, ...] = ()


def found(host: Host) -> Iterator[Outcome]:
    """Yield the tools that uv installed, and what comes back with them."""
    for home in open_homes(host):
        for folder in folders(host, home.within(TOOLS)):
            if isinstance(folder, Finding):
                yield folder
            else:
                yield from _tool(host, home, folder.path, name_of(folder))


def _tool(host: Host, home: Home, folder: str, name: str) -> Iterator[Outcome]:
    path = f"{folder}/uv-receipt.toml"
    text = content(host, path)
    receipt = parse_receipt(text, escaped(path), name) if isinstance(text, str) else text
    if not isinstance(receipt, Receipt):
        yield receipt or Finding(
            escaped(folder), "no uv-receipt.toml", f"uv tool install --reinstall {escaped(name)}"
        )
        return
    tool = Uv(
        user=escaped(home.user),
        name=escaped(name),
        version=_version(host, folder, name),
        package=shown(receipt.package),
        others=tuple(map(shown, receipt.others)),
        python=shown(receipt.python),
        editable=receipt.editable,
    )
    yield tool
    yield from secrets_left_out(path, receipt.package, *receipt.others)
    yield Cover(folder, tool.item_id())
    yield from (Cover(each, tool.item_id()) for each in receipt.launchers if is_path(each))
    if receipt.folder or "git+file:" in receipt.package:
        yield sourceless(
            tool,
            shown(receipt.folder or receipt.package),
            "push that folder to a remote, and install it from there",
        )


def _version(host: Host, folder: str, name: str) -> str:
    """Return the version that is in a tool's environment, "" where none is."""
    plain = re.sub(r"[-_.]+", "_", name)
    try:
        sites = [f"{folder}/lib/{each}/site-packages" for each in names(host, f"{folder}/lib")]
        inside = [each for site in sites for each in names(host, site)]
    except OSError:
        return ""
    start, end = f"{plain}-", ".dist-info"
    versions = (
        each[len(start) : -len(end)] for each in inside if each.startswith(start) and each.endswith(end)
    )
    return escaped(max(versions, default=""))


def parse_receipt(text: str, path: str, name: str) -> Receipt | Finding:
    """Return what the receipt of the tool `name` says: its requirement first, then those added to it."""
    data = toml_table(text, path)
    if isinstance(data, Finding):
        return data
    tool = mapping(data.get("tool"))
    listed = tool.get("requirements")
    asked = [_table(each) for each in listed] if isinstance(listed, list) else []
    main = next((each for each in asked if same(word(each.get("name")), name)), None)
    if main is None:
        return Finding(
            path, "names no requirement for its tool", f"uv tool install --reinstall {shown(name)}"
        )
    entrypoints = tool.get("entrypoints")
    programs = map(mapping, entrypoints) if isinstance(entrypoints, list) else ()
    return Receipt(
        package=requirement(main),
        others=tuple(requirement(each) for each in asked if each is not main and word(each.get("name"))),
        python=word(tool.get("python")),
        folder=next((word(main[key]) for key in LOCAL if word(main.get(key))), ""),
        editable=bool(word(main.get("editable"))),
        launchers=tuple(filter(None, (word(each.get("install-path")) for each in programs))),
    )


def requirement(asked: Table) -> str:
    """Return a requirement as uv is asked for it: `ruff==0.4.1`, a path for what is on this machine."""
    extras = ",".join(words(asked.get("extras")))
    name = f"{word(asked.get('name'))}[{extras}]" if extras else word(asked.get("name"))
    local = next((word(asked[key]) for key in LOCAL if word(asked.get(key))), "")
    git, url = word(asked.get("git")), word(asked.get("url"))
    if local:
        return f"{local}[{extras}]" if extras else local
    if git:
        return f"{name} @ git+{git_address(git)}"
    marker = word(asked.get("marker"))
    told = f"{name} @ {url}" if url else f"{name}{word(asked.get('specifier'))}"
    return f"{told} ; {marker}" if marker else told


def git_address(git: str) -> str:
    """Return an address with its revision as pip and uv write it.

    uv's own form is `https://example.org/x?rev=main`, with `tag`, `branch` or `subdirectory` likewise.
    """
    address, _, query = git.partition("?")
    pairs = [pair.partition("=") for pair in query.split("#")[0].split("&")]
    revision = next((value for key, _, value in pairs if key in ("rev", "tag", "branch")), "")
    below = next((value for key, _, value in pairs if key == "subdirectory"), "")
    return address + (f"@{revision}" if revision else "") + (f"#subdirectory={below}" if below else "")


def same(one: str, other: str) -> bool:
    """Tell whether two names are of the same package."""
    return re.sub(r"[-_.]+", "-", one).lower() == re.sub(r"[-_.]+", "-", other).lower()


def _table(value: object) -> Table:
    """Return a requirement of a receipt; the oldest ones were words: `ruff==0.4.1`."""
    if isinstance(value, str):
        split = re.match(r"[\w.-]*", value)
        end = split.end() if split else 0
        return {"name": value[:end], "specifier": value[end:].strip()}
    return mapping(value)
