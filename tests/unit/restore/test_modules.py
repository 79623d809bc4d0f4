"""The playbook's modules, without Ansible: what they decide, and what they write into a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collectors.record import escaped
from tests.unit.restore.playbook import library, shared

system = library("rekindle_system")

ME, MINE = str(os.getuid()), str(os.getgid())


@pytest.mark.parametrize("name", [b"plain", b"line\nbreak", b"caf\xe9", b"back\\x41", "ö".encode()])
def test_raw_undoes_escaped(name: bytes) -> None:
    assert shared().raw(escaped(os.fsdecode(name))) == name


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for folder in ("etc/default", "usr/share/zoneinfo/Europe"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "usr/share/zoneinfo/Europe/Berlin").touch()
    (tmp_path / "etc/timezone").write_text("Etc/UTC\n")
    (tmp_path / "etc/hostname").write_text("old\n")
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 old\n")
    (tmp_path / "etc/default/keyboard").write_text('XKBLAYOUT="us"\nBACKSPACE="guess"\n')
    # An owner other than root's would need root.
    whole = shared().write_whole
    monkeypatch.setattr(system, "write_whole", lambda p, c, m: whole(p, c, m, int(ME), int(MINE)))
    return f"{tmp_path}/"


KEYBOARD = {"model": "pc105", "layout": "de", "variant": "", "options": "caps:escape"}


@pytest.mark.parametrize(
    ("key", "value", "path", "text"),
    [
        ("hostname", "hearth", "etc/hostname", "hearth\n"),
        ("hostname", "hearth", "etc/hosts", "127.0.0.1 localhost\n127.0.1.1 hearth\n"),
        ("locale", "C.UTF-8", "etc/default/locale", 'LANG="C.UTF-8"\n'),
        ("timezone", "Europe/Berlin", "etc/timezone", "Europe/Berlin\n"),
        (
            "keyboard",
            KEYBOARD,
            "etc/default/keyboard",
            'BACKSPACE="guess"\nXKBMODEL="pc105"\nXKBLAYOUT="de"\nXKBOPTIONS="caps:escape"\n',
        ),
    ],
)
def test_the_system_is_told_once(root: str, key: str, value: object, path: str, text: str) -> None:
    wanted = {"id": f"system:{key}", "key": key, "value": value}
    assert system.brought_back(wanted, root, True)["state"] == "restored"
    assert system.brought_back(wanted, root, False)["state"] == "restored"
    assert Path(root, path).read_text() == text
    assert system.brought_back(wanted, root, False)["state"] == "already"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hostname", "a b"),
        ("hostname", "$(id)"),
        ("locale", "../../etc/passwd"),
        ("locale", 'C"; id; "'),
        ("timezone", "../../../etc/passwd"),
        ("timezone", "Mars/Olympus"),
        ("keyboard", {**KEYBOARD, "layout": '";id;"'}),
    ],
)
def test_the_system_is_told_nothing_odd(root: str, key: str, value: object) -> None:
    before = {path: path.read_bytes() for path in Path(root).rglob("*") if path.is_file()}
    outcome = system.brought_back({"id": "system:x", "key": key, "value": value}, root, False)
    assert outcome["state"] == "failed"
    assert {path: path.read_bytes() for path in Path(root).rglob("*") if path.is_file()} == before
