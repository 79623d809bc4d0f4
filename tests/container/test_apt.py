"""Packages come back from archives in trouble, over networks that go away, and onto disks that are full."""

from __future__ import annotations

import fcntl
import os
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from builder.payload.pack import write_payload
from builder.standin.archive import running_release
from collectors.debian.sources import parse_sources
from collectors.domains.apt import Apt, Keyring, Package, SourceFile
from collectors.domains.apt.debconf import Answer
from collectors.domains.files import Files
from collectors.domains.system import Release
from collectors.domains.users import Users
from collectors.host import Machine
from collectors.posture import Posture
from collectors.record import File, sha256
from tests.container.minimal import NSPAWN, Container
from tests.container.restoring import reported, restored
from tests.postures import small_posture
from tests.sample.faults import BRICKS, Faulty, faulty

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="containers need root"),
]

WALL, OLD = "/etc/apt/keyrings/wall.gpg", "/etc/apt/keyrings/old.gpg"
PARTS = "/etc/apt/sources.list.d"
PROXY = "/etc/apt/apt.conf.d/99proxy"
LOCK = "/var/lib/dpkg/lock-frontend"
PROGRESS = "var/lib/rekindle/restore/progress"
LOST = tuple(f"lost-{number}" for number in range(10))
# Name, with the state it ends in and what its reason says.
BAD = {
    **dict.fromkeys(LOST, ("unavailable", "no source offers it")),
    "kiln-cold": ("failed", "the kiln is cold"),
    "kiln-warm": ("failed", "it needs kiln-cold"),
    "kiln-clash": ("failed", "trying to overwrite"),
    "kiln-unmet": ("failed", "Depends: no-such-lib"),
    "kiln-rival": ("failed", "Conflicts: brick-001"),
    "kiln-gone": ("failed", "404"),
    "kiln-needs-gone": ("failed", "it needs kiln-gone"),
    "kiln-huge": ("failed", "No space left on device"),
    "kiln-strange": ("unavailable", "NO_PUBKEY"),
    "kiln-expired": ("unavailable", "EXPKEYSIG"),
    "kiln-future": ("unavailable", "is not valid yet"),
    "sand": ("unavailable", "no source offers it"),
    "mortar": ("substituted", "mortar-ng"),
    "trowel3.11": ("substituted", "trowel3.12"),
}
# Of each archive's source: what the reason says, and the remedy.
DEAD = {
    "strange": ("NO_PUBKEY", WALL),
    "expired": ("EXPKEYSIG", OLD),
    "future": ("is not valid yet", "clock"),
    "nothere": ("does not have a Release file", "it is gone"),
    "refuses": ("Connection refused", "apt update"),
}


@pytest.fixture
def machine(blank: Container) -> Container:
    """A blank machine that knows of no archive."""
    (blank.root / "etc/apt/sources.list").write_text("")
    return blank


def test_what_is_in_trouble_sinks_nothing(machine: Container, program: Path, program_cache: Path) -> None:
    good, expected = BRICKS[:90], [state for state, _ in BAD.values()]
    with faulty(program_cache) as faults, full_disk(machine.root / "usr/share/kiln-huge"):
        posture = of_packages((*good, *BAD), faults, ("wall", *DEAD), holds=("brick-003", "kiln-cold"))
        code, states = restored(machine, posture, program, "--only", f"apt,file:{PROXY}")
        assert code == 3
        assert {states[f"apt:{name}"] for name in good} == {"restored"}
        reasons, remedies = reported(machine.root, "reason"), reported(machine.root, "remedy")
        assert states_of(BAD, states) == expected
        for name, (state, reason) in BAD.items():
            assert reason in reasons[f"apt:{name}"], name
            assert bool(remedies[f"apt:{name}"]) == (state != "substituted"), name
        assert "sand-coarse, sand-fine" in remedies["apt:sand"]
        for name, (reason, remedy) in DEAD.items():
            assert reason in reasons[source_id(name)]
            assert remedy in remedies[source_id(name)]
        assert states[f"file:{PROXY}"] == "restored"
        assert "does not answer" in reasons[f"file:{PROXY}"]
        assert states["debconf:kiln/heat"] == "restored"
        assert_whole(machine)
        assert transactions(machine.root) <= 6
        code, again = restored(machine, posture, program, "--only", "apt")
        assert {again[f"apt:{name}"] for name in good} == {"already"}
        assert states_of(BAD, again) == expected
        assert_whole(machine)


