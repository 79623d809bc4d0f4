"""Which commands bring programs back, and what becomes of those that fail?"""

from __future__ import annotations

from typing import Any

import pytest

from builder.restore.steps.commands import CommandStep
from collectors.domains.programs import Programs
from collectors.domains.programs.appimages import AppImage
from collectors.domains.programs.builds import Build
from collectors.domains.programs.installed import Program
from tests.unit.restore.conftest import Playing, plan_of

COMMIT = "ab" * 20


def recipe(install: str, verify: str = "", **facts: Any) -> Program:
    return Program(**{"name": "x", "title": "X", "user": "me", "install": install, "verify": verify, **facts})


def build(**facts: Any) -> Build:
    usual = {
        "path": "/home/me/src/x",
        "name": "~me/src/x",
        "user": "me",
        "system": "make",
        "remote": "https://git.example.org/x.git",
        "commit": COMMIT,
        "programs": (("/usr/local/bin/x", ""),),
    }
    return Build(**{**usual, **facts})


def steps(*things: Build) -> list[CommandStep]:
    """Return the steps of builds after the clone."""
    made, told = plan_of(Programs(builds=things))
    assert not told
    return [each for each in made if each.stage > 2]


def test_a_recipe_is_run_and_then_tried(playing: Playing) -> None:
    playing.programs.fake("curl", "x")
    told = playing.restored(
        Programs(programs=(recipe("curl -fsSL https://x.example.org | bash", "x --version"),))
    )
    assert told["program:~me/x"]["state"] == "restored"
    assert playing.programs.argvs() == ["curl -fsSL https://x.example.org", "x --version"]


def test_one_that_does_not_work_afterwards_failed(playing: Playing) -> None:
    playing.programs.fake("curl")
    told = playing.restored(Programs(programs=(recipe("curl x | bash", ".x/bin/x --version"),)))
    assert told["program:~me/x"]["state"] == "failed"
    assert "No such file" in told["program:~me/x"]["reason"]
    assert told["program:~me/x"]["remedy"].startswith("by hand: sudo -iu me sh -c 'curl x | bash'")


def test_one_that_its_vendor_has_no_more_is_not_tried(playing: Playing) -> None:
    playing.programs.fake("curl", code=22, says="curl: (22) The requested URL returned error: 404\n")
    playing.programs.fake("x")
    told = playing.restored(Programs(programs=(recipe("curl -f x | bash", "x"),)))
    assert told["program:~me/x"]["state"] == "unavailable"
    assert "x" not in playing.programs.argvs()


def test_a_recipe_needs_what_it_fetches_with() -> None:
    needs = {
        "curl -fL x | tar -xz -C /opt": ("curl", "tar"),
        'v=1 && wget -O- "$(curl -f x)"': ("wget", "curl"),
        "git clone https://x.example.org/curl.git /opt/wget": ("git",),
        "steam +quit": (),
    }
    for install, wanted in needs.items():
        assert plan_of(Programs(programs=(recipe(install),)))[0][0].needs == wanted


def test_an_appimage_takes_its_place_when_all_of_it_is_there(playing: Playing) -> None:
    path = f"{playing.folder}/Applications/löw $(id).AppImage"
    image = AppImage(
        path=path, name="~me/x", user="me", source="zsync|https://x.example.org/x.AppImage.zsync"
    )
    playing.programs.fake("curl", code=28, says="curl: (28) Operation timed out\n")
    assert playing.restored(Programs(appimages=(image,)))["appimage:~me/x"]["state"] == "failed"
    asked = f"curl -fL --proto =https --create-dirs -o {path}.rekindle https://x.example.org/x.AppImage"
    assert set(playing.programs.argvs()) == {asked}


def test_its_owner_builds_and_root_installs_what_leaves_the_home() -> None:
    made, installed = steps(build(system="cmake", folder="build", configure=("-DNAME=Löw's $(id)",)))
    assert (made.user, installed.user) == ("me", "")
    assert made.command == (
        "cd /home/me/src/x && cmake -S . -B build '-DNAME=Löw'\"'\"'s $(id)' && cmake --build build"
    )
    assert installed.command == (
        "cd /home/me/src/x && cmake --install build && ls -d -- /usr/local/bin/x > /dev/null; code=$?; "
        "cd /home/me/src/x && find . -user root -exec chown -h me: {} +; exit $code"
    )


def test_what_stays_in_the_home_its_owner_installs() -> None:
    made, installed = steps(build(system="cargo", programs=(("/home/me/.local/bin/x", "target/release/x"),)))
    assert (made.user, installed.user) == ("me", "me")
    assert made.command == "cd /home/me/src/x && cargo build --release"
    assert "install -D -m 0755 -- target/release/x /home/me/.local/bin/x" in installed.command
    assert "chown" not in installed.command


@pytest.mark.parametrize(
    "facts",
    [
        {"system": "cmake", "configure": ("-P", "evil.cmake")},
        {"system": "meson", "configure": ("--native-file=x",)},
        {"system": "autotools", "configure": ("rm", "-rf", "/")},
        {"system": "autotools", "configure": ("-configure",)},
        {"folder": "../../etc"},
        {"folder": "--version"},
        {"system": "copy", "programs": (("/usr/local/bin/x", "/etc/shadow"),)},
        {"remote": "ext::sh -c touch% pwned"},
        {"remote": "--upload-pack=x"},
    ],
)
def test_a_build_with_odd_options_is_told(facts: dict[str, Any]) -> None:
    made, told = plan_of(Programs(builds=(build(**facts),)))
    assert not made
    assert [each.state for each in told] == ["unavailable"]


def test_without_its_tools_a_build_is_told_what_to_install(playing: Playing) -> None:
    told = playing.restored(Programs(builds=(build(system="zig"),)))
    assert told["build:~me/src/x"]["state"] == "unavailable"
    assert told["build:~me/src/x"]["remedy"] == "install zig, then restore again"
