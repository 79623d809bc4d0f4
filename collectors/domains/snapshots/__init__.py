"""What takes snapshots and backups here, and on which layout?

The settings of programs that do are files; passwords and keys of backups stay behind, and are told.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from collectors.collected import Collected
from collectors.domains.snapshots.known import known
from collectors.domains.snapshots.subvolumes import Subvolume, collect_subvolumes
from collectors.domains.snapshots.timeshift import PLACES, Timeshift, timeshift
from collectors.homes import homes
from collectors.host import Host
from collectors.reading.looking import Outcome, entry_at, files_of, json_in, parted
from collectors.record import File, LeftOut, Section, escaped


class Snapshots(Section):
    """Timeshift, snapper, btrbk, programs that back up, the layout of btrfs."""

    NAME: ClassVar[str] = "snapshots"

    timeshift: tuple[Timeshift, ...] = ()
    subvolumes: tuple[Subvolume, ...] = ()
    files: tuple[File, ...] = ()


def collect(host: Host) -> Collected[Snapshots]:
    """Collect the section `snapshots`."""
    found = parted(_outcomes(host))
    own = (home.within(path) for home in homes(host) for path in known().own_settings)
    files = files_of(host, *known().settings, *own)
    section = Snapshots(
        timeshift=found.of(Timeshift),
        subvolumes=found.of(Subvolume),
        files=files.records,
        left_out=(*found.left_out, *files.left_out),
    )
    return Collected(section, files.contents, (*found.findings, *files.findings))


def _outcomes(host: Host) -> Iterator[Outcome]:
    for path in PLACES:
        value, findings = json_in(host, path)
        yield from findings
        told = timeshift(value)
        if told:
            yield told
    yield from collect_subvolumes(host)
    for home in homes(host):
        for name, why in known().own_secrets.items():
            entry, findings = entry_at(host, home.within(name))
            yield from findings
            if entry:
                yield LeftOut(path=escaped(home.within(name)), reason=why)
