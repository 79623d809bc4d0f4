"""Which packages are in the stand-in, and which of their files are left out?"""

from __future__ import annotations

from collections.abc import Mapping

KERNEL: Mapping[str, str] = {"debian": "linux-image-amd64", "ubuntu": "linux-image-generic"}

# What becomes the installed system: small, but whole enough to be restored onto.
TARGET = (
    "apt-utils",
    "btrfs-progs",
    "ca-certificates",
    "console-setup",
    "dbus",
    "dosfstools",
    "e2fsprogs",
    "fdisk",
    "git",
    "gnupg",
    "grub-efi-amd64",
    "grub-efi-amd64-signed",
    "grub-pc-bin",
    "initramfs-tools",
    "iproute2",
    "iputils-ping",
    "kbd",
    "keyboard-configuration",
    "kmod",
    "less",
    "libpam-systemd",
    "locales",
    "netbase",
    "procps",
    "python3",
    "shim-signed",
    "sudo",
    "systemd-resolved",
    "systemd-sysv",
    "tzdata",
    "udev",
    "zstd",
)

# What only the live system has.
LIVE = (
    "busybox",
    "python3-jsonschema",
    "python3-yaml",
    "squashfs-tools",
    "xfsprogs",
)

# Drivers that neither a virtual machine nor the demo needs make half of the kernel's package.
_KERNEL_FOLDERS = (
    "arch/x86/kvm",
    "drivers/accel",
    "drivers/bluetooth",
    "drivers/comedi",
    "drivers/gpu",
    "drivers/iio",
    "drivers/infiniband",
    "drivers/isdn",
    "drivers/media",
    "drivers/mtd",
    "drivers/net/can",
    "drivers/net/wireless",
    "drivers/platform",
    "drivers/scsi/bfa",
    "drivers/scsi/lpfc",
    "drivers/scsi/qla2xxx",
    "drivers/staging",
    "drivers/target",
    "drivers/usb/gadget",
    "drivers/usb/serial",
    "drivers/video/fbdev",
    "fs/ceph",
    "fs/gfs2",
    "fs/nfsd",
    "fs/ocfs2",
    "fs/smb",
    "net/bluetooth",
    "net/ceph",
    "net/mac80211",
    "net/wireless",
    "sound",
)
_KERNEL_FILES = ("drivers/net/ethernet/[!irv]*", "lib/test_*")
_DOCUMENTATION = ("doc", "info", "linda", "lintian", "locale", "man")

EXCLUDED = (
    *(f"/lib/modules/*/kernel/{folder}/*" for folder in _KERNEL_FOLDERS),
    *(f"/lib/modules/*/kernel/{file}" for file in _KERNEL_FILES),
    *(f"/usr/share/{folder}/*" for folder in _DOCUMENTATION),
)
# A licence stays beside what it covers.
INCLUDED = ("/usr/share/doc/*/copyright",)


def target_packages(distribution: str) -> tuple[str, ...]:
    """Return the packages of the installed system on `debian` or `ubuntu`."""
    return tuple(sorted((*TARGET, KERNEL[distribution])))
