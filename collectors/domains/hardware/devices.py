"""Which devices does the kernel see? Read from /sys, so of a running system alone.

Sources: sysfs-bus-pci, sysfs-class-net and others in the kernel's ABI documents, pci.ids(5), VESA E-EDID 1.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.domains.hardware.things import Disk, part
from collectors.host import Host
from collectors.reading.looking import Outcome, distinct, names_in
from collectors.record import Thing, escaped

PCI = "/sys/bus/pci/devices"
PCI_IDS = ("/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids")
GRAPHICS = "0x03"
SOUND = re.compile(r"\s*\d+\s+\[[^\]]*\]:\s*(\S+) - (.*\S)\s*")
VIRTUAL_DISKS = ("loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd", "zd")
BY_ID = "/dev/disk/by-id"
SECTOR_BYTES = 512
DISK_BOUND = "a disk of this machine: restore chooses one of the new machine"
EDID_BEGINS = bytes.fromhex("00ffffffffffff00")
EDID_NAME = b"\x00\x00\x00\xfc\x00"


def collect_devices(host: Host) -> Iterator[Outcome]:
    """Yield the machine, its processor, cards, disks, monitors."""
    if not host.booted:
        return
    yield from _machine(host)
    yield from processors(said(host, "/proc/cpuinfo"))
    yield from _numbered(_graphics(host))
    yield from _numbered(_disks(host))
    yield from _interfaces(host)
    yield from _numbered(_monitors(host))
    yield from _numbered(_batteries(host))
    yield from sounds(said(host, "/proc/asound/cards"))
    yield from _tpm(host)


def said(host: Host, path: str) -> str:
    """Return what a file of the kernel says, "" where it says nothing: a device may refuse to answer."""
    try:
        return host.read(path).decode(errors="surrogateescape")
    except OSError:
        return ""


def word(host: Host, path: str) -> str:
    """Return the one line of a file of the kernel, escaped."""
    return escaped(" ".join(said(host, path).split()))


def processors(cpuinfo: str) -> Iterator[Thing]:
    """Yield the processor of /proc/cpuinfo, all cores of which are alike."""
    facts: dict[str, str] = {}
    for line in cpuinfo.split("\n\n")[0].split("\n"):
        key, _, value = line.partition(":")
        facts[key.strip()] = escaped(" ".join(value.split()))
    maker = facts.get("vendor_id", "")
    model = facts.get("model name") or maker
    packages = {"GenuineIntel": "microcode=intel-microcode", "AuthenticAMD": "microcode=amd64-microcode"}
    if model:
        yield part("processor", model, packages.get(maker, ""))


def sounds(cards: str) -> Iterator[Thing]:
    """Yield the cards of /proc/asound/cards: ` 0 [PCH ]: HDA-Intel - HDA Intel PCH`, then a line more."""
    found = [match for line in cards.split("\n") if (match := SOUND.fullmatch(line))]
    names = distinct(escaped(match[2]) for match in found)
    for match, name in zip(found, names, strict=True):
        yield part("sound", name, f"driver={escaped(match[1])}")


def parse_pci_ids(content: str, vendor: str, device: str) -> str:
    """Return what pci.ids(5) calls a device, `NVIDIA Corporation GA106`, or its numbers `10de:2504`."""
    _, found, rest = f"\n{content}".partition(f"\n{vendor}  ")
    title, _, below = rest.partition("\n")
    if not found:
        return f"{vendor}:{device}"
    for line in below.split("\n"):
        if line.startswith(f"\t{device}  "):
            return escaped(f"{title.strip()} {line[7:].strip()}")
        if line and not line.startswith(("\t", "#")):
            break
    return escaped(f"{title.strip()} {device}")


def parse_edid(raw: bytes) -> str:
    """Return the name of a monitor in its EDID, or its maker's letters and number, "" where it is none."""
    if len(raw) < 128 or not raw.startswith(EDID_BEGINS):
        return ""
    for place in range(54, 126, 18):
        if raw[place : place + 5] == EDID_NAME:
            title = raw[place + 5 : place + 18].split(b"\n")[0]
            return escaped(title.decode("ascii", errors="surrogateescape").strip())
    maker = int.from_bytes(raw[8:10], "big")
    letters = "".join(chr(64 + (maker >> shift & 31)) for shift in (10, 5, 0))
    return escaped(f"{letters} {raw[11]:02x}{raw[10]:02x}")


def _numbered(things: Iterator[Thing]) -> Iterator[Thing]:
    """Give each of two parts of one name an id of its own."""
    every = list(things)
    names = distinct(str(getattr(each, "name", "")) for each in every)
    return (each.model_copy(update={"name": name}) for each, name in zip(every, names, strict=True))


