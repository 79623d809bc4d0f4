"""What decides the restore program's bytes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builder.payload import program


def test_every_wheel_is_pinned_by_version_and_hash() -> None:
    logical = program._pins().replace("\\\n", " ").splitlines()
    pins = [line for line in logical if line.strip() and not line.startswith("#")]
    assert len(pins) > 15
    for pin in pins:
        assert "==" in pin.split()[0]
        assert "--hash=sha256:" in pin


def test_each_supported_python_has_an_ansible() -> None:
    pins = program._pins()
    for version in ("2.17", "2.19", "2.21"):
        assert f"ansible-core=={version}" in pins


def test_the_key_knows_all_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {"builder/a.py": b"1"}
    keys = {
        program._key(sources, "pins", "x86_64"),
        program._key({"builder/a.py": b"2"}, "pins", "x86_64"),
        program._key({"builder/b.py": b"1"}, "pins", "x86_64"),
        program._key(sources, "other", "x86_64"),
        program._key(sources, "pins", "aarch64"),
    }
    assert len(keys) == 5
    assert program._key(sources, "pins", "x86_64") in keys


def test_the_packages_are_carried_with_their_data() -> None:
    sources = program._sources()
    assert {"builder/cli/app.py", "collectors/posture.py", "builder/payload/target.txt"} <= set(sources)
    assert "iso_overlay/playbook/restore.yaml" in sources
    assert not [path for path in sources if "__pycache__" in path or path.startswith("tests/")]


def test_modes_do_not_depend_on_the_checkout(tmp_path: Path) -> None:
    program._stage({"a/b.py": b"", "c": b""}, tmp_path)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "a" / "b.py").stat().st_mode & 0o777 == 0o644


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def broken(aside: Path) -> None:
        aside.write_bytes(b"half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        program._place(tmp_path / "program" / "restore-x86_64-1.pex", broken)
    assert list((tmp_path / "program").iterdir()) == []


def test_a_new_program_takes_the_old_ones_place(tmp_path: Path) -> None:
    for name in ("restore-x86_64-1.pex", "restore-x86_64-2.pex", "restore-aarch64-1.pex"):
        program._place(tmp_path / name, lambda aside: aside.touch())
        os.utime(tmp_path / name, (1, 1))
    program._place(tmp_path / "restore-x86_64-3.pex", lambda aside: aside.touch())
    program._place(tmp_path / "restore-x86_64-4.pex", lambda aside: aside.touch())
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["restore-aarch64-1.pex", "restore-x86_64-3.pex", "restore-x86_64-4.pex"]


def test_targets_are_named_for_pex() -> None:
    assert next(program._platforms("aarch64")) == "linux_aarch64-cp-3.10.0-cp310"
