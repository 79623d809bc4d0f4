"""How does a base become a prepared base?

Once per base: it is authored anew with the recovery boot menu, what the medium carries of Rekindle, and areas
of a fixed length, laid out last. The same base and capacities give the same bytes, under a name made of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from autoinstall.delivery import Delivery
from builder.alone import alone
from builder.base.provenance import Base
from builder.iso import areas, medium, shelf
from builder.iso.areas import AREAS, MD5SUMS, Area, BaseSaid, Extent, Layout, located
from builder.iso.author import author
from builder.iso.checksums import md5_of, with_digests
from builder.iso.fill import fill
from builder.iso.medium import Medium, read_medium
from builder.iso.menu import with_recovery
from builder.iso.structures import structures
from builder.tools import require
from builder.whole import whole, workshop

Say = Callable[[str], None]

# Raised whenever the same base and capacities are to give other bytes than before.
PREPARATION = 2
# Static files of iso_overlay/ that lie on the medium under /rekindle.
CARRIED = (
    "installer/choose_disk.py",
    "installer/failed",
    "installer/lay",
    "installer/mark",
    "installer/unpack-pool",
    "first-boot/first-boot",
    "first-boot/rekindle-restore.service",
    "live/check.py",
    "live/console.py",
    "live/rescue.py",
    "live/restore_only.py",
)


@dataclass(frozen=True)
class Prepared:
    """A prepared base in the cache, and what its `areas.json` says."""

    path: Path
    layout: Layout


def prepare(
    base: Base, delivery: Delivery, capacities: Mapping[str, int], *, cache: Path, say: Say
) -> Prepared:
    """Return the prepared base with areas of these capacities, made when it is not there yet, or not whole.

    `delivery` says how the base's installer is told, and is part of the menu. Raises Failure.
    """
    vendor = read_medium(base.path)
    static = _static(vendor, delivery)
    key = _key(base, static, capacities)
    output = cache / "prepared" / f"{key}.iso"
    with alone(output.parent, say):
        needed = 0 if shelf.holds(output) else base.path.stat().st_size + sum(capacities.values())
        require(["xorriso"], {output.parent: needed})
        if needed:
            say(f"preparing {vendor.info} (once)")
            _prepare(vendor, base, static, capacities, key, output)
            shelf.put(output)
        shelf.tidy(output)
    return Prepared(output, layout_of(output))


def layout_of(image: Path) -> Layout:
    """Return what the `areas.json` of an ISO says; raises Failure where there is none."""
    with medium.opened(image) as iso:
        return areas.read_layout(medium.text(iso, AREAS, image).encode(), str(image))


def _static(vendor: Medium, delivery: Delivery) -> dict[str, bytes]:
    """Return all that the medium gets beside its areas, by its path: it never changes."""
    carried = {f"rekindle/{name}": files("iso_overlay").joinpath(name).read_bytes() for name in CARRIED}
    menus = {
        name: with_recovery(menu, name=name, arguments=delivery.arguments).encode(errors="surrogateescape")
        for name, menu in ((medium.GRUB_CFG, vendor.grub_cfg), (medium.LOOPBACK_CFG, vendor.loopback_cfg))
        if menu is not None
    }
    return {**carried, **delivery.seeds, **menus}


def _key(base: Base, static: Mapping[str, bytes], capacities: Mapping[str, int]) -> str:
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in static.items()}
    said = [PREPARATION, base.sha256, base.verified, sorted(digests.items()), list(capacities.items())]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def _prepare(
    vendor: Medium,
    base: Base,
    static: Mapping[str, bytes],
    capacities: Mapping[str, int],
    key: str,
    output: Path,
) -> None:
    said = BaseSaid(info=vendor.info, sha256=base.sha256, verified=base.verified)
    with whole(output) as aside, workshop(output) as work:
        laid = {name: _lay(work, name, content) for name, content in static.items()}
        reserved = {name: _reserve(work, name, capacity) for name, capacity in capacities.items()}
        laid[AREAS] = _lay(work, AREAS, areas.LINES * areas.TEXT_BYTES)
        sums = _lay(work, MD5SUMS, _md5sums(vendor, laid, reserved))
        author(vendor, {**laid, **reserved, MD5SUMS: sums}, aside, last=(*capacities, MD5SUMS))
        _settle(aside, said, key, (*capacities, MD5SUMS))


def _settle(image: Path, said: BaseSaid, key: str, names: tuple[str, ...]) -> None:
    """Write areas.json now that it is known what lies where, and what areas hold before the first build."""
    extents = located(image, (*names, AREAS))
    listed = tuple(_area(name, extents[name], areas.pristine(name)) for name in names)
    layout = Layout(key=key, base=said, areas=listed, structures=structures(image))
    writable = layout.model_copy(update={"areas": (*listed, _area(AREAS, extents[AREAS], None))})
    fill(image, writable, {AREAS: layout.text().encode(), **areas.pristine_contents(layout)})


def _area(name: str, at: Extent, pristine: str | None) -> Area:
    return Area(name=name, offset=at.offset, capacity=at.size_bytes, pristine=pristine)


def _md5sums(vendor: Medium, laid: Mapping[str, Path], reserved: Iterable[str]) -> bytes:
    """Return md5sum.txt at its full length: what areas hold is known later."""
    digests = {name: md5_of(file) for name, file in laid.items()} | dict.fromkeys(reserved, "0" * 32)
    return with_digests(vendor.md5sums, digests).encode(errors="surrogateescape")


def _lay(work: Path, name: str, content: bytes) -> Path:
    place = work / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return place


def _reserve(work: Path, name: str, capacity: int) -> Path:
    place = _lay(work, name, b"")
    with place.open("r+b") as file:
        file.truncate(capacity)
    return place