def _machine(host: Host) -> Iterator[Thing]:
    top = "/sys/class/dmi/id"
    title = " ".join(filter(None, (word(host, f"{top}/sys_vendor"), word(host, f"{top}/product_name"))))
    facts = (
        f"{key}={value}"
        for key in ("product_version", "board_name", "bios_version", "chassis_type")
        if (value := word(host, f"{top}/{key}"))
    )
    if title:
        yield part("machine", title, *facts)


def _graphics(host: Host) -> Iterator[Thing]:
    names, _ = names_in(host, PCI)
    for name in names:
        top = f"{PCI}/{name}"
        if not word(host, f"{top}/class").startswith(GRAPHICS):
            continue
        vendor, device = (word(host, f"{top}/{key}").removeprefix("0x") for key in ("vendor", "device"))
        listed = next(filter(None, (said(host, path) for path in PCI_IDS)), "")
        title = parse_pci_ids(listed, vendor, device)
        driver = _last(host, f"{top}/driver")
        yield part("graphics", title, f"id={vendor}:{device}", f"driver={driver}" if driver else "")


def _last(host: Host, path: str) -> str:
    """Return the last name of where a link leads to, "" where there is none."""
    try:
        return escaped(host.link(path).rpartition("/")[2])
    except OSError:
        return ""


def _disks(host: Host) -> Iterator[Disk]:
    names, _ = names_in(host, "/sys/block")
    ids = _disk_ids(host)
    for name in names:
        top = f"/sys/block/{name}"
        if name.startswith(VIRTUAL_DISKS) or word(host, f"{top}/removable") == "1":
            continue
        model = word(host, f"{top}/device/model")
        serial = word(host, f"{top}/device/serial") or word(host, f"{top}/serial")
        yield Disk(
            name=" ".join(filter(None, (model, serial))) or escaped(name),
            model=model,
            serial=serial,
            size_bytes=_bytes(host, top),
            ids=tuple(escaped(each) for each in ids.get(name, ())),
            partitions=tuple(_partitions(host, name)),
            bound=DISK_BOUND,
        )


def _disk_ids(host: Host) -> dict[str, list[str]]:
    """Return the names in /dev/disk/by-id of each disk."""
    found: dict[str, list[str]] = {}
    for name in names_in(host, BY_ID)[0]:
        found.setdefault(_last(host, f"{BY_ID}/{name}"), []).append(name)
    return found


def _partitions(host: Host, disk: str) -> Iterator[str]:
    for name in names_in(host, f"/sys/block/{disk}")[0]:
        number = word(host, f"/sys/block/{disk}/{name}/partition") if name.startswith(disk) else ""
        if number:
            yield f"{number} {_bytes(host, f'/sys/block/{disk}/{name}')}"


def _bytes(host: Host, top: str) -> int:
    size = word(host, f"{top}/size")
    return int(size) * SECTOR_BYTES if size.isascii() and size.isdigit() else 0


def _interfaces(host: Host) -> Iterator[Thing]:
    """Yield the network cards; what has no device is made by programs."""
    for name in names_in(host, "/sys/class/net")[0]:
        top = f"/sys/class/net/{name}"
        inside = names_in(host, top)[0]
        if "device" in inside:
            kind = "wireless" if "wireless" in inside or "phy80211" in inside else "wired"
            driver = _last(host, f"{top}/device/driver")
            yield part("interface", escaped(name), f"kind={kind}", f"driver={driver}" if driver else "")


def _monitors(host: Host) -> Iterator[Thing]:
    for name in names_in(host, "/sys/class/drm")[0]:
        raw = said(host, f"/sys/class/drm/{name}/edid").encode(errors="surrogateescape")
        title = parse_edid(raw) if raw else ""
        if title:
            yield part("monitor", title, f"at={escaped(name.partition('-')[2])}")


def _batteries(host: Host) -> Iterator[Thing]:
    for name in names_in(host, "/sys/class/power_supply")[0]:
        top = f"/sys/class/power_supply/{name}"
        if word(host, f"{top}/type") == "Battery" and word(host, f"{top}/scope") != "Device":
            title = f"{word(host, f'{top}/manufacturer')} {word(host, f'{top}/model_name')}".strip()
            yield part("battery", title or escaped(name))


def _tpm(host: Host) -> Iterator[Thing]:
    for name in names_in(host, "/sys/class/tpm")[0]:
        version = word(host, f"/sys/class/tpm/{name}/tpm_version_major")
        yield part("tpm", escaped(name), f"version={version}" if version else "")
