"""Which packages did the owner choose, and where do they come from?

Sources: apt-mark(8), sources.list(5), apt-secure(8), dpkg's database, and the indexes that apt fetched.
Nothing of the machine is run, and nothing is fetched.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from collectors.collected import Collected, Loss
from collectors.debian import dpkg
from collectors.domains.apt import debconf
from collectors.domains.apt.baseline import Baseline, is_shipped, read_baseline
from collectors.domains.apt.debconf import Answer
from collectors.domains.apt.debs import Deb, find_debs
from collectors.domains.apt.offers import Offers, archives_of, read_offers
from collectors.domains.apt.sources import Keyring as Keyring
from collectors.domains.apt.sources import SourceFile as SourceFile
from collectors.domains.apt.sources import Written, read_sources
from collectors.host import Host
from collectors.judgement.knowledge import choices
from collectors.record import Section, Thing, escaped, word

SHIPPED = "part of a fresh installation"


class Package(Thing):
    """A package that the owner chose, with the version that was there.

    `origin` is the archive that offers that version, `https://example.org/debian bookworm/main`. Where none
    offers the package, `deb` is the escaped path at which its `.deb` lies, if it does. One for hardware is
    bound.
    """

    KIND: ClassVar[str] = "apt"
    FREE: ClassVar[frozenset[str]] = frozenset({"version", "origin", "deb", "deb_sha256"})

    name: str
    version: str = ""
    origin: str = ""
    deb: str = ""
    deb_sha256: str = ""

    @model_validator(mode="before")
    @classmethod
    def _of_the_first_schema(cls, value: Any) -> Any:
        """Take the name alone: so the first schema had it."""
        return {"name": value} if isinstance(value, str) else value

    def item_name(self) -> str:
        """Return the name."""
        return self.name

    def by_hand(self) -> str:
        """Return how apt installs it."""
        return f"apt install {word(self.deb or self.name)}"


class Hold(Thing):
    """A package that stays as it is (apt-mark(8)): in its version, or away."""

    KIND: ClassVar[str] = "apt-hold"

    name: str

    def item_name(self) -> str:
        """Return the name of the package."""
        return self.name

    def by_hand(self) -> str:
        """Return how apt holds it."""
        return f"apt-mark hold {shlex.quote(self.name)}"


class Architecture(Thing):
    """An architecture besides the machine's own, `i386` (dpkg(1))."""

    KIND: ClassVar[str] = "apt-arch"

    name: str

    def item_name(self) -> str:
        """Return the name."""
        return self.name

    def by_hand(self) -> str:
        """Return how dpkg takes it in."""
        return f"dpkg --add-architecture {shlex.quote(self.name)}"


class Apt(Section):
    """Packages that the owner chose, and where they come from.

    `shipped` are manual packages that a fresh installation has anyway; `baseline` says how that is
    known. Names carry their architecture (`libc6:i386`) where it is not the machine's own.
    """

    NAME: ClassVar[str] = "apt"

    baseline: Literal["installer", "priority"] = "priority"
    architectures: tuple[str, ...] = ()
    packages: tuple[Package, ...] = ()
    shipped: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    sources: tuple[SourceFile, ...] = ()
    keyrings: tuple[Keyring, ...] = ()

    def things(self) -> Iterator[Thing]:
        """Yield what is written by its name alone, then the rest."""
        yield from (Package(name=name, bound=SHIPPED) for name in self.shipped)
        yield from (Hold(name=name, bound=for_hardware(name)) for name in self.holds)
        yield from (Architecture(name=name) for name in self.architectures)
        yield from super().things()


@dataclass(frozen=True)
class Found:
    """What is known of where the chosen packages come from: offers, and the `.deb` of what has none."""

    database: dpkg.Database
    offers: Offers
    debs: Mapping[dpkg.Package, Deb]

    def record(self, package: dpkg.Package) -> Package:
        """Return the item of a package."""
        offers = self.offers.of(package.name, package.architecture)
        deb = self.debs.get(package)
        return Package(
            name=name(package, self.database),
            version=package.version,
            origin=next((offer.origin for offer in offers if offer.version == package.version), ""),
            deb=escaped(deb.path) if deb else "",
            deb_sha256=deb.sha256 if deb else "",
            bound=for_hardware(package.name),
        )


