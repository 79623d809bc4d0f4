# Programs that no manager installed: by installers of their own, as AppImages, built from source, written by hand, and
# some that nobody knows.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_COUNT=1
export GIT_CONFIG_KEY_0=init.defaultBranch GIT_CONFIG_VALUE_0=main
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org GIT_AUTHOR_DATE=2024-03-01T12:00:00Z
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.org GIT_COMMITTER_DATE=2024-03-01T12:00:00Z
home=/home/ada
ada() { runuser -u ada -- env HOME=$home "$@"; }
bob() { runuser -u bob -- env HOME=/srv/people/bob "$@"; }
# Standard input into a file, of root's, of Ada's
put() { mkdir -p "$(dirname "$1")" && cat > "$1"; }
hers() { ada mkdir -p "$(dirname "$1")" && ada tee "$1" > /dev/null; }
# A binary like no other
binary() { cat /bin/true - << END; }
$1
END
program() { binary "$1" | put "$1" && chmod 0755 "$1"; }
her_program() { binary "$1" | hers "$1" && chmod 0755 "$1"; }

# Of the catalogue: by their own installers, as those leave them
her_program $home/.local/share/claude/versions/2.0.9
her_program $home/.local/share/claude/versions/2.0.10
ada ln -s $home/.local/share/claude/versions/2.0.10 $home/.local/bin/claude
her_program $home/.local/bin/uv
her_program $home/.local/bin/uvx
printf '{"version": "0.5.1"}' | hers $home/.config/uv/uv-receipt.json
her_program $home/.bun/bin/bun
her_program $home/.cargo/bin/rustup
for name in cargo rustc rustfmt; do ada ln $home/.cargo/bin/rustup $home/.cargo/bin/$name; done
printf '# rustup shell setup\n' | hers $home/.cargo/env
printf '{"version": "0.39.7"}' | hers $home/.nvm/package.json
printf '# Node Version Manager\n' | hers $home/.nvm/nvm.sh
printf '#!/usr/bin/env bash\n' | hers $home/.pyenv/bin/pyenv
printf '# Oh My Zsh\n' | hers $home/.oh-my-zsh/oh-my-zsh.sh
ada git -C $home/.oh-my-zsh init --quiet
printf '# SDKMAN\n' | hers $home/.sdkman/bin/sdkman-init.sh
printf '5.18.2\n' | hers $home/.sdkman/var/version
program /usr/local/go/bin/go
printf 'go1.22.1\ntime 2024-02-29T18:18:48Z\n' | put /usr/local/go/VERSION
ln -s ../go/bin/go /usr/local/bin/go
program /usr/local/bin/ollama
printf '[Service]\nExecStart=/usr/local/bin/ollama serve\n' | put /etc/systemd/system/ollama.service
printf '{}' | put /usr/share/ollama/.ollama/models/manifests/registry.example.org/library/llama3/8b
program /home/linuxbrew/.linuxbrew/bin/brew
program /opt/REAPER/reaper
mkdir -p /opt/zig
program /opt/zig/zig
program "/opt/julia-1.10.2/bin/julia"
printf 'Windows' | hers $home/.wine/drive_c/windows/win.ini

# The owner's own recipes: one more, one in place of Rekindle's, one with a password, one that is wrong
program /opt/forge/bin/forge
program /usr/local/bin/kubectl
program /opt/vault/vault
printf '#!/bin/sh\nexec /opt/forge/bin/forge\n' | hers $home/.local/bin/forge
ada chmod 0755 $home/.local/bin/forge
put /etc/rekindle/recipes.d/forge.yaml << 'END'
recipes:
  forge:
    title: Löw's forge {{ 7*7 }} $(id)
    found: [/opt/forge/bin/forge]
    brings: [/opt/forge]
    install: curl -fsSL https://example.org/forge.sh | sh
    verify: '{place} --version'
  kubectl:
    title: kubectl, of the office
    found: [/usr/local/bin/kubectl]
    install: cp /mnt/office/kubectl {place}
appimages:
  - {names: ['Tongs*'], source: 'zsync|https://example.org/Tongs.AppImage.zsync'}
END
put /etc/rekindle/recipes.d/vault.yaml << 'END'
recipes:
  vault:
    title: Vault
    found: [/opt/vault/vault]
    install: curl -fsSL --user ada:hunter2 https://example.org/vault.sh | sh
END
printf 'recipes:\n  wrong:\n    title: Wrong\n    fuond: [/opt/wrong]\n' | put /etc/rekindle/recipes.d/wrong.yaml
printf 'notes' | put /etc/rekindle/recipes.d/notes.txt

