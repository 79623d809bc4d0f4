"""Which connections, names, filters, printers and paired devices are there?

Connections are told without their secrets. Settings of firewalls, VPNs and resolvers are files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from collectors.collected import Collected
from collectors.domains.network.connections import Connection, collect_connections
from collectors.domains.network.known import known
from collectors.domains.network.netplan import Plan, Renderer, collect_plans, collect_renderer
from collectors.domains.network.printers import Printer, collect_printers, lpoptions
from collectors.domains.network.resolver import Resolver, collect_resolver
from collectors.domains.network.wireguard import Tunnel, collect_tunnels
from collectors.domains.network.wireless import Device, Wifi, collect_wireless
from collectors.host import Host
from collectors.reading.looking import Outcome, entry_at, files_of, parted
from collectors.record import File, LeftOut, Section, escaped


class Network(Section):
    """Connections, VPNs, names, filters, printers."""

    NAME: ClassVar[str] = "network"

    connections: tuple[Connection, ...] = ()
    renderer: tuple[Renderer, ...] = ()
    plans: tuple[Plan, ...] = ()
    tunnels: tuple[Tunnel, ...] = ()
    wifi: tuple[Wifi, ...] = ()
    resolver: tuple[Resolver, ...] = ()
    printers: tuple[Printer, ...] = ()
    devices: tuple[Device, ...] = ()
    files: tuple[File, ...] = ()


def collect(host: Host) -> Collected[Network]:
    """Collect the section `network`."""
    found = parted(_outcomes(host))
    files = files_of(host, *known().settings, *lpoptions(host))
    section = Network(
        connections=found.of(Connection),
        renderer=found.of(Renderer),
        plans=found.of(Plan),
        tunnels=found.of(Tunnel),
        wifi=found.of(Wifi),
        resolver=found.of(Resolver),
        printers=found.of(Printer),
        devices=found.of(Device),
        files=files.records,
        left_out=(*found.left_out, *files.left_out),
    )
    return Collected(section, files.contents, (*found.findings, *files.findings))


def _outcomes(host: Host) -> Iterator[Outcome]:
    yield from collect_connections(host)
    yield from collect_renderer(host)
    yield from collect_plans(host)
    yield from collect_tunnels(host)
    yield from collect_wireless(host)
    yield from collect_resolver(host)
    yield from collect_printers(host)
    for path, why in known().told.items():
        entry, findings = entry_at(host, path)
        yield from findings
        if entry:
            yield LeftOut(path=escaped(path), reason=why)
