"""Clones come back: real git, remotes that are folders."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from collectors.domains.repos import Repos
from collectors.domains.repos.clone import Remote, Repo, Worktree
from collectors.record import escaped
from tests.unit.restore.conftest import Playing, plan_of
from tests.unit.restore.conftest import playing as playing

pytestmark = pytest.mark.integration

WHO = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": "ada@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", *words],
        cwd=folder,
        env={**os.environ, **WHO},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def commit(folder: Path, name: str, content: str = "") -> str:
    (folder / name).write_text(content or f"{name}\n")
    git(folder, "add", "--", name)
    git(folder, "commit", "--quiet", "--message", name)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a repository with a commit on `main`, which is what clones are made from."""
    folder = tmp_path / "source"
    folder.mkdir()
    git(folder, "init", "--quiet")
    commit(folder, "README")
    return folder


def repo(playing: Playing, source: Path | str, **facts: Any) -> Repo:
    usual = {
        "path": f"{playing.folder}/src/x",
        "name": "~me/src/x",
        "user": "me",
        "remotes": (Remote(name="origin", url=str(source)),),
        "branch": "main",
    }
    return Repo(**{**usual, **facts})


def told(playing: Playing, *repos: Repo) -> dict[str, dict[str, str]]:
    return playing.restored(Repos(repos=repos))


def test_a_clone_has_its_remotes_branch_and_upstream(playing: Playing, source: Path) -> None:
    was = commit(source, "one")
    commit(source, "newer")
    git(source, "branch", "side", was)
    remotes = (
        Remote(name="fork", url="git@git.example.org:ada/fork.git"),
        Remote(name="löw.$(id)", url="https://git.example.org/low.git"),
        Remote(name="origin", url=str(source), push_url="ssh://git@git.example.org/x.git"),
    )
    outcomes = told(playing, repo(playing, source, remotes=remotes, branch="side", commit=was))
    here = playing.folder / "src/x"
    assert outcomes["repo:~me/src/x"]["state"] == "restored"
    assert outcomes["repo:~me/src/x"]["reason"] == ""
    assert git(here, "remote").split("\n") == ["fork", "löw.$(id)", "origin"]
    assert git(here, "remote", "get-url", "--push", "origin") == "ssh://git@git.example.org/x.git"
    assert git(here, "rev-parse", "--abbrev-ref", "side@{upstream}") == "origin/side"
    assert git(here, "symbolic-ref", "HEAD") == "refs/heads/side"
    assert git(here, "status", "--porcelain") == ""
    assert git(here, "branch", "--format=%(refname:short)") == "side"
    assert (here / "one").read_text() == "one\n"
    assert not (here / "newer").exists()


