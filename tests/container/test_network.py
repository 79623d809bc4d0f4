"""NetworkManager takes over from the installer's netplan, in a booted machine, and the line is never cut."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from builder.payload.pack import write_payload
from builder.payload.program import restore_program
from collectors.collect import collect
from collectors.domains.network import Network
from collectors.domains.network.connections import Connection
from collectors.domains.network.netplan import Plan, Renderer
from collectors.domains.network.printers import Printer
from collectors.domains.network.resolver import Resolver
from collectors.host import Machine
from tests.container.minimal import PACKAGES, Container, container, minimal_root, remove
from tests.postures import small_posture

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="containers need root"),
]

DESKTOP = (*PACKAGES, "cups-client", "cups-daemon", "iproute2", "netplan.io", "network-manager")
INSTALLERS = """\
network:
  version: 2
  renderer: networkd
  ethernets:
    wan0:
      addresses: [192.0.2.5/24]
      routes: [{to: default, via: 192.0.2.1}]
"""
# Two ends of a cable, both in the machine.
CABLE = """\
[Unit]
DefaultDependencies=no
Before=network-pre.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip link add wan0 type veth peer name far0
ExecStart=ip address add 192.0.2.1/24 dev far0
ExecStart=ip link set far0 up
[Install]
WantedBy=sysinit.target
"""
TRIAL = """\
[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/root/trial
[Install]
WantedBy=graphical.target
"""
SCRIPT = """\
#!/bin/bash
wait_for() { for i in {1..100}; do "${@}" > /dev/null 2>&1 && return; sleep 0.2; done; }
has_line() { ip -brief address show wan0 | grep -q 192.0.2.5/24; }
wait_for has_line
cd /root
if test -e /root/report.json; then
    managed() { nmcli -g DEVICE,STATE device | grep -q '^wan0:connected$'; }
    wait_for managed
    nmcli -g DEVICE,STATE,CONNECTION device > devices
    nmcli -g NAME connection > connections
    systemctl is-enabled systemd-networkd-wait-online > waits
    ip -brief address show wan0 > line
    lpstat -v > printers
else
    ip monitor address route dev wan0 > cut &
    python3 /root/restore.pex restore --from /root/payload.tar --json --only network > report.json 2> said
    sleep 1
    kill %1
    networkctl list wan0 > line.before
fi
"""
WIFI = Connection(
    name="Home WiFi",
    type="wifi",
    ssid="Home {{ 7*7 }}",
    settings={
        "connection": {"id": "Home WiFi", "uuid": "00000000-0000-4000-8000-000000000001", "type": "wifi"},
        "wifi": {"ssid": "Home {{ 7*7 }}"},
        "wifi-security": {"key-mgmt": "wpa-psk"},
    },
    secrets=("wifi-security.psk",),
)
BRIDGE = Plan(
    name="60-bridge.yaml",
    document="network:\n  bridges:\n    br0:\n      addresses:\n      - 198.51.100.1/24\n",
)
BROKEN = Plan(name="70-broken.yaml", document="network:\n  bridges:\n    br1:\n      interfaces: [enp9s9]\n")
NETWORK = Network(
    connections=(WIFI,),
    renderer=(Renderer(name="NetworkManager"),),
    plans=(BRIDGE, BROKEN),
    printers=(Printer(name="Laser", uri="ipp://laser.invalid/ipp", title="{{ 7*7 }}", default=True),),
    resolver=(Resolver(lines=("nameserver 192.0.2.53",)),),
)


@pytest.fixture
def machine(program_cache: Path, tmp_path: Path) -> Iterator[Container]:
    made = container(minimal_root(program_cache, DESKTOP), tmp_path / "machine")
    home = made.root / "root"
    program = restore_program(program_cache, print)
    shutil.copy(program, home / "restore.pex")
    posture = replace(small_posture(), network=NETWORK)
    write_payload(posture, program, host="ember", output=home / "payload.tar")
    write(home / "trial", SCRIPT, 0o755)
    write(made.root / "etc/netplan/50-cloud-init.yaml", INSTALLERS, 0o600)
    for name, text in (("cable.service", CABLE), ("trial.service", TRIAL)):
        write(made.root / "etc/systemd/system" / name, text, 0o644)
    made.run("systemctl", "enable", "cable.service", "trial.service")
    made.run("systemctl", "set-default", "graphical.target")
    yield made
    remove(made)


def test_the_desktops_network_takes_over(machine: Container) -> None:
    home = machine.root / "root"
    for _ in range(2):
        booted = machine.boot("--private-network")
        assert booted.returncode == 0, booted.stderr
    report = json.loads((home / "report.json").read_text())
    assert {entry["id"]: entry["state"] for entry in report["items"]} == {
        "connection:Home WiFi": "deferred",
        "renderer:NetworkManager": "restored",
        "netplan:60-bridge.yaml": "restored",
        "netplan:70-broken.yaml": "failed",
        "printer:Laser": "restored",
        "resolver:/etc/resolv.conf": "restored",
    }, (home / "said").read_text()
    reasons = {entry["id"]: entry["reason"] for entry in report["items"]}
    assert "'enp9s9' is not defined" in reasons["netplan:70-broken.yaml"]
    assert "Deleted" not in (home / "cut").read_text()
    assert "configured" in (home / "line.before").read_text()
    devices = (home / "devices").read_text().splitlines()
    assert "wan0:connected:netplan-wan0" in devices
    assert "192.0.2.5/24" in (home / "line").read_text()
    assert "Home WiFi" in (home / "connections").read_text().splitlines()
    assert (home / "waits").read_text() == "disabled\n"
    assert "device for Laser: ipp://laser.invalid/ipp" in (home / "printers").read_text()
    assert_as_it_was(machine.root)


def assert_as_it_was(root: Path) -> None:
    """After both programs wrote their files anew."""
    here = {thing.item_id(): thing for thing in collect(Machine(root)).posture.network.things()}
    for thing in NETWORK.things():
        if thing is BROKEN:
            assert thing.item_id() not in here
        else:
            found = here[thing.item_id()]
            assert found.model_copy(update={"secrets": ()} if thing is WIFI else {}).item("network") == (
                thing.model_copy(update={"secrets": ()} if thing is WIFI else {}).item("network")
            )


def write(place: Path, text: str, mode: int) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(mode)
