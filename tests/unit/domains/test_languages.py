"""The section `languages` as a whole, and the toolchains in it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.domains import languages
from collectors.domains.languages import Languages
from collectors.record import unescaped
from tests.unit.fakes import machine
from tests.unit.languages import ADA, by_hand, collected, covers, dist_info, host_with, ids, losses, sample


def test_nothing_there_is_nothing(tmp_path: Path) -> None:
    found = collected(tmp_path, {})
    assert (found.section, found.covers, found.losses) == (Languages(), (), ())
    assert languages.collect(machine(tmp_path / "none")).section == Languages()


def test_toolchains_of_rustup(tmp_path: Path) -> None:
    nightly = "nightly-2024-01-05-x86_64-unknown-linux-gnu"
    top = f"{ADA}/.rustup"
    found = collected(
        tmp_path,
        {
            f"{top}/settings.toml": sample("rustup_settings/real") + f'"/home/ada/src/x" = "{nightly}"\n',
            f"{top}/toolchains/{nightly}/lib/rustlib/components": sample(f"rustup_components/{nightly}"),
            f"{top}/toolchains/mine": "-> /home/ada/src/rust/build",
        },
    )
    assert by_hand(found) == {
        f"toolchain:~ada/rust/{nightly}": (
            f"rustup toolchain install {nightly} --profile minimal --component miri,rust-analyzer,rust-src"
            " --target wasm32-unknown-unknown"
        ),
        "toolchain-default:~ada/rustup/rust": "rustup default stable-x86_64-unknown-linux-gnu",
        "toolchain-default:~ada/rustup/rust in /home/ada/src/x": (
            f"rustup override set --path /home/ada/src/x {nightly}"
        ),
    }
    assert covers(found)[f".rustup/toolchains/{nightly}"] == f"toolchain:~ada/rust/{nightly}"
    assert losses(found) == [("sourceless", "/home/ada/.rustup/toolchains/mine")]


def test_toolchains_of_the_other_managers(tmp_path: Path) -> None:
    fnm = f"{ADA}/.local/share/fnm"
    found = collected(
        tmp_path,
        {
            f"{ADA}/.sdkman/candidates/java/21-tem/bin/java": "x",
            f"{ADA}/.sdkman/candidates/java/current": "-> 21-tem",
            f"{ADA}/.asdf/installs/nodejs/20.11.0/lib/node_modules/pm2/package.json": '{"version": "1"}',
            f"{ADA}/.tool-versions": "nodejs 20.11.0\n",
            f"{ADA}/.local/share/mise/installs/node/20.11.0/bin/node": "x",
            f"{ADA}/.local/share/mise/installs/node/20": "-> ./20.11.0",
            f"{ADA}/.config/mise/config.toml": '[tools]\nnode = "20"\n',
            f"{ADA}/.volta/tools/image/node/20.11.0/bin/node": "x",
            f"{ADA}/.volta/tools/user/platform.json": sample("volta_platform/real.json"),
            f"{fnm}/node-versions/v20.11.0/installation/bin/node": "x",
            f"{fnm}/aliases/default": f"-> {fnm}/node-versions/v20.11.0/installation",
            f"{ADA}/.goenv/versions/1.22.1/bin/go": "x",
        },
    )
    assert by_hand(found) == {
        "npm:~ada/asdf/nodejs/20.11.0/pm2": "ASDF_NODEJS_VERSION=20.11.0 npm install --global pm2@1",
        "toolchain:~ada/asdf/nodejs/20.11.0": "asdf plugin add nodejs; asdf install nodejs 20.11.0",
        "toolchain:~ada/fnm/node/v20.11.0": "fnm install v20.11.0",
        "toolchain:~ada/go/1.22.1": "goenv install 1.22.1",
        "toolchain:~ada/java/21-tem": "sdk install java 21-tem",
        "toolchain:~ada/mise/node/20.11.0": "mise install node@20.11.0",
        "toolchain:~ada/volta/node/20.11.0": "volta fetch node@20.11.0",
        "toolchain-default:~ada/asdf/nodejs": "asdf set --home nodejs 20.11.0",
        "toolchain-default:~ada/fnm/node": "fnm default v20.11.0",
        "toolchain-default:~ada/mise/node": "mise use --global node@20",
        "toolchain-default:~ada/sdkman/java": "sdk default java 21-tem",
        "toolchain-default:~ada/volta/node": "volta install node@20.11.0",
    }
    assert not {".tool-versions", ".config/mise/config.toml"} & covers(found).keys()
    assert covers(found)[".volta/tools/user/platform.json"] == "toolchain-default:~ada/volta/node"
    assert losses(found) == []


NAMES = ("a b", "quo'te", "new\nline", "ümlaut", "\udcff", "$(x)", "{version}", "back\\slash")


def test_hostile_names_are_one_line_each_and_come_back(tmp_path: Path) -> None:
    modules = f"{ADA}/.npm-global/lib/node_modules"
    files: dict[str, str | bytes | None] = {f"{modules}/{name}/package.json": "{}" for name in NAMES}
    files.update({f"{ADA}/.nvm/versions/node/{name}/lib/node_modules/p/x": "" for name in NAMES})
    files.update({f"{ADA}/.rustup/toolchains/{name}/x": "" for name in NAMES})
    found = collected(tmp_path, files)
    names = ids(found)
    assert len(names) == len(set(names)) == 4 * len(NAMES)
    assert all(name.encode() and len(name.splitlines()) == 1 for name in names)
    assert {unescaped(each.name) for each in found.section.npm if each.prefix} == set(NAMES)
    assert "$(x)" not in by_hand(found)["toolchain:~ada/node/$(x)"].replace("'$(x)'", "")


BROKEN = {
    "npm": ".npm-global/lib/node_modules/x/package.json",
    "pnpm": ".local/share/pnpm/global/5/package.json",
    "pipx": ".local/share/pipx/venvs/x/pipx_metadata.json",
    "uv": ".local/share/uv/tools/x/uv-receipt.toml",
    "cargo": ".cargo/.crates2.json",
    "gem": ".gem/ruby/3.1.0/specifications/x-1.gemspec",
    "brew": ".linuxbrew/Cellar/x/1/INSTALL_RECEIPT.json",
    "rustup": ".rustup/settings.toml",
    "conda": "miniconda3/conda-meta/history",
    "pip": ".local/lib/python3.12/site-packages/x-1.dist-info/direct_url.json",
}
GOOD = "/usr/local/lib/node_modules/good/package.json"


@pytest.mark.parametrize("name", BROKEN)
def test_a_malformed_file_is_a_finding_and_sinks_nothing_else(tmp_path: Path, name: str) -> None:
    path = f"{ADA}/{BROKEN[name]}"
    beside = {
        f"{path.rpartition('/')[0]}/{each}": "pip" for each in ("INSTALLER", "REQUESTED") if name == "pip"
    }
    found = languages.collect(host_with(tmp_path, {GOOD: "{}", **beside, path: "# update specs: [\n\xff{"}))
    assert [finding.subject.rpartition(":")[0] or finding.subject for finding in found.findings] == [path]
    assert "npm:good" in ids(found)


@pytest.mark.parametrize("name", BROKEN)
def test_an_unreadable_file_is_a_finding_and_sinks_nothing_else(tmp_path: Path, name: str) -> None:
    path = f"{ADA}/{BROKEN[name]}"
    beside = {
        f"{path.rpartition('/')[0]}/{each}": "pip" for each in ("INSTALLER", "REQUESTED") if name == "pip"
    }
    host = host_with(tmp_path, {GOOD: "{}", **beside, path: "{}"})
    found = languages.collect(replace(host, failing={path: PermissionError(13, "no")}))
    assert [(finding.subject, finding.remedy) for finding in found.findings] == [(path, "run with sudo")]
    assert "npm:good" in ids(found)


@pytest.mark.parametrize(
    "folder",
    [
        ".npm-global/lib/node_modules", ".local/share/pipx/venvs", ".local/share/uv/tools", "go/bin",
        ".local/bin", ".local/lib/python3.12/site-packages", ".nvm/versions/node",
        ".rustup/toolchains", ".asdf/installs",
    ],
)  # fmt: skip
def test_an_unreadable_folder_is_a_finding(tmp_path: Path, folder: str) -> None:
    path = f"{ADA}/{folder}"
    host = host_with(tmp_path, {GOOD: "{}", path: None})
    found = languages.collect(replace(host, failing={path: PermissionError(13, "no")}))
    assert [finding.subject for finding in found.findings] == [path]
    assert "npm:good" in ids(found)


def test_a_place_of_the_wrong_kind_is_nothing(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        f"{ADA}/{name}": "x" for name in (".nvm", ".pyenv", "go", ".cargo", ".rustup", ".local", "miniconda3")
    }
    found = collected(tmp_path, files)
    assert (ids(found), found.losses) == ([], ())


def test_credentials_in_addresses_are_never_recorded(tmp_path: Path) -> None:
    metadata = sample("pipx_metadata/pycowsay.json").replace(
        "pycowsay==0.0.0.1", "git+https://hunter2@example.org/x"
    )
    url = '{"url": "https://ada:hunter2@example.org/x.git", "vcs_info": {"vcs": "git"}}'
    found = collected(
        tmp_path,
        {
            f"{ADA}/.local/share/pipx/venvs/x/pipx_metadata.json": metadata,
            **dist_info("x-1.0", direct_url=url),
        },
    )
    assert ids(found)[:2] == ["pipx:~ada/x", "pip:~ada/x"]
    assert {each.reason for each in found.section.left_out} == {"a password or token is in an address there"}
    assert [each.path.rpartition("/")[2] for each in found.section.left_out] == [
        "direct_url.json", "pipx_metadata.json",
    ]  # fmt: skip
    assert "hunter2" not in repr(found)


def test_each_manager_tells_that_an_address_had_a_secret(tmp_path: Path) -> None:
    address = "https://ada:hunter2@example.org/x"
    asked = f'{{"dependencies": {{"x": "git+{address}"}}}}'
    files: dict[str, str | bytes | None] = {
        f"{ADA}/.bun/install/global/package.json": asked,
        f"{ADA}/.cargo/.crates2.json": f'{{"installs": {{"x 1 (git+{address}?branch=main#1f)": {{}}}}}}',
        f"{ADA}/.linuxbrew/Library/Taps/a/homebrew-b/.git/config": f'[remote "origin"]\nurl = {address}\n',
        f"{ADA}/.local/share/uv/tools/x/uv-receipt.toml": (
            f'[tool]\nrequirements = [{{ name = "x", git = "{address}" }}]\n'
        ),
        f"{ADA}/.npm-global/lib/node_modules/x/package.json": f'{{"_resolved": "git+{address}"}}',
        f"{ADA}/miniconda3/conda-meta/history": (
            "+https://example.org/t/hunter2/c/linux-64::x-1-0\n# update specs: ['x']\n"
        ),
    }
    found = collected(tmp_path, files)
    assert [each.path for each in found.section.left_out] == sorted(files)
    assert "hunter2" not in repr(found)


def test_the_version_is_free_but_not_what_was_asked_for(tmp_path: Path) -> None:
    def items(version: str, asked: str, root: Path) -> list[str]:
        metadata = sample("pipx_metadata/pycowsay.json").replace(
            'version": "0.0.0.1"', f'version": "{version}"'
        )
        path = f"{ADA}/.local/share/pipx/venvs/pycowsay/pipx_metadata.json"
        found = collected(root, {path: metadata.replace("pycowsay==0.0.0.1", asked)})
        shutil.rmtree(root)
        return [item.fingerprint for item in found.section.items()]

    first = items("0.0.0.1", "pycowsay", tmp_path / "a")
    assert items("0.0.0.2", "pycowsay", tmp_path / "b") == first
    assert items("0.0.0.1", "pycowsay==0.0.0.1", tmp_path / "c") != first


def test_two_of_one_name_are_told_once_with_a_finding(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        f"{ADA}/{prefix}/lib/node_modules/x/package.json": "{}" for prefix in (".npm-global", ".local")
    }
    found = languages.collect(host_with(tmp_path, files))
    assert [finding.subject for finding in found.findings] == ["npm:~ada/x"]
    assert [(each.item_id(), each.prefix) for each in found.section.npm] == [("npm:~ada/x", "~/.npm-global")]


def test_the_same_twice(tmp_path: Path) -> None:
    host = host_with(tmp_path, {GOOD: "{}", **dist_info("httpie-3.2.4", record=sample("pip_record/httpie"))})
    assert languages.collect(host) == languages.collect(replace(host, memory={}))


def test_a_home_that_cannot_be_looked_into_is_one_finding(tmp_path: Path) -> None:
    host = host_with(tmp_path, {GOOD: "{}", f"{ADA}/.cargo/.crates2.json": '{"installs": {}}'})
    found = languages.collect(replace(host, failing={"/root": PermissionError(13, "no")}))
    assert [finding.subject for finding in found.findings] == ["/root"]
    assert ids(found) == ["npm:good"]