def test_a_detached_head_is_at_its_commit(playing: Playing, source: Path) -> None:
    first = git(source, "rev-parse", "HEAD")
    commit(source, "one")
    told(playing, repo(playing, source, branch="", commit=first))
    here = playing.folder / "src/x"
    assert git(here, "rev-parse", "HEAD") == first
    assert git(here, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD"
    assert git(here, "status", "--porcelain") == ""


def test_a_commit_that_no_remote_has_is_told(playing: Playing, source: Path) -> None:
    outcome = told(playing, repo(playing, source, branch="mine", commit="ab" * 20))["repo:~me/src/x"]
    here = git(source, "rev-parse", "--short=12", "main")
    assert outcome["state"] == "restored"
    assert outcome["reason"] == f"commit abababababab was never pushed or is gone: mine is at {here}"
    assert outcome["remedy"] == "push it from the old disk, if that still reads"
    assert git(playing.folder / "src/x", "symbolic-ref", "--short", "HEAD") == "mine"


def test_a_bare_one_and_one_of_which_nothing_was_pushed_yet(playing: Playing, source: Path) -> None:
    git(source, "branch", "side")
    empty = playing.folder / "empty.git"
    git(playing.folder, "init", "--quiet", "--bare", str(empty))
    bare, blank = f"{playing.folder}/bare.git", f"{playing.folder}/blank"
    told(
        playing,
        repo(playing, source, path=bare, name="~me/bare.git", bare=True),
        repo(playing, empty, path=blank, name="~me/blank"),
    )
    assert git(Path(bare), "for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/main",
        "refs/heads/side",
    ]
    assert not list((Path(bare) / "refs/heads").iterdir())
    assert git(Path(bare), "config", "--get-all", "core.bare") == "true"
    assert git(Path(blank), "symbolic-ref", "--short", "HEAD") == "main"


def test_worktrees_are_linked_again(playing: Playing, source: Path) -> None:
    git(source, "branch", "tree")
    trees = tuple(
        Worktree(path=escaped(f"{playing.folder}/{name}"), branch=branch)
        for name, branch in (("of löw\n", "tree"), ("mine", "mine"), ("loose", ""))
    )
    outcome = told(playing, repo(playing, source, worktrees=trees))["repo:~me/src/x"]
    assert outcome["reason"].startswith("branch mine was never pushed: it begins at ")
    for name, branch in (("of löw\n", "tree"), ("mine", "mine"), ("loose", "HEAD")):
        here = playing.folder / name
        assert git(here, "rev-parse", "--abbrev-ref", "HEAD") == branch
        assert git(here, "status", "--porcelain") == ""
        assert (here / "README").exists()


def test_submodules_come_with_it_and_one_that_does_not_is_told(
    playing: Playing, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = playing.folder / "part"
    git(playing.folder, "clone", "--quiet", str(source), str(part))
    git(source, "submodule", "--quiet", "add", str(part), "parts/löw's part")
    git(source, "commit", "--quiet", "--message", "parts")
    sub = ({"path": "parts/löw's part", "url": str(part)},)
    refused = told(playing, repo(playing, source, submodules=sub))["repo:~me/src/x"]
    assert refused["reason"].startswith("not all submodules came: ")
    (playing.folder / ".gitconfig").write_text('[protocol "file"]\n\tallow = always\n')
    monkeypatch.setattr("os.environ", {**os.environ, "HOME": str(playing.folder)})
    again = repo(playing, source, path=f"{playing.folder}/y", name="~me/y", submodules=sub)
    assert told(playing, again)["repo:~me/y"]["reason"] == ""


def test_files_that_are_there_stay_as_they_are(playing: Playing, source: Path) -> None:
    commit(source, "other")
    here = playing.folder / "src/x"
    here.mkdir(parents=True)
    (here / "README").write_text("from the cloud\n")
    (here / "notes").write_text("mine\n")
    outcome = told(playing, repo(playing, source))["repo:~me/src/x"]
    assert outcome["state"] == "restored"
    assert outcome["reason"] == "files that were there already are as they were: README"
    assert (here / "README").read_text() == "from the cloud\n"
    assert git(here, "status", "--porcelain") == "M README\n?? notes"


def test_a_clone_that_is_there_gets_what_it_lacks(playing: Playing, source: Path) -> None:
    here = playing.folder / "src/x"
    git(playing.folder, "clone", "--quiet", str(source), str(here))
    mine = commit(here, "mine")
    (here / "README").unlink()
    remotes = (Remote(name="fork", url="git@git.example.org:x.git"), Remote(name="origin", url=str(source)))
    trees = (Worktree(path=f"{playing.folder}/tree", branch="tree"),)
    outcome = told(playing, repo(playing, source, remotes=remotes, worktrees=trees))["repo:~me/src/x"]
    assert outcome["state"] == "restored"
    assert git(here, "remote").split() == ["fork", "origin"]
    assert git(here, "rev-parse", "HEAD") == mine
    assert git(here, "status", "--porcelain") == "D README"
    assert (playing.folder / "tree/README").exists()


def test_another_clone_and_another_branch_are_left_alone(playing: Playing, source: Path) -> None:
    here, there = playing.folder / "src/x", playing.folder / "src/y"
    for folder in (here, there):
        git(playing.folder, "clone", "--quiet", str(source), str(folder))
    git(here, "remote", "set-url", "origin", "https://ada:hunter2@git.example.org/x.git")
    git(there, "switch", "--quiet", "--create", "work")
    outcomes = told(playing, repo(playing, source), repo(playing, source, path=str(there), name="~me/src/y"))
    assert outcomes["repo:~me/src/x"]["state"] == outcomes["repo:~me/src/y"]["state"] == "failed"
    assert outcomes["repo:~me/src/x"]["reason"] == "another clone of https://git.example.org/x.git is there"
    assert outcomes["repo:~me/src/y"]["reason"] == "it is there already, on work"
    assert outcomes["repo:~me/src/y"]["remedy"] == f"git -C {there} switch main"
    assert git(there, "symbolic-ref", "--short", "HEAD") == "work"


@pytest.mark.parametrize(
    "killed_at", ["remote add", "fetch", "read-tree", "checkout-index", "config branch", "symbolic-ref HEAD"]
)
def test_killed_at_any_moment_it_is_finished_later(
    killed_at: str, playing: Playing, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subprocess.run(["which", "git"], check=True, capture_output=True, text=True).stdout.strip()
    bin_ = playing.folder / ".local/bin"
    bin_.mkdir(parents=True)
    fake = bin_ / "git"
    fake.write_text(
        f'#!/bin/bash\ncase " $* " in *" {killed_at}"*) test ! -e {bin_}/alive && kill -9 $PPID $$;; esac\n'
        f'exec {real} "$@"\n'
    )
    fake.chmod(0o755)
    trees = (Worktree(path=f"{playing.folder}/tree", branch="tree"),)
    git(source, "branch", "tree")
    wanted = repo(playing, source, worktrees=trees)
    here = playing.folder / "src/x"
    assert told(playing, wanted)["repo:~me/src/x"]["state"] == "failed"
    if (here / ".git/HEAD").exists():
        assert "rekindle-unfinished" in (here / ".git/HEAD").read_text() or killed_at.startswith("symbolic")
    (bin_ / "alive").touch()
    assert told(playing, wanted)["repo:~me/src/x"]["state"] == "restored"
    for folder, branch in ((here, "main"), (playing.folder / "tree", "tree")):
        assert git(folder, "symbolic-ref", "--short", "HEAD") == branch
        assert git(folder, "status", "--porcelain") == ""
    assert git(here, "branch", "--format=%(refname:short)").split() == ["main", "tree"]


def test_of_what_does_not_come_nothing_is_left(playing: Playing) -> None:
    outcome = told(playing, repo(playing, f"{playing.folder}/nowhere.git"))["repo:~me/src/x"]
    assert outcome["state"] == "unavailable"
    assert "does not appear to be a git repository" in outcome["reason"]
    assert not (playing.folder / "src/x").exists()


def test_what_wants_a_password_or_a_key_waits_for_secrets(playing: Playing) -> None:
    for says in (
        "fatal: could not read Username for 'https://git.example.org': terminal prompts disabled\n",
        "git@git.example.org: Permission denied (publickey).\n",
        "Host key verification failed.\n",
    ):
        fake = playing.programs.folder / "git"
        playing.programs.fake("git")
        real = "/usr/bin/git"
        fake.write_text(
            f'#!/bin/bash\ncase " $* " in *" fetch "*) printf %s {json.dumps(says)} >&2; exit 128;; esac\n'
            f'exec {real} "$@"\n'
        )
        outcome = told(playing, repo(playing, "https://git.example.org/x.git"))["repo:~me/src/x"]
        assert (outcome["state"], outcome["until"]) == ("deferred", "secret")


@pytest.mark.parametrize(
    "url", ["ext::sh -c touch% pwned", "--upload-pack=touch pwned", "-oProxyCommand=touch pwned"]
)
def test_real_git_runs_none_of_them_either(url: str, playing: Playing, source: Path) -> None:
    wanted = plan_of(Repos(repos=(repo(playing, source),)))[0][0]
    asked = wanted.command.replace(json.dumps(str(source))[1:-1], url)
    assert url in asked
    outcome = playing.only(asked)
    assert outcome["state"] in ("failed", "unavailable")
    assert not list(playing.folder.rglob("pwned"))


def test_names_are_data(playing: Playing, source: Path) -> None:
    odd = 'new\nlöw \'"$(touch pwned)" {{ 7*7 }} \udcff'
    path = f"{playing.folder}/{odd}"
    for branch in ("--upload-pack=x", "-d", "../../x", "a b", "x\ny", "HEAD/../y.lock"):
        outcome = told(playing, repo(playing, source, branch=escaped(branch)))["repo:~me/src/x"]
        assert outcome["reason"] == "its branch has a name that git takes for none", branch
    assert (
        told(playing, repo(playing, source, path=escaped(path), branch="$(touch-pwned)"))["repo:~me/src/x"][
            "state"
        ]
        == "restored"
    )
    assert git(Path(path), "symbolic-ref", "--short", "HEAD") == "$(touch-pwned)"
    assert not list(playing.folder.rglob("pwned"))
