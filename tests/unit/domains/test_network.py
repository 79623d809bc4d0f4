from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from collectors.collected import Collected
from collectors.domains import network
from collectors.domains.network import Network, connections, netplan, printers, resolver, wireguard, wireless
from collectors.domains.network.known import known
from collectors.failure import Finding
from collectors.judgement.knowledge import knowledge
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import SAMPLES, sampled

PASSWD = "root:x:0:0::/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
CONNECTIONS = "/etc/NetworkManager/system-connections"
BLUETOOTH = "/var/lib/bluetooth/00:11:22:33:44:55"
BYTES = st.binary(max_size=200).map(lambda raw: raw.decode(errors="surrogateescape"))
WORDS = st.sampled_from(
    [
        *("[connection]", "id=a", "psk=x", "[Peer]", "[Interface]", "AllowedIPs=,", "[General]", "Name=x"),
        *("<Printer a>", "</Printer>", "DeviceURI x://a:b@c", "Option", "Option a b", "nameserver 9.9.9.9"),
        *("nonsense", "# x", "network:", "  wifis: {a: {password: x}}", "  a: &a [*a]", "\udcff"),
    ]
)
TEXT = BYTES | st.lists(WORDS).map("\n".join)


def plan(text: str, name: str) -> list[object]:
    return list(netplan.parse_plan(text, name=name.removesuffix(".txt")))


test_connection = sampled("nm_connection", lambda text, name: connections.parse_connection(text, name=name))
test_plan = sampled("netplan", lambda text, name: plan(text, name))
test_tunnel = sampled("wireguard", lambda text, name: wireguard.parse_tunnel(text, name=name))
test_printers = sampled("cups_printers", lambda text, name: printers.parse_printers(text, name=name))
test_device = sampled("bluetooth_info", lambda text, name: wireless.parse_device(text, name=name))
test_resolver = sampled("resolv_conf", lambda text, name: resolver.parse_resolver(text))


def sample(path: str) -> str:
    return (SAMPLES / path).read_bytes().decode(errors="surrogateescape")


def host_with(tmp_path: Path, files: dict[str, str | bytes | None]) -> FakeHost:
    return machine(tmp_path, {"/etc/passwd": PASSWD, "/home/ada": None, **files})


def ids(found: Collected[Network]) -> list[str]:
    return [thing.item_id() for thing in found.section.things()]


def left_out(found: Collected[Network]) -> dict[str, str]:
    return {each.path: each.reason for each in found.section.left_out}


def test_nothing_there_is_nothing_told(tmp_path: Path) -> None:
    assert network.collect(host_with(tmp_path, {})) == Collected(Network())


def test_a_connection_is_told_without_its_secrets(tmp_path: Path) -> None:
    path = f"{CONNECTIONS}/Home WiFi.nmconnection"
    files: dict[str, str | bytes | None] = {
        path: sample("nm_connection/wifi.nmconnection"),
        f"{CONNECTIONS}/old.nmconnection~": "[connection]\nid=old\n",
        f"{CONNECTIONS}/.hidden": "x",
    }
    found = network.collect(host_with(tmp_path, files))
    assert ids(found) == ["connection:Home WiFi", f"left-out:{path}"]
    assert found.section.connections[0].by_hand() == "nmcli --ask device wifi connect 'Home WiFi'"
    assert left_out(found)[path] == (
        "secret: wifi-security.psk; give it again with `nmcli --ask connection up 'Home WiFi'`"
    )
    assert "correct horse" not in repr(found)
    assert found.findings == ()


def test_the_card_of_a_connection_may_differ_afterwards() -> None:
    text = sample("nm_connection/wifi.nmconnection")
    other = text.replace("wlp2s0", "wlan0").replace("00:11:22:33:44:55", "66:11:22:33:44:55")
    prints = {connections.parse_connection(each, name="x")[0].item("network") for each in (text, other)}
    assert len(prints) == 1
    changed = connections.parse_connection(text.replace("10.0.0.2", "10.0.0.3"), name="x")[0].item("network")
    assert changed not in prints


@pytest.mark.parametrize(
    ("name", "command"),
    [
        (
            "openvpn.nmconnection",
            "nmcli connection add type vpn vpn-type openvpn con-name Work ifname '*'",
        ),
        ("wireguard.nmconnection", "nmcli connection add type wireguard con-name tunnel ifname wg0"),
    ],
)
def test_how_a_connection_comes_back_by_hand(name: str, command: str) -> None:
    connection, _ = connections.parse_connection(sample(f"nm_connection/{name}"), name=name)
    assert connection.by_hand() == command


