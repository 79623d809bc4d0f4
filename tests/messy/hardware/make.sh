# A driver from its vendor's package, modules of DKMS, firmware, keys, fingers and docks: what this machine alone needs.
put() { mkdir -p "$(dirname "$1")"; cat > "$1"; }

# --- One package brings a driver, a module's source and firmware; nothing offers it
made=$(mktemp -d)
chmod 0755 "$made"
printf 'Package: nvidia-driver-550\nVersion: 550.120-0\nArchitecture: amd64\nMaintainer: Ada <ada@example.org>\nDescription: a driver\n' |
    put "$made/DEBIAN/control"
printf 'PACKAGE_NAME="nvidia"\nPACKAGE_VERSION="550.120"\n' | put "$made/usr/src/nvidia-550.120/dkms.conf"
printf 'x' | put "$made/lib/firmware/nvidia/550.120/gsp.bin"
dpkg-deb --root-owner-group --build "$made" "$made.deb" > /dev/null
dpkg --install "$made.deb" > /dev/null
rm -r "$made" "$made.deb"

# --- Modules that were put there by hand, what is none, and what DKMS made of them
printf 'PACKAGE_NAME="rtl88x2bu"\nPACKAGE_VERSION="5.8_3-git"\nBUILT_MODULE_NAME[0]="88x2bu"\n' | put /usr/src/rtl88x2bu-5.8_3-git/dkms.conf
printf 'PACKAGE_NAME="{{ 7*7 }}"\n' | put "$(printf '/usr/src/{{ 7*7 }}-1/dkms.conf')"
printf 'x' | put "$(printf "/usr/src/l\\303\\266w's\\377-2/dkms.conf")"
mkdir -p /usr/src/linux-headers-6.1.0-1-amd64
printf 'x' | put /usr/src/notes/dkms.conf
printf 'x' | put /var/lib/dkms/nvidia/550.120/6.1.0-1-amd64/x86_64/module/nvidia.ko
printf '3\n' | put /var/lib/dkms/dkms_dbversion
printf 'x' | put /lib/modules/6.1.0-1-amd64/updates/dkms/nvidia.ko
printf -- '-----BEGIN PRIVATE KEY-----\nhunter2\n' | put /var/lib/dkms/mok.key
printf 'x' | put /var/lib/dkms/mok.pub

# --- Firmware that no package brought: a file beside owned ones, one with a hard name, a directory
printf 'x' | put /lib/firmware/nvidia/patched.bin
printf 'xx' | put "$(printf "/lib/firmware/\$(id) {{ 7*7 }}\\n\\377.bin")"
printf 'xxx' | put /lib/firmware/xone/dongle.bin
ln -s nvidia/patched.bin /lib/firmware/link.bin

# --- Enrolled: a key of Secure Boot, fingers, docks
printf 'x' | put /var/lib/shim-signed/mok/MOK.der
printf -- '-----BEGIN PRIVATE KEY-----\nhunter2\n' | put /var/lib/shim-signed/mok/MOK.priv
printf 'x' | put /var/lib/fprint/ada/driver/0/7
printf '[device]\nname=Dock\nvendor=Example\nuid=0001\n' | put /var/lib/boltd/devices/0001
printf '[device]\nname=Dock\nvendor=Example\nuid=0002\n' | put /var/lib/boltd/devices/0002
printf "[device]\nname=Löw's {{ 7*7 }}\n" | put /var/lib/boltd/devices/0003
printf 'no setting\n' | put /var/lib/boltd/devices/0004

# --- What the kernel was told, besides what an installer gives and a password; both files are section files'
printf 'ro quiet amd_pstate=active iommu=pt "name={{ 7*7 }} $(id)"\n' | put /etc/kernel/cmdline
printf 'GRUB_CMDLINE_LINUX="ipmi.password=hunter2 nomodeset"\n' | put /etc/default/grub.d/ipmi.cfg
