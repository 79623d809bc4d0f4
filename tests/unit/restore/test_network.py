"""Networks come back without their secrets, for other cards, and nothing that could cut a machine off."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from collectors.domains.network import Network, connections, netplan, printers, resolver, wireguard, wireless
from collectors.domains.network.connections import Connection
from tests.unit.restore.made import made
from tests.unit.restore.playbook import library, shared
from tests.unit.sampled import SAMPLES

keyfiles = library("rekindle_keyfiles")
network = library("rekindle_network")
queues = library("rekindle_printers")

WIFI = "wifi.nmconnection"
STUB = "#!/bin/sh\n"


def sample(name: str) -> str:
    return (SAMPLES / name).read_bytes().decode(errors="surrogateescape")


def connection(name: str) -> Connection:
    found, _ = connections.parse_connection(sample(f"nm_connection/{name}"), name=f"/x/{name}")
    return found


def keyfile_step(thing: Connection, tmp_path: Path) -> dict[str, Any]:
    [step] = made(Network(connections=(thing,)))[0]["keyfiles"]
    return {**step, "path": f"{tmp_path}{step['path']}"}


def network_step(section: Network) -> dict[str, Any]:
    [step] = made(section)[0]["network"]
    return step


# --- connections


@pytest.mark.parametrize(
    "name", ["wifi.nmconnection", "enterprise", "openvpn.nmconnection", "wireguard.nmconnection"]
)
def test_a_connection_comes_back_whole_but_for_its_secrets(name: str, tmp_path: Path) -> None:
    was = connection(name)
    step = keyfile_step(was, tmp_path)
    told = keyfiles.brought_back(step, False)
    place = Path(step["path"])
    assert place.name == name
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    now, findings = connections.parse_connection(place.read_text(), name=f"/x/{name}")
    assert now.model_copy(update={"secrets": was.secrets}).item("network") == was.item("network")
    assert (findings, now.secrets) == ((), ())
    assert was.secrets
    assert (told["state"], told["until"]) == ("deferred", "secret")
    assert told["reason"] == f"secret and not here: {', '.join(was.secrets)}"
    assert keyfiles.brought_back(step, False)["state"] == "deferred"


def test_a_connection_is_whole_as_soon_as_its_secret_is_given(tmp_path: Path) -> None:
    step = keyfile_step(connection(WIFI), tmp_path)
    keyfiles.brought_back(step, False)
    place = Path(step["path"])
    text = place.read_text().replace("key-mgmt=wpa-psk\n", "key-mgmt=wpa-psk\npsk=correct horse\n")
    place.write_text(text.replace("[connection]\n", "[connection]\ntimestamp=1\ninterface-name=wlan0\n"))
    before = place.read_bytes()
    assert keyfiles.brought_back(step, False)["state"] == "already"
    assert place.read_bytes() == before


def test_a_connection_of_that_name_that_is_here_stays(tmp_path: Path) -> None:
    step = keyfile_step(connection(WIFI), tmp_path)
    place = Path(step["path"])
    place.parent.mkdir(parents=True)
    place.write_text("[connection]\nid=Home WiFi\nuuid=another\n")
    assert keyfiles.brought_back(step, False)["state"] == "substituted"
    assert "another" in place.read_text()


def test_cards_are_the_new_machines_and_what_is_made_keeps_its_name(tmp_path: Path) -> None:
    wifi = keyfile_step(connection(WIFI), tmp_path)["groups"]
    assert "interface-name" not in wifi["connection"]
    assert "mac-address" not in wifi["wifi"]
    tunnel = keyfile_step(connection("wireguard.nmconnection"), tmp_path)["groups"]
    assert tunnel["connection"]["interface-name"] == "wg0"


def test_a_check_writes_no_connection(tmp_path: Path) -> None:
    step = keyfile_step(connection(WIFI), tmp_path)
    assert keyfiles.brought_back(step, True)["state"] == "deferred"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [r"x\x0a[connection]\x0apermissions=", r"x\x0dy"])
def test_no_value_begins_a_line_of_its_own(value: str, tmp_path: Path) -> None:
    thing = Connection(name="Home", settings={"ipv4": {"method": value}})
    assert keyfiles.brought_back(keyfile_step(thing, tmp_path), False)["state"] == "failed"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "file", "comes"),
    [
        ("Home", "../../../etc/passwd", "Home.nmconnection"),
        ("../../etc/passwd", "", "-..-etc-passwd.nmconnection"),
        ("..", "..", "connection.nmconnection"),
        ("Home", "", "Home.nmconnection"),
        ("Home (2)", "Home 2", "Home 2"),
        (r"a\x2fb", "", "a-b.nmconnection"),
        ("x", r"a\x2fb", "x.nmconnection"),
        ("a\\b", "", r"a\x5cb.nmconnection"),
    ],
)
def test_no_name_leads_elsewhere(name: str, file: str, comes: str, tmp_path: Path) -> None:
    step = keyfile_step(Connection(name=name, file=file), tmp_path)
    assert step["path"] == f"{tmp_path}{connections.CONNECTIONS}/{comes}"
    keyfiles.brought_back(step, False)
    assert [each.name for each in (tmp_path / connections.CONNECTIONS.lstrip("/")).iterdir()] == [
        comes.replace(r"\x5c", "\\")
    ]


def test_nothing_is_written_through_a_symlinked_directory(tmp_path: Path) -> None:
    (tmp_path / "etc").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    told = keyfiles.brought_back(keyfile_step(connection(WIFI), tmp_path), False)
    assert (told["state"], told["reason"]) == ("failed", "its directory is a symlink on this machine")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_that_is_no_keyfile_is_not_added_to(tmp_path: Path) -> None:
    step = {**keyfile_step(connection(WIFI), tmp_path), "whole": False}
    place = Path(step["path"])
    place.parent.mkdir(parents=True)
    place.write_text("RCLONE_ENCRYPT_V0:\nxyz\n")
    assert keyfiles.brought_back(step, False)["state"] == "failed"
    assert place.read_text() == "RCLONE_ENCRYPT_V0:\nxyz\n"


def test_open_networks_of_iwd_come_back_and_the_others_wait(tmp_path: Path) -> None:
    names = ("Guests", r"caf\xe9", "Löw's {{ 7*7 }}")
    nets = [wireless.Wifi(program="iwd", name=name, security="open") for name in names]
    closed = wireless.Wifi(program="iwd", name="Garden", security="psk")
    shed = wireless.Wifi(program="wpa_supplicant", name="Shed")
    plan, told = made(Network(wifi=(*nets, closed, shed)))
    for step in plan["keyfiles"]:
        assert (
            keyfiles.brought_back({**step, "path": f"{tmp_path}{step['path']}"}, False)["state"] == "restored"
        )
    files = sorted(each.name for each in (tmp_path / "var/lib/iwd").iterdir())
    assert {wireless.iwd_network(name) for name in files} == set(nets)
    assert {(each.id, each.state, each.until) for each in told} == {
        ("wifi:iwd/Garden", "deferred", "secret"),
        ("wifi:wpa_supplicant/Shed", "deferred", "secret"),
    }


def test_a_tunnel_without_keys_is_not_written() -> None:
    tunnel, _ = wireguard.parse_tunnel(sample("wireguard/wg0.conf"), name="/etc/wireguard/wg0.conf")
    plan, [told] = made(Network(tunnels=(tunnel,)))
    assert plan == {}
    assert (told.state, told.until) == ("deferred", "secret")
    assert "/etc/wireguard/wg0.conf" in told.remedy


# --- what takes over


@pytest.fixture
def systemctl(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(network, "systemctl", lambda root, *words: asked.append(words))
    return asked


def desktop(tmp_path: Path, *files: str) -> str:
    for name in ("usr/sbin/NetworkManager", "etc/cloud/cloud.cfg.d/90_dpkg.cfg", *files):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return f"{tmp_path}/"


def with_netplan(tmp_path: Path, script: str) -> None:
    program = tmp_path / "usr/sbin/netplan"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(STUB + script)
    program.chmod(0o755)


def test_networkmanager_takes_over_from_the_next_start(
    tmp_path: Path, systemctl: list[tuple[str, ...]]
) -> None:
    root = desktop(tmp_path)
    installers = tmp_path / "etc/netplan/50-cloud-init.yaml"
    installers.parent.mkdir()
    installers.write_text("network: {renderer: networkd, ethernets: {enp1s0: {dhcp4: true}}}\n")
    step = network_step(Network(renderer=(netplan.Renderer(name="NetworkManager"),)))
    told = network.brought_back(step, root, False)
    assert (told["state"], told["reason"]) == ("restored", "from the next start")
    plans = sorted(installers.parent.iterdir())
    assert netplan.renderer(plans[-1].read_text()) == "NetworkManager"
    assert "enp1s0" in installers.read_text()
    quiet = tmp_path / "etc/cloud/cloud.cfg.d/99-disable-network-config.cfg"
    assert quiet.read_text() == "network: {config: disabled}\n"
    assert systemctl == [("disable", "systemd-networkd-wait-online.service")]


def test_without_networkmanager_what_was_in_charge_stays(
    tmp_path: Path, systemctl: list[tuple[str, ...]]
) -> None:
    step = network_step(Network(renderer=(netplan.Renderer(name="NetworkManager"),)))
    told = network.brought_back(step, f"{tmp_path}/", False)
    assert (told["state"], list(tmp_path.iterdir()), systemctl) == ("unavailable", [], [])


def test_what_took_over_gives_back_when_networkmanager_is_gone(
    tmp_path: Path, systemctl: list[tuple[str, ...]]
) -> None:
    root = desktop(tmp_path)
    step = network_step(Network(renderer=(netplan.Renderer(name="NetworkManager"),)))
    network.brought_back(step, root, False)
    (tmp_path / network.MANAGER).unlink()
    assert network.brought_back(step, root, False)["state"] == "unavailable"
    assert list((tmp_path / "etc/netplan").iterdir()) == []
    assert not (tmp_path / network.QUIET).exists()
    assert systemctl[-1] == ("enable", "systemd-networkd-wait-online.service")


def test_a_plan_comes_back_as_it_was_told(tmp_path: Path) -> None:
    with_netplan(tmp_path, 'test -f "$3/etc/netplan/60-bridge.yaml"')
    text = "network:\n  bridges:\n    br0: {interfaces: [], addresses: [192.0.2.20/24]}\n"
    was, _, _ = netplan.parse_plan(text, name="60-bridge.yaml")
    assert was
    step = network_step(Network(plans=(was,)))
    assert network.brought_back(step, f"{tmp_path}/", True)["state"] == "restored"
    assert not (tmp_path / "etc").exists()
    assert network.brought_back(step, f"{tmp_path}/", False)["state"] == "restored"
    place = tmp_path / "etc/netplan/60-bridge.yaml"
    assert netplan.parse_plan(place.read_text(), name=place.name)[0] == was
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    place.write_text("network: {}\n")
    assert network.brought_back(step, f"{tmp_path}/", False)["state"] == "substituted"


def test_a_plan_that_netplan_refuses_is_not_written(tmp_path: Path) -> None:
    with_netplan(tmp_path, "echo noise >&2; echo 'x.yaml:1: Error in network definition' >&2; exit 1")
    step = network_step(Network(plans=(netplan.Plan(name="x.yaml", document="network: {}\n"),)))
    told = network.brought_back(step, f"{tmp_path}/", False)
    assert (told["state"], told["reason"]) == ("failed", "x.yaml:1: Error in network definition")
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize(("script", "written"), [("exit 0", True), ("exit 1", False), ("", False)])
def test_a_plan_without_its_secrets_is_written_where_it_breaks_nothing(
    script: str, written: bool, tmp_path: Path
) -> None:
    if script:
        with_netplan(tmp_path, script)
    plan = netplan.Plan(name="x.yaml", document="network: {}\n", secrets=("password",))
    told = network.brought_back(network_step(Network(plans=(plan,))), f"{tmp_path}/", False)
    assert (told["state"], told["until"]) == ("deferred", "secret")
    assert (tmp_path / "etc/netplan/x.yaml").exists() is written


@pytest.mark.parametrize(
    "name", ["../x.yaml", "/x.yaml", "x", r"\x2e\x2e/x.yaml", ".yaml", "a b.yaml", "-x.yaml"]
)
def test_no_plan_is_written_elsewhere(name: str, tmp_path: Path) -> None:
    step = network_step(Network(plans=(netplan.Plan(name=name, document="network: {}\n"),)))
    assert network.brought_back(step, f"{tmp_path}/", False)["state"] == "failed"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "thing",
    [
        resolver.Resolver(lines=("nameserver 9.9.9.9", r"search caf\xe9")),
        resolver.Resolver(target="/run/systemd/resolve/resolv.conf"),
    ],
)
def test_name_servers_come_back(thing: resolver.Resolver, tmp_path: Path) -> None:
    place = tmp_path / "etc/resolv.conf"
    place.parent.mkdir()
    place.symlink_to("../run/systemd/resolve/stub-resolv.conf")
    assert (
        network.brought_back(network_step(Network(resolver=(thing,))), f"{tmp_path}/", False)["state"]
        == "restored"
    )
    if thing.target:
        assert str(place.readlink()) == thing.target
    else:
        assert not place.is_symlink()
        assert resolver.parse_resolver(place.read_bytes().decode(errors="surrogateescape"))[0] == thing


def test_the_renderer_comes_before_plans_and_name_servers_last() -> None:
    things = Network(
        renderer=(netplan.Renderer(name="NetworkManager"),),
        plans=(netplan.Plan(name="x.yaml", document=""),),
        resolver=(resolver.Resolver(target="x"),),
    )
    steps = sorted(made(things)[0]["network"], key=lambda step: network.ORDER.index(step["kind"]))
    assert [step["kind"] for step in steps] == ["renderer", "plan", "resolver"]


# --- printers


def printer_steps(*things: printers.Printer) -> list[dict[str, Any]]:
    return made(Network(printers=things))[0]["printers"]


@pytest.mark.parametrize("name", ["cups-2.4", "classes", "options"])
def test_printers_come_back_once(name: str, tmp_path: Path) -> None:
    found, _ = printers.parse_printers(sample(f"cups_printers/{name}"), name=name)
    was = [each for each in found if not each.bound]
    steps = printer_steps(*was)
    for step, thing in zip(steps, was, strict=True):
        assert queues.brought_back(step, f"{tmp_path}/", True)["state"] == (
            "deferred" if thing.secrets else "restored"
        )
        assert not (tmp_path / "etc/cups/printers.conf").exists()
        queues.brought_back(step, f"{tmp_path}/", False)
    [place] = (tmp_path / "etc/cups").iterdir()
    now, findings = printers.parse_printers(place.read_text(), name="x")
    assert [each.model_copy(update={"secrets": ()}) for each in was] == list(now)
    assert findings == ()
    before = place.read_bytes()
    states = [queues.brought_back(step, f"{tmp_path}/", False)["state"] for step in steps]
    assert states == ["deferred" if each.secrets else "already" for each in was]
    assert place.read_bytes() == before


def test_there_is_one_default_and_a_queue_that_is_here_stays(tmp_path: Path) -> None:
    place = tmp_path / "etc/cups/printers.conf"
    place.parent.mkdir(parents=True)
    place.write_text("NextPrinterId 2\n<DefaultPrinter Own>\nDeviceURI ipp://own/\n</DefaultPrinter>")
    mine = printers.Printer(name="Mine", uri="ipp://mine/", default=True)
    taken = printers.Printer(name="Own", uri="ipp://other/")
    told = [queues.brought_back(step, f"{tmp_path}/", False)["state"] for step in printer_steps(mine, taken)]
    assert told == ["restored", "substituted"]
    now, _ = printers.parse_printers(place.read_text(), name="x")
    assert [(each.name, each.uri, each.default) for each in now] == [
        ("Own", "ipp://own/", False),
        ("Mine", "ipp://mine/", True),
    ]


def test_the_password_of_a_printer_counts_when_it_is_there(tmp_path: Path) -> None:
    [step] = printer_steps(printers.Printer(name="A", uri="smb://ada@nas/a", secrets=("password",)))
    told = queues.brought_back(step, f"{tmp_path}/", False)
    assert (told["state"], told["until"]) == ("deferred", "secret")
    place = tmp_path / "etc/cups/printers.conf"
    place.write_text(place.read_text().replace("ada@", "ada:x@"))
    assert queues.brought_back(step, f"{tmp_path}/", False)["state"] == "already"


def test_no_printer_brings_lines_of_its_own(tmp_path: Path) -> None:
    [step] = printer_steps(printers.Printer(name="A", uri=r"ipp://a/\x0a</Printer>"))
    assert queues.brought_back(step, f"{tmp_path}/", False)["state"] == "failed"
    assert list(tmp_path.iterdir()) == []


# --- as somebody else


def test_work_as_a_person_is_told_back_or_raised() -> None:
    me = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    assert shared().as_person(me, lambda word: [word, 1], "x") == ["x", 1]
    with pytest.raises(OSError, match="divi"):
        shared().as_person(me, lambda: 1 // 0)
    with pytest.raises(KeyError):
        shared().as_person("no-such-person", lambda: 1)
