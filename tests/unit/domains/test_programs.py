from __future__ import annotations

import os
import shlex
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.collected import Collected, Cover
from collectors.domains import programs
from collectors.domains.programs import Programs, build_systems, program_trees
from collectors.domains.programs.appimages import is_appimage, parse_update_information, url_of
from collectors.domains.programs.catalogue import filled, parse_recipes, shipped
from collectors.domains.programs.installed import Program
from collectors.failure import Finding
from collectors.record import escaped
from tests.unit.domains.test_repos import URL, clone, git
from tests.unit.fakes import STATUS, FakeHost, machine
from tests.unit.sampled import sampled

PASSWD = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
BINARY = b"\x7fELF\x02\x01\x01\0" + b"\0" * 100
ADA = "/home/ada"
TEXT = st.binary(max_size=200).map(lambda raw: raw.decode(errors="surrogateescape"))

test_recipes = sampled("recipes", lambda text, name: recipes_of(text, name))
test_cmake_cache = sampled("cmake_cache", lambda text, name: build_systems.parse_cmake_cache(text))
test_meson_options = sampled("meson_options", lambda text, name: build_systems.parse_meson_options(text))
test_configure = sampled("configure", lambda text, name: build_systems.parse_configure(text))
test_installed_paths = sampled("installed_paths", lambda text, name: paths_of(text))


def paths_of(text: str) -> list[str]:
    return [*map(escaped, build_systems.parse_paths(text))]


def recipes_of(text: str, name: str) -> tuple[object, object]:
    found, findings = parse_recipes(text, path=f"/etc/rekindle/recipes.d/{name}")
    return found.recipes, findings


def host_with(tmp_path: Path, files: Mapping[str, str | bytes | None], run: tuple[str, ...] = ()) -> FakeHost:
    """Return a host with these files; those in `run`, and binaries, are executable."""
    host = machine(tmp_path, {"/etc/passwd": PASSWD, "/root": None, ADA: None, **files})
    for path, content in files.items():
        if path in run or (isinstance(content, bytes) and content.startswith(b"\x7fELF")):
            os.chmod(f"{tmp_path}{path}", 0o755)
    return host


def owned(*paths: str) -> dict[str, str | bytes | None]:
    """Return the database of a package that owns these paths."""
    status = f"{STATUS}\nPackage: vendor\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n"
    listed = "".join(f"{path}\n" for path in paths)
    return {"/var/lib/dpkg/status": status, "/var/lib/dpkg/info/vendor.list": listed}


def ids(found: Collected[Programs]) -> list[str]:
    return [thing.item_id() for thing in found.section.things()]


def told(found: Collected[Programs]) -> list[tuple[str, str]]:
    return [(loss.kind, loss.subject) for loss in found.losses]


def test_nothing_there_is_nothing(tmp_path: Path) -> None:
    assert programs.collect(host_with(tmp_path, {})) == Collected(Programs())


# --- the catalogue


def test_the_catalogue_is_large_and_its_commands_are_shell() -> None:
    recipes = shipped().recipes
    assert len(recipes) >= 100
    values = {"place": "/x", "folder": "/x", "above": "/x", "version": "1"}
    commands = [
        filled(each, values) for recipe in recipes.values() for each in (recipe.install, recipe.verify)
    ]
    assert all("{" not in each.replace("${v%.*}", "") for each in commands)
    subprocess.run(["bash", "-n"], input="\n".join(commands), text=True, check=True, capture_output=True)


def test_claude_code_is_told_by_the_link_of_its_native_installer(tmp_path: Path) -> None:
    versions = f"{ADA}/.local/share/claude/versions"
    files = {
        f"{versions}/1.0.9": BINARY,
        f"{versions}/1.0.10": BINARY,
        f"{ADA}/.local/bin/claude": f"-> {versions}/1.0.10",
    }
    found = programs.collect(host_with(tmp_path, files))
    (program,) = found.section.programs
    assert (program.item_id(), program.version) == ("program:~ada/claude-code", "1.0.10")
    assert program.by_hand() == "sudo -iu ada sh -c 'curl -fsSL https://claude.ai/install.sh | bash'"
    by = "program:~ada/claude-code"
    assert Cover(f"{ADA}/.local/bin/claude", by) in found.covers
    assert Cover(f"{ADA}/.local/share/claude", by) in found.covers
    assert (found.losses, found.findings) == ((), ())


