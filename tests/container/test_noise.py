"""A freshly installed desktop has next to nothing to lose: what its packages make is known."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.collect import collect
from collectors.collected import Loss
from collectors.coverage.coverage import coverage
from collectors.coverage.packaged import begin
from collectors.host import Machine
from tests.container.minimal import desktop_root

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="a root needs root"),
]

LOSSES_AT_MOST = 20
# What an owner adds, each in a place where a list of noisy paths would hide it.
FINDINGS = {
    "home/ada/Documents/thesis.odt": 100_000,
    "opt/vendor/bin/tool": 6_000_000,
    "srv/www/index.html": 100_000,
    "usr/lib/x86_64-linux-gnu/libmine.so": 100_000,
    "usr/share/mine/data": 100_000,
    "var/lib/mine/data": 100_000,
    "var/www/html/index.html": 100_000,
}


def losses(root: Path) -> tuple[Loss, ...]:
    host = Machine(root)
    begun = begin(host)
    return coverage(host, collect(host), begun).losses


def shown(found: tuple[Loss, ...]) -> str:
    return "\n".join(f"{loss.kind} {loss.subject} {loss.size_bytes} bytes: {loss.reason}" for loss in found)


@pytest.fixture
def altered(program_cache: Path, tmp_path: Path) -> Iterator[Path]:
    """Lay what an owner adds over a desktop, which stays as it is."""
    over = [tmp_path / name for name in ("upper", "work", "root")]
    for folder in over:
        folder.mkdir()
    upper, work, root = over
    layers = f"lowerdir={desktop_root(program_cache)},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, root], check=True)
    yield root
    subprocess.run(["umount", root], check=True)
    shutil.rmtree(work)


def test_a_fresh_desktop_has_at_most_so_many_losses(program_cache: Path) -> None:
    found = losses(desktop_root(program_cache))
    assert len(found) <= LOSSES_AT_MOST, shown(found)


def test_what_an_owner_adds_to_it_is_found(altered: Path) -> None:
    before = {loss.subject for loss in losses(altered)}
    for name, size in FINDINGS.items():
        place = altered / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(os.urandom(size))
    with (altered / "usr/share/perl5/Debconf/Db.pm").open("a") as file:
        file.write("# mine\n")
    found = losses(altered)
    new = {loss.subject: loss.kind for loss in found if loss.subject not in before}
    assert new == {
        "/home/ada/Documents": "uncovered",
        "/opt/vendor": "unowned",
        "/srv/www": "unowned",
        "/usr/lib/x86_64-linux-gnu/libmine.so": "unowned",
        "/usr/share/mine": "unowned",
        "/usr/share/perl5/Debconf/Db.pm": "modified",
        "/var/lib/mine": "state",
        "/var/www/html": "state",
    }, shown(found)
