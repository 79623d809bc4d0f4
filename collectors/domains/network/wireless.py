"""Which wireless networks and Bluetooth devices does this machine know besides NetworkManager's?

Sources: iwd.network(5), wpa_supplicant.conf(5), BlueZ' settings-storage.txt. Keys are never read into a
posture: networks are told by their names, devices are paired anew.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import ClassVar

from collectors.failure import Finding
from collectors.host import Host
from collectors.reading.keyfile import group_named, parse_groups
from collectors.reading.looking import Outcome, distinct, names_in, text_in
from collectors.record import LeftOut, Thing, escaped

IWD = "/var/lib/iwd"
SECURITY = (".psk", ".open", ".8021x")
SUPPLICANT = "/etc/wpa_supplicant"
SSID = re.compile(r'(?m)^\s*ssid=(?:P?"(?P<text>.{1,256})"|(?P<hex>(?:[0-9a-fA-F]{2}){1,32}))\s*$')
BLUETOOTH = "/var/lib/bluetooth"
ADDRESS = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
PAIRED_ANEW = "paired with the Bluetooth adapter of this machine: pair it again with the new one's"


class Wifi(Thing):
    """A wireless network that a program besides NetworkManager knows; its password stays behind."""

    KIND: ClassVar[str] = "wifi"

    program: str
    name: str
    security: str = ""

    def item_name(self) -> str:
        """Return `iwd/Home`."""
        return f"{self.program}/{self.name}"

    def by_hand(self) -> str:
        """Return how it is joined; the program asks for the password."""
        if self.program == "iwd":
            return f"iwctl station wlan0 connect {shlex.quote(self.name)}"
        return f"wpa_passphrase {shlex.quote(self.name)}"


class Device(Thing):
    """A Bluetooth device by its name; `device_class` tells what it is (0x240404 = headphones)."""

    KIND: ClassVar[str] = "bluetooth"

    name: str
    device_class: str = ""
    trusted: bool = False

    def item_name(self) -> str:
        """Return its name."""
        return self.name

    def by_hand(self) -> str:
        """Return how it is looked for, to be paired."""
        return "bluetoothctl --timeout 30 scan on"


def collect_wireless(host: Host) -> Iterator[Outcome]:
    """Yield the networks of iwd and wpa_supplicant, and the Bluetooth devices."""
    yield from _iwd(host)
    yield from _supplicant(host)
    yield from _devices(host)


def iwd_network(file: str) -> Wifi | None:
    """Return the network that a file of iwd is for: its name, or `=` and the name in hex."""
    name, dot, kind = file.rpartition(".")
    if f".{kind}" not in SECURITY or not dot:
        return None
    try:
        shown = bytes.fromhex(name[1:]).decode(errors="surrogateescape") if name.startswith("=") else name
    except ValueError:
        shown = name
    return Wifi(program="iwd", name=escaped(shown), security=kind)


def parse_device(content: str, *, name: str) -> tuple[Device | None, tuple[Finding, ...]]:
    """Return the device of an `info` file, None for one that is neither trusted nor paired (has a key)."""
    groups, findings = parse_groups(content, name=name)
    said = group_named(groups, "General")
    title = said.get("Alias") or said.get("Name")
    paired = any(group.name.endswith("Key") for group in groups)
    if not title or not (paired or said.get("Trusted") == "true"):
        return None, findings
    return (
        Device(
            name=title,
            device_class=said.get("Class"),
            trusted=said.get("Trusted") == "true",
            bound=PAIRED_ANEW,
        ),
        findings,
    )


def _iwd(host: Host) -> Iterator[Outcome]:
    names, findings = names_in(host, IWD)
    yield from findings
    for name in names:
        network = iwd_network(name)
        if network:
            yield network
            if network.security != "open":
                why = "the password of a wireless network: give it again"
                yield LeftOut(path=f"{IWD}/{escaped(name)}", reason=why)


def _supplicant(host: Host) -> Iterator[Outcome]:
    names, findings = names_in(host, SUPPLICANT)
    yield from findings
    for name in names:
        content, findings = text_in(host, f"{SUPPLICANT}/{name}") if name.endswith(".conf") else ("", ())
        yield from findings
        yield from (Wifi(program="wpa_supplicant", name=_ssid(found)) for found in SSID.finditer(content))


def _ssid(found: re.Match[str]) -> str:
    """Return the escaped name of a network, which is in quotes or in hex."""
    return escaped(found["text"] or bytes.fromhex(found["hex"]).decode(errors="surrogateescape"))


def _devices(host: Host) -> Iterator[Outcome]:
    adapters, findings = names_in(host, BLUETOOTH)
    yield from findings
    found = []
    for adapter in filter(ADDRESS.fullmatch, adapters):
        names, findings = names_in(host, f"{BLUETOOTH}/{adapter}")
        yield from findings
        for name in filter(ADDRESS.fullmatch, names):
            path = f"{BLUETOOTH}/{adapter}/{name}/info"
            content, findings = text_in(host, path)
            yield from findings
            device, findings = parse_device(content, name=path)
            yield from findings
            found.extend([device] if device else [])
    ids = distinct(device.name for device in found)
    yield from (device.model_copy(update={"name": mine}) for device, mine in zip(found, ids, strict=True))