def test_the_newest_of_several_versions_counts_by_number(tmp_path: Path) -> None:
    versions = f"{ADA}/.local/share/claude/versions"
    found = programs.collect(host_with(tmp_path, {f"{versions}/1.0.{n}": BINARY for n in (9, 10)}))
    assert [program.version for program in found.section.programs] == ["1.0.10"]


@pytest.mark.parametrize(
    ("files", "item", "version"),
    [
        ({"/usr/local/go/bin/go": BINARY, "/usr/local/go/VERSION": "go1.22.1\ntime x\n"}, "go", "1.22.1"),
        (
            {f"{ADA}/.nvm/nvm.sh": "x", f"{ADA}/.nvm/package.json": '{"version": "0.39.7"}'},
            "~ada/nvm",
            "0.39.7",
        ),
        ({"/usr/local/aws-cli/v2/current": "-> /usr/local/aws-cli/v2/2.15.1"}, "aws-cli", "2.15.1"),
        (
            {
                f"{ADA}/.local/share/pypoetry/venv/bin/poetry": "x",
                f"{ADA}/.local/share/pypoetry/venv/lib/python3.11/site-packages/poetry-1.8.2.dist-info": None,
            },
            "~ada/poetry",
            "1.8.2",
        ),
        ({"/opt/blender-4.1.0-linux-x64/blender": BINARY}, "blender", "4.1.0"),
        ({"/usr/local/bin/kubectl": BINARY}, "kubectl", ""),
        ({f"{ADA}/.fzf/install": "#!/bin/sh\nversion=0.50.0\n"}, "~ada/fzf", "0.50.0"),
        ({"/usr/local/bin/ollama": BINARY}, "ollama", ""),
    ],
)
def test_versions_are_told_without_running_anything(
    tmp_path: Path, files: dict[str, str | bytes | None], item: str, version: str
) -> None:
    host = host_with(tmp_path, files)
    found = programs.collect(host)
    assert [(each.item_name(), each.version) for each in found.section.programs] == [(item, version)]
    assert (host.asked, found.losses) == ([], ())


def test_what_a_package_owns_is_the_packages(tmp_path: Path) -> None:
    files = {"/usr/bin/rclone": BINARY, "/opt/calibre/calibre": BINARY, "/usr/bin/x": BINARY}
    listed = owned("/usr/bin/rclone", "/opt/calibre", "/opt/calibre/calibre", "/bin/x")
    assert programs.collect(host_with(tmp_path, {**files, **listed})) == Collected(Programs())
    assert ids(programs.collect(host_with(tmp_path, {**owned(), "/usr/bin/x": BINARY}))) == [
        "program:calibre",
        "program:rclone",
    ]


def test_the_version_and_place_may_differ_after_a_restore() -> None:
    program = Program(name="x", title="X", version="1", place="/opt/x-1")
    other = program.model_copy(update={"version": "2", "place": "/opt/x-2"})
    assert program.item("programs") == other.item("programs")
    assert program.item("programs") != program.model_copy(update={"user": "ada"}).item("programs")


def test_what_is_the_owners_within_a_program_is_not_covered(tmp_path: Path) -> None:
    top = f"{ADA}/.oh-my-zsh"
    files = {f"{top}/oh-my-zsh.sh": "x", f"{top}/custom/mine.zsh": "x", f"{top}/.git/HEAD": "x"}
    covered = [cover.path for cover in programs.collect(host_with(tmp_path, files)).covers]
    assert covered == [f"{top}/.git", f"{top}/oh-my-zsh.sh"]


def test_what_only_a_person_can_get_is_bound_and_lost(tmp_path: Path) -> None:
    found = programs.collect(host_with(tmp_path, {"/opt/resolve/bin/resolve": BINARY}))
    (program,) = found.section.programs
    assert (program.bound[:29], program.by_hand()) == ("only a person can get it: who", "")
    assert told(found) == [("no-recipe", "program:davinci-resolve")]


