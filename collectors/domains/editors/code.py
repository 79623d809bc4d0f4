"""Which extensions, profiles and settings do VS Code and the editors made of it have?

Sources: the editor's own `extensions.json` (one in the directory of extensions, one in each profile), its
`globalStorage/storage.json`, and code.yaml beside this module.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar

from collectors.collected import Cover, Loss
from collectors.document import shipped
from collectors.failure import Finding
from collectors.homes import Home, homes
from collectors.host import Host
from collectors.reading.catalogue import Anew, Application, Catalogue
from collectors.reading.looking import json_in, mapping, names_in, parse_json, sequence, string, text_in
from collectors.record import Record, Thing, escaped

PROFILES = "User/profiles"
STORAGE = "User/globalStorage/storage.json"
IN_FOLDER = re.compile(r"([\w-]+\.[\w.-]+?)-(\d+\.\d+\.\d+[\w.]*)(?:-(?:linux|alpine|web|universal)[\w-]*)?")


class Variant(Record):
    """One editor, such as `codium`; `config` and `extensions` are below a home."""

    name: str
    title: str
    command: tuple[str, ...]
    config: str
    extensions: str


class Family(Record):
    """What code.yaml says."""

    variants: tuple[Variant, ...]
    settings: tuple[str, ...]
    shared: tuple[str, ...]
    beside: tuple[str, ...]
    anew: tuple[str, ...]

    def application(self, variant: Variant) -> Application:
        """Return where one of the editors keeps its settings."""
        config, profile = f"~/{variant.config}", f"~/{variant.config}/{PROFILES}/*"
        beside = f"~/{variant.extensions.rpartition('/')[0]}"
        return Application(
            name=variant.title,
            paths=(
                *(f"{config}/User/{name}" for name in self.settings),
                *(f"{profile}/{name}" for name in self.settings),
                *(f"{config}/{name}" for name in self.shared),
                *(f"{beside}/{name}" for name in self.beside),
            ),
            anew=(Anew(by=f"made anew by {variant.title}", paths=tuple(f"{config}/{x}" for x in self.anew)),),
        )


class Extension(Thing):
    """An extension of one editor of one person; `profile` is "" for the default one.

    `source` is `vsix` where it was installed from a file. `pinned`: it is held at its version.
    """

    KIND: ClassVar[str] = "extension"
    FREE: ClassVar[frozenset[str]] = frozenset({"version"})

    user: str
    editor: str
    extension: str
    version: str = ""
    profile: str = ""
    pinned: bool = False
    pre_release: bool = False
    source: str = ""

    def item_name(self) -> str:
        """Return `~ada/code/ms-python.python`, the name of the profile before the last part."""
        return "/".join(filter(None, (f"~{self.user}", self.editor, self.profile, self.extension)))

    def by_hand(self) -> str:
        """Return how the editor installs it from its market."""
        command = next((each.command for each in family().variants if each.name == self.editor), ())
        if self.source == "vsix" or not command:
            return ""
        wanted = f"{self.extension}@{self.version}" if self.pinned and self.version else self.extension
        words = [*command, "--install-extension", wanted]
        words += ["--pre-release"] if self.pre_release else []
        return shlex.join([*words, *(["--profile", self.profile] if self.profile else [])])


class Profile(Thing):
    """A profile of one editor; `shares` names what it has from the default one: `extensions`.

    Its settings are in the directory `folder` of the editor's profiles.
    """

    KIND: ClassVar[str] = "editor-profile"
    FREE: ClassVar[frozenset[str]] = frozenset({"icon"})

    user: str
    editor: str
    profile: str
    folder: str
    icon: str = ""
    shares: tuple[str, ...] = ()

    def item_name(self) -> str:
        """Return `~ada/code/Writing`."""
        return f"~{self.user}/{self.editor}/{self.profile}"

    def by_hand(self) -> str:
        """Return how the editor makes it."""
        command = next((each.command for each in family().variants if each.name == self.editor), ())
        return shlex.join([*command, "--profile", self.profile])


class Installed(Record):
    """An entry of `extensions.json`; `folder` is the name of its directory."""

    extension: str
    version: str = ""
    folder: str = ""
    pinned: bool = False
    pre_release: bool = False
    source: str = ""


class Named(Record):
    """An entry of `userDataProfiles`."""

    profile: str
    folder: str
    icon: str = ""
    shares: tuple[str, ...] = ()


@cache
def family() -> Family:
    """Return what is known of the editors."""
    return shipped("collectors.domains.editors", "code.yaml", Family)


@cache
def known() -> Catalogue:
    """Return where the editors keep their settings."""
    return Catalogue(applications=tuple(family().application(variant) for variant in family().variants))


def code_editors(host: Host) -> Iterator[Thing | Finding | Cover | Loss]:
    """Yield the extensions and profiles of each editor in each home."""
    for home in homes(host):
        for variant in family().variants:
            profiles, findings = _profiles(host, home, variant)
            yield from findings
            for each in profiles:
                yield Profile(user=home.user, editor=variant.name, **each.model_dump())
            yield from _extensions(host, home, variant, profiles)


def parse_extensions(content: str, *, path: str) -> tuple[tuple[Installed, ...], tuple[Finding, ...]]:
    """Return the extensions of an `extensions.json`, and the entries that are none."""
    value, findings = parse_json(content, path=path)
    found, odd = [], list(findings)
    if not findings and not isinstance(value, list):
        odd.append(Finding(escaped(path), "not a list of extensions", "look at it by hand"))
    for number, entry in enumerate(sequence(value), start=1):
        installed = _installed(mapping(entry))
        if installed:
            found.append(installed)
        else:
            odd.append(Finding(escaped(path), f"its entry {number} names no extension", "look at it by hand"))
    return tuple(found), tuple(odd)


def parse_profiles(content: str, *, path: str) -> tuple[tuple[Named, ...], tuple[Finding, ...]]:
    """Return the profiles that a `storage.json` names, and the entries that are none."""
    value, findings = parse_json(content, path=path)
    found, odd = [], list(findings)
    for number, entry in enumerate(sequence(mapping(value).get("userDataProfiles")), start=1):
        named = _named(mapping(entry))
        if named:
            found.append(named)
        else:
            odd.append(
                Finding(escaped(path), f"its profile {number} has no name or place", "open its editor")
            )
    return tuple(found), tuple(odd)


def in_folder(name: str) -> Installed | None:
    """Return the extension that a directory's name tells: `ms-python.python-2024.2.1-linux-x64`."""
    found = IN_FOLDER.fullmatch(name)
    return Installed(extension=found[1].lower(), version=found[2], folder=name) if found else None


