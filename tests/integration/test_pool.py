"""A pool is gathered by real tools, lies in an area of its own, and is written anew only where it changed."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from builder.history import commit_posture
from builder.iso import areas
from builder.iso.prepare import layout_of
from builder.pool import repository
from builder.pool.index import Index
from builder.pool.pool import Pool, gather_pool
from builder.pool.target import Target, read_target
from collectors.domains.apt import Package
from collectors.failure import Failure
from collectors.posture import Posture
from tests.integration.test_chain import Home
from tests.sample.archive import LIBRARIES, REAL_WITH_LIBRARIES, Served, archive
from tests.sample.posture import MAIN_SOURCE, sample_posture
from tests.synthetic import synthetic_base

pytestmark = pytest.mark.integration

LOST = "no-such-package"
BUILD = ("build", "--allow-unverified", "--base")


@pytest.fixture(scope="module")
def served(program_cache: Path) -> Iterator[Served]:
    with archive(program_cache) as serving:
        yield serving


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def home(tmp_path: Path, program_cache: Path) -> Home:
    """A home whose cache is the tests', but for the pools."""
    home = Home(tmp_path / "home", tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "program").symlink_to(program_cache / "program")
    return home


def posture_of(served: Served, *names: str) -> Posture:
    posture = sample_posture(served.url(), served.key)
    packages = tuple(Package(name=name) for name in names)
    return replace(posture, apt=posture.apt.model_copy(update={"packages": packages, "holds": ()}))


def gathered(posture: Posture, folder: Path, *, installed: dict[str, str] | None = None) -> Pool:
    target = Target(release="12", codename="bookworm", architecture="amd64", packages=installed or BARE)
    key = repository.own_key(folder / repository.KEY)
    return gather_pool(posture, target, folder=folder / "pool", key=key, say=lambda line: None)


# What jq and ascii need and no test's archive has.
BARE = {"libc6": "2.36-9"}


def tar_of(pool: Pool) -> bytes:
    sink = io.BytesIO()
    pool.tar.write(sink.write)
    return sink.getvalue()


def version_of(served: Served, name: str) -> str:
    [deb] = served.directory.glob(f"main/pool/{name}_*.deb")
    return deb.name.split("_")[1]


def packages_of(pool: Pool) -> set[str]:
    names = (each.name for each in pool.index.files)
    return {name.removeprefix("apt/").partition("_")[0] for name in names if name.startswith("apt/")}


def test_the_same_packages_give_the_same_bytes_and_are_not_written_again(
    served: Served, tmp_path: Path
) -> None:
    posture = posture_of(served, REAL_WITH_LIBRARIES)
    first = gathered(posture, tmp_path)
    assert packages_of(first) == {REAL_WITH_LIBRARIES, *LIBRARIES}
    assert stat.S_IMODE((tmp_path / repository.KEY).stat().st_mode) == 0o600
    tar, signed = tar_of(first), tmp_path / "pool/apt" / repository.RELEASE
    inode = signed.stat().st_ino
    assert tar_of(gathered(posture, tmp_path)) == tar
    assert signed.stat().st_ino == inode
    signed.unlink()
    assert tar_of(gathered(posture, tmp_path)) == tar
    assert len(tar) == first.tar.size_bytes


def test_what_the_base_has_already_is_left_out(served: Served, tmp_path: Path) -> None:
    libraries = {name: version_of(served, name) for name in LIBRARIES}
    pool = gathered(posture_of(served, REAL_WITH_LIBRARIES), tmp_path, installed={**BARE, **libraries})
    assert packages_of(pool) == {REAL_WITH_LIBRARIES}
    pool = gathered(posture_of(served, REAL_WITH_LIBRARIES), tmp_path, installed={REAL_WITH_LIBRARIES: "1"})
    assert packages_of(pool) == set()


def test_what_was_downloaded_serves_when_no_source_answers(
    served: Served, tmp_path: Path, program_cache: Path
) -> None:
    with archive(program_cache) as passing:
        posture = posture_of(passing, "ascii", LOST)
        first = gathered(posture, tmp_path)
    again = gathered(posture, tmp_path)
    assert packages_of(again) == packages_of(first) == {"ascii"}
    assert [gap.subject for gap in again.gaps] == [f"apt:{LOST}"]


def test_without_indexes_every_item_is_told(served: Served, tmp_path: Path, program_cache: Path) -> None:
    with archive(program_cache) as passing:
        posture = posture_of(passing, "ascii", "tree")
    pool = gathered(posture, tmp_path)
    assert [gap.subject for gap in pool.gaps] == ["apt:ascii", "apt:tree"]
    assert packages_of(pool) == set()


def test_files_that_apt_does_not_read_sink_no_other(served: Served, tmp_path: Path) -> None:
    posture = posture_of(served, "ascii")
    odd = {
        "/etc/apt/sources.list.d/odd.list": b"deb nonsense\n",
        "/etc/apt/sources.list.d/odd.sources": b"Types: deb\nURIs: what\n",
        "/etc/apt/preferences.d/odd": b"Pin-Priority: 1\n",
        "/etc/apt/apt.conf.d/odd": b"{{{\n",
    }
    pool = gathered(replace(posture, contents={**posture.contents, **odd}), tmp_path)
    assert (packages_of(pool), pool.gaps) == ({"ascii"}, ())