def test_an_address_that_needs_an_unknown_version_is_no_command(tmp_path: Path) -> None:
    found = programs.collect(host_with(tmp_path, {"/usr/local/go/bin/go": BINARY}))
    assert [(each.install, "version cannot be told" in each.bound) for each in found.section.programs] == [
        ("", True)
    ]


def test_what_a_reinstallation_does_not_bring_back_is_lost(tmp_path: Path) -> None:
    found = programs.collect(host_with(tmp_path, {f"{ADA}/.wine/drive_c/x": "x"}))
    assert told(found) == [("uncovered", f"{ADA}/.wine")]
    assert found.losses[0].remedy == "sudo -iu ada sh -c 'tar -caf ~/wine.tar.zst /home/ada/.wine'"


def test_the_owners_recipes_are_added_and_take_the_place_of_ours(tmp_path: Path) -> None:
    own = "recipes:\n  {}: {{title: Mine, found: [{}], install: sh /srv/x.sh}}\n"
    files: dict[str, str | bytes | None] = {
        "/opt/cam/cam": BINARY,
        "/usr/local/bin/kubectl": BINARY,
        "/etc/rekindle/recipes.d/cam.yaml": own.format("cam", "/opt/cam"),
        "/etc/rekindle/recipes.d/kubectl.yaml": own.format("kubectl", "/usr/local/bin/kubectl"),
        "/etc/rekindle/recipes.d/notes.txt": "no recipe",
    }
    found = programs.collect(host_with(tmp_path, files))
    assert [(each.name, each.install) for each in found.section.programs] == [
        ("cam", "sh /srv/x.sh"),
        ("kubectl", "sh /srv/x.sh"),
    ]
    assert (found.losses, found.findings) == ((), ())


def test_a_recipe_that_is_wrong_is_a_finding_and_sinks_no_other(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "/usr/local/bin/kubectl": BINARY,
        "/etc/rekindle/recipes.d/a.yaml": "recipes:\n  x:\n    title: X\n    fuond: [/opt/x]\n",
    }
    host = host_with(tmp_path, files)
    found = programs.collect(host)
    assert ids(found) == ["program:kubectl"]
    (finding,) = found.findings
    assert finding.subject.startswith("/etc/rekindle/recipes.d/a.yaml:")
    failing = {"/etc/rekindle/recipes.d/a.yaml": PermissionError(13, "no")}
    found = programs.collect(replace(host, failing=failing, memory={}))
    assert (ids(found), [each.reason for each in found.findings]) == (["program:kubectl"], ["not readable"])


@given(TEXT)
def test_any_text_is_recipes_or_a_finding(text: str) -> None:
    found, findings = parse_recipes(text, path="/etc/rekindle/recipes.d/x.yaml")
    assert not (found.recipes and findings)
    assert all(each.reason.encode().decode().splitlines() == [each.reason] for each in findings)


# --- AppImages


def image(update: str = "", magic: bytes = b"AI\x02") -> bytes:
    """Return an ELF file with this update information, as an AppImage's runtime has it."""
    strings = b"\0.upd_info\0.shstrtab\0"
    told = update.encode() + b"\0" * 16
    places = [(0, 0, 0), (1, 64, len(told)), (11, 64 + len(told), len(strings))]
    table = 64 + len(told) + len(strings)
    header = b"\x7fELF\x02\x01\x01\0" + magic + b"\0" * 29 + struct.pack("<Q", table) + b"\0" * 12
    header += struct.pack("<HH", len(places), 2)
    sections = b"".join(struct.pack("<I20xQQ24x", *place) for place in places)
    return header.ljust(64, b"\0") + told + strings + sections


