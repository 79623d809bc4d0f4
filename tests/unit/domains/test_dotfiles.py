from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.collected import Collected
from collectors.domains import dotfiles, editors, repos
from collectors.domains.dotfiles import Dotfiles, chezmoi, repositories
from collectors.domains.dotfiles.manager import NO_REMOTE, Link, Manager, Remote
from collectors.failure import Finding
from collectors.reading.catalogue import Application, catalogue
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import sampled

PEOPLE = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n",
    "/home/ada": None,
    "/root": None,
}
ADA = "/home/ada"
URL = "https://example.org/ada/dotfiles.git"
YADM = ".local/share/yadm/repo.git"
OURS = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
SETTINGS = ("user.name=Ada", "user.email=ada@example.org", "init.defaultBranch=main", "gc.auto=0")
IDENTITY = tuple(word for each in SETTINGS for word in ("-c", each))

test_encrypt = sampled("yadm_encrypt", lambda text, name: repositories.parse_encrypt(text))
test_source_dir = sampled("chezmoi_source_dir", lambda text, name: chezmoi.parse_source_dir(text))


def run(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *IDENTITY, *words], env=OURS, check=True, capture_output=True)


def host_with(tmp_path: Path, files: dict[str, str | bytes | None]) -> FakeHost:
    return machine(tmp_path, {**PEOPLE, **{path.replace("~", ADA, 1): x for path, x in files.items()}})


def in_home(tmp_path: Path, repository: str, *words: str) -> None:
    """Run git on a repository that has ada's home as its work tree."""
    home = tmp_path / "home/ada"
    run(home, f"--git-dir={home / repository}", f"--work-tree={home}", *words)


def tracked_at_home(tmp_path: Path, repository: str, *names: str, url: str = URL) -> None:
    """Make a repository of files in ada's home that is as if it were pushed to `url`."""
    run(tmp_path, "init", "-q", "--bare", "--template=", str(tmp_path / "home/ada" / repository))
    in_home(tmp_path, repository, "add", "-f", *names)
    in_home(tmp_path, repository, "commit", "-q", "-m", "x")
    pushed(tmp_path / "home/ada" / repository, url)


def pushed(git_dir: Path, url: str) -> None:
    """Make a repository look as if all of it were at `url`."""
    remote = f'[remote "origin"]\n url = {url}\n fetch = +refs/heads/*:refs/remotes/origin/*\n' if url else ""
    branch = '[branch "main"]\n remote = origin\n merge = refs/heads/main\n'
    with open(git_dir / "config", "a") as config:
        config.write(remote + branch)
    if url:
        (git_dir / "refs/remotes/origin").mkdir(parents=True)
        (git_dir / "refs/remotes/origin/main").write_text((git_dir / "refs/heads/main").read_text())


def paths(found: Collected[Dotfiles]) -> list[str]:
    return [file.path.replace(ADA, "~", 1) for file in found.section.files]


def covered(found: Collected[Dotfiles]) -> dict[str, str]:
    return {cover.path.replace(ADA, "~", 1): cover.by for cover in found.covers}


def kinds(found: Collected[Dotfiles]) -> list[tuple[str, str]]:
    return [(loss.kind, loss.subject) for loss in found.losses]


def test_a_plain_machine_has_nothing_to_tell(tmp_path: Path) -> None:
    assert dotfiles.collect(host_with(tmp_path, {})) == Collected(Dotfiles())


