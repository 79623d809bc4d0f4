# Packages of every language's manager: by npm, pip and pipx themselves where those need no network, else as the
# managers write it down.
made=$(mktemp -d)
chmod 0755 "$made"
. /root/messy/languages/sources.sh
export PIP_NO_INDEX=1 PIP_FIND_LINKS="$made /usr/share/python-wheels" PIP_BREAK_SYSTEM_PACKAGES=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore npm_config_update_notifier=false
pip="python3 $(echo /usr/share/python-wheels/pip-*.whl)/pip -qq"
ada() { su ada -c "cd; $1"; }
bob() { su bob -c "cd; $1"; }
# Both put standard input into a file of theirs.
put() { ada "mkdir -p \"$(dirname "$1")\" && cat > \"$1\""; }
bobs() { bob "mkdir -p \"$(dirname "$1")\" && cat > \"$1\""; }

# npm: from tarballs as a registry has them; a folder that it linked; one with its address in it, as npm 6 wrote
# it; those of the machine
printf 'prefix=${HOME}/.npm-global\n' | put .npmrc
ada "mkdir src && cp -r $made/npm/mine src/mine"
ada "npm install --silent --global $made/kiln-cli-1.0.0.tgz $made/ada-tools-1.0.0.tgz $made/never-published-1.0.0.tgz"
ada 'cd src/mine && npm link --silent'
npm install --silent --global "$made/shared-cli-1.0.0.tgz"
rm -r /root/.npm
put .npm-global/lib/node_modules/old-git/package.json << 'END'
{"name": "old-git", "version": "0.3.0", "_resolved": "git+https://ada:hunter2@example.org/old-git.git#1f2e3d"}
END

# pnpm, yarn and bun
printf '{"dependencies": {"cowsay": "^1.5.0", "l\\u00f6w": "link:/srv/people/bob/l\\u00f6w $(id) {{ 7*7 }}"}}' |
    bobs .local/share/pnpm/global/5/package.json
printf '{"version": "1.6.0", "bin": {"cowsay": "c.js"}}' | bobs .local/share/pnpm/global/5/node_modules/cowsay/package.json
printf '{"dependencies": {"serve": "14.2.0"}}' | bobs .config/yarn/global/package.json
printf '{"dependencies": {"tool": "git+https://hunter2hunter2hunter2@example.org/tool.git"}}' | bobs .bun/install/global/package.json

# pipx: with packages and programs beside, an old version under another name, a folder, the machine's
project() { # folder, name
    ada "mkdir -p \"$1\" && cp $made/wheels.py \"$1/\""
    printf '[build-system]\nrequires = []\nbuild-backend = "wheels"\nbackend-path = ["."]\n' | put "$1/pyproject.toml"
    printf '%s' "$2" | put "$1/NAME"
}
project src/hers hers
project "src/löw's lib" hers_too
ada 'pipx install kiln-tool > /dev/null 2>&1'
ada 'pipx inject kiln-tool kiln-plugin > /dev/null 2>&1 && pipx inject --include-apps kiln-tool kiln-extra > /dev/null 2>&1'
ada 'pipx install --suffix=_old --pip-args="--index-url https://ada:hunter2@example.org/simple" kiln-tool==1.0 > /dev/null 2>&1'
ada 'pipx install ./src/hers > /dev/null 2>&1'
machines=/opt/pipx/venvs/everyones
mkdir -p $machines/bin
printf '{"main_package": {"package": "everyones", "package_or_url": "everyones>=2", "package_version": "2.1"}, "python_version": "Python 3.11.2"}' \
    > $machines/pipx_metadata.json
printf '#!/opt/pipx/venvs/everyones/bin/python\n' > $machines/bin/everyones
chmod +x $machines/bin/everyones
ln -s $machines/bin/everyones /usr/local/bin/everyones