def test_an_appimage_tells_where_it_comes_from(tmp_path: Path) -> None:
    update = "gh-releases-zsync|ada|cam|latest|Cam-*.AppImage.zsync"
    path = f"{ADA}/Applications/Cam 1.AppImage"
    found = programs.collect(host_with(tmp_path, {path: image(update)}))
    (item,) = found.section.appimages
    assert (item.item_id(), item.source) == ("appimage:~ada/Applications/Cam 1.AppImage", update)
    assert found.covers == (Cover(path, item.item_id()),)
    assert found.losses == ()
    command = shlex.split(item.by_hand())[-1]
    listed = "https://api.github.com/repos/ada/cam/releases/latest"
    assert command == (
        f"curl -fL --create-dirs -o '{path}' \"$(curl -fsSL {listed} | grep -o "
        '\'https://[^"]*Cam-[^"/]*[.]AppImage\' | head -n1)" && chmod +x '
        f"'{path}'"
    )


def test_an_appimage_of_unknown_origin_is_lost(tmp_path: Path) -> None:
    path = f"{ADA}/Downloads/x.AppImage"
    found = programs.collect(host_with(tmp_path, {path: image()}))
    assert told(found) == [("no-recipe", path)]
    assert (found.covers, found.losses[0].size_bytes) == ((), len(image()))
    assert "sudo tee /etc/rekindle/recipes.d/x.AppImage.yaml" in found.losses[0].remedy
    assert [(each.bound != "", each.by_hand()) for each in found.section.appimages] == [(True, "")]


def test_a_known_appimage_comes_back_though_it_tells_nothing(tmp_path: Path) -> None:
    found = programs.collect(host_with(tmp_path, {f"{ADA}/Applications/Obsidian-1.5.AppImage": image()}))
    assert "obsidianmd/obsidian-releases" in found.section.appimages[0].by_hand()
    assert found.losses == ()


def test_a_download_that_nobody_runs_is_no_program(tmp_path: Path) -> None:
    host = host_with(tmp_path, {f"{ADA}/Downloads/x.AppImage": image()})
    os.chmod(f"{tmp_path}{ADA}/Downloads/x.AppImage", 0o644)
    assert programs.collect(host) == Collected(Programs())


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("zsync|https://example.org/x.AppImage.zsync", "https://example.org/x.AppImage"),
        ("zsync|https://example.org/$(rm)", "'https://example.org/$(rm)'"),
        ("zsync|http://example.org/x", ""),
        ("gh-releases-zsync|a|b'c|latest|*.zsync", ""),
        ("gh-releases-zsync|a|b|latest|$(x)*.zsync", ""),
        ("pling-v1-zsync|1|x", ""),
        ("", ""),
    ],
)
def test_update_information_leads_to_an_address_or_none(source: str, url: str) -> None:
    assert url_of(source) == url


@given(st.binary(max_size=300))
def test_any_bytes_are_an_image_or_none(content: bytes) -> None:
    assert is_appimage(content) in (True, False)
    assert parse_update_information(content) == ""
    assert isinstance(parse_update_information(b"\x7fELF\x02\x01" + content), str)


# --- what nothing explains


def test_a_binary_without_a_recipe_is_lost_and_a_script_is_not(tmp_path: Path) -> None:
    files = {
        "/usr/local/bin/mystery": BINARY,
        "/usr/local/bin/script": "#!/bin/sh\n",
        "/usr/bin/unowned": BINARY,
        "/usr/bin/owned": BINARY,
        f"{ADA}/.local/bin/tool\nx": BINARY,
        f"{ADA}/bin/data": b"\x7fELF",
        f"{ADA}/bin/link": "-> data",
        **owned("/usr/bin/owned"),
    }
    host = host_with(tmp_path, files, run=("/usr/local/bin/script",))
    os.chmod(f"{tmp_path}{ADA}/bin/data", 0o644)
    found = programs.collect(host)
    assert told(found) == [
        ("no-recipe", "/usr/local/bin/mystery"),
        ("no-recipe", "/usr/bin/unowned"),
        ("no-recipe", rf"{ADA}/.local/bin/tool\x0ax"),
    ]
    assert ids(found) == []


