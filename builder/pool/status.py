"""What would dpkg say of a machine on which only the base is installed?

The base tells names and versions alone; the rest is taken from what the sources offer under these names now.
What they offer in another version keeps of its dependencies those on one version exactly, as it is installed:
whoever brings a newer one of the two brings both. All others are met, for the vendor installed it so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from collectors.debian.stanzas import Stanza, parse_stanzas

KEPT = ("Essential", "Multi-Arch", "Section", "Source", "Provides")
# Of the file in an archive, not of what is installed from it.
OF_THE_FILE = frozenset({"Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Description-md5"})
EXACT = re.compile(r"([a-z0-9][a-z0-9+.-]+)(?::\w+)? \(= [^)]+\)")
NAME = re.compile(r"Package: (\S+)")


def status(packages: Mapping[str, str], offered: str, architecture: str, *, guarded: bool = False) -> str:
    """Return the text of dpkg's status: `packages` are installed, `offered` is `apt-cache dumpavail`.

    `guarded` keeps no more dependencies of any package than of one in another version: an odd base may not
    meet those that the sources tell.
    """
    known = dict(_known(offered, packages))
    stanzas = (_fields(name, packages, known.get(name), architecture, guarded) for name in sorted(packages))
    return "\n".join("".join(f"{field}: {value}\n" for field, value in fields.items()) for fields in stanzas)


def _known(offered: str, packages: Mapping[str, str]) -> Iterator[tuple[str, Stanza]]:
    """Yield what is offered under the names of installed packages."""
    for text in offered.split("\n\n"):
        name = NAME.match(text.lstrip())
        if name and name[1] in packages:
            yield name[1], parse_stanzas(text)[0][0]


def _fields(
    name: str, packages: Mapping[str, str], known: Stanza | None, architecture: str, guarded: bool
) -> Mapping[str, str]:
    bare, _, foreign = name.partition(":")
    told = {field: " ".join(value.split()) for field, value in (known.fields if known else {}).items()}
    same = told.get("Version") == packages[name] and not guarded
    kept = {key: value for key, value in told.items() if (same and key not in OF_THE_FILE) or key in KEPT}
    exact = _exact(known, packages) if known and not same else ""
    return {
        "Priority": told.get("Priority", "optional"),
        **kept,
        **({"Depends": exact} if exact else {}),
        "Package": bare,
        "Status": "install ok installed",
        "Architecture": foreign or told.get("Architecture", architecture),
        "Version": packages[name],
        "Description": "installed by the base",
    }


def _exact(known: Stanza, packages: Mapping[str, str]) -> str:
    """Return the dependencies on one version of an installed package, on the version that is installed."""
    relations = ",".join((known.get("Pre-Depends"), known.get("Depends"))).split(",")
    names = (match[1] for relation in relations if (match := EXACT.fullmatch(relation.strip())))
    return ", ".join(f"{name} (= {packages[name]})" for name in dict.fromkeys(names) if name in packages)