# pip: what was asked for, what that needs, an editable folder, a wheel from a mail, one from git, the machine's
ada "mkdir Mail && cp $made/by_mail-1.0-py3-none-any.whl Mail/"
ada "$pip install --user Kiln.Own Mail/by_mail-1.0-py3-none-any.whl from-git"
ada "$pip install --user --editable \"src/löw's lib\""
printf '{"url": "https://hunter2hunter2hunter2@example.org/from-git.git", "vcs_info": {"commit_id": "1f2e3d", "requested_revision": "main", "vcs": "git"}}' |
    put .local/lib/python3.11/site-packages/from_git-1.0.dist-info/direct_url.json
$pip install kiln-shared
rm -r "$made"

# uv
uv=.local/share/uv
for name in ruff secret hers broken; do : | put $uv/tools/$name/lib/python3.12/site-packages/$name-1.0.dist-info/INSTALLER; done
put $uv/tools/ruff/uv-receipt.toml << 'END'
[tool]
requirements = [{ name = "ruff", specifier = "==0.4.1" }, { name = "ruff-lsp", extras = ["x"] }]
python = "3.12"
entrypoints = [{ name = "ruff", install-path = "/home/ada/.local/bin/ruff", from = "ruff" }]
END
put $uv/tools/secret/uv-receipt.toml << 'END'
[tool]
requirements = [{ name = "secret", git = "https://ada:hunter2@example.org/secret.git?tag=v1&subdirectory=py" }]
entrypoints = []
END
put $uv/tools/hers/uv-receipt.toml << 'END'
[tool]
requirements = [{ name = "hers", editable = "/home/ada/src/löw's \"$(id)\" {{ 7*7 }}" }]
entrypoints = []
END
printf '[tool\n' | put $uv/tools/broken/uv-receipt.toml
: | put $uv/tools/.lock
ada "mkdir -p $uv/python/cpython-3.12.4-linux-x86_64-gnu/bin && ln -s cpython-3.12.4-linux-x86_64-gnu $uv/python/cpython-3.12-linux-x86_64-gnu"

# cargo and rustup
put .cargo/.crates2.json << 'END'
{"installs": {
  "ripgrep 14.1.0 (registry+https://github.com/rust-lang/crates.io-index)":
    {"version_req": null, "bins": ["rg"], "features": ["pcre2"], "all_features": false, "no_default_features": true, "profile": "release"},
  "own-index 1.2.0 (sparse+https://example.org/index/)":
    {"version_req": "^1", "bins": ["own-index"], "features": [], "all_features": true, "no_default_features": false, "profile": "dev"},
  "secret 0.1.0 (git+https://ada:hunter2@example.org/secret?branch=main#1f2e3d)":
    {"version_req": null, "bins": ["secret"], "features": [], "all_features": false, "no_default_features": false, "profile": "release"},
  "hers 0.1.0 (path+file:///home/ada/src/l%C3%B6w's%20tool%FF)":
    {"version_req": null, "bins": ["hers"], "features": [], "all_features": false, "no_default_features": false, "profile": "release"},
  "odd": {}
}}
END
: | put .cargo/.crates.toml
for name in rg own-index secret hers; do printf 'ELF' | put .cargo/bin/$name; done
target=x86_64-unknown-linux-gnu
components() { # toolchain, lines
    name=$1
    shift
    printf '%s\n' "$@" | put ".rustup/toolchains/$name/lib/rustlib/components"
}
components stable-$target cargo-$target rustc-$target rust-std-$target rustfmt-preview-$target rust-src rust-analyzer-$target rust-std-wasm32-unknown-unknown
components nightly-2024-01-05-$target rustc-$target rust-std-$target
ada 'mkdir -p src/rust/build && ln -s /home/ada/src/rust/build .rustup/toolchains/own'
put .rustup/settings.toml << END
version = "12"
default_toolchain = "stable-$target"
profile = "default"

[overrides]
"/home/ada/src/löw's tool" = "nightly-2024-01-05-$target"
END
: | put .rustup/update-hashes/stable-$target

