"""Which system does a base install, before anything of the posture is on it?

Its `casper/install-sources.yaml` names the layers that can be installed, and beside each lies a list of its
packages: lines of a name, with `:architecture` at times, a tab and a version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from builder.iso import medium
from collectors.failure import Failure

SOURCES = "casper/install-sources.yaml"
OTHER_BASE = "use the vendor's ISO as it is"


@dataclass(frozen=True)
class Target:
    """What is on a machine after the installation.

    `release` is `24.04`, `codename` `noble`, `architecture` `amd64`, `python` `3.12` ("" = it has none);
    `packages` are versions by name, `libc6:i386` where one is not of the machine's own architecture.
    """

    release: str
    codename: str
    architecture: str
    packages: Mapping[str, str]

    @property
    def python(self) -> str:
        """The version of its python3, `3.12`."""
        found = re.match(r"\d+\.\d+", self.packages.get("python3", ""))
        return found[0] if found else ""


def read_target(base: Path, source: str | None = None) -> Target:
    """Read what the base installs from its source of that id, or from its default one; raises Failure."""
    vendor = medium.read_medium(base)
    with medium.opened(base) as iso:
        sources = medium.text(iso, SOURCES, base)
        layer = _layer(sources, source, base)
        listed = medium.text(iso, f"casper/{layer}.manifest", base)
    return Target(
        release=vendor.release,
        codename=_codename(vendor.info),
        architecture=vendor.architecture,
        packages=_packages(listed, vendor.architecture),
    )


def _layer(sources: str, wanted: str | None, base: Path) -> str:
    """Return the name of the layer that is installed: `ubuntu-server-minimal.ubuntu-server`."""
    try:
        paths = {
            each["id"] if wanted else bool(each.get("default")): each["path"]
            for each in yaml.safe_load(sources)
        }
    except (yaml.YAMLError, TypeError, KeyError, AttributeError):
        raise Failure(f"{base}: {SOURCES} does not parse", remedy=OTHER_BASE) from None
    chosen = paths.get(wanted or True)
    if chosen is None:
        raise Failure(
            f"{base}: {SOURCES} has no {wanted or 'default'}",
            remedy="set `source` in rekindle.yaml to one that it has",
        )
    return str(chosen).removesuffix(".squashfs")


def _codename(info: str) -> str:
    """Return `noble` for `Ubuntu-Server 24.04.3 LTS "Noble Numbat" - Release amd64 (20250805.1)`."""
    found = re.search(r'"(\w+)', info)
    return found[1].lower() if found else ""


def _packages(listed: str, architecture: str) -> dict[str, str]:
    lines = (line.split("\t") for line in listed.splitlines())
    return {
        words[0].removesuffix(f":{architecture}"): words[1]
        for words in lines
        if len(words) == 2 and not words[0].startswith("snap:")
    }