def test_yadm_brings_back_what_is_clean_and_pushed(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            "~/.zshrc": "x",
            "~/.tmux.conf": "x",
            "~/.vimrc": "x",
            "~/.gitconfig##class.Work": "x",
            "~/.gitconfig": "-> .gitconfig##class.Work",
            "~/.config/yadm/encrypt": ".netrc\n.aws/*\n!.aws/config\n",
            "~/.config/yadm/bootstrap": "#!/bin/sh\n",
            "~/.netrc": "machine example.org password geheim123",
            "~/.aws/config": "x",
            "~/.aws/credentials": "newer",
            "~/.local/share/yadm/archive": "encrypted",
        },
    )
    (tmp_path / "home/ada/.netrc").touch()
    os.utime(tmp_path / "home/ada/.netrc", (1, 1))
    os.utime(tmp_path / "home/ada/.local/share/yadm/archive", (2, 2))
    names = (".zshrc", ".gitconfig##class.Work", ".config/yadm/encrypt", ".local/share/yadm/archive")
    tracked_at_home(tmp_path, YADM, *names)
    repository = tmp_path / "home/ada" / YADM
    with open(repository / "config", "a") as config:
        config.write("[local]\n class = Work\n class = Home\n")
    found = dotfiles.collect(host)
    (item,) = found.section.managers
    assert item == Manager(
        name="~ada/yadm",
        user="ada",
        home=ADA,
        manager="yadm",
        path=f"{ADA}/{YADM}",
        remotes=(Remote(name="origin", url=URL),),
        branch="main",
        commit=item.commit,
        classes=("Work", "Home"),
        encrypt=(".netrc", ".aws/*", "!.aws/config"),
        bootstrap=True,
    )
    assert item.item_id() == "dotfiles:~ada/yadm"
    assert item.by_hand() == (
        f"yadm clone -b main -f {URL} && yadm config --add local.class Work"
        " && yadm config --add local.class Home && yadm alt && yadm decrypt"
    )
    own = {f"~/{name}" for name in (*names, YADM, ".gitconfig", ".netrc")}
    assert covered(found) == dict.fromkeys(own, "dotfiles:~ada/yadm")
    assert paths(found) == ["~/.aws/config", "~/.config/yadm/bootstrap", "~/.tmux.conf"]
    assert [each.path for each in found.section.left_out] == [f"{ADA}/.aws/credentials"]
    assert found.losses == ()