# Go: released, from a clone that was changed, a copy of it, a binary of something else, a script
go_program() { # file, text of its modules
    ada 'mkdir -p go/bin'
    python3 - "/home/ada/go/bin/$1" "$2" << 'END'
import struct, sys
path, text = sys.argv[1], sys.argv[2].encode()
string = lambda raw: bytes([len(raw) & 0x7F | 0x80, len(raw) >> 7]) + raw
blob = b"\xff Go buildinf:\x08\x02".ljust(32, b"\0") + string(b"go1.22.1") + string(b"s" * 16 + text + b"e" * 16)
names = b"\0.shstrtab\0.go.buildinfo\0"
at = 64 + 3 * 64
with open(path, "wb") as made:
    made.write(struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, 3, 1) + bytes(64))
    made.write(struct.pack("<IIQQQQIIQQ", 1, 3, 0, 0, at, len(names), 0, 0, 1, 0))
    made.write(struct.pack("<IIQQQQIIQQ", 11, 1, 0, 0, at + len(names), len(blob), 0, 0, 16, 0) + names + blob)
END
    chown ada:ada "/home/ada/go/bin/$1"
    chmod 0755 "/home/ada/go/bin/$1"
}
go_program gopls "$(printf 'path\texample.org/x/tools/gopls\nmod\texample.org/x/tools/gopls\tv0.15.3\th1:x=\nbuild\t-tags=netgo,osusergo\n')"
go_program changed "$(printf 'path\texample.org/ada/changed/cmd/changed\nmod\texample.org/ada/changed\t(devel)\t\nbuild\tvcs.revision=1f2e3d\nbuild\tvcs.modified=true\n')"
ada 'cp go/bin/gopls "go/bin/gopls.old" && cp /bin/true go/bin/mute'
printf '#!/bin/sh\n' | put go/bin/script
ada 'chmod +x go/bin/script && mkdir -p go/pkg/mod/cache'

# Gems: asked for, needed by it, the machine's
gemspec() { # name, version, line
    printf '# -*- encoding: utf-8 -*-\n# stub: %s %s ruby lib\n\nGem::Specification.new do |s|\n  s.name = "%s".freeze\n  s.version = "%s"\n%s\nend\n' \
        "$1" "$2" "$1" "$2" "$3"
}
gems=.local/share/gem/ruby/3.1.0
gemspec asked 2.0.1 '  s.executables = ["asked".freeze]
  s.add_runtime_dependency(%q<needed>.freeze, ["~> 1.0"])' | put $gems/specifications/asked-2.0.1.gemspec
gemspec needed 1.4 '' | put $gems/specifications/needed-1.4.gemspec
printf 'no gemspec' | put $gems/specifications/broken-1.gemspec
mkdir -p /var/lib/gems/3.1.0/specifications
gemspec shared-gem 1.0 '' > /var/lib/gems/3.1.0/specifications/shared-gem-1.0.gemspec

# conda: its base, an environment with a hard name, a channel with a token, and a package of pip in it
history=conda-meta/history
put miniconda3/$history << 'END'
==> 2024-01-05 10:00:00 <==
# cmd: constructor
+https://example.org/pkgs/main/linux-64::conda-24.1.0-py311_0
# update specs: ['conda', "python=3.11"]
END
for name in condabin bin; do printf '#!/home/ada/miniconda3/bin/python\n' | put miniconda3/$name/conda; done
env="miniconda3/envs/löw's {{ 7*7 }}"
put "$env/$history" << 'END'
==> 2024-01-06 10:00:00 <==
# cmd: conda create -n x numpy pandas
+https://example.org/t/ha-hunter2-hunter2/private/linux-64::numpy-1.26.4-py312_0
+https://example.org/t/ha-hunter2-hunter2/private/noarch::pandas-2.2.0-py312_0
+conda-forge/linux-64::zlib-1.3-0
# update specs: ['numpy>=1.26', "pandas[version='>=2,<3']"]
==> 2024-01-07 10:00:00 <==
# cmd: conda remove pandas
# remove specs: ['pandas']
==> 2024-01-08 10:00:00 <==
# update specs: [numpy
END
site="$env/lib/python3.12/site-packages"
printf 'pip\n' | put "$site/httpie-3.2.4.dist-info/INSTALLER"
: | put "$site/httpie-3.2.4.dist-info/REQUESTED"
printf 'conda\n' | put "$site/numpy-1.26.4.dist-info/INSTALLER"
: | put "$site/numpy-1.26.4.dist-info/REQUESTED"
printf '/home/ada/miniconda3\n/home/ada/gone\n' | put .conda/environments.txt

