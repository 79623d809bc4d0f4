from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from collectors.collected import Collected, Cover, Loss
from collectors.domains import repos
from collectors.domains.repos import Repos
from collectors.domains.repos.clone import NO_REMOTE, Remote, Submodule, Worktree
from collectors.failure import Finding
from collectors.git.clones import clones
from collectors.host import Mount
from collectors.record import escaped
from tests.unit.fakes import FakeHost, machine

PASSWD = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
ENV = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": "ada@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
    **{f"GIT_{who}_DATE": "2024-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
}
URL = "https://example.org/ada/x.git"


TEMPLATES = TemporaryDirectory()


def git(place: Path, *words: str) -> None:
    options = ("-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *options, "-C", place, *words], env=ENV, check=True, capture_output=True)


def host_with(tmp_path: Path, files: dict[str, str | bytes | None] | None = None) -> FakeHost:
    host = machine(tmp_path, {"/etc/passwd": PASSWD, "/root": None, "/home/ada": None})
    return machine(tmp_path, {f"/home/ada/{path}": text for path, text in (files or {}).items()}) and host


@cache
def template(pushed: bool, url: str) -> Path:
    """Make a clone with one commit, once for all tests: git takes its time."""
    place = Path(TEMPLATES.name) / str(len(os.listdir(TEMPLATES.name)))
    place.mkdir()
    git(place, "init", "--quiet")
    (place / "a").write_text("a")
    git(place, "add", "a")
    git(place, "commit", "--quiet", "-m", "one")
    if url:
        git(place, "remote", "add", "origin", url)
    if pushed:
        git(place, "update-ref", "refs/remotes/origin/main", "HEAD")
        git(place, "branch", "--quiet", "--set-upstream-to=origin/main")
    return place


def clone(tmp_path: Path, path: str = "src/x", *, pushed: bool = True, url: str = URL) -> Path:
    """Put a clone with one commit there; `pushed` as if its remote had that."""
    place = tmp_path / "home/ada" / path
    shutil.copytree(template(pushed, url), place)
    return place


def told(found: Collected[Repos]) -> list[tuple[str, str]]:
    return [(loss.kind, loss.subject) for loss in found.losses]


def only(found: Collected[Repos], kind: str) -> Loss:
    (loss,) = [each for each in found.losses if each.kind == kind]
    return loss


def test_no_clone_is_nothing(tmp_path: Path) -> None:
    assert repos.collect(host_with(tmp_path, {"src/x": None, ".git-credentials": "x"})) == Collected(Repos())


def test_a_pushed_clone_is_an_item_that_covers_its_tree(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    place = clone(tmp_path)
    git(place, "remote", "add", "fork", "git@example.org:ada/fork.git")
    found = repos.collect(host)
    (repo,) = found.section.repos
    assert repo.item_id() == "repo:~ada/src/x"
    assert repo.remotes == (
        Remote(name="fork", url="git@example.org:ada/fork.git"),
        Remote(name="origin", url=URL),
    )
    assert (repo.branch, len(repo.commit), repo.bound) == ("main", 40, "")
    assert found.covers == (Cover("/home/ada/src/x", "repo:~ada/src/x"),)
    assert (found.losses, found.findings) == ((), ())
    assert repo.by_hand() == (
        "sudo -iu ada sh -c 'git clone --origin origin --branch main -- "
        "https://example.org/ada/x.git /home/ada/src/x "
        "&& git -C /home/ada/src/x remote add -- fork git@example.org:ada/fork.git'"
    )


def test_the_commit_may_differ_after_a_restore_and_the_branch_may_not(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    clone(tmp_path)
    (repo,) = repos.collect(host).section.repos
    before = repo.item("repos")
    assert repo.model_copy(update={"commit": "0" * 40}).item("repos") == before
    assert repo.model_copy(update={"branch": "other"}).item("repos") != before


def test_what_was_never_pushed_is_lost(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    place = clone(tmp_path)
    git(place, "commit", "--quiet", "--allow-empty", "-m", "two")
    git(place, "checkout", "--quiet", "-b", "idea")
    git(place, "commit", "--quiet", "--allow-empty", "-m", "three")
    found = repos.collect(host)
    loss = only(found, "unpushed")
    assert loss.reason == "2 commits on idea, 1 commit on main that no remote has"
    assert loss.remedy == "git -C /home/ada/src/x push -u origin idea main"
    assert told(found) == [("unpushed", "repo:~ada/src/x")]


def test_commits_on_no_branch_are_lost(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    place = clone(tmp_path)
    git(place, "checkout", "--quiet", "--detach")
    git(place, "commit", "--quiet", "--allow-empty", "-m", "two")
    found = repos.collect(host)
    assert only(found, "unpushed").remedy == "git -C /home/ada/src/x push origin HEAD:refs/heads/kept"
    (repo,) = found.section.repos
    assert repo.by_hand().endswith(f"checkout --detach {repo.commit}'")


def test_stashes_are_lost(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    place = clone(tmp_path)
    for text in ("b", "c"):
        (place / "a").write_text(text)
        git(place, "stash")
    found = repos.collect(host)
    assert told(found) == [("stash", "repo:~ada/src/x")]
    assert "'stash@{0}:refs/heads/stash-0' 'stash@{1}:refs/heads/stash-1'" in only(found, "stash").remedy


def test_what_was_never_committed_is_lost(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    place = clone(tmp_path)
    (place / "a").write_text("changed")
    for name in ("new", "new\nline"):
        (place / name).write_text("xy")
    loss = only(repos.collect(host), "untracked")
    assert loss.reason == (
        r"1 changed file (a) and 2 new files (new, new\x0aline) in /home/ada/src/x, never committed"
    )
    assert (loss.size_bytes, loss.files) == (11, 3)


def test_what_git_ignores_and_somebody_wrote_is_lost(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    place = clone(tmp_path)
    (place / ".git/info/exclude").write_text("*.o\n*env*\nsecrets.*\nlocal.*\n*override*\n")
    for name in (
        ".env",
        "secrets.yaml",
        "local.properties",
        "compose.override.yml",
        "main.o",
        ".env.example",
    ):
        (place / name).write_text("x")
    loss = only(repos.collect(host), "untracked")
    assert loss.reason == (
        ".env, compose.override.yml, local.properties and 1 more in /home/ada/src/x: "
        "git ignores it, so no push has it"
    )
    assert loss.files == 4


def test_a_tracked_file_of_such_a_name_is_not_lost(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    place = clone(tmp_path)
    (place / ".env").write_text("x")
    git(place, "add", ".env")
    git(place, "commit", "--quiet", "-m", "two")
    git(place, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert repos.collect(host).losses == ()


def test_a_clone_without_a_remote_is_lost_whole(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    clone(tmp_path, pushed=False, url="")
    found = repos.collect(host)
    loss = only(found, "no-remote")
    assert (loss.subject, told(found)) == ("/home/ada/src/x", [("no-remote", "/home/ada/src/x")])
    assert loss.size_bytes > 100 and loss.files > 5 and loss.newest > 0
    (repo,) = found.section.repos
    assert (repo.bound, repo.by_hand(), found.covers) == (NO_REMOTE, "", ())


def test_a_remote_on_this_machine_protects_nothing(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    clone(tmp_path, url="/srv/git/x.git")
    found = repos.collect(host)
    assert told(found) == [("no-remote", "repo:~ada/src/x")]
    assert found.covers == ()


def test_no_password_reaches_the_posture(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    clone(tmp_path, url="https://ada:geheim@example.org/x.git")
    found = repos.collect(host)
    assert "geheim" not in repr(found)
    (left_out,) = found.section.left_out
    assert left_out.path == "/home/ada/src/x/.git"
    assert left_out.reason == "a password or token is in the address of origin"


def test_no_password_of_a_submodule_reaches_the_posture(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    place = clone(tmp_path)
    for key, value in (("path", "lib"), ("url", "https://ada:geheim@example.org/lib.git")):
        git(place, "config", "--file", ".gitmodules", f"submodule.lib.{key}", value)
    found = repos.collect(host)
    assert "geheim" not in repr(found)
    assert [(each.path, each.reason) for each in found.section.left_out] == [
        ("/home/ada/src/x/.gitmodules", "a password or token is in the address of lib")
    ]


def test_a_branch_that_no_remote_has_is_not_asked_of_one(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    git(clone(tmp_path), "checkout", "--quiet", "-b", "idea")
    (repo,) = repos.collect(host).section.repos
    assert (repo.branch, "--branch" in repo.by_hand()) == ("idea", False)


def test_a_repository_in_which_nothing_is_begun_is_no_loss(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    place = tmp_path / "home/ada/x"
    place.mkdir()
    git(place, "init", "--quiet")
    assert told(repos.collect(host)) == []
    (place / "new").write_text("x")
    assert told(repos.collect(host)) == [("no-remote", "/home/ada/x")]


def test_a_worktree_belongs_to_its_clone(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    place = clone(tmp_path)
    git(place, "worktree", "add", "--quiet", "-b", "side", "../side")
    pointer = place.parent / "side/.git"
    pointer.write_text("gitdir: ../x/.git/worktrees/side\n")
    (place / ".git/worktrees/side/gitdir").write_text("/home/ada/src/side/.git\n")
    (place.parent / "side/new").write_text("x")
    found = repos.collect(host)
    assert [(repo.item_id(), repo.worktrees) for repo in found.section.repos] == [
        ("repo:~ada/src/x", (Worktree(path="/home/ada/src/side", branch="side"),))
    ]
    assert (
        found.section.repos[0]
        .by_hand()
        .endswith(
            "git -C /home/ada/src/x worktree add /home/ada/src/side side"
            " || git -C /home/ada/src/x worktree add -b side /home/ada/src/side; }'"
        )
    )
    assert [(loss.kind, "/home/ada/src/side" in loss.reason) for loss in found.losses] == [
        ("untracked", True)
    ]
    assert [cover.path for cover in found.covers] == ["/home/ada/src/side", "/home/ada/src/x"]


def test_a_submodule_belongs_to_its_parent_and_another_nested_clone_does_not(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    library = clone(tmp_path, "src/lib")
    place = clone(tmp_path)
    git(place, "submodule", "add", "--quiet", os.fspath(library), "lib")
    git(place, "config", "--file", ".gitmodules", "submodule.lib.url", "https://example.org/lib.git")
    git(place, "add", ".gitmodules")
    git(place, "commit", "--quiet", "-m", "two")
    git(place, "update-ref", "refs/remotes/origin/main", "HEAD")
    (place / "lib/new").write_text("x")
    (place / ".git/info/exclude").write_text("vendor\n")
    clone(tmp_path, "src/x/vendor/other")
    found = repos.collect(host)
    assert {repo.item_id(): repo.submodules for repo in found.section.repos} == {
        "repo:~ada/src/lib": (),
        "repo:~ada/src/x": (Submodule(path="lib", url="https://example.org/lib.git"),),
        "repo:~ada/src/x/vendor/other": (),
    }
    loss = only(found, "untracked")
    assert (loss.subject, "/home/ada/src/x/lib" in loss.reason) == ("repo:~ada/src/x", True)


def test_a_bare_repository_is_an_item(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    bare = tmp_path / "home/ada/hub.git"
    bare.mkdir()
    git(bare, "init", "--quiet", "--bare")
    git(bare, "remote", "add", "--mirror=fetch", "origin", URL)
    (repo,) = repos.collect(host).section.repos
    assert (repo.item_id(), repo.bare, " --bare " in repo.by_hand()) == ("repo:~ada/hub.git", True, True)


def test_a_bare_clone_has_what_its_remote_has_until_it_is_pushed_to(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    source = clone(tmp_path, "src/x")
    git(tmp_path / "home/ada", "clone", "--quiet", "--bare", os.fspath(source), "hub.git")
    hub = tmp_path / "home/ada/hub.git"
    git(hub, "config", "remote.origin.url", URL)
    found = repos.collect(host)
    assert (told(found), len(found.section.repos)) == ([], 2)
    git(source, "commit", "--quiet", "--allow-empty", "-m", "two")
    git(source, "push", "--quiet", os.fspath(hub), "main")
    loss = next(loss for loss in repos.collect(host).losses if loss.subject == "repo:~ada/hub.git")
    hub_git = "git -C /home/ada/hub.git"
    assert loss.remedy == (
        f"{hub_git} config --replace-all remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'"
        f" && {hub_git} push -u origin main"
    )


def test_what_programs_cloned_is_not_the_owners(tmp_path: Path) -> None:
    host = host_with(tmp_path, {".oh-my-zsh/oh-my-zsh.sh": "x"})
    managed = (".oh-my-zsh", ".nvm", ".cache/x", "src/node_modules/x", ".vim/plugged/x", "powerlevel10k")
    plugin = ".local/share/nvim/site/pack/mine/start/plugin"
    packer = ".local/share/nvim/site/pack/packer/start/x"
    for path in ("", *managed, packer, ".oh-my-zsh/custom/plugins/mine", plugin, ".vim/bundle/pathogen"):
        (tmp_path / "home/ada" / path / ".git").mkdir(parents=True)
    home, found = clones(host)[0][1]
    assert (home.user, found) == ("ada", "/home/ada/.oh-my-zsh/custom/plugins/mine")
    assert [path for _, path in clones(host)[0]] == [
        f"/home/ada/{plugin}",
        found,
        "/home/ada/.vim/bundle/pathogen",
        "/home/ada/powerlevel10k",
    ]
    assert repos.collect(host).section.repos == ()


def test_another_file_system_is_not_walked(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    clone(tmp_path, "nas/x")
    assert repos.collect(replace(host, devices={"/home/ada/nas": 2})).section.repos == ()
    mounts = {"/home/ada": Mount("/home/ada", "nfs4", "nas:/x", "rw")}
    assert repos.collect(replace(host_with(tmp_path), mounts=mounts)).findings == ()


def test_one_that_cannot_be_read_sinks_no_other(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"closed": None, "broken/.git/HEAD": "x", "broken/.git/objects": None})
    clone(tmp_path)
    (tmp_path / "home/ada/broken/.git/config").write_text("[core\n")
    found = repos.collect(replace(host, failing={"/home/ada/closed": PermissionError(13, "no")}))
    assert [repo.item_id() for repo in found.section.repos] == ["repo:~ada/src/x"]
    assert Finding("/home/ada/closed", "not readable", "run with sudo") in found.findings
    assert [each.subject for each in found.findings] == ["/home/ada/closed", "/home/ada/broken"]


NAMES = ["new\nline", "quo'te\"", "ümläut", "a b", "\udcff", "-dash", "$(x)"]


def test_names_are_bytes(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    for name in NAMES:
        clone(tmp_path, name)
    found = repos.collect(host)
    assert {repo.item_id() for repo in found.section.repos} == {
        f"repo:~ada/{escaped(name)}" for name in NAMES
    }
    assert found.findings == ()


def test_the_same_twice_and_nothing_of_it_is_changed(tmp_path: Path) -> None:
    host = host_with(tmp_path)
    place = clone(tmp_path)
    (place / "a").write_text("b")
    before = {path: path.stat().st_mtime_ns for path in sorted(place.rglob("*"))}
    assert repos.collect(host) == repos.collect(host)
    assert {path: path.stat().st_mtime_ns for path in sorted(place.rglob("*"))} == before
