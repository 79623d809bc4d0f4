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
    """What to put on the medium, and what to say on the kernel command line.

    `files` maps paths on the medium (`autoinstall.yaml`) to bytes; `arguments` are kernel arguments as the
    kernel must see them (a `;` is the boot loader's to quote).
    """

    files: Mapping[str, bytes]
    arguments: tuple[str, ...]


def deliver(autoinstall: Autoinstall, release: str) -> Delivery:
    """Deliver to the installer of `release` (`24.04`); raises Failure for one that is not known.

    22.04's installer does not look on the medium: there it is a NoCloud seed. Later ones read bare keys.
    """
    if release in NOCLOUD_RELEASES:
        seed = {
            "nocloud/meta-data": b"",
            "nocloud/user-data": autoinstall.cloud_config().encode(),
        }
        return Delivery(seed, ("autoinstall", "ds=nocloud;s=/cdrom/nocloud/"))
    if release in MEDIUM_RELEASES:
        return Delivery({"autoinstall.yaml": autoinstall.text().encode()}, ("autoinstall",))
    known = ", ".join(sorted(NOCLOUD_RELEASES | MEDIUM_RELEASES))
    raise Failure(f"no way is known to tell the installer of {release}", remedy=f"use one of {known}")