def test_the_address_of_a_printer_may_have_a_port(tmp_path: Path) -> None:
    content = "<Printer hp>\nDeviceURI socket://192.0.2.7:9100\nInfo ada@home\n</Printer>\n"
    found = network.collect(host_with(tmp_path, {"/etc/cups/printers.conf": content}))
    assert ids(found) == ["printer:hp"]


def test_connections_of_one_name_differ(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        f"{CONNECTIONS}/{file}": f"[connection]\nid=Home\nuuid={file}\n" for file in ("a", "b")
    }
    assert ids(network.collect(host_with(tmp_path, files))) == ["connection:Home", "connection:Home (2)"]


def test_plans_are_told_without_secrets(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "/etc/netplan/50-cloud-init.yaml": sample("netplan/50-cloud-init.yaml.txt"),
        "/etc/netplan/90-NM-wifi.yaml": sample("netplan/90-NM-wifi.txt"),
        "/etc/netplan/01-network-manager-all.yaml": sample("netplan/01-network-manager-all.txt"),
        "/etc/netplan/own.yaml": "network: {ethernets: {enp3s0: {dhcp4: true}}}\n",
        "/etc/netplan/off.yaml.disabled": "x",
    }
    found = network.collect(host_with(tmp_path, files))
    assert [(each.name, each.bound) for each in found.section.plans] == [
        ("50-cloud-init.yaml", netplan.BY_INSTALLER),
        ("90-NM-wifi.yaml", ""),
        ("own.yaml", netplan.BY_CARD),
    ]
    assert "correct horse" not in repr(found)
    assert list(left_out(found)) == ["/etc/netplan/90-NM-wifi.yaml"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"/etc/netplan/01-network-manager-all.yaml": "network: {renderer: NetworkManager}\n"}, True),
        ({"/usr/lib/netplan/00-network-manager-all.yaml": "network: {renderer: NetworkManager}\n"}, True),
        (
            {
                "/usr/lib/netplan/00-network-manager-all.yaml": "network: {renderer: NetworkManager}\n",
                "/etc/netplan/00-network-manager-all.yaml": "network: {version: 2}\n",
            },
            False,
        ),
        (
            {
                "/etc/netplan/01-a.yaml": "network: {renderer: NetworkManager}\n",
                "/etc/netplan/50-cloud-init.yaml": "network: {renderer: networkd}\n",
            },
            False,
        ),
        ({"/etc/netplan/a.yaml": "network: {wifis: {x: {renderer: NetworkManager}}}\n"}, False),
        ({"/etc/netplan/a.yaml": "network: {renderer: [", "/etc/netplan/b.yaml": "network: []\n"}, False),
        ({"/etc/netplan/off.yaml.disabled": "network: {renderer: NetworkManager}\n"}, False),
    ],
)
def test_who_is_in_charge_of_all_networks(tmp_path: Path, files: dict[str, str], told: bool) -> None:
    found = network.collect(host_with(tmp_path, dict(files)))
    assert ("renderer:NetworkManager" in ids(found)) is told


def test_a_plan_that_holds_itself_does_not_hang() -> None:
    plan, _, _ = netplan.parse_plan("network: &a {bridges: *a, x: [*a, *a]}\n", name="x.yaml")
    assert plan and yaml.safe_load(plan.document)["network"]["bridges"]


def test_tunnels_tell_their_peers_and_keep_their_keys(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "/etc/wireguard/wg0.conf": sample("wireguard/wg0.conf"),
        "/etc/wireguard/private": "x",
    }
    found = network.collect(host_with(tmp_path, files))
    assert ids(found) == [
        "wireguard:wg0", "left-out:/etc/wireguard/private", "left-out:/etc/wireguard/wg0.conf",
    ]  # fmt: skip
    assert "aBcDeF" not in repr(found) and "cBcDeF" not in repr(found)