def test_the_remedy_writes_a_recipe_that_is_understood(tmp_path: Path) -> None:
    found = programs.collect(host_with(tmp_path, {f"{ADA}/.local/bin/My Tool's": BINARY}))
    _, _, written = found.losses[0].remedy.partition(" && ")
    body = shlex.split(written.partition(" | ")[0])[-1]
    recipes, findings = parse_recipes(body, path="x.yaml")
    assert (list(recipes.recipes), findings) == (["my-tool-s"], ())


def test_a_vendors_folder_is_one_loss(tmp_path: Path) -> None:
    files = {f"/opt/vendor/bin/{name}": BINARY for name in "abc"}
    files |= {"/opt/known/tool": BINARY, "/usr/local/stow/x-1/bin/x": BINARY}
    found = programs.collect(host_with(tmp_path, {**files, "/opt/data/text": "x", **owned("/opt/known")}))
    assert told(found) == [("no-recipe", "/opt/vendor"), ("no-recipe", "/usr/local/stow/x-1")]


# --- people's own scripts


def test_a_persons_own_script_is_captured_and_a_launcher_is_not(tmp_path: Path) -> None:
    pip = "#!/usr/bin/python3\n# -*- coding: utf-8 -*-\nimport re\nimport sys\nfrom black import main\n"
    pip += "if __name__ == '__main__':\n    sys.exit(main())\n"
    files = {
        f"{ADA}/bin/backup": "#!/bin/sh\nrestic backup ~\n",
        f"{ADA}/.local/bin/black": pip,
        f"{ADA}/.local/bin/hx": "#!/bin/sh\n# distrobox_binary\n# name: dev\nexec distrobox-enter\n",
        f"{ADA}/.local/bin/secret": "#!/bin/sh\n-----BEGIN OPENSSH PRIVATE KEY-----\nx\n",
        f"{ADA}/.local/bin/plain": "no program",
    }
    found = programs.collect(host_with(tmp_path, files, run=tuple(files)[:4]))
    assert ids(found) == [f"file:{ADA}/bin/backup", f"left-out:{ADA}/.local/bin/secret"]
    assert found.contents == {f"{ADA}/bin/backup": b"#!/bin/sh\nrestic backup ~\n"}


def test_a_persons_own_name_for_a_program_is_captured(tmp_path: Path) -> None:
    files = {
        "/usr/bin/fdfind": BINARY,
        f"{ADA}/bin/backup": "#!/bin/sh\n",
        f"{ADA}/bin/backup~": "#!/bin/sh\n",
        f"{ADA}/bin/again": "-> backup",
        f"{ADA}/bin/fd": "-> /usr/bin/fdfind",
        f"{ADA}/bin/gone": "-> /usr/bin/gone",
        f"{ADA}/bin/black": "-> ../.local/share/pipx/venvs/black/bin/black",
        f"{ADA}/.local/share/pipx/venvs/black/bin/black": "#!/bin/sh\n",
    }
    found = programs.collect(host_with(tmp_path, files, run=tuple(files)[1:3]))
    assert ids(found) == [f"file:{ADA}/bin/{name}" for name in ("again", "backup", "fd")]


def test_a_recipe_with_a_password_is_for_a_person(tmp_path: Path) -> None:
    recipe = (
        "recipes: {x: {title: X, found: [/opt/x], install: 'curl --user ada:hunter2 https://example.org'}}\n"
    )
    files = {"/opt/x": BINARY, "/etc/rekindle/recipes.d/x.yaml": recipe}
    found = programs.collect(host_with(tmp_path, files))
    (program,) = found.section.programs
    assert (program.by_hand(), program.bound) == (
        "",
        "only a person can get it: /etc/rekindle/recipes.d/x.yaml holds what looks like a password"
        " (given to a command)",
    )
    assert told(found) == [("no-recipe", "program:x")]
    assert "hunter2" not in repr(found)


def test_a_folder_of_scripts_that_is_a_clone_is_section_repos(tmp_path: Path) -> None:
    files = {f"{ADA}/bin/backup": "#!/bin/sh\n", f"{ADA}/bin/.git/HEAD": "x"}
    assert ids(programs.collect(host_with(tmp_path, files, run=(f"{ADA}/bin/backup",)))) == []


# --- what was built from source