def states_of(names: Iterable[str], states: dict[str, str]) -> list[str]:
    return [states[f"apt:{name}"] for name in names]


def assert_whole(machine: Container) -> None:
    """Nothing is half installed, what was chosen is marked, what was held is held."""
    assert machine.run("dpkg", "--audit").stdout == ""
    manual = machine.run("apt-mark", "showmanual").stdout.split()
    assert {"brick-000", "brick-089", "mortar-ng", "trowel3.12"} <= set(manual)
    assert "kiln-cold" not in manual
    assert "brick-003" in machine.run("apt-mark", "showhold").stdout.split()


def test_a_network_that_is_cut_defers_and_the_next_run_goes_on(
    machine: Container, program: Path, program_cache: Path
) -> None:
    names = BRICKS[:12]
    with faulty(program_cache, packages_left=3) as faults:
        posture = of_packages(names, faults, ("wall",))
        restored(machine, posture, program, "--only", "apt")
    untils = reported(machine.root, "until")
    states = reported(machine.root, "state")
    assert states_of(names, states) == ["restored"] * 3 + ["deferred"] * 9, reported(machine.root, "reason")
    assert {untils[f"apt:{name}"] for name in names[3:]} == {"network"}
    assert machine.run("dpkg", "--audit").stdout == ""
    with faulty(program_cache, port=faults.port), locked(machine):
        code, states = restored(machine, posture, program, "--only", "apt")
    assert code == 0
    assert states_of(names, states) == ["already"] * 3 + ["restored"] * 9
    assert f"waiting: another program holds {LOCK}" in (machine.root / PROGRESS).read_text()


@pytest.mark.parametrize("slow", ["kiln-slow", "kiln-stuck"])
def test_killed_in_the_midst_of_dpkg_it_goes_on(
    slow: str, machine: Container, program: Path, program_cache: Path
) -> None:
    names = (*BRICKS[:5], slow)
    with faulty(program_cache) as faults:
        posture = of_packages(names, faults, ("wall",))
        (machine.root / "slow").touch()
        begun_and_killed(machine, posture, program)
        assert (machine.root / "slow.begun").exists()
        (machine.root / "slow").unlink()
        assert slow in machine.run("dpkg", "--audit").stdout
        code, states = restored(machine, posture, program, "--only", "apt")
        assert code == 0, reported(machine.root, "reason")
        assert {states[f"apt:{name}"] for name in names} <= {"already", "restored"}
        assert machine.run("dpkg", "--audit").stdout == ""
        assert set(names) <= set(machine.run("apt-mark", "showmanual").stdout.split())
        code, states = restored(machine, posture, program, "--only", "apt")
    assert (code, {states[f"apt:{name}"] for name in names}) == (0, {"already"})


def test_sources_move_to_a_newer_release(machine: Container, program: Path, program_cache: Path) -> None:
    now = running_release(Machine()).codename
    with faulty(program_cache) as faults:
        old = Release(distribution="debian", version="7", codename="wheezy", architecture="amd64")
        posture = of_packages(
            ("kiln-moved", "brick-000", "kiln-none"), faults, ("wall", "hangs"), release=old
        )
        none = f"Types: deb\nURIs: {faults.url()}/none\nSuites: wheezy\nComponents: main\n"
        texts = {
            "moved.list": f"# wheezy\ndeb [signed-by={WALL}] {faults.url()}/moved wheezy main\n",
            "none.sources": f"{none}Signed-By: {WALL}\n",
            "debian.list": "deb http://deb.debian.org/debian wheezy main contrib\n",
        }
        posture = with_sources(posture, texts)
        restored(machine, posture, program, "--only", "apt")
    states, reasons = reported(machine.root, "state"), reported(machine.root, "reason")
    assert {name: states[f"apt-source:{PARTS}/{name}"] for name in texts} == {
        "moved.list": "substituted",
        "none.sources": "deferred",
        "debian.list": "substituted",
    }
    assert states["apt:kiln-moved"] == states["apt:brick-000"] == states[source_id("wall")] == "restored"
    assert "its index could not be read" in reasons[source_id("hangs")]
    assert "in force" in reasons[f"apt-source:{PARTS}/debian.list"]
    folder = machine.root / PARTS.lstrip("/")
    moved = texts["moved.list"].replace("moved wheezy", f"moved {now}")
    assert (folder / "moved.list").read_text() == moved
    assert (folder / "none.sources").read_text().startswith("Enabled: no\nTypes: deb\n")
    assert f"Suites: {now}\n" in (folder / "none.sources").read_text()
    assert not (folder / "debian.list").exists()


