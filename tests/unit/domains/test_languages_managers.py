"""What each package manager's own files give, of the section `languages`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collectors.domains import languages
from tests.unit.fakes import STATUS
from tests.unit.languages import (
    ADA,
    SITE,
    by_hand,
    collected,
    covers,
    dist_info,
    host_with,
    ids,
    losses,
    program,
    sample,
)


def test_npm_packages_of_the_machine_and_of_a_person(tmp_path: Path) -> None:
    found = collected(
        tmp_path,
        {
            "/usr/local/lib/node_modules/typescript/package.json": '{"version": "5.4.2"}',
            "/usr/local/bin/tsc": "-> ../lib/node_modules/typescript/bin/tsc",
            "/usr/local/bin/mine": "#!/bin/sh",
            f"{ADA}/.npmrc": "prefix=~/.my-node\n",
            f"{ADA}/.my-node/lib/node_modules/@vue/cli/package.json": '{"version": "5.0.8"}',
            f"{ADA}/.my-node/bin/vue": "-> ../lib/node_modules/@vue/cli/bin/vue.js",
            f"{ADA}/.my-node/lib/node_modules/.package-lock.json": "{}",
            f"{ADA}/.npm/_cacache/x": "x",
        },
    )
    assert by_hand(found) == {
        "npm:typescript": "npm install --global --prefix /usr/local typescript@5.4.2",
        "npm:~ada/@vue/cli": "npm install --global --prefix ~/.my-node @vue/cli@5.0.8",
    }
    assert covers(found) == {
        "/usr/local/lib/node_modules/typescript": "npm:typescript",
        "/usr/local/bin/tsc": "npm:typescript",
        ".my-node/lib/node_modules/@vue/cli": "npm:~ada/@vue/cli",
        ".my-node/bin/vue": "npm:~ada/@vue/cli",
        ".npm": "made anew by npm",
    }


def test_what_dpkg_brought_to_node_modules_is_no_item(tmp_path: Path) -> None:
    modules = "/usr/lib/node_modules"
    host = host_with(
        tmp_path,
        {
            **dict.fromkeys(
                (f"{modules}/{each}/package.json" for each in ("npm", "corepack", "owned", "me")), "{}"
            ),
            "/var/lib/dpkg/status": STATUS + "\nPackage: v\nStatus: install ok installed\n",
            "/var/lib/dpkg/info/v.list": f"/.\n{modules}\n{modules}/owned\n",
        },
    )
    assert ids(languages.collect(host)) == ["npm:me"]


def test_npm_packages_within_a_version_of_node(tmp_path: Path) -> None:
    top = f"{ADA}/.nvm/versions/node"
    found = collected(
        tmp_path,
        {
            f"{top}/v20.11.0/lib/node_modules/npm/package.json": '{"version": "10.2.4"}',
            f"{top}/v20.11.0/lib/node_modules/pm2/package.json": '{"version": "5.3.1"}',
            f"{top}/v18.1.0/lib/node_modules/pm2/package.json": '{"version": "5.3.0"}',
            f"{ADA}/.nvm/alias/default": "lts/*\n",
        },
    )
    assert by_hand(found) == {
        "npm:~ada/node/v18.1.0/pm2": "nvm exec v18.1.0 npm install --global pm2@5.3.0",
        "npm:~ada/node/v20.11.0/pm2": "nvm exec v20.11.0 npm install --global pm2@5.3.1",
        "toolchain:~ada/node/v18.1.0": "nvm install v18.1.0",
        "toolchain:~ada/node/v20.11.0": "nvm install v20.11.0",
        "toolchain-default:~ada/nvm/node": "nvm alias default 'lts/*'",
    }
    assert covers(found)[".nvm/versions/node/v20.11.0"] == "toolchain:~ada/node/v20.11.0"


def test_a_linked_or_private_npm_package_is_a_loss(tmp_path: Path) -> None:
    top = f"{ADA}/.npm-global/lib/node_modules"
    found = collected(
        tmp_path,
        {
            f"{top}/linked": "-> ../../../src/linked",
            f"{top}/own/package.json": sample("npm_package/private.json"),
        },
    )
    assert losses(found) == [("sourceless", "npm:~ada/linked"), ("sourceless", "npm:~ada/own")]
    assert found.losses[0].reason == "installed from /home/ada/src/linked, which no registry has"


def test_globals_of_pnpm_yarn_and_bun(tmp_path: Path) -> None:
    found = collected(
        tmp_path,
        {
            f"{ADA}/.local/share/pnpm/global/5/package.json": sample("node_globals/pnpm.json"),
            f"{ADA}/.local/share/pnpm/global/5/node_modules/typescript/package.json": (
                '{"version": "5.4.5", "bin": {"tsc": "bin/tsc", "../x": "y"}}'
            ),
            f"{ADA}/.config/yarn/global/package.json": '{"dependencies": {"serve": "14.2.1"}}',
            f"{ADA}/.bun/install/global/package.json": '{"dependencies": {"x": "git+https://example.org/x"}}',
        },
    )
    assert by_hand(found) == {
        "pnpm:~ada/@scope/tool": "pnpm add --global @scope/tool@2.0.0",
        "pnpm:~ada/mine": "pnpm add --global link:../../../../src/mine",
        "pnpm:~ada/typescript": "pnpm add --global 'typescript@^5.4.5'",
        "yarn:~ada/serve": "yarn global add serve@14.2.1",
        "bun:~ada/x": "bun add --global git+https://example.org/x",
    }
    assert losses(found) == [("sourceless", "pnpm:~ada/mine")]
    assert found.section.pnpm[2].version == "5.4.5"
    assert covers(found) == {
        ".bun/install/global": "made anew by bun",
        ".config/yarn/global": "made anew by yarn",
        ".local/share/pnpm/global/5": "made anew by pnpm",
        ".local/share/pnpm/tsc": "pnpm:~ada/typescript",
    }


def test_names_that_lead_elsewhere_are_not_followed(tmp_path: Path) -> None:
    names = ("../../../secret", "/etc", "\\ud800", "\\u0000", "..", ".")
    listed = ", ".join(f'"{name}": "1"' for name in names)
    files = {f"{ADA}/.bun/install/global/package.json": f'{{"dependencies": {{{listed}}}}}'}
    found = collected(tmp_path, {f"{ADA}/.bun/secret/package.json": '{"version": "9"}', **files})
    assert [each.version for each in found.section.bun] == [""] * len(names)
    assert len(set(ids(found))) == len(names)


def test_programs_of_pipx(tmp_path: Path) -> None:
    venvs = f"{ADA}/.local/share/pipx/venvs"
    found = collected(
        tmp_path,
        {
            f"{venvs}/black-x/pipx_metadata.json": sample("pipx_metadata/black-x.json"),
            f"{venvs}/pycowsay/pipx_metadata.json": sample("pipx_metadata/pycowsay.json"),
            f"{venvs}/.pycowsay.lock": "",
            f"{venvs}/pinned/pipx_metadata.json": (
                '{"main_package": {"package": "p", "package_version": "2", "pinned": true}}'
            ),
            f"{ADA}/.local/bin/black_x": f"-> {venvs}/black-x/bin/black",
            f"{ADA}/.local/pipx/venvs/mine-tool-ed/pipx_metadata.json": sample(
                "pipx_metadata/mine-tool-ed.json"
            ),
            "/opt/pipx/venvs/poetry/pipx_metadata.json": sample("pipx_metadata/old.json"),
        },
    )
    extra = "git+https://example.org/extra@v1"
    pipx = "env PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx"
    assert by_hand(found) == {
        "pipx:poetry": (
            f"{pipx} install --include-deps --pip-args=--pre poetry==1.1.4"
            f" && {pipx} inject --include-apps --pip-args=--pre poetry {extra} && {pipx} pin poetry"
        ),
        "pipx:~ada/black-x": "pipx install --suffix=_x --pip-args=--no-cache-dir 'black[d]==23.1.0'",
        "pipx:~ada/mine-tool-ed": "pipx install --suffix=-ed --pip-args=--editable /home/ada/proj/mine",
        "pipx:~ada/pinned": "pipx install p==2 && pipx pin pinned",
        "pipx:~ada/pycowsay": "pipx install pycowsay==0.0.0.1 && pipx inject pycowsay 'certifi>=2020' idna",
    }
    assert covers(found)[".local/bin/black_x"] == "pipx:~ada/black-x"
    assert covers(found)[".local/share/pipx/venvs/pycowsay"] == "pipx:~ada/pycowsay"
    assert losses(found) == [("sourceless", "pipx:~ada/mine-tool-ed")]


def test_packages_that_pip_was_asked_for(tmp_path: Path) -> None:
    debian = "/usr/local/lib/python3.10/dist-packages/Flask_Cors-4.0.dist-info"
    found = collected(
        tmp_path,
        {
            **dist_info("httpie-3.2.4", record=sample("pip_record/httpie")),
            **dist_info("rich-15.0.0", asked=False, record="rich/__init__.py,,\n"),
            **dist_info("x-1.0", direct_url=sample("direct_url/git.json")),
            **dist_info("mine_tool-0.1", direct_url=sample("direct_url/editable.json")),
            f"{SITE}/by_conda-1.dist-info/INSTALLER": "conda",
            f"{SITE}/by_conda-1.dist-info/REQUESTED": "",
            f"{ADA}/.local/lib/python3.10/site-packages/httpie-1.0.dist-info/INSTALLER": "pip",
            f"{ADA}/.local/lib/python3.10/site-packages/httpie-1.0.dist-info/REQUESTED": "",
            f"{debian}/INSTALLER": "pip",
            f"{debian}/REQUESTED": "",
            "/usr/lib/python3/dist-packages/apt-1.dist-info/INSTALLER": "pip",
            "/usr/lib/python3/dist-packages/apt-1.dist-info/REQUESTED": "",
        },
    )
    user = "pip install --user --break-system-packages"
    assert by_hand(found) == {
        "pip:flask-cors": "pip install flask-cors==4.0",
        "pip:~ada/httpie": f"{user} httpie==3.2.4",
        "pip:~ada/mine-tool": f"{user} --editable /home/ada/proj/mine",
        "pip:~ada/x": f"{user} 'git+https://example.org/ada/x.git@main#subdirectory=py'",
    }
    told = covers(found)
    assert told[".local/bin/httpie"] == told[f"{SITE}/httpie".removeprefix(f"{ADA}/")] == "pip:~ada/httpie"
    assert told[f"{SITE}/rich".removeprefix(f"{ADA}/")].startswith("made anew by pip")
    assert losses(found) == [("sourceless", "pip:~ada/mine-tool")]


def test_a_record_never_covers_what_is_not_the_packages(tmp_path: Path) -> None:
    record = (
        "../../../../..,,\n../../..,,\n../../../../../../etc/passwd,,\n/home/ada,,\n..,,\n.,,\nok/x.py,,\n"
    )
    found = collected(tmp_path, dist_info("x-1.0", record=record))
    assert list(covers(found)) == [
        ".local/lib/python3.12/site-packages/ok",
        ".local/lib/python3.12/site-packages/x-1.0.dist-info",
    ]


def test_packages_within_a_version_of_python(tmp_path: Path) -> None:
    top = f"{ADA}/.pyenv/versions/3.11.7"
    site = f"{top}/lib/python3.11/site-packages"
    told: dict[str, str | bytes | None] = {}
    for name in ("awscli-1.45.11", "pip-23.0"):
        told[f"{site}/{name}.dist-info/INSTALLER"] = "pip"
        told[f"{site}/{name}.dist-info/REQUESTED"] = ""
    found = collected(
        tmp_path,
        {**told, f"{ADA}/.pyenv/version": "3.11.7\n", f"{ADA}/.pyenv/versions/env": f"-> {top}/envs/env"},
    )
    assert by_hand(found) == {
        "pip:~ada/python/3.11.7/awscli": "PYENV_VERSION=3.11.7 pip install awscli==1.45.11",
        "toolchain:~ada/python/3.11.7": "pyenv install 3.11.7",
        "toolchain-default:~ada/pyenv/python": "pyenv global 3.11.7",
    }
    assert losses(found) == [("sourceless", "/home/ada/.pyenv/versions/env")]


def test_tools_of_uv(tmp_path: Path) -> None:
    top = f"{ADA}/.local/share/uv"
    found = collected(
        tmp_path,
        {
            f"{top}/tools/httpie/uv-receipt.toml": sample("uv_receipt/httpie"),
            f"{top}/tools/httpie/lib/python3.12/site-packages/httpie-3.2.4.dist-info/METADATA": "",
            f"{top}/tools/tool/uv-receipt.toml": sample("uv_receipt/tool"),
            f"{top}/tools/mine-tool/uv-receipt.toml": sample("uv_receipt/mine-tool"),
            f"{top}/tools/.lock": "",
            f"{top}/python/cpython-3.12.1-linux-x86_64-gnu/bin/python3": "x",
            f"{top}/python/cpython-3.12-linux-x86_64-gnu": "-> cpython-3.12.1-linux-x86_64-gnu",
        },
    )
    assert ids(found) == [
        "uv:~ada/httpie",
        "uv:~ada/mine-tool",
        "uv:~ada/tool",
        "toolchain:~ada/python/cpython-3.12.1-linux-x86_64-gnu",
    ]
    assert found.section.uv[0].version == "3.2.4"
    assert by_hand(found)["uv:~ada/httpie"] == "uv tool install --with idna 'httpie>=3'"
    assert by_hand(found)["uv:~ada/mine-tool"] == "uv tool install --editable /home/ada/proj/mine"
    assert covers(found)[".local/bin/https"] == "uv:~ada/httpie"
    assert losses(found) == [("sourceless", "uv:~ada/mine-tool")]


def test_programs_of_cargo(tmp_path: Path) -> None:
    found = collected(
        tmp_path,
        {
            f"{ADA}/.cargo/.crates2.json": sample("crates2/many.json")
            .replace('"odd": {"bins": []},', "")
            .replace(
                '"wrong 1.0.0 (x)": 7',
                '"tiny 0.2.0 (git+https://example.org/tiny?branch=main#0a1b)": {"bins": ["../x", "tiny"]}',
            )
        },
    )
    assert by_hand(found) == {
        "cargo:~ada/far": "cargo install --version 1.0.0 --index sparse+https://example.org/index/ far",
        "cargo:~ada/mine": "cargo install --path /home/ada/src/mine --all-features --profile dev",
        "cargo:~ada/ripgrep": (
            "cargo install --version =14.1.0 --features default,pcre2 --no-default-features ripgrep"
        ),
        "cargo:~ada/tiny": "cargo install --git https://example.org/tiny --branch main tiny",
    }
    assert covers(found) == {
        ".cargo/.crates2.json": "made anew by cargo",
        ".cargo/bin/mine": "cargo:~ada/mine",
        ".cargo/bin/rg": "cargo:~ada/ripgrep",
        ".cargo/bin/tiny": "cargo:~ada/tiny",
    }
    assert losses(found) == [("sourceless", "cargo:~ada/mine")]


def test_programs_that_go_built(tmp_path: Path) -> None:
    gopls = program(sample("go_modules/gopls"))
    found = collected(
        tmp_path,
        {
            f"{ADA}/go/bin/gopls": gopls,
            f"{ADA}/go/bin/gopls-copy": gopls,
            f"{ADA}/go/bin/script": "#!/bin/sh",
            f"{ADA}/go/bin/changed": program(sample("go_modules/replaced").replace("=>\t../fork", "dep\tx")),
            f"{ADA}/.config/go/env": f"GOBIN={ADA}/tools\n",
            f"{ADA}/tools/dev": program(
                "path\texample.org/dev\nmod\texample.org/dev\t(devel)\t\nbuild\tvcs.revision=0a1b\n"
            ),
            f"{ADA}/go/bin/local": program("path\tcommand-line-arguments\n"),
            f"{ADA}/go/pkg/mod/x": "x",
        },
    )  # fmt: skip
    assert by_hand(found) == {
        "go:~ada/command-line-arguments": "",
        "go:~ada/example.org/dev": "go install example.org/dev@0a1b",
        "go:~ada/example.org/x/cmd/x": (
            "go install example.org/x/cmd/x@v0.0.0-20240101000000-0a1b2c3d4e5f+dirty"
        ),
        "go:~ada/golang.org/x/tools/gopls": (
            "go install -tags netgo,osusergo golang.org/x/tools/gopls@v0.15.3"
        ),
    }
    assert covers(found)["go/bin/gopls-copy"] == "go:~ada/golang.org/x/tools/gopls"
    assert covers(found)["go/pkg"] == "made anew by go"
    assert losses(found) == [
        ("sourceless", "go:~ada/example.org/x/cmd/x"),
        ("sourceless", "go:~ada/command-line-arguments"),
    ]


@pytest.mark.parametrize(("mode", "told"), [(0o755, [("sourceless", f"{ADA}/go/bin/script")]), (0o644, [])])
def test_a_program_in_gos_folder_that_says_nothing_is_a_loss(
    tmp_path: Path, mode: int, told: list[tuple[str, str]]
) -> None:
    host = host_with(tmp_path, {f"{ADA}/go/bin/script": "#!/bin/sh"})
    os.chmod(tmp_path / "home/ada/go/bin/script", mode)
    assert losses(languages.collect(host)) == told


def test_what_go_did_not_build_beside_its_programs_is_another_sections(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            f"{ADA}/.config/go/env": f"GOBIN={ADA}/.local/bin\n",
            f"{ADA}/.local/bin/gopls": program(sample("go_modules/gopls")),
            f"{ADA}/.local/bin/script": "#!/bin/sh",
        },
    )
    os.chmod(tmp_path / "home/ada/.local/bin/script", 0o755)
    found = languages.collect(host)
    assert (ids(found), losses(found)) == (["go:~ada/golang.org/x/tools/gopls"], [])


def test_a_folder_with_a_hard_name_comes_back_by_it(tmp_path: Path) -> None:
    url = '{"url": "file:///home/ada/l%C3%B6w%27s%20x%FF", "dir_info": {"editable": true}}'
    crates = '{"installs": {"x 1 (path+file:///home/ada/my%20x)": {"bins": []}}}'
    found = collected(tmp_path, {**dist_info("x-1.0", direct_url=url), f"{ADA}/.cargo/.crates2.json": crates})
    assert by_hand(found) == {
        "pip:~ada/x": "pip install --user --break-system-packages --editable $'/home/ada/löw\\'s x\\xff'",
        "cargo:~ada/x": "cargo install --path '/home/ada/my x'",
    }
    assert [loss.reason for loss in found.losses] == [
        "installed from /home/ada/löw's x\\xff, which no registry has",
        "installed from /home/ada/my x, which no registry has",
    ]


def test_a_private_package_of_npm_comes_from_no_registry(tmp_path: Path) -> None:
    path = f"{ADA}/.npm-global/lib/node_modules/x/package.json"
    found = collected(tmp_path, {path: '{"version": "1", "private": true}'})
    assert [(each.by_hand(), bool(each.bound)) for each in found.section.npm] == [("", True)]
    assert losses(found) == [("sourceless", "npm:~ada/x")]


def test_a_program_of_gigabytes_is_read_in_parts(tmp_path: Path) -> None:
    host = host_with(tmp_path, {f"{ADA}/go/bin/gopls": program(sample("go_modules/gopls"))})
    with open(tmp_path / "home/ada/go/bin/gopls", "r+b") as file:
        file.truncate(4 * 1024**3)
    assert ids(languages.collect(host)) == ["go:~ada/golang.org/x/tools/gopls"]


def test_gems_that_no_other_one_needs(tmp_path: Path) -> None:
    own = f"{ADA}/.local/share/gem/ruby/3.1.0"
    rbenv = f"{ADA}/.rbenv/versions/3.3.0/lib/ruby/gems/3.3.0/specifications"
    found = collected(
        tmp_path,
        {
            f"{own}/specifications/colorful-2.1.0.gemspec": sample("gemspec/colorful"),
            f"{own}/specifications/tilted-2.0.3.gemspec": sample("gemspec/tilted"),
            "/var/lib/gems/3.1.0/specifications/tilted-2.0.3.gemspec": sample("gemspec/tilted"),
            f"{rbenv}/tilted-2.0.3.gemspec": sample("gemspec/tilted"),
            f"{rbenv}/rake-13.0.6.gemspec": sample("gemspec/tilted").replace("tilted", "rake"),
        },
    )
    assert by_hand(found) == {
        "gem:tilted": "gem install tilted --version 2.0.3",
        "gem:~ada/colorful": "gem install --user-install colorful --version 2.1.0",
        "gem:~ada/ruby/3.3.0/tilted": "RBENV_VERSION=3.3.0 gem install tilted --version 2.0.3",
        "toolchain:~ada/ruby/3.3.0": "rbenv install 3.3.0",
    }
    told = covers(found)
    assert told[".local/share/gem/ruby/3.1.0/gems/tilted-2.0.3"] == "made anew by gem for one that needs it"
    assert told[".local/share/gem/ruby/3.1.0/bin/colorful"] == "gem:~ada/colorful"


def test_environments_of_conda(tmp_path: Path) -> None:
    base = f"{ADA}/miniconda3"
    torch = f"{base}/envs/ml/lib/python3.11/site-packages/torch-2.2.dist-info"
    found = collected(
        tmp_path,
        {
            f"{base}/condabin/conda": "x",
            f"{base}/conda-meta/history": "# update specs: ['conda']\n",
            f"{base}/envs/ml/conda-meta/history": sample("conda_history/real"),
            f"{base}/envs/empty": None,
            f"{torch}/INSTALLER": "pip",
            f"{torch}/REQUESTED": "",
            f"{ADA}/.conda/environments.txt": f"{base}\n{ADA}/env\n/root/env\n",
            f"{ADA}/env/conda-meta/history": "",
            "/opt/conda/condabin/conda": "x",
            "/opt/conda/conda-meta/history": "",
            "/opt/conda/envs/x/conda-meta/history": "",
        },
    )
    assert by_hand(found) == {
        "pip:~ada/conda/ml/torch": "conda run --prefix ~/miniconda3/envs/ml pip install torch==2.2",
        "conda:base": "",
        "conda:x": "/opt/conda/bin/conda create --prefix /opt/conda/envs/x",
        "conda:~ada/base": "conda install --prefix ~/miniconda3 conda",
        "conda:~ada/ml": (
            "conda create --prefix ~/miniconda3/envs/ml --channel conda-forge --channel defaults"
            " 'conda-forge::pandas[version='\"'\"'>=2'\"'\"']' python=3.11.8"
        ),
        "conda:~ada/~/env": "conda create --prefix ~/env",
    }
    assert covers(found)["miniconda3/envs/ml"] == "conda:~ada/ml"


def test_what_homebrew_installed(tmp_path: Path) -> None:
    brew = "/home/linuxbrew/.linuxbrew"
    tap = f"{brew}/Homebrew/Library/Taps"
    found = collected(
        tmp_path,
        {
            f"{brew}/Cellar/ripgrep/14.1.0/INSTALL_RECEIPT.json": sample("brew_receipt/ripgrep.json"),
            f"{brew}/Cellar/pcre2/10.43/INSTALL_RECEIPT.json": sample("brew_receipt/dependency.json"),
            f"{brew}/Cellar/mine/1.0/INSTALL_RECEIPT.json": sample("brew_receipt/tap.json"),
            f"{brew}/bin/rg": "-> ../Cellar/ripgrep/14.1.0/bin/rg",
            f"{brew}/var/homebrew/pinned/mine": "-> ../../../Cellar/mine/1.0",
            f"{brew}/Caskroom/font-x/.metadata/2.0/x": "x",
            f"{brew}/Caskroom/font-x/2.0/x.ttf": "x",
            f"{tap}/ada/homebrew-tools/.git/config": sample("git_origin/real"),
            f"{tap}/ada/homebrew-lone/.git/config": "",
            f"{tap}/homebrew/homebrew-core/.git/config": "",
        },
    )
    mine = f'sudo -iu "$(stat -c %U {brew})" {brew}/bin/brew'
    assert by_hand(found) == {
        "brew:mine": f"{mine} install --HEAD ada/tools/mine && {mine} pin mine",
        "brew:ripgrep": f"{mine} install ripgrep",
        "brew-cask:font-x": f"{mine} install --cask font-x",
        "brew-tap:ada/lone": "",
        "brew-tap:ada/tools": f"{mine} tap ada/tools https://example.org/ada/homebrew-tools",
    }
    assert covers(found)[f"{brew}/bin/rg"] == "brew:ripgrep"
    assert covers(found)[f"{brew}/Cellar/pcre2"].startswith("made anew by brew")
    assert losses(found) == [("no-remote", "brew-tap:ada/lone")]
    assert found.section.casks[0].version == "2.0"
