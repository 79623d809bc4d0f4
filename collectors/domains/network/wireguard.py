"""Which tunnels does wg-quick(8) make, and to whom? The keys stay behind; the peers are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from collectors.failure import Finding
from collectors.host import Host
from collectors.judgement.knowledge import knowledge
from collectors.reading.keyfile import Group, group_named, parse_groups
from collectors.reading.looking import Outcome, names_in, text_in
from collectors.record import LeftOut, Record, Thing, escaped

TUNNELS = "/etc/wireguard"
PRIVATE = "the keys of the tunnel {}: put them back, or make new ones with `wg genkey` and tell the peers"


class Peer(Record):
    """The other end of a tunnel."""

    public_key: str = ""
    endpoint: str = ""
    allowed_ips: tuple[str, ...] = ()
    keepalive: str = ""


class Tunnel(Thing):
    """A tunnel, `wg0`; `settings` are its own keys, `Address=10.0.0.2/24`."""

    KIND: ClassVar[str] = "wireguard"

    name: str
    settings: tuple[str, ...] = ()
    peers: tuple[Peer, ...] = ()

    def item_name(self) -> str:
        """Return the name of its interface."""
        return self.name


def collect_tunnels(host: Host) -> Iterator[Outcome]:
    """Yield the tunnels, and that their files stay behind."""
    names, findings = names_in(host, TUNNELS)
    yield from findings
    for name in names:
        path = f"{TUNNELS}/{name}"
        if not name.endswith(".conf"):
            yield LeftOut(path=escaped(path), reason="a private key")
            continue
        content, findings = text_in(host, path)
        yield from findings
        if content:
            tunnel, findings = parse_tunnel(content, name=path)
            yield from findings
            yield tunnel
            yield LeftOut(path=escaped(path), reason=PRIVATE.format(tunnel.name))


def parse_tunnel(content: str, *, name: str) -> tuple[Tunnel, tuple[Finding, ...]]:
    """Return the tunnel of a file of wg-quick(8), and its lines that are no setting."""
    lines = (line.partition("#")[0] for line in content.split("\n"))
    groups, findings = parse_groups("\n".join(lines), name=name)
    own = group_named(groups, "Interface")
    settings = tuple(f"{key}={value}" for key, value in own.pairs if key.lower() != "privatekey")
    return (
        Tunnel(
            name=escaped(name.rpartition("/")[2].removesuffix(".conf")),
            settings=tuple(each for each in settings if not knowledge().secret("/etc", each.encode())),
            peers=tuple(_peer(group) for group in groups if group.name == "Peer"),
        ),
        findings,
    )


def _peer(group: Group) -> Peer:
    ips = (word.strip() for value in group.every("AllowedIPs") for word in value.split(","))
    return Peer(
        public_key=_last(group, "PublicKey"),
        endpoint=_last(group, "Endpoint"),
        allowed_ips=tuple(filter(None, ips)),
        keepalive=_last(group, "PersistentKeepalive"),
    )


def _last(group: Group, key: str) -> str:
    return (group.every(key) or ("",))[-1]
