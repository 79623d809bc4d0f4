"""A posture comes back under other people's names, in all that it says of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.restore.people import parse_names, renamed
from collectors.domains.containers import Containers
from collectors.domains.containers.things import Image
from collectors.domains.desktop import Desktop
from collectors.domains.desktop.gnome import DconfKey
from collectors.domains.desktop.kde import KdeKey
from collectors.domains.dotfiles import Dotfiles
from collectors.domains.files import Files
from collectors.domains.languages import Languages
from collectors.domains.languages.npm import Npm
from collectors.domains.network import Network
from collectors.domains.network.connections import Connection
from collectors.domains.programs import Programs
from collectors.domains.programs.builds import Build
from collectors.domains.repos import Repos
from collectors.domains.repos.clone import Remote, Repo, Worktree
from collectors.domains.users import Group, Linger, User, Users
from collectors.domains.users.subids import SubIds
from collectors.failure import Failure
from collectors.posture import Posture
from collectors.record import File, LeftOut, Thing, sha256
from tests.postures import small_posture

BINARY = b"\0/home/ada/x"
CONTENTS = {
    "/home/ada/.bashrc": b"export PATH=/usr/bin:/home/ada/bin\nI live in /home/ada.\n",
    "/home/ada/blob": BINARY,
    "/etc/sudoers.d/ada": b"ada ALL=(ALL) NOPASSWD: /home/ada/bin/up, /opt/ada/x\n# adam ada-x ada@x\n",
    "/etc/systemd/system/sync.service": b"[Service]\nUser=ada\nDescription=ada's\nExecStart=/home/ada/s\n",
    "/etc/other": b"/home/ada2 /home/ada-x /home/ada.old /mnt/home/ada sftp://nas/home/ada ada@nas:/home/ada",
    "/etc/names": b"-I/home/ada/include file:///home/ada '/home/ada' \\n/home/ada\xe9 /home/ada",
}


def user(name: str, uid: int, group: str = "", home: str = "", groups: tuple[str, ...] = ()) -> User:
    home = home or f"/home/{name}"
    return User(name=name, uid=uid, group=group or name, gecos="", home=home, shell="/bin/sh", groups=groups)


def file(path: str, **facts: str) -> File:
    plain = {"kind": "file", "origin": "settings", "owner": "ada", "group": "ada", "mode": "0644"}
    return File(path=path, sha256=sha256(CONTENTS.get(path, b"")), **{**plain, **facts})


def posture() -> Posture:
    link = File(
        path="/home/ada/link",
        kind="symlink",
        origin="settings",
        owner="ada",
        group="ada",
        target="/home/ada/x",
    )
    return replace(
        small_posture(),
        users=Users(
            groups=(Group(name="ada", gid=1000), Group(name="potters", gid=1100)),
            users=(
                user("ada", 1000, groups=("potters", "sudo")),
                user("bob", 1001, home="/srv/bob", groups=("ada",)),
                user("carl", 1002, group="users"),
            ),
            sub_ids=(SubIds(user="ada", uids=("100000-165535",)),),
            linger=(Linger(user="ada"),),
            files=(file("/var/lib/AccountsService/users/ada", owner="root"),),
        ),
        files=Files(
            files=(
                *(
                    file(path, acl="user::rw-,user:ada:r--,group:ada:r--")
                    for path in CONTENTS
                    if "/etc/" in path
                ),
                file("/etc/systemd/system/multi-user.target.wants/syncthing@ada.service"),
            ),
            left_out=(LeftOut(path="/home/ada/.ssh/id_ed25519", reason="a private key"),),
        ),
        dotfiles=Dotfiles(files=(*(file(path) for path in CONTENTS if path.startswith("/home")), link)),
        languages=Languages(npm=(Npm(user="ada", name="@ada/x", version="1", prefix="/home/ada/.npm"),)),
        containers=Containers(images=(Image(store="~ada/podman", name="ada/x"),)),
        desktop=Desktop(
            dconf=(DconfKey(user="ada", key="/org/x", value="'file:///home/ada/a.png'"),),
            kde=(KdeKey(user="ada", file="kwinrc", group=("ada", "x"), key="k", value="/home/ada"),),
        ),
        programs=Programs(
            builds=(
                Build(
                    path="/home/ada/src/x",
                    name="~ada/src/x",
                    user="ada",
                    system="make",
                    configure=("--prefix=/home/ada/.local",),
                    programs=(("/home/ada/.local/bin/x", "x"),),
                ),
            )
        ),
        repos=Repos(
            repos=(
                Repo(
                    path="/home/ada/src/x",
                    name="~ada/src/x",
                    user="ada",
                    remotes=(Remote(name="o", url="ssh://ada@git.example.org/home/ada/x.git"),),
                    worktrees=(Worktree(path="/home/ada/src/y", branch="b"),),
                ),
            )
        ),
        network=Network(
            connections=(
                Connection(name="W", type="wifi", settings={"connection": {"permissions": "user:ada:;"}}),
            )
        ),
        contents=CONTENTS,
    )


def ids(found: Posture) -> set[str]:
    return {item.id for item in found.items()}


def thing(found: Posture, name: str) -> Thing:
    return next(each for _, each in found.things() if each.item_id() == name)


NEW = renamed(posture(), {"ada": "eve"})


def test_every_item_of_hers_has_the_new_name_and_no_other_changed() -> None:
    assert not [name for name in ids(NEW) if "~ada" in name or "/home/ada" in name]
    for name in (
        *("user:eve", "group:eve", "subid:eve", "linger:eve", "npm:~eve/@ada/x", "image:~eve/podman/ada/x"),
        *("build:~eve/src/x", "repo:~eve/src/x", "dconf:~eve/org/x", "file:/home/eve/.bashrc"),
        *("file:/etc/sudoers.d/eve", "file:/var/lib/AccountsService/users/eve"),
        "file:/etc/systemd/system/multi-user.target.wants/syncthing@eve.service",
        *("left-out:/home/eve/.ssh/id_ed25519", "user:bob", "user:carl", "group:potters"),
    ):
        assert name in ids(NEW)
    assert len(ids(NEW)) == len(ids(posture()))


def test_facts_name_the_new_person() -> None:
    eve, bob, _ = NEW.users.users
    assert (eve.name, eve.group, eve.home, eve.uid) == ("eve", "eve", "/home/eve", 1000)
    assert (bob.groups, bob.home) == (("eve",), "/srv/bob")
    secret = thing(NEW, "file:/etc/sudoers.d/eve")
    assert isinstance(secret, File)
    assert (secret.owner, secret.group) == ("eve", "eve")
    assert secret.acl == "user::rw-,user:eve:r--,group:eve:r--"
    [build], [repo], [kde] = NEW.programs.builds, NEW.repos.repos, NEW.desktop.kde
    assert build.configure == ("--prefix=/home/eve/.local",)
    assert build.programs == (("/home/eve/.local/bin/x", "x"),)
    assert repo.worktrees[0].path == "/home/eve/src/y"
    assert repo.remotes[0].url == "ssh://ada@git.example.org/home/ada/x.git"
    assert (kde.value, kde.group) == ("/home/eve", ("ada", "x"))
    assert NEW.desktop.dconf[0].value == "'file:///home/eve/a.png'"
    assert NEW.network.connections[0].settings == {"connection": {"permissions": "user:eve:;"}}


def test_files_name_the_new_home_and_nothing_that_only_looks_like_the_old_one() -> None:
    contents = NEW.contents
    assert contents["/home/eve/.bashrc"] == (b"export PATH=/usr/bin:/home/eve/bin\nI live in /home/eve.\n")
    assert contents["/home/eve/blob"] == BINARY
    assert contents["/etc/sudoers.d/eve"] == (
        b"eve ALL=(ALL) NOPASSWD: /home/eve/bin/up, /opt/ada/x\n# adam ada-x ada@x\n"
    )
    assert contents["/etc/systemd/system/sync.service"] == (
        b"[Service]\nUser=eve\nDescription=ada's\nExecStart=/home/eve/s\n"
    )
    assert contents["/etc/other"] == CONTENTS["/etc/other"]
    assert contents["/etc/names"] == (
        b"-I/home/eve/include file:///home/eve '/home/eve' \\n/home/ada\xe9 /home/eve"
    )


def test_hashes_are_of_the_new_bytes() -> None:
    for _, each in NEW.things():
        if isinstance(each, File) and each.path in NEW.contents:
            assert each.sha256 == sha256(NEW.contents[each.path])
    assert len(NEW.contents) == len(CONTENTS)


def test_a_home_elsewhere_and_a_shared_group_stay() -> None:
    moved = renamed(posture(), {"bob": "rob", "carl": "carla"})
    rob, carla = moved.users.users[1:]
    assert (rob.home, rob.group, carla.home, carla.group) == ("/srv/bob", "rob", "/home/carla", "users")


def test_two_people_can_swap_names_and_swap_back() -> None:
    names = {"ada": "carl", "carl": "ada"}
    assert renamed(renamed(posture(), names), names) == posture()


def test_nothing_asked_changes_nothing() -> None:
    same = posture()
    assert renamed(same, {}) is same
    assert renamed(same, {"ada": "ada"}) is same


@settings(max_examples=10)
@given(st.from_regex(r"[a-z_][a-z0-9_-]{0,31}", fullmatch=True))
def test_there_and_back_is_the_same_posture(name: str) -> None:
    if name not in ("ada", "bob", "carl", "potters", "sudo", "users", "root", "admin", "sys", "bin", "sync"):
        assert renamed(renamed(posture(), {"ada": name}), {name: "ada"}) == posture()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"dora": "eve"}, "dora: nobody of this posture has that name; it has ada, bob, carl"),
        ({"a\nb": "eve"}, "a\\x0ab: nobody"),
        ({"root": "eve"}, "root: nobody"),
        ({"ada": "bob"}, "bob is somebody else"),
        ({"ada": "potters"}, "potters is somebody else"),
        ({"ada": "sudo"}, "sudo is somebody else"),
        ({"ada": "eve", "bob": "eve"}, "eve is somebody else"),
        ({"ada": "root"}, "'root' cannot be a person's name"),
        ({"ada": "../eve"}, "'../eve' cannot be"),
        ({"ada": "eve\n"}, r"'eve\n' cannot be"),
        ({"ada": "$(id)"}, "'$(id)' cannot be"),
        ({"ada": "-rf"}, "'-rf' cannot be"),
        ({"ada": ""}, "'' cannot be"),
    ],
)
def test_names_that_are_wrong_are_refused(names: dict[str, str], said: str) -> None:
    with pytest.raises(Failure) as raised:
        renamed(posture(), names)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("words", [("ada",), ("ada:",), (":eve",), ("ada:eve", "ada:zoe")])
def test_words_that_name_no_two_people_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(Failure):
        parse_names(words)


def test_words_become_names() -> None:
    assert parse_names(("ada:eve", "bob:rob", "ada:eve")) == {"ada": "eve", "bob": "rob"}
