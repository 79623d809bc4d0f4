"""A machine without any network gets its packages from the pool, and believes nothing else of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from builder.pool import repository
from builder.pool.pool import Pool, gather_pool
from builder.pool.target import Target
from builder.standin.archive import own_sources, running_release
from builder.standin.image import manifest
from collectors.compare import score
from collectors.debian.sources import parse_sources
from collectors.domains.apt import Apt, Package, SourceFile
from collectors.domains.system import Release
from collectors.host import Machine
from collectors.posture import Posture
from collectors.record import sha256
from collectors.repository import read_posture
from tests.container.minimal import Container, container, minimal_root, remove
from tests.container.restoring import reported, restored
from tests.postures import small_posture
from tests.sample.archive import LIBRARIES, REAL, REAL_WITH_LIBRARIES, VENDOR, Served
from tests.sample.posture import MAIN_SOURCE, sample_posture
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
TIED = "git"


@dataclass(frozen=True)
class Made:
    """A posture of a machine whose sources are gone, and the pool that was made while they were there."""

    posture: Posture
    pool: Pool
    told: list[str]

    @property
    def names(self) -> list[str]:
        return [package.name for package in self.posture.apt.packages if package.name != LOST]


@pytest.fixture(scope="module")
def made(program_cache: Path, served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("pool")
    posture = with_odd_packages(sample_posture(served.url(), served.key), served)
    told: list[str] = []
    pool = gathered(posture, fresh(program_cache, folder / "root"), folder / "kept", told)
    yield Made(posture, pool, told)


@pytest.fixture
def machine(blank: Container, made: Made, tmp_path: Path) -> Container:
    """A blank machine without network, on which the installer laid the pool."""
    (blank.root / "etc/apt/sources.list").write_text("")
    laid(blank, made.pool, tmp_path)
    return replace(blank, network=False)


def gathered(posture: Posture, target: Target, folder: Path, told: list[str]) -> Pool:
    key = repository.own_key(folder / repository.KEY)
    return gather_pool(posture, target, folder=folder, key=key, say=told.append)


def laid(machine: Container, pool: Pool, folder: Path) -> None:
    """Do what the installer does with a pool."""
    with (folder / "pool.tar").open("wb") as tar:
        pool.tar.write(tar.write)
    binds = (
        f"{folder / 'pool.tar'}:/cdrom/rekindle/pool.tar",
        f"{OVERLAY}/installer:/cdrom/rekindle/installer",
    )
    (machine.root / "target").symlink_to(".")
    done = machine.run("sh", "/cdrom/rekindle/installer/unpack-pool", binds=binds)
    assert done.returncode == 0
    assert "rekindle" not in done.stderr


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


def without(posture: Posture, name: str) -> Apt:
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


def test_what_the_archive_ties_together_comes_as_one(
    blank: Container, program: Path, program_cache: Path, tmp_path: Path
) -> None:
    """git brings perl, whose packages want one another in one version exactly."""
    posture = of_the_archive(TIED)
    folder = program_cache / "pool"
    pool = gathered(posture, fresh(program_cache, tmp_path / "root"), folder, [])
    assert pool.gaps == ()
    laid(blank, pool, tmp_path)
    machine = replace(blank, network=False)
    code, states = restored(machine, posture, program, "--only", "apt", pool=pool.index.text())
    assert (code, states[f"apt:{TIED}"]) == (0, "restored"), reported(machine.root, "reason")
    assert machine.run(TIED, "--version").returncode == 0
    assert machine.run("dpkg", "--audit").stdout == ""


def of_the_archive(*names: str) -> Posture:
    """Return a posture of packages of the distribution that the test runs on."""
    machine = Machine()
    lines = "".join(f"{source.line}\n" for source in own_sources(machine, running_release(machine)))
    entries, _ = parse_sources(lines, path=MAIN_SOURCE)
    content = lines.encode()
    file = SourceFile(path=MAIN_SOURCE, format="one-line", sha256=sha256(content), entries=entries)
    release = Release(distribution="debian", version="12", codename="bookworm", architecture="amd64")
    posture = small_posture(release=release)
    apt = Apt(packages=tuple(Package(name=name) for name in names), sources=(file,))
    return replace(posture, apt=apt, contents={**posture.contents, MAIN_SOURCE: content})


def tampered(machine: Container, *patterns: str) -> None:
    """Flip one bit in the midst of each file of apt's pool that fits."""
    for pattern in patterns:
        [place] = (machine.root / POOL / "apt").glob(pattern)
        content = bytearray(place.read_bytes())
        content[len(content) // 2] ^= 1
        place.write_bytes(content)
