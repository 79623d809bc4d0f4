"""Which folders does Syncthing keep in step, and with whom?

Source: its config.xml (docs of Syncthing, "Syncthing Configuration"). The key of its interface and the
identity of the machine stay behind: a new machine is introduced to the others anew.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import ClassVar
from xml.etree import ElementTree

from collectors.failure import Finding
from collectors.homes import Home, homes
from collectors.host import Host
from collectors.reading.looking import Outcome, text_in
from collectors.record import LeftOut, Thing, escaped

PLACES = (".local/state/syncthing", ".config/syncthing")
CONFIG = "config.xml"
IDENTITY = "this machine's identity in Syncthing is secret: a new one introduces itself to the other devices"


class SyncedFolder(Thing):
    """A folder that Syncthing keeps in step; `place` is `~ada/Sync`, `devices` are by their names."""

    KIND: ClassVar[str] = "syncthing-folder"

    place: str
    folder: str
    label: str = ""
    mode: str = ""
    devices: tuple[str, ...] = ()

    def item_name(self) -> str:
        """Return its place."""
        return self.place

    def by_hand(self) -> str:
        """Return how it is added."""
        home, slash, rest = self.place.partition("/")  # the shell knows `~ada` only where it is not quoted
        path = f"{home}{slash}{shlex.quote(rest)}" if home.startswith("~") else shlex.quote(self.place)
        return f"syncthing cli config folders add --id {shlex.quote(self.folder)} --path {path}"


class SyncedDevice(Thing):
    """Another device that somebody's Syncthing knows; its number is public."""

    KIND: ClassVar[str] = "syncthing-device"

    user: str
    name: str
    device: str
    introducer: bool = False

    def item_name(self) -> str:
        """Return `~ada/phone`."""
        return f"~{self.user}/{self.name}"

    def by_hand(self) -> str:
        """Return how it is added."""
        return f"syncthing cli config devices add --device-id {shlex.quote(self.device)}"


def collect_synced(host: Host) -> Iterator[Outcome]:
    """Yield each person's folders and devices."""
    for home in homes(host):
        for place in PLACES:
            path = home.within(place, CONFIG)
            content, findings = text_in(host, path)
            yield from findings
            if content:
                found, findings = parse_config(content, home, name=path)
                yield from findings
                yield from found
                yield from (
                    LeftOut(path=escaped(home.within(place, name)), reason=IDENTITY)
                    for name in (CONFIG, "key.pem")
                    if host.look(home.within(place, name))
                )


def parse_config(
    content: str, home: Home, *, name: str
) -> tuple[tuple[SyncedFolder | SyncedDevice, ...], tuple[Finding, ...]]:
    """Return the folders and devices of somebody's config.xml."""
    try:
        root = ElementTree.fromstring(content.encode(errors="surrogateescape"))  # noqa: S314 - the owner's
    except (ElementTree.ParseError, ValueError, LookupError):
        return (), (Finding(escaped(name), "not XML", "look at it with Syncthing"),)
    found: list[SyncedFolder | SyncedDevice] = [_device(each, home) for each in root.iterfind("device")]
    titles = {each.device: each.name for each in found if isinstance(each, SyncedDevice)}
    found.extend(_folder(each, home, titles) for each in root.iterfind("folder"))
    return tuple(found), ()


def _device(element: ElementTree.Element, home: Home) -> SyncedDevice:
    identity = escaped(element.get("id") or "")
    return SyncedDevice(
        user=home.user,
        name=escaped(element.get("name") or "") or identity[:7],
        device=identity,
        introducer=element.get("introducer") == "true",
    )


def _folder(element: ElementTree.Element, home: Home, titles: dict[str, str]) -> SyncedFolder:
    path = element.get("path") or ""
    whole = home.path + path[1:] if path == "~" or path.startswith("~/") else path
    inside = whole == home.path or whole.startswith(f"{home.path}/")
    devices = (escaped(each.get("id") or "") for each in element.iterfind("device"))
    return SyncedFolder(
        place=escaped(home.name(whole).rstrip("/") if inside else whole) or f"~{home.user}",
        folder=escaped(element.get("id") or ""),
        label=escaped(element.get("label") or ""),
        mode=escaped(element.get("type") or ""),
        devices=tuple(sorted(titles.get(each, each) for each in devices)),
    )
