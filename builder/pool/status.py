"""What would dpkg say of a machine on which only the base is installed?

The base tells names and versions alone; the rest is taken from what the sources offer under these names now.
Of dependencies those remain that want one version exactly, as it is installed: whoever brings a newer one of
the two brings both. All others are met, for the vendor installed it so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from collectors.debian.stanzas import Stanza, parse_stanzas

KEPT = ("Essential", "Multi-Arch", "Section", "Source", "Provides")
EXACT = re.compile(r"([a-z0-9][a-z0-9+.-]+)(?::\w+)? \(= [^)]+\)")
NAME = re.compile(r"Package: (\S+)")


def status(packages: Mapping[str, str], offered: str, architecture: str) -> str:
    """Return the text of dpkg's status: `packages` are installed, `offered` is `apt-cache dumpavail`."""
    known = dict(_known(offered, packages))
    stanzas = (_stanza(name, packages, known.get(name), architecture) for name in sorted(packages))
    return "\n".join(stanzas)


def _known(offered: str, packages: Mapping[str, str]) -> Iterator[tuple[str, Stanza]]:
    """Yield what is offered under the names of installed packages."""
    for text in offered.split("\n\n"):
        name = NAME.match(text.lstrip())
        if name and name[1] in packages:
            yield name[1], parse_stanzas(text)[0][0]


def _stanza(name: str, packages: Mapping[str, str], known: Stanza | None, architecture: str) -> str:
    bare, _, foreign = name.partition(":")
    own = known.get("Architecture") if known else ""
    fields = {
        "Package": bare,
        "Status": "install ok installed",
        "Priority": (known.get("Priority") if known else "") or "optional",
        "Architecture": foreign or own or architecture,
        "Version": packages[name],
        **({field: known.get(field) for field in KEPT if known.get(field)} if known else {}),
        **({"Depends": exact} if known and (exact := _exact(known, packages)) else {}),
        "Description": "installed by the base",
    }
    return "".join(f"{field}: {' '.join(value.split())}\n" for field, value in fields.items())


def _exact(known: Stanza, packages: Mapping[str, str]) -> str:
    """Return the dependencies on one version of an installed package, on the version that is installed."""
    relations = ",".join((known.get("Pre-Depends"), known.get("Depends"))).split(",")
    names = (match[1] for relation in relations if (match := EXACT.fullmatch(relation.strip())))
    return ", ".join(f"{name} (= {packages[name]})" for name in dict.fromkeys(names) if name in packages)
