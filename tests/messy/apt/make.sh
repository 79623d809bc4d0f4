# Years of sources, keys, holds and packages from everywhere; $ARCHIVE has another port each time.
sources=/etc/apt/sources.list.d
keys=/etc/apt/keyrings
# name, version, architecture, fields of its control file; what is in $made/$name beforehand is in it
package() {
    mkdir -p "$made/$1/DEBIAN"
    printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Ada <ada@example.org>\nDescription: hers\n%s' \
        "$1" "$2" "$3" "${4-}" > "$made/$1/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$made/$1" "$made/${1}_$2_$3.deb" > /dev/null
}
made=$(mktemp -d)
chmod 0755 "$made"

# Keys: in both forms, where packages' own ones lie, one that nothing names, one with a hard name, and a private one
for name in key.gpg key.asc; do /usr/lib/apt/apt-helper -qq download-file "$ARCHIVE/$name" "$made/$name"; done
install -m 0644 "$made/key.asc" $keys/kiln.asc
install -m 0644 "$made/key.gpg" /usr/share/keyrings/kiln.gpg
install -m 0644 "$made/key.gpg" /etc/apt/trusted.gpg.d/old-vendor.gpg
install -m 0644 "$made/key.gpg" "$(printf "$keys/l\\303\\266w's {{ 7*7 }} \$(id)\\377\n.gpg")"
printf -- '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nhunter2\n' > $keys/signing.asc
cp $keys/kiln.asc $keys/kiln.asc~

# Sources: one line each, stanzas with a key of their own, two flat ones, one without an answer, one with a
# password, one that is off, and files that apt does not read
printf '# Löw'\''s machine\ndeb [arch=amd64 signed-by=%s] %s/main/ sample main # deb cdrom:[x]/ y\n' $keys/kiln.asc "$ARCHIVE" \
    > /etc/apt/sources.list
{
    printf 'X-Repolib-Name: Kiln Works {{ 7*7 }}\nTypes: deb\nURIs: %s/vendor\nSuites: sample\nComponents: main\nSigned-By:\n' "$ARCHIVE"
    sed 's/^$/./; s/^/ /' "$made/key.asc"
    printf '\n# The same again, by the other key\nTypes: deb\nURIs: %s/vendor\nSuites: sample\nComponents: main\n' "$ARCHIVE"
    printf 'Signed-By: /usr/share/keyrings/kiln.gpg\nEnabled: no\n'
} > $sources/kiln.sources
printf 'deb [arch=amd64,i386 trusted=yes] http://127.0.0.2:1/a_b/%%7Eada/ gone main\n' > $sources/gone.list
printf 'deb [trusted=yes] http://ada:hunter2@127.0.0.3:1/private/ ./\n' > $sources/private.list
printf 'machine 127.0.0.3:1\nlogin ada\npassword hunter2\n' > /etc/apt/auth.conf.d/private.conf
printf 'Enabled: no\nTypes: deb deb-src\nURIs: https://example.org/off\nSuites: stable\nComponents: main\n' > $sources/off.sources
printf 'deb [trusted=yes] file:/srv/kilns ./\n' > $sources/flat.list
printf 'deb [trusted=yes] copy:/srv/closed ./\n' > $sources/closed.list
printf 'deb https://example.org/old old main\n' > $sources/old.list.save
printf 'deb http://127.0.0.4:1/ notes main\nno source\n' > "$sources/my notes.list"
printf 'deb [trusted=yes] file:/srv/mirror ./\n' > $sources/mirror.list

flat() {
    mkdir -p "$1"
    for name in "$1"/*.deb; do
        dpkg-deb --field "$name"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${name##*/}" "$(wc -c < "$name")" "$(sha256sum "$name" | cut -d ' ' -f 1)"
    done > "$made/Packages"
    mv "$made/Packages" "$1/Packages"
}
mkdir -p /srv/kilns /srv/closed /srv/mirror
package kiln-flat 1:2.0-1 all
mv "$made"/kiln-flat_*.deb /srv/kilns/kiln-flat_2.0-1_all.deb
flat /srv/kilns
package kiln-closed 3 amd64
mv "$made"/kiln-closed_*.deb /srv/closed/
flat /srv/closed

# What the distribution offers: all that is here.
dpkg-query --show --showformat 'Package: ${Package}\nVersion: ${Version}\nArchitecture: ${Architecture}\nFilename: ./${Package}.deb\nSize: 1\n\n' \
    > /srv/mirror/Packages

