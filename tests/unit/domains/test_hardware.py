from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.collected import Collected
from collectors.domains import hardware
from collectors.domains.hardware import Hardware, devices, enrolled
from collectors.domains.hardware.known import known
from collectors.failure import Finding
from collectors.judgement.knowledge import choices
from tests.unit.fakes import STATUS, FakeHost, machine
from tests.unit.sampled import SAMPLES, sampled

GPU = "/sys/bus/pci/devices/0000:01:00.0"
DISK = "/sys/devices/pci0000:00/nvme/nvme0n1"
SYS: dict[str, str | bytes | None] = {
    "/sys/class/dmi/id/sys_vendor": "Example Inc.\n",
    "/sys/class/dmi/id/product_name": "Ember 13\n",
    "/sys/class/dmi/id/bios_version": "1.2\n",
    "/proc/cpuinfo": (SAMPLES / "cpuinfo/amd").read_bytes(),
    "/proc/asound/cards": (SAMPLES / "asound/laptop").read_bytes(),
    "/usr/share/misc/pci.ids": (SAMPLES / "pci_ids/excerpt").read_bytes(),
    f"{GPU}/class": "0x030000\n",
    f"{GPU}/vendor": "0x10de\n",
    f"{GPU}/device": "0x2504\n",
    f"{GPU}/driver": "-> ../../../../bus/pci/drivers/nvidia",
    "/sys/bus/pci/devices/0000:00:00.0/class": "0x060000\n",
    f"{DISK}/size": "2000409264\n",
    f"{DISK}/removable": "0\n",
    f"{DISK}/device/model": "Samsung SSD 980  1TB   \n",
    f"{DISK}/device/serial": "S64DNX0R\n",
    f"{DISK}/nvme0n1p1/partition": "1\n",
    f"{DISK}/nvme0n1p1/size": "2048\n",
    "/sys/block/nvme0n1": f"-> {DISK.replace('/sys/', '../')}",
    "/sys/block/loop0/size": "8\n",
    "/sys/block/sdb/removable": "1\n",
    "/dev/disk/by-id/nvme-Samsung_SSD_980_S64DNX0R": "-> ../../nvme0n1",
    "/dev/disk/by-id/nvme-Samsung_SSD_980_S64DNX0R-part1": "-> ../../nvme0n1p1",
    "/sys/class/net/wlp2s0/device/driver": "-> ../drivers/iwlwifi",
    "/sys/class/net/wlp2s0/phy80211": None,
    "/sys/class/net/wlp2s0/address": "00:11:22:33:44:55\n",
    "/sys/class/net/lo/address": "00:00:00:00:00:00\n",
    "/sys/class/drm/card0-DP-1/edid": (SAMPLES / "edid/named").read_bytes(),
    "/sys/class/drm/card0-DP-2/edid": (SAMPLES / "edid/named").read_bytes(),
    "/sys/class/drm/card0-HDMI-A-1/edid": b"",
    "/sys/class/power_supply/BAT0/type": "Battery\n",
    "/sys/class/power_supply/BAT0/model_name": "DELL 1\n",
    "/sys/class/power_supply/hidpp_battery_0/type": "Battery\n",
    "/sys/class/power_supply/hidpp_battery_0/scope": "Device\n",
    "/sys/class/power_supply/AC/type": "Mains\n",
    "/sys/class/tpm/tpm0/tpm_version_major": "2\n",
}
BYTES = st.binary(max_size=300)

test_pci_ids = sampled("pci_ids", lambda text, name: devices.parse_pci_ids(text, "10de", "2504"))
test_edid = sampled("edid", lambda text, name: devices.parse_edid(text.encode(errors="surrogateescape")))
test_cpuinfo = sampled("cpuinfo", lambda text, name: list(devices.processors(text)))
test_asound = sampled("asound", lambda text, name: list(devices.sounds(text)))


def package(name: str) -> str:
    return f"\nPackage: {name}\nStatus: install ok installed\nArchitecture: all\n"


def ids(found: Collected[Hardware]) -> list[str]:
    return [thing.item_id() for thing in found.section.things()]


def booted(tmp_path: Path, files: dict[str, str | bytes | None]) -> FakeHost:
    return replace(machine(tmp_path, files), booted=True)


def test_nothing_there_is_nothing_told(tmp_path: Path) -> None:
    assert hardware.collect(machine(tmp_path, {})) == Collected(Hardware())
    assert hardware.collect(booted(tmp_path / "b", {})) == Collected(Hardware())


