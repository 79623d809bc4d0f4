"""Which virtual machines and system containers are there?

libvirt's definitions (/etc/libvirt/qemu, ~/.config/libvirt/qemu) are files that the posture keeps; LXD and
Incus keep theirs in a database, so only their names are known. The disks of all of them are losses.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from collectors.collected import Loss
from collectors.domains.containers.things import Instance
from collectors.failure import Finding
from collectors.homes import homes
from collectors.host import Host
from collectors.reading.looking import Outcome, entry_at, names_in, parse_xml, text_in
from collectors.record import escaped

LIBVIRT = "/etc/libvirt/qemu"
OWN_LIBVIRT = ".config/libvirt/qemu"
# Where each keeps instances by name, and the command that saves one.
SYSTEM_CONTAINERS: Mapping[str, str] = {
    "/var/snap/lxd/common/lxd": "lxc",
    "/var/lib/lxd": "lxc",
    "/var/lib/incus": "incus",
}


def collect_machines(host: Host) -> Iterator[Outcome]:
    """Yield the machines of libvirt, LXD and Incus, and what would be lost with their disks."""
    yield from _libvirt(host, LIBVIRT, "libvirt")
    for home in homes(host):
        yield from _libvirt(host, home.within(OWN_LIBVIRT), f"~{home.user}/libvirt")
    for top, command in SYSTEM_CONTAINERS.items():
        for kind in ("containers", "virtual-machines"):
            names, findings = names_in(host, f"{top}/{kind}")
            yield from findings
            for name in names:
                yield from _instance(escaped(name), command)


def definitions(host: Host) -> tuple[str, ...]:
    """Return where machines, networks and pools of libvirt are defined, and the containers of quadlets."""
    machines = (
        f"{home.within(OWN_LIBVIRT)}/{name}"
        for home in homes(host)
        for name in names_in(host, home.within(OWN_LIBVIRT))[0]
        if name.endswith(".xml") or name == "autostart"
    )
    quadlets = (home.within(".config/containers/systemd") for home in homes(host))
    return LIBVIRT, "/etc/libvirt/storage", *machines, *quadlets


def parse_domain(content: str, *, path: str) -> tuple[Instance | None, tuple[Finding, ...]]:
    """Return the machine that a libvirt domain file defines (`<domain><name>…`), without its manager."""
    raw = content.encode(errors="surrogateescape")
    domain, findings = parse_xml(raw, path=path, remedy="look at it with `virsh dumpxml`")
    if domain is None:
        return None, findings
    name = domain.findtext("name") or ""
    if not name:
        return None, (Finding(escaped(path), "no machine's name is in it", "look at it with `virsh list`"),)
    sources = (
        disk.find("source") for disk in domain.iterfind("devices/disk") if disk.get("device") != "cdrom"
    )
    disks = {
        escaped(place)
        for source in sources
        if source is not None and (place := source.get("file") or source.get("dev"))
    }
    return Instance(manager="libvirt", name=escaped(name), disks=tuple(sorted(disks))), ()


def _libvirt(host: Host, top: str, manager: str) -> Iterator[Outcome]:
    names, findings = names_in(host, top)
    yield from findings
    for name in names:
        if not name.endswith(".xml"):
            continue
        content, findings = text_in(host, f"{top}/{name}")
        yield from findings
        if content:
            machine, findings = parse_domain(content, path=f"{top}/{name}")
            yield from findings
            if machine:
                yield machine.model_copy(update={"manager": manager})
                yield from _disks(host, machine)


def _disks(host: Host, machine: Instance) -> Iterator[Outcome]:
    for disk in machine.disks:
        entry, findings = entry_at(host, disk)
        yield from findings
        if entry and entry.is_file:
            yield Loss(
                "volume",
                disk,
                f"the disk of the virtual machine {machine.name}",
                f"cp --sparse=always {shlex.quote(disk)} /path/to/a/backup/",
                entry.size_bytes,
                1,
                entry.mtime_ns // 10**9,
            )


def _instance(name: str, command: str) -> Iterator[Outcome]:
    instance = Instance(manager={"lxc": "lxd"}.get(command, command), name=name)
    yield instance
    remedy = shlex.join((command, "export", name, f"{name}.tar.gz"))
    yield Loss("volume", instance.item_id(), f"the disk of the instance {name}", remedy)
