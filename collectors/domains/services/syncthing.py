"""Which folders does Syncthing keep in step, and with whom?

Source: its config.xml and cert.pem (docs of Syncthing: "Configuration", "Understanding Device IDs"). The key
of its interface and the identity of the machine stay behind: a new machine is introduced to the others anew.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Iterator
from typing import ClassVar
from xml.etree import ElementTree

from pydantic import Field

from collectors.failure import Finding
from collectors.homes import Home, homes
from collectors.host import Host
from collectors.judgement.knowledge import knowledge
from collectors.reading.looking import Outcome, parse_xml, text_in
from collectors.record import LeftOut, Thing, escaped

PLACES = (".local/state/syncthing", ".config/syncthing")
CONFIG, CERTIFICATE = "config.xml", "cert.pem"
PEM = re.compile(r"-----BEGIN CERTIFICATE-----\s([^-]{1,8192})-----END CERTIFICATE-----")
IDENTITY = "this machine's identity in Syncthing is secret: a new one introduces itself to the other devices"


class SyncedFolder(Thing):
    """A folder that Syncthing keeps in step; `place` is `~ada/Sync`, `devices` are the others, by name.

    `user` is whose Syncthing does it. To each device in `secrets` it is sent encrypted, with a password that
    stays behind. `attributes` and `settings` are all else that its element has: `rescanIntervalS`, and
    `<maxConflicts>10</maxConflicts>`.
    """

    KIND: ClassVar[str] = "syncthing-folder"

    place: str
    folder: str
    label: str = ""
    mode: str = ""
    devices: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    user: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
    settings: tuple[str, ...] = ()

    def item_name(self) -> str:
        """Return its place."""
        return self.place

    def by_hand(self) -> str:
        """Return how it is added."""
        home, slash, rest = self.place.partition("/")  # the shell knows `~ada` only where it is not quoted
        path = f"{home}{slash}{shlex.quote(rest)}" if home.startswith("~") else shlex.quote(self.place)
        return f"syncthing cli config folders add --id {shlex.quote(self.folder)} --path {path}"


class SyncedDevice(Thing):
    """A device that somebody's Syncthing knows; its number is public. The machine itself is bound.

    `attributes` and `settings` are as those of a folder.
    """

    KIND: ClassVar[str] = "syncthing-device"

    user: str
    name: str
    device: str
    introducer: bool = False
    attributes: dict[str, str] = Field(default_factory=dict)
    settings: tuple[str, ...] = ()

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
                own = device_of(text_in(host, home.within(place, CERTIFICATE))[0])
                found, findings = parse_config(content, home, name=path, own=own)
                yield from findings
                yield from found
                yield from (
                    LeftOut(path=escaped(home.within(place, name)), reason=IDENTITY)
                    for name in (CONFIG, "key.pem")
                    if host.look(home.within(place, name))
                )


def device_of(certificate: str) -> str:
    """Return the number of the device that has a certificate (PEM), without its check digits; "" for none."""
    found = PEM.search(certificate)
    try:
        raw = base64.b64decode(found[1] if found else "")
    except ValueError:
        return ""
    return base64.b32encode(hashlib.sha256(raw).digest()).decode().rstrip("=") if raw else ""


def parse_config(
    content: str, home: Home, *, name: str, own: str = ""
) -> tuple[tuple[SyncedFolder | SyncedDevice, ...], tuple[Finding, ...]]:
    """Return the folders and devices of somebody's config.xml; `own` is the machine's, see `device_of`."""
    raw = content.encode(errors="surrogateescape")
    root, findings = parse_xml(raw, path=name, remedy="look at it with Syncthing")
    if root is None:
        return (), findings
    devices = [_device(each, home, own) for each in root.iterfind("device")]
    titles = {each.device: "" if each.bound else each.name for each in devices}
    return (*devices, *(_folder(each, home, titles) for each in root.iterfind("folder"))), ()


def _device(element: ElementTree.Element, home: Home, own: str) -> SyncedDevice:
    identity = escaped(element.get("id") or "")
    return SyncedDevice(
        user=home.user,
        name=escaped(element.get("name") or "") or identity[:7],
        device=identity,
        introducer=element.get("introducer") == "true",
        attributes=_attributes(element, ("id", "name", "introducer")),
        settings=_settings(element),
        bound=IDENTITY if own and _unchecked(identity) == own else "",
    )


def _unchecked(device: str) -> str:
    """Return the number of a device without dashes and check digits, of which each 14th letter is one."""
    return "".join(letter for place, letter in enumerate(device.replace("-", ""), start=1) if place % 14)


def _folder(element: ElementTree.Element, home: Home, titles: dict[str, str]) -> SyncedFolder:
    path = element.get("path") or ""
    whole = home.path + path[1:] if path == "~" or path.startswith("~/") else path
    inside = whole == home.path or whole.startswith(f"{home.path}/")
    devices = {escaped(each.get("id") or ""): each for each in element.iterfind("device")}
    named = {titles.get(identity, identity): each for identity, each in devices.items()}
    return SyncedFolder(
        place=escaped(home.name(whole).rstrip("/") if inside else whole) or f"~{home.user}",
        folder=escaped(element.get("id") or ""),
        label=escaped(element.get("label") or ""),
        mode=escaped(element.get("type") or ""),
        devices=tuple(sorted(filter(None, named))),
        secrets=tuple(sorted(name for name, each in named.items() if each.findtext("encryptionPassword"))),
        user=home.user,
        attributes=_attributes(element, ("id", "label", "path", "type")),
        settings=_settings(element),
    )


def _attributes(element: ElementTree.Element, told: tuple[str, ...]) -> dict[str, str]:
    """Return the attributes of an element that no field has."""
    return {escaped(key): escaped(value) for key, value in element.attrib.items() if key not in told}


def _settings(element: ElementTree.Element) -> tuple[str, ...]:
    """Return the elements in another one as XML of one form, but for devices and secrets."""
    found = []
    for each in element:
        each.tail = None
        text = ElementTree.canonicalize(ElementTree.tostring(each, "unicode"), strip_text=True)
        if each.tag != "device" and not knowledge().secret("/etc/syncthing", text.encode()):
            found.append(escaped(text))
    return tuple(found)