def test_the_parts_of_a_running_machine(tmp_path: Path) -> None:
    found = hardware.collect(booted(tmp_path, SYS))
    assert {each.item_id(): each.details for each in found.section.parts} == {
        "hardware:battery/DELL 1": (),
        "hardware:graphics/NVIDIA Corporation GA106 [GeForce RTX 3060 Lite Hash Rate]": (
            "id=10de:2504",
            "driver=nvidia",
        ),
        "hardware:interface/wlp2s0": ("kind=wireless", "driver=iwlwifi"),
        "hardware:machine/Example Inc. Ember 13": ("bios_version=1.2",),
        "hardware:monitor/DELL U2720Q": ("at=DP-1",),
        "hardware:monitor/DELL U2720Q (2)": ("at=DP-2",),
        "hardware:processor/AMD EPYC": ("microcode=amd64-microcode",),
        "hardware:sound/HDA Intel PCH": ("driver=HDA-Intel",),
        "hardware:sound/HDA Intel PCH (2)": ("driver=HDA-Intel",),
        "hardware:sound/HDA NVidia": ("driver=HDA-Intel",),
        "hardware:tpm/tpm0": ("version=2",),
    }
    assert "00:11:22" not in repr(found.section)
    assert found.findings == ()


def test_a_disk_is_told_from_others_of_its_size(tmp_path: Path) -> None:
    [disk] = hardware.collect(booted(tmp_path, SYS)).section.disks
    assert (disk.item_id(), disk.size_bytes, disk.ids, disk.partitions) == (
        "disk:Samsung SSD 980 1TB S64DNX0R",
        2000409264 * 512,
        ("nvme-Samsung_SSD_980_S64DNX0R",),
        ("1 1048576",),
    )


def test_parts_are_seen_on_a_running_machine_alone(tmp_path: Path) -> None:
    assert hardware.collect(machine(tmp_path, SYS)).section == Hardware()


DRIVERS: dict[str, str | bytes | None] = {
    "/var/lib/dpkg/status": STATUS + "".join(map(package, ("nvidia-driver-550", "htop", "intel-microcode"))),
    "/var/lib/dpkg/info/v4l2loopback-dkms.list": "/.\n/usr/src/v4l2loopback-0.12\n"
    "/usr/src/v4l2loopback-0.12/dkms.conf\n",
    "/var/lib/dpkg/info/linux-firmware.list": "/lib/firmware\n/lib/firmware/amdgpu\n"
    "/lib/firmware/amdgpu/a.bin\n/usr/lib/firmware/b.bin\n",
    "/usr/src/v4l2loopback-0.12/dkms.conf": "x",
    "/usr/src/xone-0.3/dkms.conf": "x",
    "/usr/src/linux-headers-6.8.0": None,
    "/var/lib/dkms/xone/0.3": None,
    "/var/lib/dkms/mok.key": "secret",
    "/lib/modules/6.8.0/updates/dkms": None,
    "/lib/firmware/amdgpu/a.bin": "x",
    "/lib/firmware/amdgpu/mine.bin": "x",
    "/lib/firmware/b.bin": "x",
    "/lib/firmware/xone": None,
    "/lib/firmware/regulatory.db": "-> /etc/alternatives/regulatory.db",
}


def test_drivers_modules_and_firmware(tmp_path: Path) -> None:
    found = hardware.collect(machine(tmp_path, DRIVERS))
    assert {thing.item_id(): thing.by_hand() for thing in found.section.things()} == {
        "driver:intel-microcode": "apt install amd64-microcode intel-microcode",
        "driver:nvidia-driver-550": "ubuntu-drivers install",
        "dkms:v4l2loopback": "apt install v4l2loopback-dkms",
        "dkms:xone": "dkms install xone/0.3",
        "firmware:/lib/firmware/amdgpu/mine.bin": "",
        "firmware:/lib/firmware/xone": "",
        "left-out:/var/lib/dkms/mok.key": "",
    }
    assert [(loss.kind, loss.subject) for loss in found.losses] == [
        ("no-recipe", "/usr/src/xone-0.3"),
        ("unowned", "/lib/firmware/xone"),
        ("unowned", "/lib/firmware/amdgpu/mine.bin"),
    ]
    assert {cover.path for cover in found.covers} == {
        "/var/lib/dkms/xone",
        "/lib/modules/6.8.0/updates/dkms",
    }