def test_printers_keep_no_password_and_no_state(tmp_path: Path) -> None:
    text = sample("cups_printers/options")
    files: dict[str, str | bytes | None] = {
        "/etc/cups/printers.conf": text,
        "/etc/cups/ppd/Office.ppd": "*PPD-Adobe\n",
        "/etc/cups/ppd/Office.ppd.O": "*PPD-Adobe\n",
        "/home/ada/.cups/lpoptions": "Default Office\n",
    }
    found = network.collect(host_with(tmp_path, files))
    assert ids(found) == [
        "printer:Found", "printer:Office", "file:/etc/cups/ppd/Office.ppd",
        "file:/home/ada/.cups/lpoptions", "left-out:/etc/cups/printers.conf",
    ]  # fmt: skip
    assert "hunter2" not in repr(found)
    assert [each.bound for each in found.section.printers] == [printers.FOUND_ANEW, ""]
    later = text.replace("1600000000", "1600000001").replace("State Stopped", "State Idle")
    assert printers.parse_printers(later, name="x") == printers.parse_printers(text, name="x")


def test_how_a_printer_comes_back_by_hand() -> None:
    [printer], _ = printers.parse_printers(sample("cups_printers/cups-2.4"), name="x")
    assert (
        printer.by_hand() == "lpadmin -p Brother_HL -E -v ipp://printer.example.org/ipp/print -m everywhere"
    )
    [group], _ = printers.parse_printers(sample("cups_printers/classes"), name="x")
    assert group.by_hand() == "lpadmin -p Brother_HL -c All"


def test_paired_devices_are_bound(tmp_path: Path) -> None:
    headphones = sample("bluetooth_info/headphones")
    files: dict[str, str | bytes | None] = {
        f"{BLUETOOTH}/AA:BB:CC:DD:EE:01/info": headphones,
        f"{BLUETOOTH}/AA:BB:CC:DD:EE:02/info": headphones,
        f"{BLUETOOTH}/cache/AA:BB:CC:DD:EE:03": "[General]\nName=passer-by\n",
        f"{BLUETOOTH}/settings": "[General]\nDiscoverable=false\n",
    }
    found = network.collect(host_with(tmp_path, files))
    assert ids(found) == ["bluetooth:WH-1000XM4", "bluetooth:WH-1000XM4 (2)"]
    assert {each.bound for each in found.section.devices} == {wireless.PAIRED_ANEW}
    assert "0123456789ABCDEF" not in repr(found) and "AA:BB" not in repr(found.section)


def test_networks_of_iwd_and_wpa_supplicant(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "/var/lib/iwd/Home.psk": "[Security]\nPassphrase=correct horse\n",
        "/var/lib/iwd/=c3bc.open": "",
        "/var/lib/iwd/=zz.psk": "",
        "/var/lib/iwd/hotspot": None,
        "/etc/wpa_supplicant/wpa_supplicant.conf": 'network={\n ssid="Café"\n psk="correct horse"\n}\n'
        'network={\n\tssid=610aff\n}\nnetwork={\n ssid=P"two"\n bssid=00:11:22:33:44:55\n}\n',
    }
    found = network.collect(host_with(tmp_path, files))
    assert ids(found) == [
        "wifi:iwd/=zz", "wifi:iwd/Home", "wifi:iwd/ü", "wifi:wpa_supplicant/Café",
        r"wifi:wpa_supplicant/a\x0a\xff", "wifi:wpa_supplicant/two",
        "left-out:/var/lib/iwd/=zz.psk", "left-out:/var/lib/iwd/Home.psk",
        "left-out:/etc/wpa_supplicant/wpa_supplicant.conf",
    ]  # fmt: skip
    assert "correct horse" not in repr(found)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("-> ../run/systemd/resolve/stub-resolv.conf", False),
        ("-> /run/systemd/resolve/resolv.conf", True),
        ("# Generated by NetworkManager\nnameserver 10.0.0.1\n", False),
        ("nameserver 9.9.9.9\n", True),
        (None, False),
    ],
)
def test_name_servers_that_the_owner_chose(tmp_path: Path, content: str | None, told: bool) -> None:
    found = network.collect(host_with(tmp_path, {"/etc/resolv.conf": content}))
    assert ids(found) == (["resolver:/etc/resolv.conf"] if told else [])


@pytest.mark.parametrize(("seconds", "told"), [(-5, False), (0, False), (5, True)])
def test_name_servers_that_were_there_before_the_first_package_are_nobodys(
    tmp_path: Path, seconds: int, told: bool
) -> None:
    files: dict[str, str | bytes | None] = {
        "/etc/resolv.conf": "nameserver 192.0.2.1\n",
        resolver.BEGUN: "1\n",
    }
    host = host_with(tmp_path, files)
    for path, when in ((resolver.BEGUN, 1000), ("/etc/resolv.conf", 1000 + seconds)):
        os.utime(f"{tmp_path}{path}", (when, when))
    assert ids(network.collect(host)) == (["resolver:/etc/resolv.conf"] if told else [])


