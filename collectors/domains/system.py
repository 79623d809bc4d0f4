"""What is this machine, and what was its installer told?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from collectors.collected import Collected
from collectors.debian import dpkg
from collectors.debian.variables import parse_variables
from collectors.failure import Failure, Finding
from collectors.host import Host, text
from collectors.record import Record, Section, Thing

HOSTNAME = "/etc/hostname"
ZONE = re.compile(r"[A-Za-z0-9_+/-]+")
HYPERVISORS = ("qemu", "kvm", "vmware", "virtualbox", "innotek", "xen", "bochs", "virtual machine")
NOT_SET = "not set on that machine"


class Release(Record):
    """The release that runs: `ubuntu`, `24.04`, `noble`, `amd64`."""

    distribution: str
    version: str
    codename: str
    architecture: str


class Keyboard(Record):
    """The words of keyboard(5): `pc105`, `de`, `nodeadkeys`, `caps:escape`."""

    model: str = ""
    layout: str = ""
    variant: str = ""
    options: str = ""


class Fact(Thing):
    """One fact about the machine: `hostname`, `ember`."""

    KIND: ClassVar[str] = "system"

    name: str
    value: Any

    def item_name(self) -> str:
        """Return its name."""
        return self.name


class System(Section):
    """What the machine is, and what its installer was told."""

    NAME: ClassVar[str] = "system"

    release: Release
    machine: Literal["physical", "virtual", "container"]
    firmware: Literal["uefi", "bios", "unknown"]
    hostname: str
    locale: str
    timezone: str
    keyboard: Keyboard

    def things(self) -> Iterator[Thing]:
        """Yield its facts."""
        yield Fact(name="release", value=self.release, bound="the base ISO decides it")
        yield Fact(name="machine", value=self.machine, bound="bound to the hardware")
        yield Fact(name="firmware", value=self.firmware, bound="bound to the hardware")
        for name in ("hostname", "locale", "timezone", "keyboard"):
            value = getattr(self, name)
            yield Fact(name=name, value=value, bound=NOT_SET if value in ("", Keyboard()) else "")
        yield from self.left_out


def collect(host: Host) -> Collected[System]:
    """Collect the section `system`.

    Raises Failure where there is no release to be told, OSError where a file is closed: what it said
    before must not count as unset.
    """
    release, odd = _variables(host, "/etc/os-release", "/usr/lib/os-release")
    locale, strange = _variables(host, "/etc/locale.conf", "/etc/default/locale")
    keyboard, unclear = _variables(host, "/etc/default/keyboard", "/etc/vconsole.conf")
    section = System(
        release=parse_release(release, dpkg.read(host).architecture),
        machine=machine(host),
        firmware=firmware(host),
        hostname=own_name(host),
        locale=locale.get("LANG", ""),
        timezone=timezone(host),
        keyboard=parse_keyboard(keyboard),
    )
    return Collected(section, findings=(*odd, *strange, *unclear))


def parse_release(variables: dict[str, str], architecture: str) -> Release:
    """Return the release that os-release(5) names; raises Failure when it names none."""
    if not variables.get("ID"):
        raise Failure("/etc/os-release names no ID", remedy="name the root of a Debian or Ubuntu")
    return Release(
        distribution=variables["ID"],
        version=variables.get("VERSION_ID", ""),
        codename=variables.get("VERSION_CODENAME", ""),
        architecture=architecture,
    )


def parse_keyboard(variables: dict[str, str]) -> Keyboard:
    """Return what keyboard(5) or vconsole.conf(5) says; both use the same names."""
    return Keyboard(
        model=variables.get("XKBMODEL", ""),
        layout=variables.get("XKBLAYOUT", ""),
        variant=variables.get("XKBVARIANT", ""),
        options=variables.get("XKBOPTIONS", ""),
    )


def parse_hostname(content: str) -> str:
    """Return the name in hostname(5), or "" when there is none or it is no name."""
    lines = (line.strip() for line in content.split("\n"))
    name = next((line for line in lines if line and not line.startswith("#")), "")
    return name if name.isascii() and name.isprintable() else ""


def own_name(host: Host) -> str:
    """Return the name of `host`, "" where it has none."""
    return parse_hostname(text(host, HOSTNAME))


def parse_timezone(link: str, file: str) -> str:
    """Return the zone, `Europe/Berlin`: from where /etc/localtime points, else from /etc/timezone.

    With neither, a machine runs on UTC (localtime(5)).
    """
    _, _, linked = link.partition("zoneinfo/")
    written = file.strip().split("\n")[0]
    return next((zone for zone in (linked, written) if ZONE.fullmatch(zone)), "Etc/UTC")


def parse_machine(cpu: str, product: str) -> Literal["physical", "virtual"]:
    """Tell from /proc/cpuinfo and the firmware's product names whether this is a virtual machine."""
    flags = (line for line in cpu.split("\n") if line.startswith(("flags", "Features")))
    hypervisor = any("hypervisor" in line.split() for line in flags)
    named = any(word in product.lower() for word in HYPERVISORS)
    return "virtual" if hypervisor or named else "physical"


def machine(host: Host) -> Literal["physical", "virtual", "container"]:
    """Tell what the system runs on; a tree that is not booted cannot tell and counts as physical."""
    if not host.booted:
        return "physical"
    marks = ("/run/systemd/container", "/run/.containerenv", "/.dockerenv")
    if any(host.look(mark) for mark in marks):
        return "container"
    dmi = ("/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/product_name")
    return parse_machine(text(host, "/proc/cpuinfo"), " ".join(text(host, file) for file in dmi))


def firmware(host: Host) -> Literal["uefi", "bios", "unknown"]:
    """Tell what started the system; a container and a tree that is not booted cannot tell."""
    if not host.booted or machine(host) == "container":
        return "unknown"
    return "uefi" if host.look("/sys/firmware/efi") else "bios"


def timezone(host: Host) -> str:
    """Return the zone of `host`."""
    entry = host.look("/etc/localtime")
    link = host.link("/etc/localtime") if entry and entry.is_symlink else ""
    return parse_timezone(link, text(host, "/etc/timezone"))


def _variables(host: Host, *paths: str) -> tuple[dict[str, str], tuple[Finding, ...]]:
    """Return the variables of the first of `paths` that has any."""
    findings: tuple[Finding, ...] = ()
    for path in paths:
        variables, odd = parse_variables(text(host, path), name=path)
        findings += odd
        if variables:
            return variables, findings
    return {}, findings