def test_what_was_changed_or_not_pushed_is_captured_and_told(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x", "~/.bashrc": "x", "~/.inputrc": "x"})
    tracked_at_home(tmp_path, YADM, ".zshrc", ".bashrc")
    in_home(tmp_path, YADM, "add", ".inputrc")
    in_home(tmp_path, YADM, "commit", "-q", "-m", "y")
    (tmp_path / "home/ada/.bashrc").write_text("stashed")
    in_home(tmp_path, YADM, "stash")
    (tmp_path / "home/ada/.bashrc").write_text("changed")
    found = dotfiles.collect(host)
    assert paths(found) == ["~/.bashrc", "~/.inputrc"]
    assert set(covered(found)) == {"~/.zshrc", f"~/{YADM}"}
    name = "dotfiles:~ada/yadm"
    assert kinds(found) == [("unpushed", name), ("stash", name), ("untracked", name)]
    assert [loss.remedy for loss in found.losses] == [
        "yadm push --all origin",
        "yadm push origin 'stash@{0}:refs/heads/stash-0'",
        "yadm commit -am changed && yadm push",
    ]
    assert found.losses[0].reason == "commits of your dotfiles were never pushed: 1 commit on main"
    assert (found.losses[2].size_bytes, found.losses[2].files) == (7, 1)


def test_a_branch_without_upstream_counts_as_unpushed(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x"})
    tracked_at_home(tmp_path, YADM, ".zshrc")
    in_home(tmp_path, YADM, "checkout", "-q", "-b", "laptop")
    assert kinds(dotfiles.collect(host)) == []
    (tmp_path / "home/ada/.zshrc").write_text("laptop")
    in_home(tmp_path, YADM, "commit", "-q", "-am", "y")
    found = dotfiles.collect(host)
    assert [loss.reason for loss in found.losses] == [
        "commits of your dotfiles were never pushed: 1 commit on laptop"
    ]
    assert paths(found) == ["~/.zshrc"]


@pytest.mark.parametrize("url", ["", "/srv/dotfiles.git"])
def test_without_a_remote_elsewhere_all_is_captured(tmp_path: Path, url: str) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x"})
    tracked_at_home(tmp_path, YADM, ".zshrc", url=url)
    found = dotfiles.collect(host)
    assert (paths(found), covered(found)) == (["~/.zshrc"], {})
    assert kinds(found) == [("no-remote", "dotfiles:~ada/yadm")]
    assert found.section.managers[0].bound == ("" if url else NO_REMOTE)


@pytest.mark.parametrize("place", [".config/yadm/repo.git", ".yadm/repo.git"])
def test_older_yadm_has_other_places(tmp_path: Path, place: str) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x"})
    tracked_at_home(tmp_path, place, ".zshrc")
    found = dotfiles.collect(host)
    assert [each.item_id() for each in found.section.managers] == ["dotfiles:~ada/yadm"]
    assert paths(found) == []


def test_a_password_in_an_address_is_left_out(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x"})
    tracked_at_home(tmp_path, YADM, ".zshrc", url="https://ada:geheim@example.org/x")
    found = dotfiles.collect(host)
    assert [each.url for each in found.section.managers[0].remotes] == ["https://example.org/x"]
    assert [(each.path, each.reason) for each in found.section.left_out] == [
        (f"{ADA}/{YADM}/config", "a password or token is in the address of origin")
    ]


def test_a_bare_repository(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x", "~/.tmux.conf": "x", "~/Documents/x": "never looked at"})
    tracked_at_home(tmp_path, ".cfg", ".zshrc")
    found = dotfiles.collect(host)
    (item,) = found.section.managers
    assert (item.item_id(), item.manager) == ("dotfiles:~ada/.cfg", "bare")
    assert item.by_hand() == (
        f"git clone --bare -b main {URL} {ADA}/.cfg && git --git-dir={ADA}/.cfg --work-tree={ADA} checkout -f"
    )
    assert (paths(found), set(covered(found))) == (["~/.tmux.conf"], {"~/.cfg", "~/.zshrc"})
    assert all("--untracked-files=normal" not in words for words in host.asked)


def test_a_bare_repository_of_something_else_covers_no_file(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x"})
    tracked_at_home(tmp_path, ".cfg", ".zshrc")
    (tmp_path / "home/ada/.zshrc").unlink()
    found = dotfiles.collect(host)
    assert (set(covered(found)), found.losses) == ({"~/.cfg"}, ())


def test_the_only_file_of_a_repository_may_be_changed(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x"})
    tracked_at_home(tmp_path, ".cfg", ".zshrc")
    (tmp_path / "home/ada/.zshrc").write_text("changed")
    found = dotfiles.collect(host)
    assert (kinds(found), paths(found)) == ([("untracked", "dotfiles:~ada/.cfg")], ["~/.zshrc"])


def test_work_is_pushed_to_the_remote_that_is_elsewhere(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x"})
    tracked_at_home(tmp_path, ".cfg", ".zshrc")
    in_home(tmp_path, ".cfg", "remote", "rename", "origin", "far")
    in_home(tmp_path, ".cfg", "remote", "add", "disk", "/srv/git/x")
    in_home(tmp_path, ".cfg", "commit", "-q", "--allow-empty", "-m", "y")
    (loss,) = dotfiles.collect(host).losses
    assert loss.remedy.endswith(" push --all far")


def test_a_home_that_is_a_clone_covers_what_is_tracked_and_no_more(tmp_path: Path) -> None:
    names = (".zshrc", ".inputrc", ".tmux.conf", "bin/tool")
    host = host_with(tmp_path, {**{f"~/{name}": "x" for name in names}, "~/Documents/x": "x"})
    tracked_at_home(tmp_path, ".git", ".zshrc", ".inputrc", "bin/tool")
    in_home(tmp_path, ".git", "config", "core.bare", "false")
    (tmp_path / "home/ada/.inputrc").write_text("changed")
    found = dotfiles.collect(host)
    (item,) = found.section.managers
    assert (item.item_id(), item.manager, item.branch) == ("dotfiles:~ada/.git", "git", "main")
    assert item.by_hand() == (
        f"git init {ADA} && git -C {ADA} remote add origin {URL}"
        f" && git -C {ADA} fetch origin && git -C {ADA} checkout -f main"
    )
    assert covered(found) == dict.fromkeys(("~/.git", "~/.zshrc", "~/bin/tool"), item.item_id())
    assert paths(found) == ["~/.inputrc", "~/.tmux.conf"]
    assert [(loss.kind, loss.subject, loss.remedy) for loss in found.losses] == [
        ("untracked", item.item_id(), f"git -C {ADA} commit -am changed && git -C {ADA} push")
    ]
    assert repos.collect(host) == Collected(repos.Repos())
    assert all("--untracked-files=normal" not in words for words in host.asked)


def test_a_home_whose_repository_lies_elsewhere_is_told_once(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x", "~/.git": "gitdir: .dotfiles.git\n"})
    tracked_at_home(tmp_path, ".dotfiles.git", ".zshrc")
    (tmp_path / "home/ada/.zshrc").write_text("changed")
    assert kinds(dotfiles.collect(host)) == [("untracked", "dotfiles:~ada/.dotfiles.git")]
    assert repos.collect(host) == Collected(repos.Repos())


def test_git_init_in_the_wrong_place_is_nothing(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x"})
    run(tmp_path / "home/ada", "init", "-q", "--template=")
    found = dotfiles.collect(host)
    assert (found.section.managers, found.losses, paths(found)) == ((), (), ["~/.zshrc"])


def test_a_home_whose_clone_is_closed_is_a_finding(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x", "~/.git": "gitdir: x\n"})
    found = dotfiles.collect(replace(host, failing={f"{ADA}/.git": PermissionError(13, "no")}))
    assert found.findings == (Finding(f"{ADA}/.git", "not readable", "run with sudo"),)
    assert paths(found) == ["~/.zshrc"]


def test_a_clone_in_settings_comes_back_only_from_elsewhere(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zsh/far/x.zsh": "x", "~/.zsh/near/x.zsh": "x", "~/.zsh/x.zsh": "x"})
    clone(tmp_path / "home/ada/.zsh/far")
    clone(tmp_path / "home/ada/.zsh/near", "/srv/git/near")
    assert paths(dotfiles.collect(host)) == ["~/.zsh/near/x.zsh", "~/.zsh/x.zsh"]


def test_a_broken_repository_is_a_finding_and_the_files_are_captured(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x"})
    tracked_at_home(tmp_path, ".cfg", ".zshrc")
    (tmp_path / "home/ada/.cfg/config").write_text("[broken\n")
    found = dotfiles.collect(host)
    assert [(each.subject, each.remedy) for each in found.findings] == [
        (f"{ADA}/.cfg", f"git -C {ADA}/.cfg status")
    ]
    assert paths(found) == ["~/.zshrc"]


def clone(folder: Path, url: str = URL) -> None:
    """Make a clone of all that is in `folder`."""
    run(folder, "init", "-q", "--template=")
    run(folder, "add", "-A")
    run(folder, "commit", "-q", "-m", "x")
    pushed(folder / ".git", url)


def test_chezmoi_brings_back_the_files_it_makes(tmp_path: Path) -> None:
    source = "~/.local/share/chezmoi"
    host = host_with(
        tmp_path,
        {
            f"{source}/dot_zshrc": "same",
            f"{source}/dot_bashrc": "other",
            f"{source}/private_dot_config/git/config.tmpl": "{{ .x }}",
            f"{source}/run_once_x.sh": "x",
            f"{source}/dot_tmux.conf": "gone",
            "~/.zshrc": "same",
            "~/.bashrc": "mine",
            "~/.config/git/config": "made of a template",
            "~/.config/chezmoi/chezmoi.toml": "[data]\nx = 1\n",
            "~/.config/chezmoi/chezmoistate.boltdb": "x",
        },
    )
    clone(tmp_path / "home/ada/.local/share/chezmoi")
    (tmp_path / "home/ada/.local/share/chezmoi/new").write_text("x")
    found = dotfiles.collect(host)
    assert [(each.item_id(), each.by_hand()) for each in found.section.managers] == [
        ("dotfiles:~ada/chezmoi", f"chezmoi init --apply --branch main {URL}")
    ]
    assert set(covered(found)) == {source, "~/.zshrc", "~/.config/git/config"}
    assert paths(found) == ["~/.bashrc", "~/.config/chezmoi/chezmoi.toml"]
    assert kinds(found) == [("untracked", "dotfiles:~ada/chezmoi")]


def test_chezmoi_with_another_source_and_root(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            "~/.config/chezmoi/chezmoi.yaml": "sourceDir: ~/dots\n",
            "~/dots/.chezmoiroot": "home\n",
            "~/dots/home/dot_zshrc": "x",
            "~/dots/dot_bashrc": "x",
            "~/.zshrc": "x",
            "~/.bashrc": "x",
        },
    )
    clone(tmp_path / "home/ada/dots")
    assert set(covered(dotfiles.collect(host))) == {"~/dots", "~/.zshrc"}


def test_chezmoi_without_git_is_a_loss(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.local/share/chezmoi/dot_zshrc": "x", "~/.zshrc": "x"})
    found = dotfiles.collect(host)
    assert kinds(found) == [("no-remote", f"{ADA}/.local/share/chezmoi")]
    assert paths(found) == ["~/.zshrc"]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("dot_zshrc", ".zshrc"),
        ("private_dot_config/private_readonly_fish/executable_x.sh.tmpl", ".config/fish/x.sh"),
        ("exact_dot_vim/literal_dot_x", ".vim/dot_x"),
        ("encrypted_private_dot_netrc.age", ".netrc"),
        ("symlink_dot_x.tmpl", ".x"),
        ("README.md", "README.md"),
        ("run_once_install.sh", ""),
        ("modify_dot_x", ""),
        ("dot_config/create_x", ""),
        (".chezmoiignore", ""),
        (".chezmoitemplates/x", ""),
    ],
)
def test_chezmois_names_mean_files(source: str, target: str) -> None:
    assert chezmoi.target_of(source) == target


def test_links_into_a_clone(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            "~/dots/zsh/.zshrc": "x",
            "~/dots/nvim/.config/nvim/init.lua": "x",
            "~/dots/.stow-local-ignore": "x",
            "~/.zshrc": "-> dots/zsh/.zshrc",
            "~/.config/nvim": f"-> {ADA}/dots/nvim/.config/nvim",
            "~/dots/kitty.conf": "x",
            "~/.config/kitty/kitty.conf": "-> ../../dots/kitty.conf",
            "~/.config/kitty/local.conf": "x",
            "~/src/tool/tool.sh": "x",
            "~/.local/bin/tool": f"-> {ADA}/src/tool/tool.sh",
            "~/.bashrc": "-> /etc/hosts",
            "~/visible": "-> src/tool",
        },
    )
    clone(tmp_path / "home/ada/dots")
    clone(tmp_path / "home/ada/src/tool")
    found = dotfiles.collect(host)
    (item,) = found.section.managers
    assert (item.item_id(), item.manager) == ("dotfiles:~ada/dots", "stow")
    assert item.links == (
        Link(path=f"{ADA}/.config/kitty/kitty.conf", target="../../dots/kitty.conf"),
        Link(path=f"{ADA}/.config/nvim", target=f"{ADA}/dots/nvim/.config/nvim"),
        Link(path=f"{ADA}/.zshrc", target="dots/zsh/.zshrc"),
    )
    assert item.by_hand() == (
        f"git clone -b main {URL} {ADA}/dots"
        f" && mkdir -p {ADA}/.config {ADA}/.config/kitty"
        f" && ln -sfn ../../dots/kitty.conf {ADA}/.config/kitty/kitty.conf"
        f" && ln -sfn {ADA}/dots/nvim/.config/nvim {ADA}/.config/nvim && ln -sfn dots/zsh/.zshrc {ADA}/.zshrc"
    )
    links = ("~/.config/nvim", "~/.config/kitty/kitty.conf", "~/.zshrc")
    assert covered(found) == dict.fromkeys(links, item.item_id())
    assert paths(found) == ["~/.bashrc", "~/.config/kitty/local.conf"]


def test_a_clone_that_repos_leaves_alone_is_told_here(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.dotfiles/install.conf.yaml": "x", "~/.dotfiles/x": "x"})
    clone(tmp_path / "home/ada/.dotfiles")
    (tmp_path / "home/ada/.dotfiles/x").write_text("changed")
    found = dotfiles.collect(host)
    (item,) = found.section.managers
    assert (item.item_id(), item.manager) == ("dotfiles:~ada/.dotfiles", "dotbot")
    assert item.by_hand() == f"git clone -b main {URL} {ADA}/.dotfiles && cd {ADA}/.dotfiles && ./install"
    assert (kinds(found), set(covered(found))) == ([("untracked", item.item_id())], {"~/.dotfiles"})


def test_a_clone_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.dotfiles/.git": "gitdir: elsewhere\n", "~/.zshrc": "-> .dotfiles/x"})
    closed = {f"{ADA}/.dotfiles/.git": PermissionError(13, "no"), f"{ADA}/.vim": PermissionError(13, "no")}
    found = dotfiles.collect(replace(host, failing=closed))
    assert found.findings == (Finding(f"{ADA}/.dotfiles", "not readable", "run with sudo"),)
    assert paths(found) == ["~/.zshrc"]


def test_the_settings_of_applications(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            "~/.config/mpv/mpv.conf": "x",
            "~/.config/mpv/watch_later/0123": "x",
            "~/.config/fish/config.fish": "x",
            "~/.config/fish/fish_history": "x",
            "~/.config/alacritty/new\nline \udcff.toml": "x",
            "~/.oh-my-zsh/custom/mine.zsh": "x",
            "~/.oh-my-zsh/custom/example.zsh": "x",
            "~/.oh-my-zsh/custom/plugins/p/.git/config": f'[remote "origin"]\n url = {URL}\n',
            "~/.oh-my-zsh/custom/plugins/p/p.zsh": "x",
            "~/.unknown": "x",
            "~/.ssh/known_hosts.old": "x",
            "~/.ssh/sockets/ada@forge:22": "x",
            "~/.ssh/conf.d/work": "x",
            "/root/.vimrc": "section editors has it",
            "/root/.inputrc": "x",
        },
    )
    found = dotfiles.collect(host)
    assert paths(found) == [
        r"~/.config/alacritty/new\x0aline \xff.toml",
        "~/.config/fish/config.fish",
        "~/.config/mpv/mpv.conf",
        "~/.oh-my-zsh/custom/mine.zsh",
        "~/.ssh/conf.d/work",
        "/root/.inputrc",
    ]
    assert found.contents[f"{ADA}/.config/mpv/mpv.conf"] == b"x"


def test_a_file_as_the_account_got_it_is_not_told(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            "/etc/skel/.bashrc": "made",
            "/etc/skel/.profile": "made",
            "/usr/share/base-files/dot.bashrc": "root's",
            "/root/.bashrc": "root's",
            "~/.bashrc": "made",
            "~/.profile": "mine",
        },
    )
    assert paths(dotfiles.collect(host)) == ["~/.profile"]


KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"


def test_secrets_are_left_out_and_told(tmp_path: Path) -> None:
    secret = {
        "~/.ssh/id_ed25519": KEY,
        "~/.ssh/id_own_name": "in a format of its own",
        "~/.ssh/work": KEY,
        "~/.gnupg/private-keys-v1.d/x.key": "binary",
        "~/.npmrc": "//registry.example.org/:_authToken=abcdef0123456789\n",
        "~/.netrc": "machine x login y",
        "~/.authinfo": "machine x login y",
        "~/.git-credentials": "x",
        "~/.aws/credentials": "x",
        "~/.docker/config.json": '{"auths": {"example.org": {"auth": "YWRhOmdlaGVpbQ=="}}}',
        "~/.kube/config": "x",
        "~/.config/gh/hosts.yml": "x",
        "~/.pgpass": "x",
        "~/.claude/.credentials.json": "{}",
    }
    kept = (
        "~/.ssh/config",
        "~/.ssh/id_ed25519.pub",
        "~/.gnupg/gpg.conf",
        "~/.aws/config",
        "~/.config/gh/config.yml",
    )
    found = dotfiles.collect(host_with(tmp_path, {**secret, **dict.fromkeys(kept, "x")}))
    assert sorted(paths(found)) == sorted(kept)
    told = [each.path.replace(ADA, "~", 1) for each in found.section.left_out]
    assert sorted(told) == sorted(secret)
    assert not any(KEY.encode() in content for content in found.contents.values())


def test_what_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x", "~/.config/mpv/a": "x", "/root/.zshrc": "x"})
    closed = (f"{ADA}/.zshrc", f"{ADA}/.config/mpv")
    found = dotfiles.collect(replace(host, failing={path: PermissionError(13, "no") for path in closed}))
    assert paths(found) == ["/root/.zshrc"]
    assert found.findings == tuple(
        Finding(path, "not readable", "run with sudo") for path in reversed(closed)
    )


def test_ids_are_unique_and_the_same_twice(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"~/.zshrc": "x", "~/.bashrc": "x", "/root/.zshrc": "x"})
    tracked_at_home(tmp_path, YADM, ".zshrc")
    tracked_at_home(tmp_path, ".cfg", ".zshrc")
    found = dotfiles.collect(host)
    ids = [item.id for item in found.section.items()]
    assert len(ids) == len(set(ids)) == 4
    assert dotfiles.collect(host) == found


def applications() -> Iterator[Application]:
    yield from catalogue("collectors.domains.dotfiles", "catalogue.yaml").applications
    yield from catalogue("collectors.domains.editors", "settings.yaml").applications
    yield from catalogue("collectors.domains", "input.yaml").applications
    yield from editors.code.known().applications


def test_no_path_is_in_two_sections_or_twice() -> None:
    every = sorted(path for each in applications() for path in each.paths)
    assert len(every) == len(set(every))
    inside = [path for path in every if set(map(str, PurePosixPath(path).parents)) & set(every)]
    assert inside == []


def test_the_catalogue_knows_many_applications() -> None:
    assert sum(1 for _ in applications()) > 150
    known = (path for each in applications() for path in (*each.paths, *each.but))
    assert all(path.startswith(("/", "~/", "**/")) for path in known)


ANY = st.binary(max_size=100).map(lambda raw: raw.decode(errors="surrogateescape"))


@given(ANY)
def test_any_text_is_parsed(text: str) -> None:
    chezmoi.target_of(text)
    chezmoi.parse_source_dir(text)
    patterns = repositories.parse_encrypt(text)
    lines = [line.strip() for line in text.split("\n") if line.strip() and not line.strip().startswith("#")]
    assert len(patterns) == len(lines)


@given(st.lists(st.from_regex(r"[a-z]{1,5}", fullmatch=True), min_size=1, max_size=4), st.booleans())
def test_chezmois_names_are_undone(parts: list[str], hidden: bool) -> None:
    source = "/".join(f"private_{'dot_' if hidden else ''}{part}" for part in parts)
    assert chezmoi.target_of(source) == "/".join(f"{'.' if hidden else ''}{part}" for part in parts)
