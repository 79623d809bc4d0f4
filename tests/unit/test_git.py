from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.failure import Finding
from collectors.git import git
from collectors.git.git import Place, State
from collectors.git.said import (
    Branch,
    Remote,
    parse_config,
    parse_refs,
    parse_status,
    without_secret,
)
from collectors.host import Machine

OURS: Mapping[str, str] = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z",
    "PATH": os.environ["PATH"],
}
IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always")


def run(folder: Path, *words: str) -> str:
    argv = ["git", "-C", str(folder), *IDENTITY, *words]
    return subprocess.run(argv, env=dict(OURS), check=True, capture_output=True, text=True).stdout


def commit(folder: Path, name: str, content: str = "x\n") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)
    run(folder, "add", name)
    run(folder, "commit", "-q", "-m", name)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `root` is a copy of: git takes its time."""
    top = tmp_path_factory.mktemp("template")
    (top / "srv").mkdir()
    run(top, "init", "-q", "--bare", "--template=", "-b", "main", "srv/x.git")
    run(top, "init", "-q", "--template=", "-b", "main", "src/x")
    clone = top / "src/x"
    (clone / ".git/info").mkdir()
    commit(clone, "one")
    run(clone, "remote", "add", "origin", str(top / "srv/x.git"))
    run(clone, "push", "-q", "-u", "origin", "main")
    return top


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A machine with a clone `/src/x` of `/srv/x.git`, one commit, all of it pushed."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    config = tmp_path / "src/x/.git/config"
    config.write_text(config.read_text().replace(str(template), str(tmp_path)))
    return tmp_path


def state_of(root: Path, path: str = "/src/x", *, untracked: bool = True) -> State:
    host = Machine(root)
    place = git.located(host, path)
    assert place
    found = git.state(host, place, untracked=untracked)
    assert isinstance(found, State), found
    return found


def test_a_clean_clone_has_nothing_to_lose(root: Path) -> None:
    found = state_of(root)
    assert found.place == Place("/src/x/.git", "/src/x", "/src/x/.git")
    assert (found.status.branch, found.status.modified, found.status.untracked) == ("main", (), ())
    assert [(each.name, each.upstream, each.unpushed) for each in found.branches] == [
        ("main", "refs/remotes/origin/main", 0)
    ]
    assert found.branches[0].commit == found.status.commit == run(root / "src/x", "rev-parse", "HEAD").strip()
    assert (found.unpushed, found.stashes, found.worktrees, found.submodules, found.lfs) == (
        0,
        0,
        {},
        {},
        False,
    )


def test_what_is_nowhere_else_is_counted(root: Path) -> None:
    clone = root / "src/x"
    commit(clone, "two")
    run(clone, "branch", "side")
    run(clone, "checkout", "-q", "-b", "pushed-elsewhere", "origin/main")
    run(clone, "branch", "--unset-upstream")
    (clone / "one").write_text("stashed\n")
    run(clone, "stash")
    (clone / "one").write_text("changed\n")
    (clone / "new\nline ü").write_text("x")
    (clone / "folder").mkdir()
    (clone / "folder/x").write_text("x")
    (clone / ".git/info/exclude").write_text("ignored\n")
    (clone / "ignored").write_text("x")
    found = state_of(root)
    assert [(each.name, each.ahead, each.unpushed) for each in found.branches] == [
        ("main", 1, 1),
        ("pushed-elsewhere", 0, 0),
        ("side", 0, 1),
    ]
    assert (found.status.branch, found.stashes) == ("pushed-elsewhere", 1)
    assert (found.status.modified, found.status.untracked) == (("one",), ("folder/", "new\nline ü"))
    assert state_of(root, untracked=False).status.untracked == ()


def test_what_was_pushed_to_another_branch_is_not_unpushed(root: Path) -> None:
    clone = root / "src/x"
    commit(clone, "two")
    commit(clone, "three")
    run(clone, "push", "-q", "origin", "HEAD:review")
    run(clone, "reset", "-q", "--hard", "HEAD~")
    assert state_of(root).branches[0].ahead == 1
    assert state_of(root).unpushed == 0


def test_a_branch_whose_upstream_was_deleted_is_gone(root: Path) -> None:
    clone = root / "src/x"
    run(clone, "checkout", "-q", "-b", "topic")
    run(clone, "push", "-q", "-u", "origin", "topic")
    commit(clone, "two")
    run(clone, "update-ref", "-d", "refs/remotes/origin/topic")
    assert [(each.name, each.gone, each.unpushed) for each in state_of(root).branches] == [
        ("main", False, 0),
        ("topic", True, 1),
    ]


def test_commits_of_a_detached_head_count(root: Path) -> None:
    clone = root / "src/x"
    run(clone, "checkout", "-q", "--detach")
    assert state_of(root).detached == 0
    commit(clone, "two")
    found = state_of(root)
    assert (found.status.branch, found.detached, found.unpushed) == ("", 1, 1)


def test_without_a_remote_all_commits_count(root: Path) -> None:
    run(root / "src/x", "remote", "remove", "origin")
    found = state_of(root)
    assert (found.remotes, found.unpushed) == ((), 1)


def test_an_empty_repository_has_no_commit(tmp_path: Path) -> None:
    run(tmp_path, "init", "-q", "-b", "main", "x")
    found = state_of(tmp_path, "/x")
    assert (found.status.commit, found.status.branch, found.branches) == ("", "main", ())


def test_a_mirror_is_its_remotes_own(root: Path) -> None:
    run(root, "clone", "-q", "--mirror", "srv/x.git", "mirror.git")
    found = state_of(root, "/mirror.git")
    assert (found.place, found.status.branch) == (Place("/mirror.git", "", "/mirror.git"), "main")
    assert [(each.name, each.unpushed) for each in found.branches] == [("main", 0)]


def test_worktrees_and_submodules_are_named(root: Path) -> None:
    clone = root / "src/x"
    run(clone, "worktree", "add", "-q", "-b", "other", "../y")
    run(clone, "submodule", "--quiet", "add", str(root / "srv/x.git"), "lib/x")
    run(clone, "config", "--file", ".gitmodules", "submodule.lib/x.url", "https://a:secret@example.org/x")
    found = state_of(root)
    assert found.worktrees == {str(root / "src/y"): "other"}
    assert found.submodules == {"lib/x": Remote("lib/x", "https://example.org/x", masked=True)}
    (root / "src/y/.git").write_text("gitdir: /src/x/.git/worktrees/y\n")
    (root / "src/x/lib/x/.git").write_text("gitdir: ../../.git/modules/lib/x\n")
    other, module = state_of(root, "/src/y"), state_of(root, "/src/x/lib/x")
    assert (other.place.common_dir, other.status.branch) == ("/src/x/.git", "other")
    assert (module.place.git_dir, module.status.modified) == ("/src/x/.git/modules/lib/x", ())


@pytest.mark.parametrize("place", [".gitattributes", ".git/info/attributes"])
def test_git_lfs_is_seen(root: Path, place: str) -> None:
    (root / "src/x" / place).write_text("# filter=lfs\n*.png filter=lfs diff=lfs\n")
    assert state_of(root).lfs


def test_the_owners_own_list_of_what_to_ignore_counts(root: Path) -> None:
    (root / "src/x/.DS_Store").write_text("x")
    (root / "ignore").write_text(".DS_Store\n")
    host = Machine(root)
    found = git.state(host, Place("/src/x/.git", "/src/x", "/src/x/.git"), excludes="/ignore")
    assert isinstance(found, State)
    assert (found.status.untracked, state_of(root).status.untracked) == ((), (".DS_Store",))


def test_tracked_paths_and_those_that_no_remote_has(root: Path) -> None:
    clone = root / "src/x"
    commit(clone, "dir/ü\nx")
    asked, _ = git.configured(Machine(root), Place("/src/x/.git", "/src/x", "/src/x/.git"))
    assert git.tracked(asked) == ("dir/ü\nx", "one")
    assert git.unpushed_paths(asked) == {"dir/ü\nx"}


def test_a_repository_beside_its_work_tree(root: Path) -> None:
    run(root, "clone", "-q", "--bare", "srv/x.git", "home/.cfg")
    host = Machine(root)
    run(root / "home/.cfg", "config", "core.worktree", "/nowhere")
    found = git.state(host, git.placed(host, "/home/.cfg", "/home"), untracked=False)
    assert isinstance(found, State)
    assert found.status.modified == ("one",)


@pytest.mark.parametrize("trap", ["config", "included", "worktree"])
def test_a_hostile_repository_runs_nothing(root: Path, trap: str) -> None:
    clone, witness = root / "src/x", root / "witness"
    program = root / "program"
    program.write_text(f"#!/bin/sh\necho $0 $@ >> {witness}\n")
    program.chmod(0o755)
    commit(clone, ".gitattributes", "* filter=a=b diff=x\none filter=plain\n")
    lines = [
        f"[core]\n fsmonitor={program}\n sshCommand={program}\n pager={program}\n hooksPath={root}/hooks"
    ]
    lines += [f" alternateRefsCommand={program}\n askPass={program}\n editor={program}"]
    lines += [
        f'[filter "{name}"]\n clean={program}\n process={program}\n smudge={program}\n required=true'
        for name in ("a=b", "plain")
    ]
    lines += [f'[diff]\n external={program}\n[diff "x"]\n textconv={program}\n command={program}']
    lines += [f"[gpg]\n program={program}\n[log]\n showSignature=true\n[status]\n submoduleSummary=true"]
    lines += [f"[alias]\n status=!{program}\n[pager]\n status={program}\n[credential]\n helper={program}"]
    hostile = "\n".join(lines) + "\n"
    (root / "hooks").mkdir()
    for hook in ("post-index-change", "reference-transaction", "post-checkout", "fsmonitor-watchman"):
        (root / "hooks" / hook).symlink_to(program)
        (clone / ".git/hooks").mkdir(exist_ok=True)
        (clone / ".git/hooks" / hook).symlink_to(program)
    config = clone / ".git/config"
    if trap == "config":
        config.write_text(config.read_text() + hostile)
    elif trap == "included":
        (root / "other").write_text(hostile)
        config.write_text(f"{config.read_text()}[include]\n path={root}/other\n")
    else:
        (clone / ".git/config.worktree").write_text(hostile)
        config.write_text(config.read_text() + "[extensions]\n worktreeConfig=true\n")
    (clone / "one").write_text("y\n")
    os.utime(clone / ".gitattributes", (1, 1))
    before = sorted((str(path), path.stat().st_mtime_ns) for path in (clone / ".git").rglob("*"))
    found = state_of(root)
    asked, _ = git.configured(Machine(root), found.place)
    assert git.unpushed_paths(asked) == {".gitattributes"}
    assert git.tracked(asked) == (".gitattributes", "one")
    assert found.status.modified == ("one",)
    assert not witness.exists(), witness.read_text()
    assert before == sorted((str(path), path.stat().st_mtime_ns) for path in (clone / ".git").rglob("*"))


def test_a_partial_clone_fetches_nothing(root: Path) -> None:
    program, witness = root / "program", root / "witness"
    program.write_text(f"#!/bin/sh\ntouch {witness}\n")
    program.chmod(0o755)
    clone = root / "src/x"
    for key, value in {
        "core.repositoryformatversion": "1", "extensions.partialClone": "origin",
        "remote.origin.promisor": "true", "remote.origin.uploadpack": str(program),
        "remote.origin.url": "ssh://example.invalid/x", "core.sshCommand": str(program),
    }.items():  # fmt: skip
        run(clone, "config", key, value)
    blob = run(clone, "rev-parse", "HEAD^{tree}").strip()
    (clone / ".git/objects" / blob[:2] / blob[2:]).unlink()
    host = Machine(root)
    found = git.state(host, Place("/src/x/.git", "/src/x", "/src/x/.git"))
    assert isinstance(found, Finding)
    assert not witness.exists()


def test_a_repository_that_hangs_is_a_finding(root: Path) -> None:
    os.mkfifo(root / "fifo")
    config = root / "src/x/.git/config"
    config.write_text(f"{config.read_text()}[include]\n path={root}/fifo\n")
    place = Place("/src/x/.git", "/src/x", "/src/x/.git")
    found = git.state(Machine(root), place, timeout_seconds=0.2)
    assert found == Finding("/src/x", "git took too long", "look at it with `git status`")


def test_a_broken_repository_is_a_finding(root: Path) -> None:
    (root / "src/x/.git/config").write_text("[broken\n")
    found = git.state(Machine(root), Place("/src/x/.git", "/src/x", "/src/x/.git"))
    assert isinstance(found, Finding)
    assert found.reason.startswith("git ended with 128: fatal: bad config")


def test_what_is_no_repository_is_not_located(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b/.git").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    (tmp_path / "c/.git").write_text("gitdir: /nowhere\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/.git").write_text(
        "\udcff nonsense".encode(errors="surrogateescape").decode(errors="replace")
    )
    assert [git.located(Machine(tmp_path), path) for path in ("/a", "/b", "/c", "/d", "/none")] == [None] * 5


@pytest.mark.parametrize(
    ("url", "shown", "masked"),
    [
        ("https://ada:geheim@example.org/x.git", "https://example.org/x.git", True),
        ("https://0123456789abcdef0123456789@example.org/x", "https://example.org/x", True),
        ("https://ada@example.org/x", "https://ada@example.org/x", False),
        ("https://example.org/x?private_token=abc", "https://example.org/x", True),
        ("ssh://git:pw@example.org:22/x", "ssh://git@example.org:22/x", True),
        ("ssh://git@example.org/x", "ssh://git@example.org/x", False),
        ("git@example.org:ada/x.git", "git@example.org:ada/x.git", False),
        ("/srv/x.git", "/srv/x.git", False),
        ("https://a:b@c:d@example.org/", "https://example.org/", True),
    ],
)  # fmt: skip
def test_no_password_is_recorded(url: str, shown: str, masked: bool) -> None:
    assert without_secret(url) == (shown, masked)
    found = parse_config(f"remote.origin.url\n{url}\0remote.origin.pushurl\n{url}\0")
    assert found.remotes == (Remote("origin", shown, masked=masked),)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("/x", True),
        ("../x", True),
        ("file:///x", True),
        ("h:x", False),
        ("a@h:x", False),
        ("https://h/x", False),
    ],
)
def test_a_directory_of_the_machine_is_local(url: str, local: bool) -> None:
    assert Remote("x", url).local == local


SAID = st.binary(max_size=200).map(lambda raw: raw.decode(errors="surrogateescape"))


@given(SAID)
def test_any_text_is_parsed(said: str) -> None:
    parse_config(said)
    without_secret(said)
    parse_refs(said)
    parse_status(said)


PATH = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), min_size=1)


@given(st.sets(PATH), st.sets(PATH))
def test_no_path_of_a_status_is_dropped(modified: set[str], untracked: set[str]) -> None:
    said = "".join(f"1 .M N... 100644 100644 100644 {'0' * 40} {'0' * 40} {path}\0" for path in modified)
    found = parse_status(said + "".join(f"? {path}\0" for path in untracked))
    assert (set(found.modified), set(found.untracked)) == (modified, untracked)


def test_refs_are_parsed() -> None:
    said = (
        "refs/heads/a b\0c1\0refs/remotes/o/a\0ahead 3, behind 1\0\nrefs/heads/z\0c2\0\0gone\0\n"
        "refs/remotes/o/a\0c3\0\0\0\nrefs/remotes/o/z\0c3\0\0\0\n"
    )
    assert parse_refs(said) == (
        (Branch("a b", "c1", "refs/remotes/o/a", 3), Branch("z", "c2", gone=True, shared=True)),
        frozenset({"c3"}),
    )
