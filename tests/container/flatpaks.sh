# Apps of the machine and of ada, from remotes whose commits are signed and that are gone by the time of a restore.
cd "$(mktemp -d)"
export HOME=/root LC_ALL=C.UTF-8
useradd --create-home ada
arch=$(flatpak --default-arch)
gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-gen-key sample@example.invalid ed25519 sign never
gpg --export > key.gpg
key=$(gpg --list-keys --with-colons | awk -F: '/^fpr/ {print $10; exit}')
export_tree() { flatpak build-export --gpg-sign=$key --timestamp=2024-05-10T10:00:00Z "$@" > /dev/null; }
runtime() { # id, branch, lines of its metadata
    rm -rf tree
    mkdir -p tree/usr/de tree/usr/en
    echo "$1" | tee tree/usr/de/name > tree/usr/en/name
    # What an extension has is here.
    cp -r tree/usr tree/files
    printf '[Runtime]\nname=%s\n%s' "$1" "${3-}" > tree/metadata
    export_tree -r repo tree "$2"
}
app() { # id
    rm -rf tree
    mkdir -p tree/export tree/files/bin
    printf '#!/bin/sh\necho from-flatpak\n' > tree/files/bin/start
    chmod 0755 tree/files/bin/start
    printf '[Application]\nname=%s\nruntime=org.example.Platform/%s/23.08\ncommand=start\n' "$1" "$arch" > tree/metadata
    export_tree repo tree stable
}
runtime org.example.Platform 23.08 '[Extension org.example.Platform.Locale]
directory=share/runtime/locale
locale-subset=true
[Extension org.example.Platform.GL]
versions=1.4
subdirectories=true
directory=lib/GL
'
of="[ExtensionOf]
ref=runtime/org.example.Platform/$arch/23.08
"
runtime org.example.Platform.Locale 23.08 "$of"
runtime org.example.Platform.GL.default 1.4 "$of"
runtime org.example.Stray 1
app org.example.Hello
app org.example.Own
flatpak build-update-repo --gpg-sign=$key repo > /dev/null
chmod -R a+rX "$PWD"
quiet="-y --noninteractive"
flatpak config --system --set languages de
flatpak remote-add --system --gpg-import=key.gpg example "file://$PWD/repo"
flatpak install --system $quiet example org.example.Hello org.example.Stray > /dev/null
flatpak pin --system --remove "runtime/org.example.Stray/$arch/1"
flatpak remote-modify --system --url=https://127.0.0.1:1/repo/ example
export HOME=/home/ada
flatpak remote-add --user --gpg-import=key.gpg --no-enumerate hers "file://$PWD/repo"
flatpak install --user $quiet hers org.example.Own > /dev/null
flatpak remote-modify --user --url=https://127.0.0.1:1/hers/ hers
chown -R ada:ada /home/ada