ENROLLED: dict[str, str | bytes | None] = {
    "/var/lib/shim-signed/mok/MOK.der": "x",
    "/var/lib/shim-signed/mok/MOK.priv": "secret",
    "/var/lib/fprint/ada/driver/0": None,
    "/var/lib/boltd/devices/0001": "[device]\nname=Dock\nvendor=Example\n",
    "/etc/default/grub": 'GRUB_CMDLINE_LINUX_DEFAULT="quiet splash amd_pstate=active"\n',
    "/etc/default/grub.d/x.cfg": 'GRUB_CMDLINE_LINUX="iommu=pt"\n',
    "/etc/kernel/cmdline": "root=UUID=1 ro iommu=pt\n",
}


def test_what_was_enrolled_and_what_the_kernel_was_told(tmp_path: Path) -> None:
    assert ids(hardware.collect(machine(tmp_path, ENROLLED))) == [
        "hardware:fingerprint/ada",
        "hardware:kernel-option/amd_pstate=active",
        "hardware:kernel-option/iommu=pt",
        "hardware:secure-boot/MOK.der",
        "hardware:thunderbolt/Example Dock",
        "left-out:/var/lib/shim-signed/mok/MOK.priv",
    ]


@pytest.mark.parametrize(
    ("folder", "settings", "name", "version"),
    [
        ("rtl88x2bu-5.8_3-git", "PACKAGE_NAME=rtl88x2bu\n", "rtl88x2bu", "5.8_3-git"),
        ("a-b-1", 'PACKAGE_NAME="a-b"\nBUILT_MODULE_NAME[0]="a"\n', "a-b", "1"),
        ("a-b-1", "PACKAGE_NAME=other\n", "a-b", "1"),
        ("a-1", "", "a", "1"),
    ],
)
def test_a_module_and_its_version_may_have_dashes(
    tmp_path: Path, folder: str, settings: str, name: str, version: str
) -> None:
    found = hardware.collect(machine(tmp_path, {f"/usr/src/{folder}/dkms.conf": settings}))
    assert [(module.name, module.version) for module in found.section.modules] == [(name, version)]


def test_everything_is_bound_and_says_why(tmp_path: Path) -> None:
    found = hardware.collect(booted(tmp_path, {**SYS, **DRIVERS, **ENROLLED}))
    assert len({item.id for item in found.section.items()}) == len(list(found.section.items())) == 25
    assert all(item.bound for item in found.section.items())


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("quiet splash", ()),
        ('a="b c" ro a=1', ("a=b c", "a=1")),
        ("it's", ("it's",)),
        ("\udcff", (r"\xff",)),
        ("root=/dev/sda1 rd.luks.name=1=x nomodeset", ("nomodeset",)),
        ("ipmi.password=hunter22 iommu=pt", ("iommu=pt",)),
    ],
)
def test_options_of_the_kernel(line: str, options: tuple[str, ...]) -> None:
    assert enrolled.kernel_options(line) == options


def test_what_cannot_be_read_is_a_finding_and_a_silent_device_is_none(tmp_path: Path) -> None:
    host = booted(tmp_path, {**SYS, **ENROLLED})
    failing = {
        "/var/lib/fprint": PermissionError(13, "no"),
        "/sys/class/tpm/tpm0/tpm_version_major": OSError(5, "Input/output error"),
    }
    found = hardware.collect(replace(host, failing=failing))
    assert found.findings == (Finding("/var/lib/fprint", "not readable", "run with sudo"),)
    assert "hardware:tpm/tpm0" in ids(found)


def test_hostile_names_are_one_line(tmp_path: Path) -> None:
    host = machine(tmp_path, {"/var/lib/fprint/a\nb": None, "/usr/src/\udcff-1/dkms.conf": "x"})
    assert ids(hardware.collect(host)) == [r"hardware:fingerprint/a\x0ab", r"dkms:\xff"]


def test_every_kind_of_part_is_known() -> None:
    assert all(instead.why for instead in known().parts.values())
    assert all(each.why and each.instead and each.packages for each in choices().drivers)


@given(BYTES, st.sampled_from([devices.EDID_BEGINS, b"10de  ", b" 0 [x ]: ", b"model name : "]))
def test_no_bytes_crash_a_parser(raw: bytes, begin: bytes) -> None:
    text = os.fsdecode(begin + raw)
    devices.parse_edid(begin + raw).encode()
    devices.parse_pci_ids(text, "10de", "2504").encode()
    for thing in (*devices.processors(text), *devices.sounds(text)):
        thing.model_dump_json()
    for option in enrolled.kernel_options(text):
        option.encode()
