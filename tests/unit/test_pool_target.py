"""What does a base install?"""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.pool import target
from builder.pool.target import Target
from collectors.failure import Failure

SOURCES = """\
- default: true
  id: ubuntu-server
  path: ubuntu-server-minimal.ubuntu-server.squashfs
- id: ubuntu-server-minimal
  path: ubuntu-server-minimal.squashfs
"""
BASE = Path("base.iso")


@pytest.mark.parametrize(
    ("wanted", "layer"),
    [
        (None, "ubuntu-server-minimal.ubuntu-server"),
        ("ubuntu-server", "ubuntu-server-minimal.ubuntu-server"),
        ("ubuntu-server-minimal", "ubuntu-server-minimal"),
    ],
)
def test_the_layer_that_is_installed(wanted: str | None, layer: str) -> None:
    assert target._layer(SOURCES, wanted, BASE) == layer


@pytest.mark.parametrize(
    ("sources", "wanted", "problem"),
    [
        (SOURCES, "ubuntu-desktop", "has no ubuntu-desktop"),
        (SOURCES.replace("true", "false"), None, "has no default"),
        ("- id: [", None, "does not parse"),
        ("- nothing: here\n", None, "does not parse"),
        ("a: b\n", None, "does not parse"),
        ("", None, "does not parse"),
    ],
)
def test_a_base_that_tells_of_no_layer_is_refused(sources: str, wanted: str | None, problem: str) -> None:
    with pytest.raises(Failure, match=problem):
        target._layer(sources, wanted, BASE)


def test_packages_are_named_as_a_posture_names_them() -> None:
    snaps = "snap:core22\tstable\t1\nsnap:lxd\t5.21\n"
    listed = f"python3\t3.12.3-0ubuntu2\nlibc6:amd64\t2.39-0\nlibc6:i386\t2.39-0\n{snaps}\n"
    packages = target._packages(listed, "amd64")
    assert packages == {"python3": "3.12.3-0ubuntu2", "libc6": "2.39-0", "libc6:i386": "2.39-0"}
    fresh = Target(release="24.04", codename="noble", architecture="amd64", packages=packages)
    assert fresh.python == "3.12"
    assert Target(release="24.04", codename="noble", architecture="amd64", packages={}).python == ""


def test_the_codename() -> None:
    info = 'Ubuntu-Server 24.04.3 LTS "Noble Numbat" - Release amd64 (20250805.1)'
    assert target._codename(info) == "noble"
    assert target._codename("something else") == ""
