"""Packages of languages and flatpaks come back on a machine without network, from what travelled along."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from builder.payload.pack import write_payload
from builder.pool import flatpak, npm, wheels
from builder.pool.gathered import Gathered
from builder.pool.index import FLATPAK, NPM, POOL, WHEELS, Bundled, Index
from builder.pool.target import Target
from builder.standin.archive import running_release
from collectors.collect import collect
from collectors.domains.flatpak import collect as collect_flatpaks
from collectors.domains.languages import Languages
from collectors.domains.languages.node import Pnpm, Yarn
from collectors.domains.languages.npm import Npm
from collectors.domains.languages.pip import Pip
from collectors.domains.languages.pipx import Pipx
from collectors.domains.languages.uv import Uv
from collectors.domains.system import Release
from collectors.host import Machine
from collectors.posture import Posture
from collectors.record import sha256
from tests.cached import cached
from tests.container.minimal import container, minimal_root, remove
from tests.messy.desktop import PACKAGES
from tests.postures import small_posture
from tests.roundtrip import UNIT

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="containers need root"),
    pytest.mark.skipif(
        running_release(Machine()).codename != "bookworm",
        reason="it names Debian 12's packages",
    ),
]

TARGET = Target("12", "bookworm", "amd64", {"python3": "3.11.2-1+b1", "libc6": "2.36-9+deb12u10"})
OWN = "~/.npm-global"
LANGUAGES = Languages(
    npm=(
        Npm(user="ada", name="semver", version="7.5.0", prefix=OWN),
        Npm(user="ada", name="is-odd", version="3.0.1", prefix=OWN),
        Npm(name="pnpm", version="9.15.0", prefix="/usr/local"),
        Npm(name="yarn", version="1.22.22", prefix="/usr/local"),
    ),
    pnpm=(Pnpm(user="ada", name="cowsay", version="1.6.0", asked="^1.5.0"),),
    yarn=(Yarn(user="ada", name="mkdirp", version="3.0.1", asked="^3.0.1"),),
    pip=(
        Pip(user="ada", name="pyfiglet", version="1.0.2", python="3.11"),
        Pip(user="ada", name="toml", version="0.10.2", python="3.11"),
        Pip(user="ada", name="docopt", version="0.6.2", python="3.11"),
    ),
    pipx=(
        Pipx(user="ada", name="cowsay", version="6.1", package="cowsay"),
        Pipx(user="ada", name="uv", version="0.4.30", package="uv"),
    ),
    uv=(Uv(user="ada", name="pycowsay", version="0.0.0.2", package="pycowsay"),),
)
DAMAGED = {
    "pip:~ada/toml": "wheels/toml-0.10.2-py2.py3-none-any.whl",
    "npm:~ada/is-odd": "npm/is-odd/3.0.1.tgz",
}
# Only what it is built from has it.
WITHOUT_WHEEL = "pip:~ada/docopt"
# What the items' programs are asked, by ada in her home, and what they say.
PROGRAMS = {
    "npm:~ada/semver": (".npm-global/bin/semver -i minor 1.2.3", "1.3.0"),
    "pip:~ada/pyfiglet": ("python3 -c 'import pyfiglet; print(pyfiglet.__version__)'", "1.0.2"),
    "pipx:~ada/cowsay": (".local/bin/cowsay -t from-pipx", "from-pipx"),
    "pnpm:~ada/cowsay": (".local/share/pnpm/cowsay from-pnpm", "from-pnpm"),
    "uv:~ada/pycowsay": (".local/bin/pycowsay from-uv", "from-uv"),
    "yarn:~ada/mkdirp": (".yarn/bin/mkdirp --version", "3.0.1"),
}
# pip is in Debian's wheel alone; a machine of an owner has its package.
SCRIPT = """#!/bin/bash
exec 2> /root/trip.said
wheel=$(echo /usr/share/python-wheels/pip-*.whl)
printf '#!/bin/sh\\nexec python3 %s/pip "$@"\\n' "$wheel" > /usr/local/sbin/pip
chmod 0755 /usr/local/sbin/pip
cd /root
python3 restore.pex restore --from payload.tar --json > report.json 2> restore.said
while IFS= read -r line; do
    su --login ada --command "$line"
