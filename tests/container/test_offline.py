"""A machine without any network gets its packages from the pool, and believes nothing else of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from builder.pool import repository
from builder.pool.pool import Pool, gather_pool
from builder.pool.target import Target
from builder.standin.image import manifest
from collectors.compare import score
from collectors.domains.apt import Package
from collectors.posture import Posture
from collectors.record import sha256
from collectors.repository import read_posture
from tests.container.minimal import Container, container, minimal_root, remove
from tests.container.restoring import reported, restored
from tests.sample.archive import LIBRARIES, REAL, REAL_WITH_LIBRARIES, VENDOR, Served
from tests.sample.posture import sample_posture
from tests.unit.restore.playbook import OVERLAY

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="containers need root"),
]

POOL = "var/lib/rekindle-pool"
SOURCE = "etc/apt/sources.list.d/rekindle-pool.sources"
# No source offers it: its .deb lies on the old machine.
LOCAL = "kiln-glaze"
LOST = "no-such-package"


@dataclass(frozen=True)
class Made:
    """A posture of a machine whose sources are gone, and the pool that was made while they were there."""

    posture: Posture
    pool: Pool
    told: list[str]
    folder: Path

    @property
    def names(self) -> list[str]:
        return [package.name for package in self.posture.apt.packages if package.name != LOST]


@pytest.fixture(scope="module")
def made(program_cache: Path, served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("pool")
    posture = with_odd_packages(sample_posture(served.url(), served.key), served)
    told: list[str] = []
    key = repository.own_key(folder / repository.KEY)
    target = fresh(program_cache, folder / "root")
    pool = gather_pool(posture, target, folder=folder / "kept", key=key, say=told.append)
    with (folder / "pool.tar").open("wb") as tar:
        pool.tar.write(tar.write)
    yield Made(posture, pool, told, folder)
    shutil.rmtree(folder)


@pytest.fixture
def machine(blank: Container, made: Made) -> Container:
    """A blank machine without network, on which the installer laid the pool."""
    (blank.root / "etc/apt/sources.list").write_text("")
    binds = (
        f"{made.folder / 'pool.tar'}:/cdrom/rekindle/pool.tar",
        f"{OVERLAY}/installer:/cdrom/rekindle/installer",
    )
    (blank.root / "target").symlink_to(".")
    laid = blank.run("sh", "/cdrom/rekindle/installer/unpack-pool", binds=binds)
    assert laid.returncode == 0
    assert "rekindle" not in laid.stderr
    return replace(blank, network=False)


def fresh(cache: Path, folder: Path) -> Target:
    """Return what a blank machine is."""
    blank = container(minimal_root(cache), folder)
    packages = dict(
        line.split("\t") for line in manifest((folder / "var/lib/dpkg/status").read_text()).splitlines()
    )
    remove(blank)
    return Target(release="12", codename="bookworm", architecture="amd64", packages=packages)


def with_odd_packages(posture: Posture, served: Served) -> Posture:
    [deb] = served.directory.glob(f"vendor/pool/{LOCAL}_*.deb")
    local = Package(name=LOCAL, version="1.0", deb=str(deb), deb_sha256=sha256(deb.read_bytes()))
    others = (package for package in posture.apt.packages if package.name != LOCAL)
    packages = (*others, local, Package(name=LOST))
    return replace(posture, apt=posture.apt.model_copy(update={"packages": packages}))


def test_what_is_bundled_and_what_cannot_be_is_told(made: Made) -> None:
    debs = [each for each in made.pool.index.files if each.name.startswith("apt/")]
    names = {each.name.removeprefix("apt/").partition("_")[0] for each in debs}
    assert names == {*REAL, REAL_WITH_LIBRARIES, *LIBRARIES, *VENDOR}
    assert [gap.subject for gap in made.pool.gaps] == [f"apt:{LOST}"]
    size = sum(each.size_bytes for each in debs)
    assert f"apt {size / 1e6:.1f} MB" in made.told[-1]


def test_a_machine_without_network_is_restored_whole(machine: Container, made: Made, program: Path) -> None:
    posture = replace(made.posture, apt=without(made.posture, LOST))
    code, states = restored(machine, posture, program, pool=made.pool.index.text())
    assert code == 0, reported(machine.root, "reason")
    assert {states[f"apt:{name}"] for name in made.names} == {"restored"}
    found = score(posture, read_posture(machine.root / "var/lib/rekindle/restored"))
    assert (found.missing, found.changed) == ((), ())
    assert found.found == found.eligible > len(made.names)
    assert not (machine.root / SOURCE).exists()
    assert not (machine.root / POOL).exists()


def without(posture: Posture, name: str):
    packages = tuple(package for package in posture.apt.packages if package.name != name)
    return posture.apt.model_copy(update={"packages": packages})


def test_what_was_changed_is_refused_and_waits_for_a_network(
    machine: Container, made: Made, program: Path
) -> None:
    tampered(machine, "tree_*", LIBRARIES[0] + "_*")
    next((machine.root / POOL / "apt").glob("pv_*")).unlink()
    options = ("--only", "apt")
    code, states = restored(machine, made.posture, program, *options, pool=made.pool.index.text())
    lost = {"tree", "pv", REAL_WITH_LIBRARIES, LOST}
    reasons, untils = reported(machine.root, "reason"), reported(machine.root, "until")
    assert code == 3
    assert {states[f"apt:{name}"] for name in made.names if name not in lost} == {"restored"}, reasons
    assert {(states[f"apt:{name}"], untils[f"apt:{name}"]) for name in lost} == {("deferred", "network")}
    assert "Hash Sum mismatch" in reasons["apt:tree"]
    assert "Hash Sum mismatch" in reasons[f"apt:{REAL_WITH_LIBRARIES}"]
    assert "File not found" in reasons["apt:pv"]
    assert "no network" in reasons[f"apt:{LOST}"]
    assert not machine.run("sh", "-c", "command -v tree").stdout
    assert not (machine.root / SOURCE).exists()
    code, states = restored(
        replace(machine, network=True), made.posture, program, *options, pool=made.pool.index.text()
    )
    assert {name for name in (*made.names, LOST) if states[f"apt:{name}"] not in ("already", "restored")} == {
        LOST
    }
    assert states[f"apt:{LOST}"] == "unavailable"
    assert {states[f"apt:{name}"] for name in lost - {LOST}} == {"restored"}


@pytest.mark.parametrize("file", ["InRelease", "Packages"])
def test_an_index_that_was_changed_is_refused(
    machine: Container, made: Made, program: Path, file: str
) -> None:
    tampered(machine, file)
    code, states = restored(machine, made.posture, program, "--only", "apt", pool=made.pool.index.text())
    assert code == 3
    assert {states[f"apt:{name}"] for name in made.names} == {"deferred"}
    reason = reported(machine.root, "reason")["apt:tree"]
    assert "no network" in reason
    assert "what travelled along is refused" in reason
    assert (machine.root / POOL).exists()


def test_a_pool_that_the_payload_does_not_know_is_not_believed(
    machine: Container, made: Made, program: Path
) -> None:
    _, states = restored(machine, made.posture, program, "--only", "apt")
    assert {states[f"apt:{name}"] for name in made.names} == {"deferred"}


def tampered(machine: Container, *patterns: str) -> None:
    """Flip one bit in the midst of each file of apt's pool that fits."""
    for pattern in patterns:
        [place] = (machine.root / POOL / "apt").glob(pattern)
        content = bytearray(place.read_bytes())
        content[len(content) // 2] ^= 1
        place.write_bytes(content)
