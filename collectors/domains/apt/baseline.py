"""What does a fresh installation have, that the owner need not choose again?

Sources: the installer's record where the old desktop installer made one, else priorities of packages.
"""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass

from collectors.debian import dpkg
from collectors.failure import Finding
from collectors.host import Host
from collectors.judgement.capture import unread
from collectors.judgement.knowledge import choices

INITIAL_STATUS = "/var/log/installer/initial-status.gz"
BASE_PRIORITIES = ("required", "important")
MAX_STATUS_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Baseline:
    """The packages of a fresh installation by name, and whether its installer told them."""

    packages: frozenset[str]
    from_installer: bool
    findings: tuple[Finding, ...] = ()


def read_baseline(host: Host, database: dpkg.Database) -> Baseline:
    """Return what a fresh installation has: the base, and what the installer recorded where it did.

    The base is what is essential or of a base priority, and what that needs. Of a desktop's
    metapackages an installer's record counts for nothing: the base ISO may be a server's.
    """
    basic = (each for each in database.installed if each.essential or each.priority in BASE_PRIORITIES)
    base = dpkg.with_needs((package.name for package in basic), database)
    try:
        recorded = parse_initial_status(host.read(INITIAL_STATUS))
    except FileNotFoundError:
        return Baseline(base, from_installer=False)
    except OSError as error:
        return Baseline(base, from_installer=False, findings=(unread(INITIAL_STATUS, error),))
    if recorded is None:
        broken = Finding(INITIAL_STATUS, "not a gzip file of a dpkg status", "remove it if it is broken")
        return Baseline(base, from_installer=False, findings=(broken,))
    chosen = {each.name for each in database.installed if each.section in choices().chosen_sections}
    return Baseline(base | (recorded - chosen), from_installer=True)


def parse_initial_status(content: bytes) -> frozenset[str] | None:
    """Return the names of the packages in the installer's gzipped status file, None if it is none."""
    try:
        with gzip.open(io.BytesIO(content)) as file:
            status = file.read(MAX_STATUS_BYTES).decode(errors="surrogateescape")
    except (OSError, EOFError, zlib.error):
        return None
    packages, _ = dpkg.parse_status(status)
    return frozenset(package.name for package in packages if package.installed) or None


def is_shipped(package: dpkg.Package, baseline: Baseline) -> bool:
    """Tell whether a fresh installation brings `package` by itself."""
    return package.name in baseline.packages or choices().by_installer(package.name)
