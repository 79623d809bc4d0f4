"""What editors are asked, and what is written for them; fakes record it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collectors.domains.editors import Editors
from collectors.domains.editors.code import Extension, Profile, parse_profiles
from collectors.domains.editors.jetbrains import Plugin
from tests.unit.restore.conftest import Playing, plan_of

STORAGE = ".config/Code/User/globalStorage/storage.json"


def extension(name: str, **facts: Any) -> Extension:
    return Extension(**{"user": "ada", "editor": "code", "extension": name, **facts})


def profile(name: str, **facts: Any) -> Profile:
    return Profile(**{"user": "ada", "editor": "code", "profile": name, "folder": "-5e2b0cd5", **facts})


def test_the_extensions_of_a_profile_are_one_command(playing: Playing) -> None:
    playing.programs.fake("code", "codium", "com.vscodium.codium", "flatpak")
    told = playing.restored(
        Editors(
            extensions=(
                extension("a.a"),
                extension("b.b"),
                extension("c.c", pre_release=True, pinned=True, version="1.2"),
                extension("d.d", profile="Writing's"),
                extension("e.e", editor="codium"),
                extension("f.f", editor="codium-flatpak"),
            ),
        )
    )
    assert {each["state"] for each in told.values()} == {"restored"}
    assert sorted(playing.programs.argvs()) == [
        "code --force --install-extension a.a --install-extension b.b",
        "code --force --pre-release --install-extension c.c@1.2",
        "code --force --profile Writing's --install-extension d.d",
        "codium --force --install-extension e.e",
        "flatpak run com.vscodium.codium --force --install-extension f.f",
    ]


def test_a_profile_is_named_before_what_is_installed_in_it() -> None:
    section = Editors(extensions=(extension("a.a", profile="Writing"),), profiles=(profile("Writing"),))
    made, _ = plan_of(section)
    assert [each.id for each in sorted(made, key=lambda step: step.stage)] == [
        "editor-profile:~ada/code/Writing",
        "extension:~ada/code/Writing/a.a",
    ]


def test_one_that_no_market_has_keeps_no_other_away(playing: Playing) -> None:
    playing.programs.fake("code", code=1, says="Extension 'b.gone' not found.\n", refuses=["gone"])
    told = playing.restored(Editors(extensions=tuple(map(extension, ("a.a", "b.gone", "c.c")))))
    assert [each["state"] for _, each in sorted(told.items())] == ["restored", "unavailable", "restored"]


def test_a_profile_comes_back_beside_others(playing: Playing) -> None:
    storage = playing.folder / STORAGE
    storage.parent.mkdir(parents=True)
    storage.write_text('{"telemetry.machineId": "x", "userDataProfiles": [{"name": "Old", "location": "o"}]}')
    name = '{{ 7*7 }} $(id) "ü'
    profiles = (
        profile("Writing", icon="book"),
        profile(name, folder="3f", shares=("extensions", "keybindings")),
    )
    told = playing.restored(Editors(profiles=profiles))
    assert {each["state"] for each in told.values()} == {"restored"}
    assert json.loads(storage.read_text())["telemetry.machineId"] == "x"
    found, findings = parse_profiles(storage.read_text(), path="/x")
    assert [(each.profile, each.folder, each.shares) for each in found] == [
        ("Old", "o", ()),
        ("Writing", "-5e2b0cd5", ()),
        (name, "3f", ("extensions", "keybindings")),
    ]
    assert not findings
    assert (playing.folder / ".config/Code/User/profiles/-5e2b0cd5").is_dir()


@pytest.mark.parametrize("text", [None, '{"userDataProfiles": [{"name": "Writing", "location": "other"}]}'])
def test_a_profile_comes_back_once(text: str | None, playing: Playing) -> None:
    storage = playing.folder / STORAGE
    if text:
        storage.parent.mkdir(parents=True)
        storage.write_text(text)
    for _ in range(2):
        playing.restored(Editors(profiles=(profile("Writing"),)))
    profiles = json.loads(storage.read_text())["userDataProfiles"]
    assert profiles == [{"location": "-5e2b0cd5", "name": "Writing"}]
    assert [each.name for each in storage.parent.iterdir()] == ["storage.json"]


def test_a_file_of_an_editor_that_is_broken_stays_as_it_is(playing: Playing) -> None:
    storage = playing.folder / STORAGE
    storage.parent.mkdir(parents=True)
    storage.write_text("{broken")
    told = playing.restored(Editors(profiles=(profile("Writing"),)))
    assert told["editor-profile:~ada/code/Writing"]["state"] == "failed"
    assert "JSONDecodeError" in told["editor-profile:~ada/code/Writing"]["reason"]
    assert storage.read_text() == "{broken"


def test_the_plugins_of_a_program_are_one_command(playing: Playing) -> None:
    playing.programs.fake("pycharm")
    plugins = tuple(
        Plugin(user="ada", product="PyCharm", plugin=each) for each in ("IdeaVIM", "Ünï {{ 7*7 }}")
    )
    playing.restored(Editors(plugins=plugins))
    assert playing.programs.argvs() == ["pycharm installPlugins IdeaVIM Ünï {{ 7*7 }}"]


def test_what_no_market_can_have_is_told(playing: Playing) -> None:
    told = playing.restored(
        Editors(
            extensions=(
                extension("own.inhouse", source="vsix"),
                extension("-x"),
                extension("a.a", editor="ed"),
            ),
            plugins=(Plugin(user="ada", product="Unknown", plugin="x"),),
        )
    )
    assert {each["state"] for each in told.values()} == {"unavailable"}
    assert told["extension:~ada/code/own.inhouse"]["remedy"] == (
        "code --install-extension FILE-OF-own.inhouse.vsix"
    )


def test_without_its_editor_an_extension_waits(playing: Playing) -> None:
    playing.restored(Editors(extensions=(extension("a.a", editor="cursor"),)))
    assert playing.runner.waiting == {"extension:~ada/cursor/a.a"}
