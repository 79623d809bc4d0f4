from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.collected import Collected, Cover, Loss
from collectors.domains import editors
from collectors.domains.editors import Editors, code, jetbrains
from collectors.domains.editors.code import Extension, Profile
from collectors.domains.editors.jetbrains import Plugin
from collectors.failure import Finding
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import SAMPLES, sampled

PEOPLE = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n",
    "/home/ada": None,
    "/root": None,
}
ADA = "/home/ada"
USER = f"{ADA}/.config/Code/User"
LIST = (SAMPLES / "code_extensions/vscode-1.95").read_text("utf-8")

test_extensions = sampled("code_extensions", lambda text, name: code.parse_extensions(text, path=name))
test_profiles = sampled("code_profiles", lambda text, name: code.parse_profiles(text, path=name))
test_plugin = sampled("jetbrains_plugin", lambda text, name: jetbrains.parse_descriptor(text))


def host_with(tmp_path: Path, files: dict[str, str | bytes | None]) -> FakeHost:
    return machine(tmp_path, {**PEOPLE, **files})


def paths(found: Collected[Editors]) -> list[str]:
    return [file.path.removeprefix(f"{ADA}/") for file in found.section.files]


def listed(*names: str) -> str:
    return json.dumps([{"identifier": {"id": name}, "relativeLocation": f"{name}-1.0.0"} for name in names])


