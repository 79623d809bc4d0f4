"""Dotfiles come back: real yadm, real git, a home that is not empty."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from collectors.domains.dotfiles import Dotfiles
from collectors.domains.dotfiles.manager import Link, Manager, Remote
from collectors.record import File
from tests.integration.test_clones import commit, git
from tests.postures import small_posture
from tests.unit.restore.conftest import Playing, plan_of
from tests.unit.restore.conftest import playing as playing

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(which("yadm") is None, reason="yadm is not here"),
]

SKELETON = Path("/etc/skel/.bashrc")


@pytest.fixture
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    git(folder, "init", "--quiet")
    for name in (".bashrc", ".tmux.conf", ".zshrc", "x.toml##class.Work"):
        commit(folder, name, f"{name} of the repository\n")
    return folder


def manager(playing: Playing, source: Path, **facts: Any) -> Manager:
    usual = {
        "name": "~me/yadm",
        "user": "me",
        "home": str(playing.folder),
        "manager": "yadm",
        "path": f"{playing.folder}/.local/share/yadm/repo.git",
        "remotes": (Remote(name="origin", url=str(source)),),
        "branch": "main",
    }
    return Manager(**{**usual, **facts})


def told(playing: Playing, *managers: Manager, files: tuple[File, ...] = ()) -> dict[str, str]:
    """Bring managers back, and return what became of the last of them."""
    section = Dotfiles(managers=managers)
    posture = small_posture()
    posture = replace(posture, files=posture.files.model_copy(update={"files": files}))
    steps, _ = plan_of(section, posture=posture)
    return playing.play(*(each.model_dump(mode="json") for each in steps))[managers[-1].item_id()]


def yadm(playing: Playing, *words: str) -> str:
    return subprocess.run(
        ["yadm", *words],
        env={**os.environ, "HOME": str(playing.folder)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def test_yadm_knows_its_files_classes_and_what_was_there(playing: Playing, source: Path) -> None:
    home = playing.folder
    (home / ".bashrc").write_bytes(SKELETON.read_bytes())
    (home / ".tmux.conf").write_text("mine\n")
    wanted = manager(playing, source, classes=("Work", "Film's $(id)"), bootstrap=True)
    outcome = told(playing, wanted)
    assert (outcome["state"], outcome["reason"]) == (
        "restored",
        "what was there is kept as .tmux.conf.before-restore; its bootstrap was not run",
    )
    for name in (".bashrc", ".tmux.conf", ".zshrc"):
        assert (home / name).read_text() == f"{name} of the repository\n"
    assert (home / ".tmux.conf.before-restore").read_text() == "mine\n"
    assert not (home / ".bashrc.before-restore").exists()
    assert (home / "x.toml").read_text() == "x.toml##class.Work of the repository\n"
    assert yadm(playing, "status", "--porcelain") == ""
    assert yadm(playing, "config", "--get-all", "local.class").split("\n") == ["Work", "Film's $(id)"]
    assert yadm(playing, "gitconfig", "--get", "status.showUntrackedFiles") == "no"
    assert yadm(playing, "rev-parse", "--abbrev-ref", "main@{upstream}") == "origin/main"
    assert told(playing, wanted)["state"] == "restored"
    assert yadm(playing, "config", "--get-all", "local.class").split("\n") == ["Work", "Film's $(id)"]


def test_what_the_posture_has_itself_is_left_to_it(playing: Playing, source: Path) -> None:
    path = f"{playing.folder}/.zshrc"
    file = File(
        path=path, kind="file", origin="settings", owner="me", group="me", mode="0644", sha256="0" * 64
    )
    assert told(playing, manager(playing, source), files=(file,))["state"] == "restored"
    assert not (playing.folder / ".zshrc").exists()
    assert (playing.folder / ".tmux.conf").exists()


@pytest.mark.parametrize(("kind", "place"), [("bare", ".cfg"), ("git", ".git")])
def test_a_bare_repository_and_a_home_that_is_a_clone(
    kind: str, place: str, playing: Playing, source: Path
) -> None:
    (playing.folder / ".zshrc").write_text("mine\n")
    wanted = manager(playing, source, manager=kind, path=f"{playing.folder}/{place}", name=f"~me/{place}")
    assert told(playing, wanted)["reason"] == "what was there is kept as .zshrc.before-restore"
    asked = (f"--git-dir={place}", f"--work-tree={playing.folder}")
    assert git(playing.folder, *asked, "status", "--porcelain", "--untracked-files=no") == ""
    assert git(playing.folder, *asked, "symbolic-ref", "--short", "HEAD") == "main"


def test_links_lead_into_their_clone_and_what_was_in_their_place_is_kept(
    playing: Playing, source: Path
) -> None:
    home = playing.folder
    (home / ".zshrc").write_text("mine\n")
    links = (
        Link(path=f"{home}/.zshrc", target="stow/.zshrc"),
        Link(path=f"{home}/.config/x/tmux", target="../../stow/.tmux.conf"),
    )
    wanted = manager(playing, source, manager="stow", path=f"{home}/stow", name="~me/stow", links=links)
    assert told(playing, wanted)["reason"] == "what was there is kept as .zshrc.before-restore"
    assert (home / ".zshrc").read_text() == ".zshrc of the repository\n"
    assert (home / ".config/x/tmux").read_text() == ".tmux.conf of the repository\n"
    assert (home / ".zshrc.before-restore").read_text() == "mine\n"


def test_without_chezmoi_its_source_comes_and_the_rest_waits(playing: Playing, source: Path) -> None:
    wanted = manager(playing, source, manager="chezmoi", path=f"{playing.folder}/cz", name="~me/chezmoi")
    assert told(playing, wanted)["reason"] == "no chezmoi here"
    assert (playing.folder / "cz/.zshrc").exists()
    assert playing.runner.waiting == {"dotfiles:~me/chezmoi"}
    playing.programs.fake("chezmoi")
    assert told(playing, wanted)["state"] == "restored"
    assert playing.programs.argvs() == [
        "chezmoi status --exclude=scripts",
        "chezmoi apply --force --keep-going --exclude=scripts",
        "chezmoi status --include=scripts",
    ]