def collect(host: Host) -> Collected[Apt]:
    """Collect the section `apt`."""
    database = dpkg.read(host)
    baseline = read_baseline(host, database)
    chosen, shipped = parted(manual_packages(database), baseline)
    written = read_sources(host, baseline)
    found = where_from(host, database, chosen, written)
    told = debconf.read_answers(host, (package.name for package in database.installed))
    section = Apt(
        baseline="installer" if baseline.from_installer else "priority",
        architectures=dpkg.foreign_architectures(host, database),
        packages=tuple(sorted(map(found.record, chosen), key=lambda each: each.name)),
        shipped=names(shipped, database),
        holds=names((each for each in database.packages if each.want == "hold"), database),
        answers=told.answers,
        sources=written.files.records,
        keyrings=written.keyrings.records,
        left_out=(*written.files.left_out, *written.keyrings.left_out, *told.left_out),
    )
    known = (*database.findings, *baseline.findings, *written.findings)
    return Collected(
        section,
        contents={**written.files.contents, **written.keyrings.contents},
        findings=(*known, *found.offers.findings, *told.findings),
        losses=tuple(losses(chosen, found)),
    )


def parted(
    packages: Iterable[dpkg.Package], baseline: Baseline
) -> tuple[list[dpkg.Package], list[dpkg.Package]]:
    """Return the packages that the owner chose, and those that a fresh installation has anyway."""
    chosen: list[dpkg.Package] = []
    shipped: list[dpkg.Package] = []
    for package in packages:
        (shipped if is_shipped(package, baseline) else chosen).append(package)
    return chosen, shipped


def where_from(host: Host, database: dpkg.Database, chosen: list[dpkg.Package], written: Written) -> Found:
    """Return what is known of where the chosen packages come from."""
    private = frozenset(each.path for each in written.files.left_out)
    archives = archives_of(written.entries, private, database.architecture)
    offers = read_offers(host, archives, (package.name for package in chosen))
    return Found(database, offers, find_debs(host, unoffered(chosen, offers)))


def losses(chosen: Iterable[dpkg.Package], found: Found) -> Iterator[Loss]:
    """Yield the sources that did not answer, and the packages that nothing would bring back."""
    for archive in found.offers.dead:
        yield Loss(
            "dead-source",
            f"apt-source:{archive.source}",
            f"{archive.label} did not answer at the last `apt update`, though other sources did",
            "apt update",
        )
    for package in unoffered(chosen, found.offers):
        deb, ours = found.debs.get(package), name(package, found.database)
        if deb is None:
            reason = "no source offers it, and its .deb is not to be found"
            yield Loss("sourceless", f"apt:{ours}", reason, f"dpkg-repack {shlex.quote(ours)}")
        elif deb.fetched_by_apt:
            reason = "no source offers it any more: its .deb is in apt's cache on this disk alone"
            yield Loss("no-candidate", f"apt:{ours}", reason, f"cp {word(escaped(deb.path))} ~/Downloads/")


def for_hardware(package: str) -> str:
    """Return why `nvidia-driver-550:i386` belongs to this hardware, "" for a package that does not."""
    driver = choices().driver(package.partition(":")[0])
    return driver.why if driver else ""


def unoffered(chosen: Iterable[dpkg.Package], offers: Offers) -> list[dpkg.Package]:
    """Return the packages that no source offers in any version; none where that is not known for sure."""
    if not offers.whole:
        return []
    return [package for package in chosen if not offers.of(package.name, package.architecture)]


def manual_packages(database: dpkg.Database) -> tuple[dpkg.Package, ...]:
    """Return the installed packages that were asked for, as `apt-mark showmanual` does.

    Extended states name the machine's own architecture for packages of the architecture `all`.
    """
    return tuple(
        package
        for package in database.installed
        if not {
            (package.name, package.architecture),
            (package.name, database.architecture if package.architecture == "all" else "all"),
        }
        & database.automatic
    )


def name(package: dpkg.Package, database: dpkg.Database) -> str:
    """Return the name of a package, with `:arch` where it is not the machine's own."""
    own = package.architecture in ("all", database.architecture)
    return package.name if own else f"{package.name}:{package.architecture}"


def names(packages: Iterable[dpkg.Package], database: dpkg.Database) -> tuple[str, ...]:
    """Return the sorted names of packages."""
    return tuple(sorted(name(package, database) for package in packages))
