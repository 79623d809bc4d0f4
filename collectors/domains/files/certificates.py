"""Did the owner choose which certificates are trusted?

In /etc/ca-certificates.conf (update-ca-certificates(8)) `!` begins what is not to be. The package writes it
too: before each certificate that a newer version no longer has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.host import Host, text

CHOICE = "/etc/ca-certificates.conf"
PLACES = ("/usr/share/ca-certificates", "/usr/local/share/ca-certificates")
SAYS_NOTHING = re.compile(r"\s*(?:#.*)?|mozilla/.*")


def packages_choice(host: Host) -> Iterator[str]:
    """Yield the path of the choice where the package alone made it: nothing that is there is refused."""
    if all(_is_packages(host, line) for line in text(host, CHOICE).splitlines()):
        yield CHOICE


def _is_packages(host: Host, line: str) -> bool:
    if not line.startswith("!mozilla/"):
        return SAYS_NOTHING.fullmatch(line) is not None
    return not any(host.look(f"{place}/{line[1:].strip()}") for place in PLACES)