# Homebrew: asked for, of a tap and pinned, needed by others, in two versions, a cask, taps with and without a remote
brew=/home/linuxbrew/.linuxbrew
keg() { # name, version, receipt
    mkdir -p "$brew/Cellar/$1/$2"
    printf '%s' "$3" > "$brew/Cellar/$1/$2/INSTALL_RECEIPT.json"
}
keg jq 1.7 '{"installed_on_request": true, "source": {"tap": "homebrew/core"}, "used_options": []}'
keg jq 1.6 '{"installed_on_request": true, "source": {"tap": "old/old"}, "used_options": []}'
keg oniguruma 6.9 '{"installed_on_request": false, "source": {"tap": "homebrew/core"}}'
keg glaze 2.0 '{"installed_on_request": true, "source": {"tap": "ada/tools"}, "used_options": ["--with-löw"]}'
touch -d 2024-01-02 $brew/Cellar/jq/1.7 $brew/Cellar/glaze/2.0 $brew/Cellar/oniguruma/6.9
touch -d 2023-01-02 $brew/Cellar/jq/1.6
mkdir -p $brew/Caskroom/font-ada/1.1 $brew/Caskroom/font-ada/.metadata $brew/var/homebrew/pinned
ln -s ../../../Cellar/glaze/2.0 $brew/var/homebrew/pinned/glaze
tap() { mkdir -p "$brew/Library/Taps/$1/.git" && cat > "$brew/Library/Taps/$1/.git/config"; }
printf '[remote "origin"]\n\turl = https://ada:hunter2@example.org/tools.git\n' | tap ada/homebrew-tools
printf '[core]\n\tbare = false\n' | tap ada/homebrew-own
chown -R ada:ada /home/linuxbrew

# nvm, pyenv, sdkman, volta: with packages within, links to what is another's, hard names
node=.nvm/versions/node/v20.11.0/lib/node_modules
for name in npm corepack pm2; do printf '{"version": "5.3.1"}' | put $node/$name/package.json; done
printf 'lts/iron\n' | put .nvm/alias/default
: | put .nvm/.cache/bin/node.tar.xz
python=.pyenv/versions/3.11.7
printf 'uv' | put $python/lib/python3.11/site-packages/kiln_lib-1.0.dist-info/INSTALLER
: | put $python/lib/python3.11/site-packages/kiln_lib-1.0.dist-info/REQUESTED
printf 'pip\n' | put $python/lib/python3.11/site-packages/pip-23.2.1.dist-info/INSTALLER
: | put $python/lib/python3.11/site-packages/pip-23.2.1.dist-info/REQUESTED
printf '3.11.7\nsystem # and so on\n' | put .pyenv/version
ada "mkdir -p $python/envs/x \"\$(printf \".pyenv/versions/löw's \\\$(id) \\\\377\")\" && ln -s /home/ada/$python/envs/x .pyenv/versions/x"
ada 'mkdir -p .sdkman/candidates/java/21.0.2-tem .sdkman/tmp && ln -s 21.0.2-tem .sdkman/candidates/java/current'
printf '{"node": {"runtime": "18.19.0", "npm": null}}' | bobs .volta/tools/user/platform.json
bob 'mkdir -p .volta/tools/image/node/18.19.0 .asdf/installs/nodejs/20.11.0'