def built(tmp_path: Path, files: Mapping[str, str | bytes | None], url: str = URL) -> Collected[Programs]:
    host = host_with(tmp_path, {})
    clone(tmp_path, "src/x", url=url)
    return programs.collect(host_with(tmp_path, files) and replace(host, memory={}))


def test_a_secret_in_the_address_of_the_machines_sources_is_told(tmp_path: Path) -> None:
    host = host_with(tmp_path, {})
    place = clone(tmp_path, url="https://ada:hunter2@example.org/x.git")
    (tmp_path / "usr").mkdir()
    (place.parent).rename(tmp_path / "usr/src")
    files = {"/usr/src/x/cam": BINARY, "/usr/src/x/Makefile": "", "/usr/local/bin/cam": BINARY}
    found = programs.collect(host_with(tmp_path, files) and replace(host, memory={}))
    assert ids(found) == ["build:/usr/src/x", "left-out:/usr/src/x/.git"]
    assert "hunter2" not in repr(found)


def test_what_cmake_installed_comes_from_its_clone(tmp_path: Path) -> None:
    files = {
        f"{ADA}/src/x/build/install_manifest.txt": "/usr/local/bin/cam\n/usr/local/share/cam/x\n/gone",
        f"{ADA}/src/x/build/CMakeCache.txt": "CMAKE_BUILD_TYPE:STRING=Release\n",
        "/usr/local/bin/cam": BINARY,
        "/usr/local/share/cam/x": "x",
    }
    found = built(tmp_path, files)
    (build,) = found.section.builds
    assert (build.item_id(), build.system, build.remote, len(build.commit)) == (
        "build:~ada/src/x",
        "cmake",
        URL,
        40,
    )
    assert [cover.path for cover in found.covers] == ["/usr/local/bin/cam", "/usr/local/share/cam/x"]
    assert found.losses == ()
    assert shlex.split(build.by_hand())[-1] == (
        f"{{ test -e {ADA}/src/x/.git || git clone -- {URL} {ADA}/src/x; }} && cd {ADA}/src/x "
        f"&& git checkout {build.commit} && cmake -S . -B build -DCMAKE_BUILD_TYPE=Release "
        "&& cmake --build build && sudo cmake --install build"
    )


def test_what_meson_installed_comes_from_its_clone(tmp_path: Path) -> None:
    files = {
        f"{ADA}/src/x/builddir/meson-logs/install-log.txt": f"# x\n{ADA}/.local/bin/cam\n{ADA}/.local/bin\n",
        f"{ADA}/src/x/builddir/meson-private/cmd_line.txt": f"[options]\nprefix = {ADA}/.local\n",
        f"{ADA}/.local/bin/cam": BINARY,
    }
    found = built(tmp_path, files)
    assert [cover.path for cover in found.covers] == [f"{ADA}/.local/bin/cam"]
    (build,) = found.section.builds
    assert build.by_hand().endswith(
        "meson setup builddir -Dprefix=/home/ada/.local && meson install -C builddir'"
    )


def test_what_autotools_installed_has_the_name_of_what_was_built(tmp_path: Path) -> None:
    log = "It was created by cam configure\n\n  $ ./configure --prefix=/usr/local --with-x\n"
    files = {
        f"{ADA}/src/x/config.log": log,
        f"{ADA}/src/x/src/cam": BINARY,
        f"{ADA}/src/x/src/never": BINARY,
        "/usr/local/bin/cam": BINARY + b"linked anew",
    }
    found = built(tmp_path, files)
    (build,) = found.section.builds
    assert (build.system, build.programs) == ("autotools", (("/usr/local/bin/cam", ""),))
    assert "cd . && ./configure --prefix=/usr/local --with-x && make && sudo make install" in build.by_hand()
    assert [cover.path for cover in found.covers] == ["/usr/local/bin/cam"]


