"""Which themes, applets and wallpapers came from a store?

Source: KNewStuff's registries, ~/.local/share/knewstuff3/*.knsregistry: an XML list of `stuff` with the
store's id, the address of its page, and the files that were installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from collectors.failure import Finding
from collectors.homes import Home, homes
from collectors.host import Host, remembered
from collectors.judgement.capture import content_of
from collectors.reading.looking import names_in, parse_xml

REGISTRIES = ".local/share/knewstuff3"


@dataclass(frozen=True)
class Stuff:
    """Something installed from a store: `1234567`, its page, its version, and where its files are."""

    id: str
    name: str
    page: str
    version: str
    files: tuple[str, ...]


@remembered
def all_stuff(host: Host) -> Mapping[str, tuple[Stuff, ...]]:
    """Return what each person installed from stores, by user."""
    return {home.user: stuff_of(host, home)[0] for home in homes(host)}


def stuff_of(host: Host, home: Home) -> tuple[tuple[Stuff, ...], tuple[Finding, ...]]:
    """Return what one person installed from stores, and the registries that cannot be read."""
    folder = home.within(REGISTRIES)
    names, unseen = names_in(host, folder)
    found: list[Stuff] = []
    findings = list(unseen)
    for path in (f"{folder}/{name}" for name in names if name.endswith(".knsregistry")):
        content = content_of(host, path)
        stuff, odd = ((), (content,)) if isinstance(content, Finding) else parse_registry(content, path=path)
        found += stuff
        findings += odd
    return tuple(found), tuple(findings)


def parse_registry(content: bytes, *, path: str) -> tuple[tuple[Stuff, ...], tuple[Finding, ...]]:
    """Return what is installed by a registry, and the finding if it is none."""
    if not content.strip():
        return (), ()
    root, findings = parse_xml(content, path=path, remedy="remove it if it is broken")
    every = () if root is None else root.iter("stuff")
    return tuple(_stuff(each) for each in every if _is_installed(each)), findings


def source_of(path: str, stuff: Iterable[Stuff]) -> Stuff | None:
    """Return what brought the folder or file at `path`."""
    return next((each for each in stuff if any(_is_within(file, path) for file in each.files)), None)


def _stuff(element: ElementTree.Element) -> Stuff:
    files = (_plain(each.text) for each in element.iter("installedfile"))
    return Stuff(
        id=_word(element.findtext("id")),
        name=_word(element.findtext("name")),
        page=_word(element.findtext("homepage")),
        version=_word(element.findtext("version")),
        files=tuple(sorted(file for file in files if file)),
    )


def _is_installed(element: ElementTree.Element) -> bool:
    return element.findtext("status", "installed") in ("installed", "updateable")


def _is_within(file: str, path: str) -> bool:
    return file == path or file.startswith(f"{path}/")


def _plain(text: str | None) -> str:
    """Return the path of an installed file; of a folder the registry says `/path/*`."""
    return _word(text).removesuffix("/*").rstrip("/")


def _word(text: str | None) -> str:
    return " ".join((text or "").split()).encode(errors="replace").decode()
