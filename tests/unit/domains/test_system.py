from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from collectors.domains import system
from collectors.domains.system import Keyboard, Release
from collectors.failure import Failure
from tests.unit.fakes import FakeHost, machine

OS_RELEASE = 'ID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n'
DESKTOP = {
    "/usr/lib/os-release": OS_RELEASE,
    "/etc/os-release": "-> ../usr/lib/os-release",
    "/etc/hostname": "ember\n",
    "/etc/default/locale": "LANG=de_DE.UTF-8\nLC_TIME=en_DK.UTF-8\n",
    "/etc/default/keyboard": 'XKBMODEL="pc105"\nXKBLAYOUT="de"\nXKBVARIANT=""\nXKBOPTIONS=caps:escape\n',
    "/etc/localtime": "-> /usr/share/zoneinfo/Europe/Berlin",
    "/etc/timezone": "Etc/UTC\n",
}


def test_collects_a_desktop(tmp_path: Path) -> None:
    found = system.collect(machine(tmp_path, DESKTOP))
    section = found.section
    assert section.release == Release(
        distribution="ubuntu", version="24.04", codename="noble", architecture="amd64"
    )
    assert section.hostname == "ember"
    assert section.locale == "de_DE.UTF-8"
    assert section.timezone == "Europe/Berlin"
    assert section.keyboard == Keyboard(model="pc105", layout="de", options="caps:escape")
    assert (section.machine, section.firmware) == ("physical", "unknown")
    assert found.findings == () and found.contents == {}


def test_what_is_not_set_is_not_expected_back(tmp_path: Path) -> None:
    section = system.collect(machine(tmp_path, {"/etc/os-release": OS_RELEASE})).section
    assert section.timezone == "Etc/UTC"
    eligible = [item.id for item in section.items() if not item.bound]
    assert eligible == ["system:timezone"]


def test_newer_places_count_first(tmp_path: Path) -> None:
    files = {**DESKTOP, "/etc/locale.conf": "LANG=fr_FR.UTF-8\n"}
    assert system.collect(machine(tmp_path, files)).section.locale == "fr_FR.UTF-8"


def test_a_line_that_is_not_understood_is_a_finding(tmp_path: Path) -> None:
    files = {**DESKTOP, "/etc/default/keyboard": 'XKBLAYOUT="de\n'}
    findings = system.collect(machine(tmp_path, files)).findings
    assert [finding.subject for finding in findings] == ["/etc/default/keyboard:1"]


@pytest.mark.parametrize("path", ["/etc/hostname", "/etc/default/locale", "/etc/default/keyboard"])
def test_a_closed_file_is_never_told_as_unset(tmp_path: Path, path: str) -> None:
    host = replace(machine(tmp_path, DESKTOP), failing={path: PermissionError(13, "no")})
    with pytest.raises(PermissionError):
        system.collect(host)


def test_no_release_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="names no ID"):
        system.collect(machine(tmp_path))


@pytest.mark.parametrize(
    ("link", "file", "zone"),
    [
        ("/usr/share/zoneinfo/Europe/Berlin", "Etc/UTC\n", "Europe/Berlin"),
        ("../usr/share/zoneinfo/America/Argentina/Salta", "", "America/Argentina/Salta"),
        ("", "Asia/Tokyo\n", "Asia/Tokyo"),
        ("/somewhere/else", "Asia/Tokyo\n", "Asia/Tokyo"),
        ("/usr/share/zoneinfo/\udcff", "", "Etc/UTC"),
        ("", "", "Etc/UTC"),
    ],
)
def test_timezone(link: str, file: str, zone: str) -> None:
    assert system.parse_timezone(link, file) == zone


@pytest.mark.parametrize(
    ("content", "name"),
    [("ember\n", "ember"), ("# why\n\n ember \n", "ember"), ("", ""), ("j\udcfcrgen\n", "")],
)
def test_hostname(content: str, name: str) -> None:
    assert system.parse_hostname(content) == name


@pytest.mark.parametrize(
    ("cpu", "product", "kind"),
    [
        ("flags\t\t: fpu hypervisor sse", "", "virtual"),
        ("flags\t\t: fpu sse", "LENOVO 20XW", "physical"),
        ("model name\t: a hypervisor", "", "physical"),
        ("", "QEMU Standard PC", "virtual"),
    ],
)
def test_parse_machine(cpu: str, product: str, kind: str) -> None:
    assert system.parse_machine(cpu, product) == kind


def booted(tmp_path: Path, files: dict[str, str | bytes | None]) -> FakeHost:
    return replace(machine(tmp_path, files), booted=True)


@pytest.mark.parametrize(
    ("files", "kind", "firmware"),
    [
        ({"/run/systemd/container": "lxc"}, "container", "unknown"),
        ({"/.dockerenv": "", "/sys/firmware/efi": None}, "container", "unknown"),
        ({"/sys/firmware/efi": None}, "physical", "uefi"),
        ({"/sys/class/dmi/id/sys_vendor": "VMware, Inc."}, "virtual", "bios"),
    ],
)
def test_machine_and_firmware(
    tmp_path: Path, files: dict[str, str | bytes | None], kind: str, firmware: str
) -> None:
    host = booted(tmp_path, files)
    assert (system.machine(host), system.firmware(host)) == (kind, firmware)
