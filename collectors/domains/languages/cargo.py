"""Which programs did cargo install, with what features?

Source: `cargo install` keeps them in `.crates2.json` of its home: by `name version (source)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from collectors.collected import Cover
from collectors.domains.languages.package import Package, command, secrets_left_out, shown, sourceless
from collectors.domains.languages.reading import content, is_name, json_table, open_homes, plain, word, words
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Host
from collectors.reading.looking import Outcome, mapping
from collectors.record import escaped

CARGO = ".cargo"
LOCAL = ("path+", "git+file:")
KEY = re.compile(r"(?P<name>[^ ]+) (?P<version>[^ ]+) \((?P<source>.+)\)", re.DOTALL)
GIT = re.compile(
    r"git\+(?P<url>[^?#]*)(?:\?(?P<kind>branch|tag|rev)=(?P<at>[^#]*))?(?:#(?P<commit>.*))?", re.DOTALL
)
# The registry that cargo asks unless told otherwise.
USUAL_REGISTRY = "/rust-lang/"


class Cargo(Package):
    """A program that cargo built.

    `source` is where it is from, "" for the usual registry: `git+https://example.org/x?branch=main`. `asked`
    is the version asked for, "" for any.
    """

    KIND: ClassVar[str] = "cargo"

    source: str = ""
    asked: str = ""
    features: tuple[str, ...] = ()
    all_features: bool = False
    no_default_features: bool = False
    profile: str = "release"

    def by_hand(self) -> str:
        """Return how cargo builds it again."""
        features = ("--features", ",".join(self.features)) if self.features and not self.all_features else ()
        return command(
            "cargo",
            "install",
            *_from(self),
            *features,
            "--all-features" if self.all_features else "",
            "--no-default-features" if self.no_default_features else "",
            *(("--profile", self.profile) if self.profile != "release" else ()),
            "" if self.source.startswith("path+") else self.name,
        )


@dataclass(frozen=True)
class Installed:
    """An entry of .crates2.json."""

    name: str
    version: str
    source: str
    asked: str = ""
    features: tuple[str, ...] = ()
    all_features: bool = False
    no_default_features: bool = False
    profile: str = "release"
    bins: tuple[str, ...] = ()


def found(host: Host) -> Iterator[Outcome]:
    """Yield the programs that cargo installed, and their files."""
    for home in open_homes(host):
        path = home.within(CARGO, ".crates2.json")
        text = content(host, path)
        if isinstance(text, Finding):
            yield text
        elif text is not None:
            crates, findings = parse_crates(text, escaped(path))
            yield from findings
            yield from secrets_left_out(path, *(crate.source for crate in crates))
            for crate in crates:
                yield from _program(home, crate)


def _program(home: Home, crate: Installed) -> Iterator[Outcome]:
    program = Cargo(
        user=escaped(home.user),
        name=shown(crate.name),
        version=shown(crate.version),
        source=shown(_source(crate.source)),
        asked=shown(crate.asked),
        features=tuple(map(shown, crate.features)),
        all_features=crate.all_features,
        no_default_features=crate.no_default_features,
        profile=shown(crate.profile),
    )
    yield program
    for name in crate.bins:
        if is_name(name):
            yield Cover(home.within(CARGO, "bin", name), program.item_id())
    if crate.source.startswith(LOCAL):
        folder = crate.source.partition("+file://")[2].partition("?")[0]
        remedy = "push that folder to a remote, and `cargo install --git` from there"
        yield sourceless(program, shown(plain(folder)), remedy)


def _source(source: str) -> str:
    """Return where a crate is from without the commit, "" for the usual registry."""
    if source.startswith(("registry+", "sparse+")) and USUAL_REGISTRY in source:
        return ""
    source = source.partition("#")[0]
    return plain(source) if source.startswith("path+") else source


def _from(crate: Cargo) -> tuple[str, ...]:
    """Return the words that tell cargo where a crate is from."""
    git = GIT.fullmatch(crate.source)
    if git:
        return ("--git", git["url"], *((f"--{git['kind']}", git["at"] or "") if git["kind"] else ()))
    if crate.source.startswith("path+"):
        return ("--path", crate.source.removeprefix("path+file://"))
    version = crate.asked or crate.version
    index = ("--index", crate.source.removeprefix("registry+")) if crate.source else ()
    return (*(("--version", version) if version else ()), *index)


def parse_crates(text: str, path: str) -> tuple[tuple[Installed, ...], tuple[Finding, ...]]:
    """Return the entries of a .crates2.json by name, and what is no entry."""
    data = json_table(text, path)
    if isinstance(data, Finding):
        return (), (data,)
    crates, findings = [], []
    for key, value in mapping(data.get("installs")).items():
        match = KEY.fullmatch(key)
        if match and isinstance(value, dict):
            crates.append(_installed(match, mapping(value)))
        else:
            findings.append(
                Finding(f"{path}: {shown(key)}", "not `name version (source)`", "install it again")
            )
    return tuple(sorted(crates, key=lambda each: (each.name, each.version, each.source))), tuple(findings)


def _installed(key: re.Match[str], value: Any) -> Installed:
    return Installed(
        key["name"],
        key["version"],
        key["source"],
        asked=word(value.get("version_req")),
        features=tuple(sorted(words(value.get("features")))),
        all_features=value.get("all_features") is True,
        no_default_features=value.get("no_default_features") is True,
        profile=word(value.get("profile")) or "release",
        bins=words(value.get("bins")),
    )
