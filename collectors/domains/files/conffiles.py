"""Which conffiles are not as their packages made them?

A conffile (deb-conffiles(5)) may be changed in what it holds, in its owner, mode or access list, or be gone:
dpkg(1) does not bring back one that was deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from collectors.host import Host
from collectors.judgement.capture import Outcome, judged
from collectors.judgement.ignored import ignored
from collectors.judgement.packaged import conffile_claims
from collectors.record import AtPath, escaped, word


class Deleted(AtPath):
    """A conffile of an installed package that the owner deleted, `/etc/xdg/autostart/update.desktop`."""

    KIND: ClassVar[str] = "deleted"
    FREE: ClassVar[frozenset[str]] = frozenset({"package"})

    package: str

    def by_hand(self) -> str:
        """Return the command that deletes it again."""
        return f"rm --force -- {word(self.path)}"


def changed_conffiles(host: Host) -> Iterator[Outcome]:
    """Yield what comes of each conffile that is not as one of the packages that claim it made it."""
    for path, _ in conffile_claims(host):
        entry = host.look(path)
        if entry is not None:
            yield from judged(host, entry, "conffile")


def deleted_conffiles(host: Host) -> Iterator[Deleted]:
    """Yield the conffiles that an installed package says are there, and are not."""
    unwanted = ignored(host)
    for path, claim in conffile_claims(host):
        if not claim.expected or not claim.made or (unwanted and unwanted.covers(path, "file")):
            continue
        if host.look(path) is None:
            yield Deleted(path=escaped(path), package=claim.package)