dpkg --add-architecture i386
apt-get -qq update || true
apt-get -qq -y install tree jq hello figlet pwgen kiln kiln-tongs kiln-glaze kiln-flat kiln-closed > /dev/null
apt-mark auto hello kiln-tongs > /dev/null
apt-mark manual libonig5 > /dev/null
dpkg --remove kiln-glaze > /dev/null
apt-mark hold pwgen git tzdata kiln-glaze nyancat > /dev/null
printf 'Package: *\nPin: origin "kiln.example.org"\nPin-Priority: 100\n' > /etc/apt/preferences.d/kiln
printf 'APT::Install-Recommends "false";\n' > /etc/apt/apt.conf.d/99ada
# Its archive closed: apt has the package still.
rm $sources/closed.list
rm -r /srv/closed
apt-get -qq update || true

# From no source: what is nowhere any more, what lies in Downloads under its own or another name, an old version
# there of what is installed in a newer one, another architecture
package kiln-lost 1.0 all
package kiln-kept 1:1.0+b1 all
package kiln-old 2.0 i386
dpkg --install "$made/kiln-lost_1.0_all.deb" "$made/kiln-kept_1:1.0+b1_all.deb" "$made/kiln-old_2.0_i386.deb" > /dev/null
downloads=/home/ada/Downloads
runuser -u ada -- mkdir "$downloads"
mv "$made/kiln-kept_1:1.0+b1_all.deb" "$(printf "$downloads/kept (1)\\377.deb")"
package kiln-old 1.0 i386
mv "$made/kiln-old_1.0_i386.deb" "$downloads/"
printf 'no package' > "$downloads/broken.deb"
chown -R ada:ada "$downloads"

# Answers: the package's own ones, others, secrets, of a package that is gone, of the machine
mkdir -p "$made/kiln-desk/DEBIAN"
cat > "$made/kiln-desk/DEBIAN/templates" << 'END'
Template: kiln-desk/heat
Type: select
Choices: low, high
Default: low
Description: How hot?

Template: kiln-desk/fuel
Type: string
Default: oak
Description: Which wood?

Template: kiln-desk/motto
Type: string
Description: Which motto?

Template: kiln-desk/colours
Type: multiselect
Choices: red, blue, green
Default: red, blue
Description: Which colours?

Template: kiln-desk/glazes
Type: multiselect
Choices: ash, salt
Default: ash, salt
Description: Which glazes?

Template: kiln-desk/at-night
Type: boolean
Description: At night?

Template: kiln-desk/unasked
Type: boolean
Default: true
Description: Never asked

Template: kiln-desk/password
Type: password
Description: Which password?

Template: kiln-desk/api-token
Type: string
Description: Which token?

Template: kiln-desk/url
Type: string
Description: Which server?

Template: kiln-desk/hello
Type: note
Description: Hello
END
printf '#!/bin/sh\n. /usr/share/debconf/confmodule\ndb_version 2.0\n' > "$made/kiln-desk/DEBIAN/postinst"
cat > "$made/kiln-desk/DEBIAN/config" << 'END'
#!/bin/sh
. /usr/share/debconf/confmodule
for name in heat fuel motto colours glazes at-night password api-token url hello; do db_input high kiln-desk/$name || true; done
db_go || true
db_set kiln-desk/unasked false
END
chmod 0755 "$made/kiln-desk/DEBIAN/config" "$made/kiln-desk/DEBIAN/postinst"
package kiln-desk 1.0 all 'Depends: debconf
'
debconf-set-selections << 'END'
kiln-desk kiln-desk/heat select high
kiln-desk kiln-desk/fuel string oak
kiln-desk kiln-desk/motto string Löw's "{{ 7*7 }}" $(id) \ #1
kiln-desk kiln-desk/colours multiselect blue, red
kiln-desk kiln-desk/glazes multiselect salt
kiln-desk kiln-desk/at-night boolean true
kiln-desk kiln-desk/password password hunter2
kiln-desk kiln-desk/api-token string hunter2
kiln-desk kiln-desk/url string https://ada:hunter2@example.org/
tzdata tzdata/Areas select Europe
tzdata tzdata/Zones/Europe select Berlin
nobody nobody/question string hunter2
ca-certificates ca-certificates/trust_new_crts select ask
END
dpkg --install "$made/kiln-desk_1.0_all.deb" > /dev/null
dpkg-reconfigure -f noninteractive ca-certificates > /dev/null

rm -r "$made"