done < programs > said 2>&1
true
"""
FLATPAKS = Path(__file__).with_name("flatpaks.sh")
FLATPAKS_OF = ("flatpak:org.example.Hello", "flatpak:~ada/org.example.Own")
KEPT = ("etc/passwd", "etc/group", "var/lib/flatpak", "home/ada")


@dataclass(frozen=True)
class Offline:
    """What came of it: the old posture, what was gathered, and the new machine."""

    posture: Posture
    gathered: dict[str, Gathered]
    root: Path

    def told(self, what: str = "state") -> dict[str, str]:
        """Return the state, or another part of the report, of each item."""
        report = json.loads((self.root / "root/report.json").read_text())
        return {entry["id"]: entry[what] for entry in report["items"]}


@pytest.fixture(scope="module")
def packages(program_cache: Path) -> Path:
    return minimal_root(program_cache, PACKAGES)


@pytest.fixture(scope="module")
def old(program_cache: Path, packages: Path) -> Path:
    """Return the parts that matter of a machine with flatpaks."""

    def make(aside: Path) -> None:
        machine = container(packages, aside.with_name("machine"))
        done = machine.run("sh", "-euc", FLATPAKS.read_text())
        assert done.returncode == 0, done.stderr
        for name in KEPT:
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            (machine.root / name).rename(aside / name)
        remove(machine)

    return cached(program_cache, "flatpaks", (packages.name, FLATPAKS.read_text()), make)


@pytest.fixture(scope="module")
def posture(old: Path) -> Posture:
    release = Release(distribution="debian", version="12", codename="bookworm", architecture="amd64")
    found = collect_flatpaks(Machine(old))
    small = small_posture(release=release)
    ada = small.users.users[0].model_copy(update={"home_mode": "0755"})
    return replace(
        small,
        users=small.users.model_copy(update={"users": (ada,)}),
        languages=LANGUAGES,
        flatpak=found.section,
        contents={**small.contents, **found.contents},
    )


@pytest.fixture(scope="module")
def offline(
    program_cache: Path,
    packages: Path,
    old: Path,
    posture: Posture,
    program: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Offline]:
    pool = program_cache / "pool-languages"
    gathered = {
        WHEELS: wheels.gather(posture, TARGET, pool / WHEELS, print),
        NPM: npm.gather(posture, TARGET, pool / NPM, print),
        FLATPAK: flatpak.gather(posture, TARGET, pool / FLATPAK, print, Machine(old)),
    }
    files = {f"{kind}/{name}": pool / kind / name for kind, each in gathered.items() for name in each.files}
    machine = container(packages, tmp_path_factory.mktemp("offline") / "machine")
    root = machine.root
    for name, file in files.items():
        placed = root / str(POOL).lstrip("/") / name
        placed.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, placed)
    for name in DAMAGED.values():
        with (root / str(POOL).lstrip("/") / name).open("r+b") as placed:
            placed.seek(-30, os.SEEK_END)
            placed.write(b"tampered")
    write_payload(posture, program, host="ember", output=root / "root/payload.tar", pool=index(files))
    shutil.copy(program, root / "root/restore.pex")
    install(root)
    booted = machine.boot("--private-network", timeout_seconds=1200)
    assert (root / "root/said").exists(), booted.stdout
    yield Offline(posture, gathered, root)
    remove(machine)


def index(files: dict[str, Path]) -> bytes:
    bundled = (
        Bundled(name=name, size_bytes=file.stat().st_size, sha256=sha256(file.read_bytes()))
        for name, file in sorted(files.items())
    )
    return Index(files=tuple(bundled)).text()


def install(root: Path) -> None:
    """Have the machine restore itself when it boots, run what came back, and power off."""
    (root / "root/programs").write_text("".join(f"{line}\n" for line, _ in PROGRAMS.values()))
    script = root / "root/roundtrip"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    unit = root / "etc/systemd/system/roundtrip.service"
    unit.write_text(UNIT)
    wants = unit.parent / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / unit.name).symlink_to(f"../{unit.name}")


def test_what_was_gathered_is_restored_and_found_again(offline: Offline) -> None:
    states = offline.told()
    wanted = {*PROGRAMS, *FLATPAKS_OF, "npm:pnpm", "npm:yarn", "pipx:~ada/uv"}
    assert {name: states[name] for name in wanted} == dict.fromkeys(wanted, "restored")
    old = {item.id: item.fingerprint for item in offline.posture.items()}
    new = {item.id: item.fingerprint for item in collect(Machine(offline.root)).posture.items()}
    remotes = {"flatpak-remote:example", "flatpak-remote:~ada/hers"}
    assert {name: new.get(name) for name in wanted | remotes} == {
        name: old[name] for name in wanted | remotes
    }


def test_programs_run(offline: Offline) -> None:
    said = (offline.root / "root/said").read_text()
    assert [shown for _, shown in PROGRAMS.values() if shown not in said] == []


def test_what_is_damaged_or_was_not_gathered_waits_for_the_network(offline: Offline) -> None:
    states, until = offline.told(), offline.told("until")
    waiting = {*DAMAGED, WITHOUT_WHEEL}
    assert {name: (states[name], until[name]) for name in waiting} == dict.fromkeys(
        waiting, ("deferred", "network")
    )
    said = (offline.root / "root/restore.said").read_text()
    for name in DAMAGED.values():
        assert name in said
        assert not (offline.root / str(POOL).lstrip("/") / name).exists()


def test_what_has_no_wheel_is_told_when_it_is_gathered(offline: Offline) -> None:
    [gap] = offline.gathered[WHEELS].gaps
    assert gap.subject == WITHOUT_WHEEL
    assert "docopt" in gap.reason


def test_a_flatpak_comes_with_its_runtime_its_languages_and_nothing_else(offline: Offline) -> None:
    runtimes = offline.root / "var/lib/flatpak/runtime"
    names = {path.name for path in runtimes.iterdir()}
    assert names == {f"org.example.Platform{end}" for end in ("", ".Locale", ".GL.default")}
    locale = runtimes / "org.example.Platform.Locale/x86_64/23.08/active/files"
    assert (locale / "de/name").is_file()
    assert not (locale / "en").exists()
    assert offline.gathered[FLATPAK].gaps == ()


def test_an_unchanged_machine_has_the_same_pool(offline: Offline, program_cache: Path, old: Path) -> None:
    pool = program_cache / "pool-languages" / FLATPAK
    before = {name: sha256((pool / name).read_bytes()) for name in offline.gathered[FLATPAK].files}
    again = flatpak.gather(offline.posture, TARGET, pool, pytest.fail, Machine(old))
    assert {name: sha256((pool / name).read_bytes()) for name in again.files} == before