def jar(descriptor: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(jetbrains.DESCRIPTOR, descriptor)
    return buffer.getvalue()


def test_a_plain_machine_has_nothing_to_tell(tmp_path: Path) -> None:
    assert editors.collect(host_with(tmp_path, {})) == Collected(Editors())


def test_extensions_come_back_but_for_one_from_a_file(tmp_path: Path) -> None:
    host = host_with(tmp_path, {f"{ADA}/.vscode/extensions/extensions.json": LIST})
    found = editors.collect(host)
    told = {each.item_id(): each.by_hand() for each in found.section.extensions}
    assert told == {
        "extension:~ada/code/acme.inhouse": "",
        "extension:~ada/code/github.copilot": "code --install-extension github.copilot@1.245.0 --pre-release",
        "extension:~ada/code/ms-python.python": "code --install-extension ms-python.python",
    }
    assert found.losses == (
        Loss(
            "sourceless",
            "extension:~ada/code/acme.inhouse",
            "Visual Studio Code has acme.inhouse from a file that is kept nowhere",
            "code --install-extension acme.inhouse --force",
        ),
    )
    folder = f"{ADA}/.vscode/extensions"
    assert found.covers == (
        Cover(f"{folder}/ms-python.python-2024.20.0-linux-x64", "extension:~ada/code/ms-python.python"),
        Cover(f"{folder}/github.copilot-1.245.0", "extension:~ada/code/github.copilot"),
        Cover(f"{folder}/extensions.json", "made anew by Visual Studio Code"),
    )


def test_a_newer_version_is_no_difference() -> None:
    one, other = (Extension(user="ada", editor="code", extension="a.b", version=v) for v in ("1", "2"))
    assert one.item("editors") == other.item("editors")


def test_each_profile_has_its_own_unless_it_shares(tmp_path: Path) -> None:
    storage = (SAMPLES / "code_profiles/vscode-1.95").read_text("utf-8")
    host = host_with(
        tmp_path,
        {
            f"{USER}/globalStorage/storage.json": storage,
            f"{USER}/profiles/-5e2b0cd5/extensions.json": listed("a.spell"),
            f"{USER}/profiles/-5e2b0cd5/settings.json": "{}",
            f"{USER}/profiles/3f1e7a2b/extensions.json": listed("a.ignored"),
            f"{USER}/profiles/3f1e7a2b/snippets/x.json": "{}",
            f"{ADA}/.vscode/extensions/extensions.json": listed("a.spell"),
        },
    )
    found = editors.collect(host)
    assert [(each.item_id(), each.by_hand()) for each in found.section.extensions] == [
        ("extension:~ada/code/Writing/a.spell", "code --install-extension a.spell --profile Writing"),
        ("extension:~ada/code/a.spell", "code --install-extension a.spell"),
    ]
    assert found.section.profiles == (
        Profile(
            user="ada",
            editor="code",
            profile="Python work",
            folder="3f1e7a2b",
            shares=("extensions", "snippets"),
        ),
        Profile(user="ada", editor="code", profile="Writing", folder="-5e2b0cd5", icon="book"),
    )
    assert found.section.profiles[0].item_id() == "editor-profile:~ada/code/Python work"
    assert found.section.profiles[0].by_hand() == "code --profile 'Python work'"
    assert paths(found) == [
        ".config/Code/User/profiles/-5e2b0cd5/settings.json",
        ".config/Code/User/profiles/3f1e7a2b/snippets/x.json",
    ]


@pytest.mark.parametrize(
    ("folder", "command"),
    [
        (".vscode-oss", "codium --install-extension a.b"),
        (".cursor", "cursor --install-extension a.b"),
        (
            ".var/app/com.visualstudio.code/data/vscode",
            "flatpak run com.visualstudio.code --install-extension a.b",
        ),
    ],
)
def test_the_editors_made_of_it(tmp_path: Path, folder: str, command: str) -> None:
    found = editors.collect(
        host_with(tmp_path, {f"{ADA}/{folder}/extensions/extensions.json": listed("a.b")})
    )
    assert [each.by_hand() for each in found.section.extensions] == [command]


def test_without_a_list_the_directories_tell(tmp_path: Path) -> None:
    folder = f"{ADA}/.vscode/extensions"
    host = host_with(
        tmp_path,
        {
            f"{folder}/.obsolete": '{"a.old-1.0.0": true, "../x": true}',
            f"{folder}/a.old-1.0.0/package.json": "{}",
            f"{folder}/b.new-2.3.4-linux-x64/package.json": "{}",
            f"{folder}/no extension/x": "x",
        },
    )
    found = editors.collect(host)
    assert [(each.extension, each.version) for each in found.section.extensions] == [("b.new", "2.3.4")]
    assert Cover(f"{folder}/a.old-1.0.0", "made anew by Visual Studio Code") in found.covers
    assert not [each for each in found.covers if "no extension" in each.path or ".." in each.path]


def test_settings_are_files_and_caches_are_made_anew(tmp_path: Path) -> None:
    favourites = "globalStorage/alefragnani.project-manager/projects.json"
    kept = ("settings.json", "keybindings.json", "tasks.json", "mcp.json", "snippets/c.json", favourites)
    host = host_with(
        tmp_path,
        {
            **{f"{USER}/{name}": "{}" for name in kept},
            f"{USER}/globalStorage/state.vscdb": "x",
            f"{ADA}/.config/Code/CachedData/x": "x",
            f"{ADA}/.vscode/argv.json": "{}",
        },
    )
    found = editors.collect(host)
    assert paths(found) == sorted([*(f".config/Code/User/{name}" for name in kept), ".vscode/argv.json"])
    assert Cover(f"{ADA}/.config/Code/CachedData", "made anew by Visual Studio Code") in found.covers


def test_a_secret_in_the_settings_is_left_out(tmp_path: Path) -> None:
    found = editors.collect(
        host_with(tmp_path, {f"{USER}/settings.json": '{\n "x.apiKey": "abcdef12345"\n}'})
    )
    assert (paths(found), len(found.section.left_out), found.contents) == ([], 1, {})


def test_what_cannot_be_read_or_understood_is_a_finding(tmp_path: Path) -> None:
    listing = f"{ADA}/.vscode/extensions/extensions.json"
    host = host_with(
        tmp_path,
        {
            listing: listed("a.b"),
            f"{ADA}/.cursor/extensions/extensions.json": "[{]",
            f"{USER}/globalStorage/storage.json": "[]",
            f"{USER}/settings.json": "{}",
            f"{ADA}/.vscode-oss/extensions/extensions.json": listed("c.d"),
        },
    )
    found = editors.collect(replace(host, failing={listing: PermissionError(13, "no")}))
    assert [each.item_id() for each in found.section.extensions] == ["extension:~ada/codium/c.d"]
    assert paths(found) == [".config/Code/User/settings.json"]
    assert found.findings == (
        Finding(listing, "not readable", "run with sudo"),
        Finding(f"{ADA}/.cursor/extensions/extensions.json", "not JSON", "look at it by hand"),
    )


def test_plugins_of_the_newest_release(tmp_path: Path) -> None:
    data, config = f"{ADA}/.local/share/JetBrains", f"{ADA}/.config/JetBrains"
    vim = "<idea-plugin><id>IdeaVIM</id><version>2.1</version></idea-plugin>"
    host = host_with(
        tmp_path,
        {
            f"{data}/PyCharm2023.3/old/lib/old.jar": jar("<id>old</id>"),
            f"{data}/PyCharm2024.1/IdeaVim/lib/antlr.jar": b"no zip",
            f"{data}/PyCharm2024.1/IdeaVim/lib/IdeaVim-2.1.jar": jar(vim),
            f"{data}/PyCharm2024.1/single.jar": jar("<idea-plugin><name>One Jar</name></idea-plugin>"),
            f"{data}/PyCharm2024.1/mute/lib/x.jar": b"",
            f"{data}/PyCharm2024.1/ssl/x": "x",
            f"{data}/Toolbox/apps/x": "x",
            f"{config}/PyCharm2023.3/options/editor.xml": "old",
            f"{config}/PyCharm2024.1/options/editor.xml": "x",
            f"{config}/PyCharm2024.1/options/window.layouts.xml": "x",
            f"{config}/PyCharm2024.1/options/recentProjects.xml": "x",
            f"{config}/PyCharm2024.1/keymaps/mine.xml": "x",
            f"{config}/PyCharm2024.1/pycharm64.vmoptions": "-Xmx4g",
            f"{config}/PyCharm2024.1/c.kdbx": "x",
        },
    )
    found = editors.collect(host)
    assert [(each.item_id(), each.by_hand()) for each in found.section.plugins] == [
        ("plugin:~ada/PyCharm/IdeaVIM", "pycharm installPlugins IdeaVIM"),
        ("plugin:~ada/PyCharm/One Jar", "pycharm installPlugins 'One Jar'"),
        ("plugin:~ada/PyCharm/mute", "pycharm installPlugins mute"),
    ]
    assert found.section.plugins[0].version == "2.1"
    assert Cover(f"{data}/PyCharm2024.1/IdeaVim", "plugin:~ada/PyCharm/IdeaVIM") in found.covers
    top = ".config/JetBrains/PyCharm2024.1"
    kept = ["keymaps/mine.xml", "options/editor.xml", "pycharm64.vmoptions"]
    assert paths(found) == [f"{top}/{name}" for name in kept]


def test_releases_are_compared_as_numbers(tmp_path: Path) -> None:
    data = f"{ADA}/.local/share/JetBrains"
    host = host_with(tmp_path, {f"{data}/CLion2024.{n}/p{n}.jar": jar(f"<id>p{n}</id>") for n in (9, 10)})
    assert [each.release for each in editors.collect(host).section.plugins] == ["2024.10"]


def test_a_plugin_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    data = f"{ADA}/.local/share/JetBrains"
    host = host_with(
        tmp_path, {f"{data}/CLion2024.1/a.jar": jar("<id>a</id>"), f"{data}/GoLand2024.1/b": None}
    )
    failing = {
        path: PermissionError(13, "no") for path in (f"{data}/CLion2024.1/a.jar", f"{data}/GoLand2024.1")
    }
    found = editors.collect(replace(host, failing=failing))
    assert [each.subject for each in found.findings] == sorted(failing)
    assert found.section.plugins == ()


def test_editors_by_their_configuration(tmp_path: Path) -> None:
    made = {
        ".vim/plugged/x/y.vim": "made anew by vim-plug",
        ".local/share/nvim/lazy/x/y.lua": "made anew by lazy.nvim",
        ".emacs.d/elpa/x/y.el": "made anew by package.el",
    }
    kept = [
        ".config/helix/config.toml",
        ".config/kak/kakrc",
        ".config/micro/settings.json",
        ".config/nvim/init.lua",
        ".config/nvim/lazy-lock.json",
        ".config/sublime-text/Packages/User/Preferences.sublime-settings",
        ".config/zed/settings.json",
        ".emacs.d/init.el",
        ".nanorc",
        ".vim/colors/\udcff.vim",
        ".vimrc",
    ]
    host = host_with(
        tmp_path,
        {
            **{f"{ADA}/{name}": "x" for name in (*kept, *made, ".vim/.netrwhist", ".emacs.d/recentf")},
            f"{ADA}/.config/lvim/.git/config": '[remote "origin"]\n\turl = https://example.org/lvim\n',
            f"{ADA}/.config/lvim/config.lua": "x",
        },
    )
    found = editors.collect(host)
    assert paths(found) == [name.replace("\udcff", r"\xff") for name in kept]
    assert {(cover.path, cover.by) for cover in found.covers} == {
        (f"{ADA}/{name.rsplit('/', 2)[0]}", by) for name, by in made.items()
    }


def test_a_clone_without_a_remote_is_captured(tmp_path: Path) -> None:
    host = host_with(
        tmp_path, {f"{ADA}/.config/nvim/.git/config": "[core]", f"{ADA}/.config/nvim/init.lua": "x"}
    )
    assert paths(editors.collect(host)) == [".config/nvim/init.lua"]


def test_a_huge_folder_is_one_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.reading.catalogue.MAX_FILES", 3)
    host = host_with(tmp_path, {f"{ADA}/.vim/x/{number}": "x" for number in range(9)})
    found = editors.collect(host)
    assert [each.subject for each in found.findings] == [f"{ADA}/.vim"]


def test_ids_are_unique_and_the_same_twice(tmp_path: Path) -> None:
    twice = listed("a.b", "A.B", "c.d")
    host = host_with(
        tmp_path,
        {
            f"{ADA}/.vscode/extensions/extensions.json": twice,
            "/root/.vscode/extensions/extensions.json": twice,
        },
    )
    found = editors.collect(host)
    ids = [item.id for item in found.section.items()]
    assert len(ids) == len(set(ids)) == 4
    assert editors.collect(host) == found


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["a.b", "vsix", "..", "x/y"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["identifier", "id", "metadata", "source", "location", "name", "useDefaultFlags"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(st.lists(ANY, max_size=5))
def test_each_entry_is_an_extension_or_a_finding(entries: list[object]) -> None:
    found, findings = code.parse_extensions(json.dumps(entries), path="x")
    assert len(found) + len(findings) == len(entries)
    profiles, odd = code.parse_profiles(json.dumps({"userDataProfiles": entries}), path="x")
    assert len(profiles) + len(odd) == len(entries)


@given(st.binary(max_size=200))
def test_anything_is_parsed(raw: bytes) -> None:
    text = raw.decode(errors="surrogateescape")
    assert code.parse_extensions(text, path="x") != ((), ()) or text.strip() in ("[]",)
    code.parse_profiles(text, path="x")
    code.in_folder(text)
    jetbrains.parse_descriptor(text)
    jetbrains.descriptor_in(raw)


@given(st.text(st.characters(blacklist_characters="<>&"), min_size=1).filter(str.strip))
def test_the_id_of_a_plugin_is_kept(name: str) -> None:
    found = jetbrains.parse_descriptor(f"<idea-plugin><id>{name}</id><name>x</name></idea-plugin>")
    assert found
    assert Plugin(user="ada", product="CLion", plugin=found.plugin).item_id().startswith("plugin:~ada/CLion/")