@pytest.mark.parametrize(
    ("marker", "place", "steps"),
    [
        ("Makefile", "cam", "make && sudo make install"),
        (
            "Cargo.toml",
            "target/release/cam",
            "cargo build --release && sudo install -m 755 target/release/cam ",
        ),
        ("README", "bin/cam", "sudo install -m 755 bin/cam /usr/local/bin/cam"),
    ],
)
def test_an_installed_file_that_equals_one_of_a_clone_comes_from_it(
    tmp_path: Path, marker: str, place: str, steps: str
) -> None:
    files: dict[str, str | bytes | None] = {
        f"{ADA}/src/x/{marker}": "x",
        f"{ADA}/src/x/{place}": BINARY,
        "/usr/local/bin/cam": BINARY,
    }
    found = built(tmp_path, files)
    assert steps in found.section.builds[0].by_hand()
    assert [cover.path for cover in found.covers] == ["/usr/local/bin/cam"]


def test_another_file_of_the_same_name_and_size_is_not_built_there(tmp_path: Path) -> None:
    other = BINARY[:-1] + b"x"
    found = built(tmp_path, {f"{ADA}/src/x/cam": BINARY, "/usr/local/bin/cam": other})
    assert (ids(found), told(found)) == ([], [("no-recipe", "/usr/local/bin/cam")])


def test_what_was_built_from_a_clone_without_a_remote_is_lost(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"/usr/local/bin/cam": BINARY})
    clone(tmp_path, "src/x", url="", pushed=False)
    host_with(tmp_path, {f"{ADA}/src/x/cam": BINARY})
    found = programs.collect(replace(host, memory={}))
    assert (found.section.builds[0].bound != "", found.covers) == (True, ())
    assert told(found) == [("no-recipe", "/usr/local/bin/cam")]


def test_a_package_that_checkinstall_made_comes_from_its_clone(tmp_path: Path) -> None:
    host = host_with(tmp_path, owned())
    place = clone(tmp_path, "../../usr/local/src/x")
    (place / "vendor_1_all.deb").write_text("x")
    git(place, "remote", "set-url", "origin", "https://example.org/vendor.git")
    (build,) = programs.collect(host).section.builds
    assert (build.item_id(), build.system) == ("build:/usr/local/src/x", "checkinstall")


def test_the_trees_are_what_comes_back(tmp_path: Path) -> None:
    files = {
        "/usr/local/bin/kubectl": BINARY,
        "/usr/local/bin/mystery": BINARY,
        "/usr/local/go/bin/go": BINARY,
    }
    host = host_with(tmp_path, {**files, "/usr/local/go/VERSION": "go1.22"})
    assert program_trees(host) == {"/usr/local/bin/kubectl", "/usr/local/go", "/usr/local/go/bin/go"}


NAMES = ["new\nline", "quo'te\"", "ümläut", "a b", "\udcff", "-dash", "$(x)"]


def test_names_are_bytes(tmp_path: Path) -> None:
    found = programs.collect(host_with(tmp_path, {f"{ADA}/Applications/{name}": image() for name in NAMES}))
    assert {each.item_id() for each in found.section.appimages} == {
        f"appimage:~ada/Applications/{escaped(name)}" for name in NAMES
    }
    assert len(found.losses) == len(NAMES)


def test_a_folder_that_cannot_be_read_sinks_nothing(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"/usr/local/bin/kubectl": BINARY, f"{ADA}/bin/x": BINARY})
    found = programs.collect(replace(host, failing={f"{ADA}/bin": PermissionError(13, "no")}))
    assert ids(found) == ["program:kubectl"]
    assert found.findings == (Finding(f"{ADA}/bin", "not readable", "run with sudo"),)


@given(TEXT)
def test_any_text_of_a_build_system_is_understood_or_nothing(text: str) -> None:
    lines = [line for line in text.split("\n") if line.startswith("/")]
    assert len(build_systems.parse_paths(text)) == len({line.rstrip("\r") for line in lines})
    assert all(key and value for key, value in build_systems.parse_cmake_cache(text).items())
    assert all(build_systems.parse_meson_options(f"[options]\n{text}"))
    assert build_systems.parse_configure(text) == ""
    assert isinstance(build_systems.parse_configure(f"  $ ./configure {text}\n"), str)
    assert build_systems.prefix_of(text)
