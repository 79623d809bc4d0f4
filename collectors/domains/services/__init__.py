"""Which data disks and shares are mounted, which are offered, and what keeps folders in step?

Mount units, cron and timers are files: the section files has them.
"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.domains.services.fstab import Mount, collect_mounts
from collectors.domains.services.known import known
from collectors.domains.services.rclone import Remote, collect_remotes
from collectors.domains.services.syncthing import SyncedDevice, SyncedFolder, collect_synced
from collectors.domains.services.unwritten import collect_unwritten
from collectors.host import Host, names
from collectors.reading.looking import files_of, parted
from collectors.record import File, Section


class Services(Section):
    """Data disks, shares, what keeps folders in step."""

    NAME: ClassVar[str] = "services"

    mounts: tuple[Mount, ...] = ()
    synced: tuple[SyncedFolder, ...] = ()
    devices: tuple[SyncedDevice, ...] = ()
    remotes: tuple[Remote, ...] = ()
    files: tuple[File, ...] = ()


def collect(host: Host) -> Collected[Services]:
    """Collect the section `services`."""
    found = parted((*collect_mounts(host), *collect_synced(host), *collect_remotes(host)))
    maps = (f"/etc/{name}" for name in names(host, "/etc") if name.startswith("auto."))
    files = files_of(host, *known().settings, *maps)
    section = Services(
        mounts=found.of(Mount),
        synced=found.of(SyncedFolder),
        devices=found.of(SyncedDevice),
        remotes=found.of(Remote),
        files=files.records,
        left_out=(*found.left_out, *files.left_out),
    )
    return Collected(
        section, files.contents, (*found.findings, *files.findings), losses=tuple(collect_unwritten(host))
    )
