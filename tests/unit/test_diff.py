"""What changed: between two commits, and between the posture and a machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builder.cli import app
from builder.diff import diff, patches
from builder.history import commit_posture, posture_at
from builder.places import Places, places
from collectors.collect import collect
from collectors.failure import Failure
from collectors.host import Machine
from collectors.posture import Posture
from tests.postures import small_posture
from tests.unit.fakes import tree

DESKTOP = {
    "/etc/os-release": "ID=ubuntu\nVERSION_ID=24.04\n",
    "/etc/hostname": "ember\n",
    "/etc/logrotate.d/mine": "[ids]\n*\n",
    "/etc/odd \n\udcff": "x",
}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setenv("REKINDLE_HOME", str(tmp_path / "home"))
    return places()


def committed(kept: Places, root: Path) -> Posture:
    posture = collect(Machine(root)).posture
    commit_posture(kept.repository, "ember", posture, "a message")
    return posture


def changed(root: Path) -> Path:
    (root / "etc/logrotate.d/mine").write_text("[ids]\n0fac:0ade\n")
    (root / "etc/logrotate.d/mine").chmod(0o600)
    (root / "etc/new.conf").write_text("new")
    return root


def test_a_commit_gives_its_posture_back(kept: Places, tmp_path: Path) -> None:
    root = tree(tmp_path / "root", DESKTOP)
    posture = committed(kept, root)
    committed(kept, changed(root))
    assert posture_at(kept.repository, "ember", "HEAD~1") == posture
    assert posture_at(kept.repository, "ember", "HEAD") != posture


@pytest.mark.parametrize("revision", ["nope", "HEAD~9", "--help", "HEAD:hosts"])
def test_what_is_no_commit_is_refused(kept: Places, tmp_path: Path, revision: str) -> None:
    committed(kept, tree(tmp_path / "root", DESKTOP))
    with pytest.raises(Failure, match="no commit with a posture of ember") as caught:
        posture_at(kept.repository, "ember", revision)
    assert "log" in caught.value.remedy


def test_two_commits_and_what_is_between_them(kept: Places, tmp_path: Path) -> None:
    root = tree(tmp_path / "root", DESKTOP)
    committed(kept, root)
    committed(kept, changed(root))
    found = diff(kept, ("HEAD~1", "HEAD"), root=tmp_path / "nowhere", host=None, say=print)
    told = {change.item.id: change for change in found.changes}
    assert sorted(f"{change.sign}{name}" for name, change in told.items()) == [
        "+file:/etc/new.conf",
        "~file:/etc/logrotate.d/mine",
    ]
    facts = {each.fact: (each.before, each.after) for each in told["file:/etc/logrotate.d/mine"].differences}
    assert facts["mode"] == ("0644", "0600")
    assert set(facts) == {"mode", "sha256"}
    assert found.patches == (
        "--- /etc/logrotate.d/mine\n+++ /etc/logrotate.d/mine\n@@ -1,2 +1,2 @@\n [ids]\n-*\n+0fac:0ade\n",
    )


def test_the_machine_against_its_posture(kept: Places, tmp_path: Path) -> None:
    root = tree(tmp_path / "root", DESKTOP)
    committed(kept, root)
    assert diff(kept, (), root=root, host=None, say=print).changes == ()
    found = diff(kept, (), root=changed(root), host=None, say=print)
    assert [change.sign for change in found.changes] == ["~", "+"]
    assert (found.before, found.after) == ("HEAD", "the machine")
    assert found.gaps == ()


def test_what_cannot_be_collected_is_told_and_stands_as_it_was(kept: Places, tmp_path: Path) -> None:
    root = tree(tmp_path / "root", DESKTOP)
    committed(kept, root)
    (root / "etc/passwd").mkdir()
    done = CliRunner().invoke(app, ["diff", "--root", str(root)])
    assert done.exit_code == 3
    assert done.stdout == "no item differs between HEAD and the machine\n"
    assert "users: not collected: /etc/passwd: Is a directory" in done.stderr


def test_binary_content_is_counted_and_not_shown() -> None:
    old = replace(small_posture(), contents={"/etc/x": b"\0\xff"})
    new = replace(small_posture(), contents={"/etc/x": b"\0\xff\xfe"})
    assert list(patches(old, new)) == ["--- /etc/x\n+++ /etc/x\nbinary: 2 bytes, now 3\n"]


def test_the_command_tells_it_as_text_and_as_json(kept: Places, tmp_path: Path) -> None:
    root = tree(tmp_path / "root", DESKTOP)
    committed(kept, root)
    words = ["diff", "--root", str(changed(root))]
    plain = CliRunner().invoke(app, [*words, "--patch"])
    assert plain.exit_code == 0
    assert "+ file:/etc/new.conf\n" in plain.stdout
    assert '~ file:/etc/logrotate.d/mine  mode "0644" → "0600"' in plain.stdout
    assert "\n+0fac:0ade\n" in plain.stdout
    found = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert {change["id"]: change["sign"] for change in found["changes"]} == {
        "file:/etc/new.conf": "+",
        "file:/etc/logrotate.d/mine": "~",
    }
    assert found["before"] == "HEAD"


def test_without_a_posture_there_is_nothing_to_compare(kept: Places) -> None:
    done = CliRunner().invoke(app, ["diff"])
    assert done.exit_code == 1
    assert "run `rekindle collect`" in done.stderr