def _profiles(host: Host, home: Home, variant: Variant) -> tuple[tuple[Named, ...], tuple[Finding, ...]]:
    path = home.within(variant.config, STORAGE)
    content, findings = text_in(host, path)
    if not content:
        return (), findings
    return parse_profiles(content, path=path)


def _extensions(
    host: Host, home: Home, variant: Variant, profiles: tuple[Named, ...]
) -> Iterator[Thing | Finding | Cover | Loss]:
    """Yield the extensions of the default profile, then those of each other that has its own."""
    folder = home.within(variant.extensions)
    lists = [("", f"{folder}/extensions.json")]
    own = (each for each in profiles if "extensions" not in each.shares)
    lists += [
        (each.profile, home.within(variant.config, PROFILES, each.folder, "extensions.json")) for each in own
    ]
    for profile, path in lists:
        content, findings = text_in(host, path)
        found: tuple[Installed, ...] = ()
        if content:
            found, findings = parse_extensions(content, path=path)
        elif not profile and not findings:
            found, findings = _in_folders(host, folder)
        yield from findings
        for each in found:
            yield from _told(host, home, variant, profile, each)
    yield from _leftovers(host, folder, variant)


def _in_folders(host: Host, folder: str) -> tuple[tuple[Installed, ...], tuple[Finding, ...]]:
    """Return the extensions that only their directories tell: editors before 2022 kept no list."""
    names, findings = names_in(host, folder)
    obsolete, odd = json_in(host, f"{folder}/.obsolete")
    kept = (name for name in names if name not in mapping(obsolete))
    return tuple(found for name in kept if (found := in_folder(name))), (*findings, *odd)


def _told(
    host: Host, home: Home, variant: Variant, profile: str, each: Installed
) -> Iterator[Thing | Cover | Loss]:
    """Yield an extension, and what it covers or that nothing would bring it back."""
    facts = each.model_dump(exclude={"folder"})
    extension = Extension(user=home.user, editor=variant.name, profile=profile, **facts)
    yield extension
    path = home.within(variant.extensions, each.folder)
    if each.source == "vsix":
        yield Loss(
            kind="sourceless",
            subject=extension.item_id(),
            reason=f"{variant.title} has {each.extension} from a file that is kept nowhere",
            remedy=shlex.join([*variant.command, "--install-extension", each.extension, "--force"]),
        )
    elif each.folder:
        yield Cover(path, extension.item_id())


def _leftovers(host: Host, folder: str, variant: Variant) -> Iterator[Cover]:
    """Yield what the editor keeps beside the extensions: its lists, and versions it is about to remove."""
    obsolete, _ = json_in(host, f"{folder}/.obsolete")
    there, _ = names_in(host, folder)
    lists = ("extensions.json", ".obsolete", ".init-default-profile-extensions")
    for name in sorted({*lists, *mapping(obsolete)}.intersection(there)):
        yield Cover(f"{folder}/{name}", f"made anew by {variant.title}")


def _installed(entry: dict[str, Any]) -> Installed | None:
    extension = string(mapping(entry.get("identifier")).get("id")).lower()
    if not extension or "/" in extension:
        return None
    metadata = mapping(entry.get("metadata"))
    folder = entry.get("relativeLocation")
    named = isinstance(folder, str) and folder not in ("", ".", "..") and folder == string(folder)
    return Installed(
        extension=extension,
        version=string(entry.get("version")),
        folder=str(folder) if named and "/" not in str(folder) else "",
        pinned=metadata.get("pinned") is True,
        pre_release=metadata.get("preRelease") is True,
        source="vsix" if metadata.get("source") == "vsix" else "",
    )


def _named(entry: dict[str, Any]) -> Named | None:
    location = entry.get("location")
    folder = (
        location if isinstance(location, str) else string(mapping(location).get("path")).rpartition("/")[2]
    )
    profile = string(entry.get("name"))
    if not profile or folder in ("", ".", "..") or "/" in folder or folder != string(folder):
        return None
    shared = mapping(entry.get("useDefaultFlags"))
    return Named(
        profile=profile,
        folder=folder,
        icon=string(entry.get("icon")),
        shares=tuple(sorted(string(name) for name, value in shared.items() if value is True)),
    )