@pytest.mark.parametrize("uri", ["smb://ada:hunter22@nas/hp", "ipp://ada:hunter@22@nas/hp"])
def test_an_address_of_a_printer_has_no_password(tmp_path: Path, uri: str) -> None:
    content = f"<Printer hp>\nDeviceURI {uri}\nInfo ada@home\n</Printer>\n"
    found = network.collect(host_with(tmp_path, {"/etc/cups/printers.conf": content}))
    assert found.section.printers[0].uri == f"{uri.partition(':')[0]}://ada@nas/hp"
    assert [each.path for each in found.section.left_out] == ["/etc/cups/printers.conf"]


def test_settings_are_files_and_secret_ones_are_told(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "/etc/ufw/user.rules": "-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n",
        "/etc/ufw/user6.rules": "as made",
        "/usr/share/ufw/iptables/user6.rules": "as made",
        "/etc/NetworkManager/conf.d/dns.conf": "[main]\ndns=none\n",
        "/etc/NetworkManager/dispatcher.d/pre-up.d": None,
        "/etc/openvpn/client/home.ovpn": "x",
        "/var/lib/tailscale/tailscaled.state": "x",
    }
    found = network.collect(host_with(tmp_path, files))
    assert [file.path for file in found.section.files] == [
        "/etc/NetworkManager/conf.d/dns.conf",
        "/etc/ufw/user.rules",
    ]
    assert left_out(found) == {
        "/etc/openvpn/client/home.ovpn": "a private key",
        "/var/lib/tailscale/tailscaled.state": known().told["/var/lib/tailscale/tailscaled.state"],
    }


def test_section_files_leaves_what_is_told_here() -> None:
    owned = [*known().settings, *known().told, CONNECTIONS, netplan.PLANS, wireguard.TUNNELS]
    for path in (*owned, *printers.QUEUES, resolver.RESOLVER):
        rule = knowledge().by_name(path, "file")
        assert not path.startswith("/etc") or (rule and rule.verdict == "elsewhere"), path


def test_what_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    path = f"{CONNECTIONS}/a.nmconnection"
    host = host_with(tmp_path, {path: "x", f"{CONNECTIONS}/b": "[connection]\nid=b\nx\n", BLUETOOTH: None})
    failing = {path: PermissionError(13, "no"), "/var/lib/bluetooth": PermissionError(13, "no")}
    found = network.collect(replace(host, failing=failing))
    assert ids(found) == ["connection:b"]
    assert found.findings == (
        Finding(path, "not readable", "run with sudo"),
        Finding(f"{CONNECTIONS}/b:3", "neither `[group]` nor `key=value`", "mend that line"),
        Finding("/var/lib/bluetooth", "not readable", "run with sudo"),
    )


def test_hostile_names_are_one_line(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {f"{CONNECTIONS}/a\nb\udcff": "[ipv4]\nmethod=auto\n"}
    assert ids(network.collect(host_with(tmp_path, files))) == [r"connection:a\x0ab\xff"]


@given(TEXT)
def test_no_text_crashes_a_parser_and_no_line_is_dropped(text: str) -> None:
    connection, findings = connections.parse_connection(text, name="x")
    keys = sum(len(group) for group in connection.settings.values()) + len(connection.secrets)
    assert keys + len(findings) <= len(text.split("\n"))
    plan, _, odd = netplan.parse_plan(text, name="x")
    assert plan is None or not odd
    wireguard.parse_tunnel(text, name="x.conf")[0].model_dump_json()
    wireless.parse_device(text, name="x")
    found, findings = resolver.parse_resolver(text)
    said = [line for line in text.split("\n") if line.strip() and not line.strip().startswith(("#", ";"))]
    assert len(found.lines if found else ()) + len(findings) == len(said)


@given(TEXT)
def test_each_line_of_printers_is_in_one_or_a_finding(text: str) -> None:
    queues, findings = printers._queues(text, "x")
    kept = sum(len(queue.lines) for queue in queues)
    lines = [line.strip() for line in text.split("\n")]
    marks = [line for line in lines if printers.BEGINS.fullmatch(line) or printers.ENDS.fullmatch(line)]
    said = [line for line in lines if line and not line.startswith(("#", "NextPrinterId "))]
    assert kept + len(findings) + len(marks) == len(said)
    for printer in printers.parse_printers(text, name="x")[0]:
        printer.model_dump_json()
