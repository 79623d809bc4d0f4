"""Which drivers, kernel modules and firmware are here for this machine's hardware?

Packages by what is known of them; modules that DKMS builds (dkms(8)); firmware that no package brought.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from collectors.collected import Cover, Loss
from collectors.debian import dpkg
from collectors.debian.variables import parse_variables
from collectors.domains.hardware.things import Driver, Firmware, Module
from collectors.host import Host, remembered
from collectors.judgement.knowledge import choices
from collectors.reading.looking import Outcome, entry_at, names_in, text_in
from collectors.record import escaped

DKMS = "/var/lib/dkms"
SOURCES = "/usr/src"
FIRMWARE = "/lib/firmware"
MODULES = "/lib/modules"
KEYS = ("mok.key", "mok.pub", "mok.pem")
PACKAGED = "built for the kernel of this machine: its package builds it again"
BY_HAND = "built from a source that no package brought: put it into /usr/src again"
NOT_PACKAGED = "for a part of this machine; another one needs its own, or the same file again"
LISTED = (b"/firmware/", b"/usr/src/")


def collect_drivers(host: Host) -> Iterator[Outcome]:
    """Yield the packages for hardware, DKMS' modules and firmware of unknown origin."""
    for name in sorted({package.name for package in dpkg.read(host).installed}):
        found = choices().driver(name)
        if found:
            yield Driver(name=name, bound=found.why)
    yield from _modules(host)
    yield from _firmware(host)


def _modules(host: Host) -> Iterator[Outcome]:
    names, findings = names_in(host, SOURCES)
    yield from findings
    for folder in names:
        place = f"{SOURCES}/{folder}"
        if "-" not in folder or entry_at(host, f"{place}/dkms.conf")[0] is None:
            continue
        name, version = _module(folder, text_in(host, f"{place}/dkms.conf")[0])
        package = _owners(host).get(f"{place}/dkms.conf", "")
        yield Module(
            name=escaped(name),
            version=escaped(version),
            package=package,
            bound=PACKAGED if package else BY_HAND,
        )
        if not package:
            remedy = shlex.join(("tar", "-czf", f"{folder}.tar.gz", place))
            yield Loss(
                "no-recipe", escaped(place), f"the source of the kernel module {escaped(name)}", remedy
            )
    yield from _built(host)


def _module(folder: str, settings: str) -> tuple[str, str]:
    """Return the name and the version of the module in `/usr/src/NAME-VERSION`; either may have a dash."""
    variables, _ = parse_variables(settings, name=folder)
    name = variables.get("PACKAGE_NAME", "")
    if not name or not folder.startswith(f"{name}-"):
        name = folder.rpartition("-")[0]
    return name, folder[len(name) + 1 :]


def _built(host: Host) -> Iterator[Cover]:
    """Yield what DKMS makes anew."""
    for name in names_in(host, DKMS)[0]:
        if name not in KEYS:
            yield Cover(f"{DKMS}/{name}", "made anew by DKMS")
    for kernel in names_in(host, MODULES)[0]:
        place = f"{MODULES}/{kernel}/updates/dkms"
        if entry_at(host, place)[0]:
            yield Cover(place, "made anew by DKMS")


def _firmware(host: Host) -> Iterator[Outcome]:
    """Yield each file of firmware that no package brought, a whole directory of them as one."""
    if entry_at(host, FIRMWARE)[0] is None:
        return
    owned = _owners(host)
    folders = [FIRMWARE]
    while folders:
        folder = folders.pop(0)
        try:
            entries = host.entries(folder)
        except OSError:
            continue
        for entry in entries:
            known_path = entry.path in owned
            if known_path and entry.is_dir:
                folders.append(entry.path)
            elif not known_path and not entry.is_symlink:
                path = escaped(entry.path)
                yield Firmware(path=path, bound=NOT_PACKAGED)
                remedy = shlex.join(("tar", "-czf", "firmware.tar.gz", path))
                yield Loss("unowned", path, "firmware that no package brought", remedy, entry.size_bytes)


@remembered
def _owners(host: Host) -> Mapping[str, str]:
    """Return the package that brought each path of firmware or of a module's source, without `/usr/lib`."""
    found: dict[str, str] = {}
    for name in names_in(host, dpkg.LISTS)[0]:
        if not name.endswith(".list"):
            continue
        raw = host.read(f"{dpkg.LISTS}/{name}")
        if any(part in raw for part in LISTED):
            package = name.removesuffix(".list").partition(":")[0]
            for path in raw.decode(errors="surrogateescape").split("\n"):
                found[path.removeprefix("/usr") if path.startswith("/usr/lib/") else path] = package
    return found