# AppImages: with update information, known by their names, unknown, with hard names, one that nobody can run
appimage() { # file, update information
    python3 - "$1" "${2-}" << 'END'
import os, struct, sys
path, update = os.fsencode(sys.argv[1]), sys.argv[2].encode()
names = b"\0.upd_info\0.shstrtab\0"
told = update.ljust(512, b"\0")
at = 64 + 3 * 64
section = lambda name, offset, size: struct.pack("<IIQQQQIIQQ", name, 1, 0, 0, offset, size, 0, 0, 1, 0)
os.makedirs(os.path.dirname(path), exist_ok=True)
with open(path, "wb") as made:
    made.write(struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01\0AI\x02", 2, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, 3, 2))
    made.write(bytes(64) + section(1, at, 512) + section(11, at + 512, len(names)) + told + names)
os.chmod(path, 0o755)
END
}
appimage $home/Applications/Kiln-1.2.AppImage 'gh-releases-zsync|kiln|kiln|latest|Kiln-*x86_64.AppImage.zsync'
appimage $home/Downloads/Obsidian-1.5.3.AppImage
appimage $home/Downloads/Tongs-2.AppImage
appimage $home/Applications/odd.AppImage 'pling-v1-zsync|1|odd'
appimage "$(printf '/srv/people/bob/bin/l\303\266w "x"\n\377.AppImage')"
appimage "/opt/appimages/Glaze's \$(id) {{ 7*7 }}.AppImage"
appimage $home/Downloads/never.AppImage
chmod 0644 $home/Downloads/never.AppImage
chown -R ada:ada $home/Applications $home/Downloads
chown -R bob:bob /srv/people/bob/bin

# Built from source: CMake, autotools, cargo, without a remote, the machine's own by make, and a clone that nothing
# was built from
clone() { # folder, remote, files in it
    ada mkdir -p "$1"
    ada git -C "$1" init --quiet
    shift_to=$1 remote=$2
    shift 2
    for name; do printf '%s\n' "$name" | hers "$shift_to/$name"; done
    ada git -C "$shift_to" add -A
    ada git -C "$shift_to" commit --quiet -m source
    test -z "$remote" || ada git -C "$shift_to" remote add origin "$remote"
    test -z "$remote" || ada git -C "$shift_to" update-ref refs/remotes/origin/main HEAD
}
ignored() { printf '%s\n' "$2" >> "$1/.git/info/exclude"; }

cam=$home/src/kilncam
clone $cam https://ada:hunter2@git.example.org/ada/kilncam.git CMakeLists.txt cam.c
ignored $cam build
printf '/usr/local/bin/kilncam\n/usr/local/share/kilncam/l\303\266w.txt\n/usr/local/bin/gone' | hers $cam/build/install_manifest.txt
hers $cam/build/CMakeCache.txt << 'END'
# This is the CMakeCache file.
//Choose the type of build
CMAKE_BUILD_TYPE:STRING=Release
//Install path prefix, prepended onto install directories.
CMAKE_INSTALL_PREFIX:PATH=/usr/local
//Path to a program.
CMAKE_AR:FILEPATH=/usr/bin/ar
//With sound
WITH_SOUND:BOOL=ON
//No help, variable specified on the command line.
KILN_NAME:UNINITIALIZED=Löw's "kiln"
CMAKE_CACHE_MAJOR_VERSION:INTERNAL=3
END
program /usr/local/bin/kilncam
printf 'data' | put /usr/local/share/kilncam/löw.txt

hello=$home/src/hello
clone $hello https://git.example.org/gnu/hello.git configure.ac
ignored $hello '/src/'
ignored $hello 'config.log'
her_program $hello/src/hello
printf 'This file contains any messages produced by compilers while\n\n  $ ./configure --prefix=/usr/local --enable-nls\n\n## ---- ##\n' |
    hers $hello/config.log
program /usr/local/bin/hello

tally=$home/src/tally
clone $tally ssh://git@git.example.org/ada/tally.git Cargo.toml
ignored $tally '/target/'
her_program $tally/target/release/tally
ada cp $tally/target/release/tally $home/.local/bin/tally

lone=$home/src/lone
clone $lone '' Makefile
ignored $lone lone
her_program $lone/lone
cp $lone/lone /usr/local/sbin/lone

clone $home/src/unbuilt https://git.example.org/ada/unbuilt.git Makefile

git -C /usr/src init --quiet lamp
printf 'all:\n' > /usr/src/lamp/Makefile
git -C /usr/src/lamp add Makefile
git -C /usr/src/lamp commit --quiet -m source
git -C /usr/src/lamp remote add origin https://ada:hunter2@git.example.org/ada/lamp.git
program /usr/src/lamp/lamp
cp /usr/src/lamp/lamp /usr/local/sbin/lamp

# Nobody knows: binaries among the packages', beside them, in homes, in a vendor's folder, with a hard name
program /usr/bin/mystery
program /usr/local/bin/mystery
program "/usr/local/bin/löw's \$(id) {{ 7*7 }}"
her_program "$(printf $home/bin/'odd\n\377')"
program /opt/vendor/bin/vendor
: > /opt/vendor/README

# Scripts of her own, with a password in one; noise beside them
printf '#!/bin/sh\nexec rsync -a ~ nas:\n' | hers $home/bin/backup
printf '#!/usr/bin/python3\nprint(49)\n' | hers "$(printf $home/'bin/l\303\266w $(id) {{ 7*7 }}\377')"
printf '#!/bin/sh\nexport API_TOKEN=hunter2hunter2\n' | hers $home/bin/deploy
printf 'no program\n' | hers $home/bin/README
printf 'x' | hers $home/bin/backup~
ada ln -s backup $home/bin/again
ada ln -s /usr/bin/python3 $home/bin/python
ada ln -s ../src/hers $home/bin/hers
ada ln -s /usr/bin/gone $home/bin/gone
find $home/bin -type f ! -name README -exec chmod 0755 {} +
