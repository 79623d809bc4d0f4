"""Which connections does NetworkManager keep?

Its keyfiles (nm-settings-keyfile(5)) in /etc; those in /run are made by others. Every key is kept, so that
the file can be written again, but for secrets: these are told.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from collectors.domains.network.known import known
from collectors.failure import Finding
from collectors.host import Host
from collectors.reading.keyfile import Group, group_named, parse_groups
from collectors.reading.looking import Outcome, distinct, names_in, text_in
from collectors.record import LeftOut, Thing, escaped

CONNECTIONS = "/etc/NetworkManager/system-connections"
BACKUPS = ("~", ".bak", ".rej", ".orig")
# What only NetworkManager writes, and what names a card of the old machine.
CHURN = (("connection", "timestamp"), ("wifi", "seen-bssids"), ("802-11-wireless", "seen-bssids"))
WIFI = ("wifi", "802-11-wireless")


class Connection(Thing):
    """A connection, `Home WiFi`: its keys by group, escaped.

    `interface` and `card` name a card of the machine that it was made on; another one has another. `secrets`
    are the keys that stay behind. `file` is the escaped name of its file: in the order of these are
    connections of one name numbered.
    """

    KIND: ClassVar[str] = "connection"
    FREE: ClassVar[frozenset[str]] = frozenset({"interface", "card", "file"})

    name: str
    type: str = ""
    ssid: str = ""
    settings: dict[str, dict[str, str]] = Field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    interface: str = ""
    card: str = ""
    file: str = ""

    def item_name(self) -> str:
        """Return the name."""
        return self.name

    def by_hand(self) -> str:
        """Return how it is made; NetworkManager asks for what is secret."""
        if self.type in WIFI and self.ssid:
            return f"nmcli --ask device wifi connect {shlex.quote(self.ssid)}"
        vpn = self.settings.get("vpn", {}).get("service-type", "").rpartition(".")[2]
        kind = ("vpn", "vpn-type", vpn) if vpn else (self.type or "ethernet",)
        device = self.interface or "*"
        return shlex.join(
            ("nmcli", "connection", "add", "type", *kind, "con-name", self.name, "ifname", device)
        )


def collect_connections(host: Host) -> Iterator[Outcome]:
    """Yield the connections and what of them stays behind."""
    names, findings = names_in(host, CONNECTIONS)
    yield from findings
    found = []
    for name in names:
        if name.startswith(".") or name.endswith(BACKUPS):
            continue
        path = f"{CONNECTIONS}/{name}"
        content, findings = text_in(host, path)
        yield from findings
        if content.strip():
            connection, findings = parse_connection(content, name=path)
            yield from findings
            found.append((path, connection))
    ids = distinct(connection.name for _, connection in found)
    for (path, connection), mine in zip(found, ids, strict=True):
        yield connection.model_copy(update={"name": mine})
        if connection.secrets:
            yield LeftOut(path=escaped(path), reason=_reason(connection))


def parse_connection(content: str, *, name: str) -> tuple[Connection, tuple[Finding, ...]]:
    """Return the connection of a keyfile without its secrets, and its lines that are no setting."""
    groups, findings = parse_groups(content, name=name)
    head = group_named(groups, "connection")
    settings: dict[str, dict[str, str]] = {}
    secrets = []
    for group in groups:
        for key, value in group.pairs:
            if known().is_secret(group.name, key, value):
                secrets.append(f"{group.name}.{key}")
            elif not _is_bound(group.name, key):
                settings.setdefault(group.name, {})[key] = value
    file = escaped(name.rpartition("/")[2])
    return (
        Connection(
            name=head.get("id") or file.removesuffix(".nmconnection"),
            type=head.get("type"),
            ssid=next((ssid for group in groups if group.name in WIFI and (ssid := group.get("ssid"))), ""),
            settings=settings,
            secrets=tuple(sorted(set(secrets))),
            interface=head.get("interface-name"),
            card=_card(groups),
            file=file,
        ),
        findings,
    )


def _is_bound(group: str, key: str) -> bool:
    if (group, key) in CHURN:
        return True
    return (group, key) == ("connection", "interface-name") or key == "mac-address"


def _card(groups: tuple[Group, ...]) -> str:
    return next((card for group in groups if (card := group.get("mac-address"))), "")


def _reason(connection: Connection) -> str:
    asked = shlex.join(("nmcli", "--ask", "connection", "up", connection.name))
    return f"secret: {', '.join(connection.secrets)}; give it again with `{asked}`"
