"""What does a recovery ISO carry?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from builder.iso.areas import MANIFEST, MD5SUMS, POOL, SIGNATURE, BaseSaid, content_of
from builder.iso.medium import STANDIN_MARK
from builder.iso.source import Place
from builder.look.carried import Carried, carried, signed
from builder.look.members import Members
from builder.look.signed import Signed, trust_of
from builder.payload.manifest import PROGRAM
from builder.places import Places
from builder.pool.index import INDEX, read_index
from collectors.command import MASK
from collectors.document import parsed
from collectors.failure import Failure
from collectors.posture import SECTIONS
from collectors.record import Section
from collectors.repository import SECRETS, read_section

AUTOINSTALL = ("autoinstall.yaml", "nocloud/user-data")
# Keys of an autoinstall, at any depth, whose values are for nobody's eyes.
SECRET_KEYS = frozenset({"password", "passwd", "hashed_passwd", "psk", "passphrase", "key"})


@dataclass(frozen=True)
class AreaUse:
    """One area: `used_bytes` of its `capacity` are content, the rest is padding."""

    name: str
    offset: int
    capacity: int
    used_bytes: int

    @property
    def percent(self) -> float:
        """How full it is, to a tenth."""
        return round(100 * self.used_bytes / self.capacity, 1) if self.capacity else 0.0


@dataclass(frozen=True)
class PoolUse:
    """What is there for a machine without network: how many files and bytes."""

    files: int
    size_bytes: int


@dataclass(frozen=True)
class Inspection:
    """A recovery ISO, with nothing in it that is secret.

    `items` counts the eligible items of each section, `left_out` all others. `sealed_bytes` is how large the
    sealed secrets are; `program` the SHA-256 of the restore program. `autoinstall` has its secrets masked.
    """

    iso: str
    medium_id: str
    base: BaseSaid
    host: str
    posture_commit: str
    posture_date: str
    items: Mapping[str, int]
    left_out: int
    map_user: Mapping[str, str]
    areas: tuple[AreaUse, ...]
    signature: Signed
    disk: str
    countdown_seconds: int
    program: str
    sealed_bytes: int
    pool: PoolUse | None
    autoinstall: Mapping[str, Any]

    @property
    def is_standin(self) -> bool:
        """Whether its base is Rekindle's own, for tests and the demo only."""
        return STANDIN_MARK in self.base.info

    def plain(self) -> dict[str, Any]:
        """Return it as plain data for a program."""
        areas = [{**asdict(area), "percent": area.percent} for area in self.areas]
        own = {"base": self.base.model_dump(), "is_standin": self.is_standin, "areas": areas}
        return {**asdict(self), **own, "signature": {**asdict(self.signature), "fits": self.signature.fits()}}


def inspect(place: Place, places: Places, signers: Path | None = None) -> Inspection:
    """Read what a recovery ISO says of itself; raises Failure for a base ISO or what was changed.

    The beginning of its payload and the sections of the posture are read, and nothing large. `signers` is a
    file of those who may have made it, instead of those whom this machine trusts.
    """
    trust = trust_of(places, signers)
    with carried(place) as found:
        members = found.members()
        sections = _sections(members)
        items = [item for section in sections for item in section.items()]
        manifest = found.manifest
        return Inspection(
            iso=str(place),
            medium_id=manifest.medium_id,
            base=manifest.base,
            host=manifest.host,
            posture_commit=manifest.posture_commit,
            posture_date=manifest.posture_date,
            items={name: sum(i.section == name and not i.bound for i in items) for name in SECTIONS},
            left_out=sum(bool(item.bound) for item in items),
            map_user=members.manifest.map_user,
            areas=_uses(found),
            signature=signed(found, members, trust),
            disk=manifest.disk,
            countdown_seconds=manifest.countdown_seconds,
            program=members.places[PROGRAM].member.sha256 if members.has(PROGRAM) else "",
            sealed_bytes=members.size_bytes(SECRETS),
            pool=_pool(found, members),
            autoinstall=_autoinstall(found),
        )


def _sections(members: Members) -> list[Section]:
    return [_section(members, name, kind) for name, kind in SECTIONS.items()]


def _section(members: Members, name: str, kind: type[Section]) -> Section:
    member = f"posture/{name}.yaml"
    if not members.has(member):
        raise Failure(f"{members.name}: no {member} in its payload", remedy="build it again")
    return read_section(members.content(member).decode(), kind, name=f"{members.name}: {member}")


def _uses(found: Carried) -> tuple[AreaUse, ...]:
    used = {held.name: held.size_bytes for held in found.manifest.areas}
    for name in (MANIFEST, SIGNATURE, MD5SUMS):
        used[name] = len(content_of(found.stream, found.layout.area(name)))
    areas = sorted(found.layout.areas, key=lambda area: area.offset)
    return tuple(AreaUse(a.name, a.offset, a.capacity, used.get(a.name, 0)) for a in areas)


def _pool(found: Carried, members: Members) -> PoolUse | None:
    held = found.manifest.held(POOL)
    if held is None:
        return None
    files = len(read_index(members.content(INDEX)).files) if members.has(INDEX) else 0
    return PoolUse(files, held.size_bytes)


def _autoinstall(found: Carried) -> Mapping[str, Any]:
    name = next((name for name in AUTOINSTALL if found.manifest.held(name)), AUTOINSTALL[0])
    document = parsed(found.area(name).decode(), name=f"{found.place}: {name}")
    keys: dict[str, Any] = redacted(document.get("autoinstall", document))
    return keys


def redacted(value: Any, key: str = "") -> Any:
    """Return plain data with the value of every secret key masked."""
    if key in SECRET_KEYS and value:
        return MASK
    if isinstance(value, dict):
        return {name: redacted(each, name) for name, each in value.items()}
    return [redacted(each) for each in value] if isinstance(value, list) else value
