"""Publishing through the real rclone, to a remote of its own on this disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builder.publish import publish
from collectors.command import run
from collectors.failure import Failure

pytestmark = pytest.mark.integration


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that rclone knows as `cloud:`."""
    folder = tmp_path / "cloud"
    folder.mkdir()
    monkeypatch.setenv("RCLONE_CONFIG", str(tmp_path / "rclone.conf"))
    monkeypatch.setenv("RCLONE_CONFIG_CLOUD_TYPE", "alias")
    monkeypatch.setenv("RCLONE_CONFIG_CLOUD_REMOTE", str(folder))
    return folder


def test_a_remote_holds_the_iso_its_sums_and_the_guide(tmp_path: Path, remote: Path) -> None:
    iso, said = tmp_path / "r.iso", []
    iso.write_bytes(os.urandom(3_000_001))
    publish(iso, ("cloud:backup/rekindle",), host="ember", say=said.append)
    folder = remote / "backup" / "rekindle"
    assert sorted(path.name for path in folder.iterdir()) == [
        "RECOVER.md",
        "SHA256SUMS",
        "rekindle-ember.iso",
    ]
    assert "rekindle-ember.iso: OK" in run(["sha256sum", "--check", "SHA256SUMS"], cwd=folder)
    assert said == ["cloud:backup/rekindle: published"]


def test_the_same_iso_is_not_sent_again_and_another_is(tmp_path: Path, remote: Path) -> None:
    iso, said = tmp_path / "r.iso", []
    iso.write_bytes(b"first" * 1000)
    publish(iso, ("cloud:",), host="ember", say=said.append)
    publish(iso, ("cloud:",), host="ember", say=said.append)
    iso.write_bytes(b"other" * 1000)
    publish(iso, ("cloud:",), host="ember", say=said.append)
    assert [line.split(": ")[1] for line in said] == ["published", "already there", "published"]
    assert (remote / "rekindle-ember.iso").read_bytes() == iso.read_bytes()


def test_a_remote_that_fails_leaves_the_last_good_iso(
    tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    iso = tmp_path / "r.iso"
    iso.write_bytes(b"good" * 1000)
    publish(iso, ("cloud:",), host="ember", say=lambda line: None)
    (remote / "rekindle-ember.iso.partial").mkdir()  # so that the upload cannot be written
    iso.write_bytes(b"next" * 1000)
    with pytest.raises(Failure, match="cloud:"):
        publish(iso, ("cloud:",), host="ember", say=lambda line: None)
    assert (remote / "rekindle-ember.iso").read_bytes() == b"good" * 1000
    assert "rekindle-ember.iso: OK" in run(["sha256sum", "--check", "SHA256SUMS"], cwd=remote)


def test_an_unknown_remote_has_a_remedy(tmp_path: Path, remote: Path) -> None:
    iso = tmp_path / "r.iso"
    iso.write_bytes(b"x")
    with pytest.raises(Failure, match="nowhere:"):
        publish(iso, ("nowhere:x",), host="ember", say=lambda line: None)
