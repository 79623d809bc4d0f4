# Apps of two people and of everybody, from remotes that lie on this machine; flatpak itself makes and installs them.
made=$(mktemp -d)
chmod 0755 "$made"
cd "$made"
export HOME=/root XDG_DATA_DIRS=/usr/share
base64 -d > key.gpg << 'END'
mDMEZj3wIBYJKwYBBAHaRw8BAQdAkIvkSCes0sl5d3Z5yWFcwE3Pxg5Nm7hq34QleUFXN0+0MFJla2luZGxlIHNhbXBsZSByZW1v
dGUgPHNhbXBsZUByZWtpbmRsZS5pbnZhbGlkPoiQBBMWCAA4FiEEfhJLwvIJy+a/r8uCJ/zID3EC1rAFAmY98CACGwMFCwkIBwIG
FQoJCAsCBBYCAwECHgECF4AACgkQJ/zID3EC1rBIHAD9FMfgoUTxbfCdjhkuGHrhLhBj3yYljoIX4vH5w59fjpIBAJE1My7F5CSI
AQTA4cIn5SuRNFgBwRgbwBggp3B5q0sL
END
chmod 0644 key.gpg
fixed=--timestamp=2024-05-10T10:00:00Z
repo=/srv/flatpaks
arch=$(flatpak --default-arch)
# With root's rights: to install as somebody else, flatpak asks a system that runs.
for_ada() { env HOME=/home/ada "$@"; }
for_bob() { env HOME=/srv/people/bob "$@"; }

# id, branch, lines of its metadata
runtime() {
    rm -rf tree
    mkdir -p tree/usr tree/files
    printf '[Runtime]\nname=%s\n%s' "$1" "${3-}" > tree/metadata
    flatpak build-export -r $fixed "$repo" tree "$2" > /dev/null
}
# id, branch
app() {
    rm -rf tree
    mkdir -p tree/export/share/applications tree/files/bin
    printf '#!/bin/sh\n' > tree/files/bin/start
    chmod 0755 tree/files/bin/start
    printf '[Desktop Entry]\nName=App\nType=Application\nExec=start\n' > "tree/export/share/applications/$1.desktop"
    printf '[Application]\nname=%s\nruntime=org.example.Platform/%s/23.08\ncommand=start\n' "$1" "$arch" > tree/metadata
    flatpak build-export $fixed "$repo" tree "$2" > /dev/null
}
runtime org.example.Platform 23.08
runtime org.example.Tool 1
for name in Hello Paint Closed Filed Own Beta; do app org.example.$name stable; done
app org.example.Hello beta
runtime org.example.Hello.Plugin.X stable "
[ExtensionOf]
ref=app/org.example.Hello/$arch/stable
"
flatpak build-update-repo --default-branch=stable $repo > /dev/null
chmod -R a+rX $repo

mkdir -p /etc/flatpak/installations.d /srv/games
printf '[Installation "games"]\nPath=/srv/games\nDisplayName=Games\nStorageType=harddisk\n' > /etc/flatpak/installations.d/games.conf
flatpak remote-add --system --no-gpg-verify --title=Examples example file://$repo
flatpak remote-add --system --no-gpg-verify --disable --prio=5 off https://127.0.0.1:1/off/
flatpak remote-add --installation=games --no-gpg-verify play file://$repo
for_ada flatpak remote-add --user --no-gpg-verify --no-enumerate --title="Löw's {{ 7*7 }}" mine file://$repo
for_ada flatpak remote-add --user --no-gpg-verify closed file://$repo
for_ada flatpak remote-add --user --gpg-import="$made/key.gpg" --collection-id=org.example.Keyed --subset=verified keyed https://127.0.0.1:1/keyed/
for_ada flatpak remote-add --user --no-gpg-verify private https://ada:hunter2@127.0.0.1:1/repo/
for_bob flatpak remote-add --user --no-gpg-verify example file://$repo

quiet="-y --noninteractive"
flatpak install --system $quiet example org.example.Hello//stable org.example.Paint > /dev/null
flatpak install --system $quiet example runtime/org.example.Tool/$arch/1 > /dev/null
flatpak install --system $quiet example org.example.Hello.Plugin.X//stable > /dev/null
flatpak build-bundle $repo filed.flatpak org.example.Filed stable
flatpak install --system $quiet --bundle filed.flatpak > /dev/null
flatpak install --installation=games $quiet play org.example.Own > /dev/null
for_ada flatpak install --user $quiet mine org.example.Hello//beta > /dev/null
for_ada flatpak install --user $quiet mine org.example.Hello//stable > /dev/null
for_ada flatpak make-current --user org.example.Hello beta > /dev/null
for_ada flatpak install --user $quiet closed org.example.Closed > /dev/null
for_bob flatpak install --user $quiet example org.example.Beta > /dev/null
# Tried, and gone again; a remote that is no more.
flatpak uninstall --system $quiet org.example.Paint > /dev/null
for_ada flatpak remote-delete --user --force closed

flatpak override --system --nofilesystem=home --nosocket=x11 org.example.Hello
for_ada flatpak override --user --env=FOO=bar org.example.Hello
for_ada flatpak override --user --env=API_TOKEN=hunter2hunter2 org.example.Closed
for_ada flatpak override --user --socket=wayland
flatpak pin --system 'runtime/org.example.*/x86_64/24.08'
for_ada flatpak mask --user org.example.Masked
flatpak config --system --set languages 'de;en'
for_bob flatpak config --user --set extra-languages 'pt_BR;fr'
for_ada mkdir -p /home/ada/.var/app/org.example.Hello/cache /home/ada/.var/app/org.example.Hello/data \
    /home/ada/.local/share/flatpak/db
printf 'kept' | for_ada tee /home/ada/.local/share/flatpak/db/notifications > /dev/null
printf 'hunter2' | for_ada tee /home/ada/.local/share/flatpak/db/documents > /dev/null
printf 'x' | for_ada tee /home/ada/.var/app/org.example.Hello/cache/x > /dev/null

chown -R ada:ada /home/ada/.cache /home/ada/.local /home/ada/.var
chown -R bob:bob /srv/people/bob/.cache /srv/people/bob/.local
cd /
rm -r "$made"
