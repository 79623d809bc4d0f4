"""Which programs did no package manager install?

Four kinds: those of the catalogue (an installer of their own), AppImages, what was built from source, and
people's own scripts. What is none of them is a loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from collectors.collected import Collected
from collectors.domains.programs.appimages import AppImage, appimages
from collectors.domains.programs.builds import Build, builds
from collectors.domains.programs.catalogue import catalogue
from collectors.domains.programs.installed import Program, installed
from collectors.domains.programs.scripts import scripts
from collectors.domains.programs.unexplained import unexplained
from collectors.host import Host, remembered
from collectors.judgement.capture import gathered
from collectors.reading.looking import Outcome, Outcomes, parted
from collectors.record import File, Section


class Programs(Section):
    """Programs that an installer of their own or a build from source put there."""

    NAME: ClassVar[str] = "programs"

    programs: tuple[Program, ...] = ()
    appimages: tuple[AppImage, ...] = ()
    builds: tuple[Build, ...] = ()
    scripts: tuple[File, ...] = ()


def collect(host: Host) -> Collected[Programs]:
    """Collect the section `programs`."""
    found = _known(host)
    written = gathered(scripts(host, program_trees(host)))
    section = Programs(
        programs=found.of(Program),
        appimages=found.of(AppImage),
        builds=found.of(Build),
        scripts=written.records,
        left_out=(*found.left_out, *written.left_out),
    )
    return Collected(
        section,
        written.contents,
        findings=(*found.findings, *written.findings),
        covers=found.covers,
        losses=(*found.losses, *unexplained(host, program_trees(host))),
    )


@remembered
def program_trees(host: Host) -> frozenset[str]:
    """Return the paths, with all below them, that this section brings back."""
    return frozenset(cover.path for cover in _known(host).covers)


@remembered
def _known(host: Host) -> Outcomes:
    return parted(_outcomes(host))


def _outcomes(host: Host) -> Iterator[Outcome]:
    yield from catalogue(host)[1]
    yield from installed(host)
    yield from appimages(host)
    yield from builds(host)