def test_the_posture_decides_what_comes_along(served: Served, tmp_path: Path) -> None:
    posture = posture_of(served, "ascii")
    away = {"/etc/apt/preferences.d/away": b"Package: ascii\nPin: version *\nPin-Priority: -1\n"}
    pool = gathered(replace(posture, contents={**posture.contents, **away}), tmp_path)
    assert [gap.subject for gap in pool.gaps] == ["apt:ascii"]


def test_an_archive_on_the_disk_is_bundled_if_it_is_what_its_index_says(
    served: Served, tmp_path: Path
) -> None:
    near = tmp_path / "near by"
    shutil.copytree(served.directory, near)
    [changed] = near.glob("main/pool/tree_*.deb")
    changed.write_bytes(changed.read_bytes()[::-1])
    posture = posture_of(served, "ascii", "tree")
    content = posture.contents[MAIN_SOURCE].replace(
        served.url().encode(), f"file:{quote(str(near))}".encode()
    )
    pool = gathered(replace(posture, contents={**posture.contents, MAIN_SOURCE: content}), tmp_path)
    assert packages_of(pool) == {"ascii"}
    assert [gap.subject for gap in pool.gaps] == ["apt:tree"]


def test_what_is_listed_and_gone_is_told_of_what_needs_it(served: Served, tmp_path: Path) -> None:
    shutil.copytree(served.directory, tmp_path / "served" / served.directory.name)
    with archive(tmp_path / "served") as own:
        posture = posture_of(own, REAL_WITH_LIBRARIES, "ascii")
        [deb] = own.directory.glob(f"main/pool/{LIBRARIES[0]}_*.deb")
        aside = deb.rename(tmp_path / deb.name)
        pool = gathered(posture, tmp_path)
        [gap] = pool.gaps
        assert gap.subject == f"apt:{REAL_WITH_LIBRARIES}"
        assert "404" in gap.reason
        assert "ascii" in packages_of(pool)
        assert LIBRARIES[0] not in packages_of(pool)
        aside.rename(deb)
        assert gathered(posture, tmp_path).gaps == ()


def test_no_room_is_said_before_anything_is_downloaded(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builder.pool.apt.SPARE_BYTES", 2**60)
    with pytest.raises(Failure, match="MB are needed"):
        gathered(posture_of(served, "ascii"), tmp_path)
    assert not list(tmp_path.rglob("ascii_*.deb"))


def test_an_offline_iso_has_a_pool_that_its_payload_vouches_for(
    home: Home, base: Path, served: Served
) -> None:
    commit_posture(home.repository, "ember", posture_of(served, "kiln", LOST), "collected")
    told = home.run(*BUILD, base, "--offline")
    assert told.returncode == 3, told.stderr
    assert "the pool for a machine without network has" in told.stderr
    assert f"apt:{LOST}: no source offers it" in told.stderr
    iso = home.folder / "state/latest.iso"
    layout = layout_of(iso)
    with iso.open("rb") as image:
        manifest = json.loads(areas.content_of(image, layout.area(areas.MANIFEST)))
        image.seek(layout.area(areas.POOL).offset)
        pool = image.read(layout.area(areas.POOL).capacity)
        image.seek(layout.area(areas.PAYLOAD).offset)
        payload = image.read(layout.area(areas.PAYLOAD).capacity)
    held = {each["name"]: each for each in manifest["areas"]}[areas.POOL]
    assert hashlib.sha256(pool[: held["size_bytes"]]).hexdigest() == held["sha256"]
    with tarfile.open(fileobj=io.BytesIO(payload)) as tar:
        index = Index.model_validate_json(tar.extractfile("pool.json").read())
        listed = json.load(tar.extractfile("manifest.json"))["members"]
    assert "pool.json" in {member["name"] for member in listed}
    with tarfile.open(fileobj=io.BytesIO(pool)) as tar:
        contents = {name: tar.extractfile(name).read() for name in tar.getnames()}
    debs = {each.name: each.sha256 for each in index.files}
    assert set(contents) == {*debs, "apt/Packages", "apt/InRelease"}
    assert {name: hashlib.sha256(contents[name]).hexdigest() for name in debs} == debs
    again = home.run(*BUILD, base, "--offline")
    assert "nothing changed" in again.stderr
    assert again.returncode == 3


def test_the_config_says_offline_and_without_it_there_is_no_pool(
    home: Home, base: Path, served: Served
) -> None:
    commit_posture(home.repository, "ember", posture_of(served, "kiln"), "collected")
    assert home.run(*BUILD, base).returncode == 0
    iso = home.folder / "state/latest.iso"
    assert not layout_of(iso).has(areas.POOL)
    home.configure((home.folder / "config/rekindle.yaml").read_text() + "offline: true\n")
    told = home.run(*BUILD, base)
    assert told.returncode == 0, told.stderr
    assert layout_of(iso).has(areas.POOL)
    assert read_target(base).packages["base-files"] == "13ubuntu10"
