"""How does an autoinstall reach the installer of each release?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoinstall.userdata import Autoinstall
from collectors.failure import Failure

NOCLOUD_RELEASES = frozenset({"22.04"})
MEDIUM_RELEASES = frozenset({"24.04", "26.04", "26.10"})


@dataclass(frozen=True)
class Delivery:
    """Where the autoinstall lies on the medium, and what to say on the kernel command line.

    `name` is the file on the medium that it is written to, `seeds` what must lie there beside it; `arguments`
    are kernel arguments as the kernel must see them (a `;` is the boot loader's to quote).
    """

    name: str
    seeds: Mapping[str, bytes]
    arguments: tuple[str, ...]

    def document(self, autoinstall: Autoinstall) -> bytes:
        """Return what the file of that name holds."""
        told = autoinstall.cloud_config() if self.seeds else autoinstall.text()
        return told.encode()


def delivery(release: str) -> Delivery:
    """Return how the installer of `release` (`24.04`) is told; raises Failure for one that is not known.

    22.04's installer does not look on the medium: there it is a NoCloud seed. Later ones read bare keys.
    """
    if release in NOCLOUD_RELEASES:
        arguments = ("autoinstall", "ds=nocloud;s=/cdrom/nocloud/")
        return Delivery("nocloud/user-data", {"nocloud/meta-data": b""}, arguments)
    if release in MEDIUM_RELEASES:
        return Delivery("autoinstall.yaml", {}, ("autoinstall",))
    known = ", ".join(sorted(NOCLOUD_RELEASES | MEDIUM_RELEASES))
    raise Failure(f"no way is known to tell the installer of {release}", remedy=f"use one of {known}")
