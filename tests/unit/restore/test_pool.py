"""What of a pool is not as the payload says is gone before anybody reads it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from builder.pool.index import INDEX, Bundled, Index
from builder.restore.pool import remove_damaged
from collectors.failure import Failure
from collectors.record import sha256
from tests.unit.restore.playbook import shared

KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n-----END PGP PUBLIC KEY BLOCK-----\n"


def laid(folder: Path, *listed: str, key: str = "") -> tuple[Path, Path]:
    """Lay a pool, of which the payload knows the `listed` ones."""
    pool, payload = folder / "pool", folder / "payload"
    payload.mkdir()
    for name in ("apt/tree.deb", "wheels/a.whl", "wheels/more/b.whl"):
        place = pool / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(name)
    files = tuple(Bundled(name=name, size_bytes=len(name), sha256=sha256(name.encode())) for name in listed)
    (payload / INDEX).write_bytes(Index(files=files, apt_key=key).text())
    return pool, payload


def left(pool: Path) -> set[str]:
    return {place.relative_to(pool).as_posix() for place in pool.rglob("*") if not place.is_dir()}


def test_a_sound_pool_stays(tmp_path: Path) -> None:
    pool, payload = laid(tmp_path, "wheels/a.whl", "wheels/more/b.whl")
    told: list[str] = []
    remove_damaged(pool, payload, told.append)
    assert left(pool) == {"apt/tree.deb", "wheels/a.whl", "wheels/more/b.whl"}
    assert told == []


@pytest.mark.parametrize("content", ["wheels/b.whl", "wheels/a.whl and more", ""])
def test_what_was_changed_goes_and_is_told(tmp_path: Path, content: str) -> None:
    pool, payload = laid(tmp_path, "wheels/a.whl", "wheels/more/b.whl")
    (pool / "wheels/a.whl").write_text(content)
    told: list[str] = []
    remove_damaged(pool, payload, told.append)
    assert left(pool) == {"apt/tree.deb", "wheels/more/b.whl"}
    assert [line.rpartition(" ")[2] for line in told] == ["wheels/a.whl"]


def test_what_the_payload_does_not_know_goes(tmp_path: Path) -> None:
    pool, payload = laid(tmp_path, "wheels/a.whl")
    (pool / "wheels/link.whl").symlink_to("a.whl")
    (pool / "folder").symlink_to("wheels")
    remove_damaged(pool, payload, lambda line: None)
    assert left(pool) == {"apt/tree.deb", "wheels/a.whl"}
    assert not (pool / "folder").is_symlink()


def test_a_link_in_the_place_of_a_file_goes(tmp_path: Path) -> None:
    pool, payload = laid(tmp_path, "wheels/a.whl", "wheels/more/b.whl")
    (tmp_path / "elsewhere").write_text("wheels/a.whl")
    (pool / "wheels/a.whl").unlink()
    (pool / "wheels/a.whl").symlink_to(tmp_path / "elsewhere")
    remove_damaged(pool, payload, lambda line: None)
    assert left(pool) == {"apt/tree.deb", "wheels/more/b.whl"}
    assert (tmp_path / "elsewhere").exists()


def test_a_payload_that_knows_of_no_pool_believes_none(tmp_path: Path) -> None:
    pool, payload = laid(tmp_path)
    (payload / INDEX).unlink()
    remove_damaged(pool, payload, lambda line: None)
    assert left(pool) == {"apt/tree.deb"}
    remove_damaged(tmp_path / "none", payload, lambda line: None)


def test_an_index_that_is_none_is_refused(tmp_path: Path) -> None:
    pool, payload = laid(tmp_path)
    (payload / INDEX).write_text(json.dumps({"files": [{"name": "x"}]}))
    with pytest.raises(Failure, match=r"pool\.json"):
        remove_damaged(pool, payload, lambda line: None)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The playbook's module, with a pool and a source in a folder of the test's."""
    module = shared("pool")
    (tmp_path / "pool/apt").mkdir(parents=True)
    monkeypatch.setattr(module, "POOL", str(tmp_path / "pool/apt"))
    monkeypatch.setattr(module, "SOURCE", str(tmp_path / "rekindle-pool.sources"))
    return module


def test_the_source_is_there_for_the_run_and_gone_after_it(packages, tmp_path: Path) -> None:
    (tmp_path / "payload").mkdir()
    (tmp_path / "payload/pool.json").write_bytes(Index(apt_key=KEY).text())
    source = tmp_path / "rekindle-pool.sources"
    with pytest.raises(KeyError), packages.pooled(str(tmp_path)) as has_pool:
        assert has_pool
        assert source.read_text() == packages.source(KEY)
        raise KeyError
    assert not source.exists()


def test_without_a_key_there_is_no_source_and_a_killed_runs_goes(packages, tmp_path: Path) -> None:
    source = tmp_path / "rekindle-pool.sources"
    source.write_text("left")
    with packages.pooled(str(tmp_path)) as has_pool:
        assert not has_pool
    assert not source.exists()


def test_the_key_stands_in_the_source_as_apt_reads_it() -> None:
    lines = shared("pool").source(KEY).splitlines()
    assert lines[3:] == [
        "Signed-By:",
        " -----BEGIN PGP PUBLIC KEY BLOCK-----",
        " .",
        " mDME",
        " -----END PGP PUBLIC KEY BLOCK-----",
    ]


def test_alone_no_other_source_counts(tmp_path: Path) -> None:
    pool, environment = shared("pool"), shared("apt").ENVIRONMENT
    with pool.alone():
        said = subprocess.run(
            ["apt-config", "dump"], env=environment, capture_output=True, encoding="utf-8", check=True
        ).stdout
        assert f'Dir::Etc::sourcelist "{pool.SOURCE}";' in said
    assert "APT_CONFIG" not in environment