def of_packages(
    names: Sequence[str],
    faults: Faulty,
    archives: Sequence[str],
    holds: Sequence[str] = (),
    release: Release | None = None,
) -> Posture:
    """Return a posture of packages, from archives of which each has a file of its own."""
    here = running_release(Machine())
    same = Release(
        distribution=here.distribution, version=here.version, codename=here.codename, architecture="amd64"
    )
    keys = {path: (faults.directory / Path(path).name).read_bytes() for path in (WALL, OLD)}
    proxy = b'Acquire::http::Proxy "http://127.0.0.2:9";\n'
    apt = Apt(
        packages=tuple(package(name, faults) for name in names),
        holds=tuple(holds),
        answers=(Answer(question="kiln/heat", package="kiln", type="select", value="high; $(id)"),),
        keyrings=tuple(Keyring(path=path, sha256=sha256(key)) for path, key in keys.items()),
    )
    plain = {"kind": "file", "origin": "unowned", "owner": "root", "group": "root", "mode": "0644"}
    conf = File(path=PROXY, sha256=sha256(proxy), **plain)
    posture = small_posture(release=release or same)
    apt_files = replace(
        posture, apt=apt, files=Files(files=(conf,)), users=Users(), contents={**keys, PROXY: proxy}
    )
    return with_sources(apt_files, {f"{name}.list": line_of(name, faults) for name in archives})


def package(name: str, faults: Faulty) -> Package:
    """Return a package; of those from an archive in trouble the posture knows where they came from."""
    archive = name.removeprefix("kiln-")
    origin = f"{faults.url()}/{archive} sample/main" if archive in DEAD else ""
    return Package(name=name, version="3.11.2-6" if name == "trowel3.11" else "1.0", origin=origin)


def line_of(archive: str, faults: Faulty) -> str:
    if archive == "refuses":
        return "deb [trusted=yes] http://127.0.0.3:9/refuses sample main\n"
    return faults.source(archive, f"signed-by={OLD if archive == 'expired' else WALL}")


def source_id(archive: str) -> str:
    return f"apt-source:{PARTS}/{archive}.list"


def with_sources(posture: Posture, texts: dict[str, str]) -> Posture:
    files = []
    contents = dict(posture.contents)
    for name, text in texts.items():
        path = f"{PARTS}/{name}"
        entries, findings = parse_sources(text, path=path)
        assert not findings
        kind = "deb822" if name.endswith(".sources") else "one-line"
        files.append(SourceFile(path=path, format=kind, sha256=sha256(text.encode()), entries=entries))
        contents[path] = text.encode()
    apt = posture.apt.model_copy(update={"sources": (*posture.apt.sources, *files)})
    return replace(posture, apt=apt, contents=contents)


def begun_and_killed(machine: Container, posture: Posture, program: Path) -> None:
    """Restore, and kill all of it when dpkg waits for a package's script."""
    home = machine.root / "root"
    (home / "restore.pex").write_bytes(program.read_bytes())
    (home / "restore.pex").chmod(0o755)
    write_payload(posture, program, host="hearth", output=home / "payload.tar")
    script = (
        "/root/restore.pex restore --from /root/payload.tar --only apt > /dev/null & "
        "while ! test -e /slow.begun; do sleep 0.1; done; kill -9 -1"
    )
    argv = [*NSPAWN, "--as-pid2", "--pipe", f"--directory={machine.root}", "sh", "-c", script]
    subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=110, check=False)


def transactions(root: Path) -> int:
    """Return how many times apt-get installed something in the last run."""
    log = (root / "var/lib/rekindle/restore/apt.log").read_text()
    return sum(line.startswith("--- apt-get ") and " install " in line for line in log.splitlines())


@contextmanager
def full_disk(place: Path) -> Iterator[None]:
    """Lay a disk of one megabyte over a folder."""
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


@contextmanager
def locked(machine: Container) -> Iterator[None]:
    """Hold dpkg's lock as another apt does, until the restore tells that it waits."""
    told = machine.root / PROGRESS
    told.unlink(missing_ok=True)
    file = (machine.root / LOCK.lstrip("/")).open("r+b")
    fcntl.lockf(file, fcntl.LOCK_EX)

    def release() -> None:
        until = time.monotonic() + 90
        while time.monotonic() < until and not (told.exists() and LOCK in told.read_text()):
            time.sleep(0.2)
        file.close()

    thread = threading.Thread(target=release)
    thread.start()
    yield
    thread.join()
