"""Small ISOs with the layouts of Ubuntu's own, made with the vendor's own option lists.

Their kernels and their squashfs are noise: they are for reading and rewriting, not for booting Linux.
The GRUB of amd64 is real.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from collectors.command import run

INFO_2404 = 'Ubuntu-Server 24.04.3 LTS "Noble Numbat" - Release amd64 (20250805.1)'
INFO_2204 = 'Ubuntu-Server 22.04.5 LTS "Jammy Jellyfish" - Release amd64 (20240911)'
INFO_2604 = 'Ubuntu-Server 26.04.1 LTS "Resolute Raccoon" - Release amd64 (20260806)'
INFO_DESKTOP = 'Ubuntu 24.04.3 LTS "Noble Numbat" - Release amd64 (20250805.1)'
INFO_ARM64 = 'Ubuntu-Server 24.04.3 LTS "Noble Numbat" - Release arm64 (20250805.1)'
INFO_ARM64_2604 = 'Ubuntu-Server 26.04.1 LTS "Resolute Raccoon" - Release arm64 (20260806)'
SIGNED_GRUB = Path("/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed")
GRUB_MODULES = "biosdisk iso9660 normal linux configfile search part_gpt part_msdos echo test serial terminal"
VOLUME_DATE = "2025080523540700"
ELTORITO = "boot/grub/i386-pc/eltorito.img"
ESP_KIB = 5034

GRUB_CFG = """\
set timeout=30

loadfont unicode

set menu_color_normal=white/black
set menu_color_highlight=black/light-gray

menuentry "Try or Install Ubuntu Server" {
	set gfxpayload=keep
	linux	/casper/vmlinuz  ---
	initrd	/casper/initrd
}
menuentry "Ubuntu Server with the HWE kernel" {
	set gfxpayload=keep
	linux	/casper/hwe-vmlinuz  ---
	initrd	/casper/hwe-initrd
}
grub_platform
if [ "$grub_platform" = "efi" ]; then
menuentry 'Boot from next volume' {
	exit 1
}
menuentry 'UEFI Firmware Settings' {
	fwsetup
}
else
menuentry 'Test memory' {
	linux16 /boot/memtest86+.bin
}
fi
"""
LOOPBACK_CFG = """\
menuentry "Try or Install Ubuntu Server" {
	set gfxpayload=keep
	linux	/casper/vmlinuz  iso-scan/filename=${iso_path} ---
	initrd	/casper/initrd
}
"""

DESKTOP_GRUB_CFG = """\
set timeout=30

loadfont unicode

set menu_color_normal=white/black
set menu_color_highlight=black/light-gray

menuentry "Try or Install Ubuntu" {
	set gfxpayload=keep
	linux	/casper/vmlinuz  --- quiet splash
	initrd	/casper/initrd
}
menuentry "Ubuntu (safe graphics)" {
	set gfxpayload=keep
	linux	/casper/vmlinuz nomodeset  --- quiet splash
	initrd	/casper/initrd
}
grub_platform
if [ "$grub_platform" = "efi" ]; then
menuentry 'Boot from next volume' {
	exit 1
}
menuentry 'UEFI Firmware Settings' {
	fwsetup
}
fi
"""
DESKTOP_LOOPBACK_CFG = """\
menuentry "Try or Install Ubuntu" {
	set gfxpayload=keep
	linux	/casper/vmlinuz  iso-scan/filename=${iso_path} --- quiet splash
	initrd	/casper/initrd
}
menuentry "Ubuntu (safe graphics)" {
	set gfxpayload=keep
	linux	/casper/vmlinuz nomodeset  iso-scan/filename=${iso_path} --- quiet splash
	initrd	/casper/initrd
}
"""
ARM64_GRUB_CFG = """\
set timeout=30

loadfont unicode

set menu_color_normal=white/black
set menu_color_highlight=black/light-gray

set cmdline=
smbios --type 4 --get-string 5 --set proc_version
regexp "Snapdragon.*" "$proc_version"
if [ $? = 0 ]; then
  cmdline="clk_ignore_unused pd_ignore_unused arm64.nopauth"
fi

menuentry "Try or Install Ubuntu Server" {
    set gfxpayload=keep
    linux  /casper/vmlinuz $cmdline  ---  console=tty0
    initrd /casper/initrd
}
menuentry 'Boot from next volume' {
    exit 1
}
menuentry 'UEFI Firmware Settings' {
    fwsetup
}
"""

# Where the ESP's image belongs among the options.
_ESP = "<ESP>"
_AMD64 = (
    *("--grub2-mbr", "/usr/lib/grub/i386-pc/boot_hybrid.img", "--protective-msdos-label"),
    *("-partition_cyl_align", "off", "-partition_offset", "16", "--mbr-force-bootable"),
    *("-append_partition", "2", "28732ac11ff8d211ba4b00a0c93ec93b", _ESP, "-appended_part_as_gpt"),
    *("-iso_mbr_part_type", "a2a0d0ebe5b9334487c068b6b72699c7"),
)
_BIOS = (
    *("-b", f"/{ELTORITO}", "-no-emul-boot"),
    *("-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info", "-eltorito-alt-boot"),
)
_UEFI = ("-e", "--interval:appended_partition_2:all::", "-no-emul-boot")
_CATALOGUE = ("-c", "/boot.catalog")
# arm64 up to 24.04: no GPT, and partitions that end at cylinders.
_ARM64_MBR = (
    *("-partition_cyl_align", "all", "-partition_offset", "16"),
    *("-partition_hd_cyl", "86", "-partition_sec_hd", "32"),
    *("-append_partition", "2", "0xef", _ESP, "-iso_mbr_part_type", "0xcd"),
)
_ARM64_GPT = (
    *("-append_partition", "2", "0xef", _ESP, "-appended_part_as_gpt", "--mbr-force-bootable"),
    *("-partition_offset", "16", "-partition_cyl_align", "all"),
)
_SERVER = ("ubuntu-server-minimal", "ubuntu-server-minimal.ubuntu-server")
INSTALL_SOURCES = "- default: true\n  id: {layer}\n  path: {layer}.squashfs\n"
_HWE = ("vmlinuz", "initrd", "hwe-vmlinuz", "hwe-initrd")


@dataclass(frozen=True)
class Vendor:
    """One of Ubuntu's ISOs: the line of `.disk/info`, its volume, what lies in casper/, how it boots."""

    info: str
    volume: str
    options: tuple[str, ...]
    grub_cfg: str = GRUB_CFG
    loopback_cfg: str = LOOPBACK_CFG
    kernels: tuple[str, ...] = _HWE
    squashfs: tuple[str, ...] = _SERVER
    efi: str = "bootx64.efi"


SERVER_2404 = Vendor(INFO_2404, "Ubuntu-Server 24.04.3 LTS amd64", (*_AMD64, *_CATALOGUE, *_BIOS, *_UEFI))
SERVER_2204 = replace(
    SERVER_2404, info=INFO_2204, volume="Ubuntu-Server 22.04.5 LTS amd64", kernels=("vmlinuz", "initrd")
)
# From here on menus are written with blanks.
SERVER_2604 = Vendor(
    INFO_2604,
    "Ubuntu-Server 26.04.1 LTS amd64",
    (*_AMD64, *_CATALOGUE, *_BIOS, *_UEFI),
    grub_cfg=GRUB_CFG.replace("\t", "    "),
    loopback_cfg=LOOPBACK_CFG.replace("\t", "    "),
    kernels=("vmlinuz", "initrd"),
)
DESKTOP_2404 = replace(
    SERVER_2404,
    info=INFO_DESKTOP,
    volume="Ubuntu 24.04.3 LTS amd64",
    grub_cfg=DESKTOP_GRUB_CFG,
    loopback_cfg=DESKTOP_LOOPBACK_CFG,
    kernels=("vmlinuz", "initrd"),
    squashfs=("minimal", "minimal.standard", "minimal.standard.live"),
)
ARM64_2404 = Vendor(
    INFO_ARM64,
    "Ubuntu-Server 24.04.3 LTS arm64",
    (*_ARM64_MBR, *_CATALOGUE, *_UEFI),
    grub_cfg=ARM64_GRUB_CFG,
    loopback_cfg="",
    efi="bootaa64.efi",
)
ARM64_2604 = replace(
    ARM64_2404,
    info=INFO_ARM64_2604,
    volume="Ubuntu-Server 26.04.1 LTS arm64",
    options=(*_ARM64_GPT, "-c", "/boot/boot.cat", *_UEFI),
    kernels=("vmlinuz", "initrd"),
)
VENDORS: Mapping[str, Vendor] = {
    "server-22.04": SERVER_2204,
    "server-24.04": SERVER_2404,
    "server-26.04": SERVER_2604,
    "desktop-24.04": DESKTOP_2404,
    "arm64-24.04": ARM64_2404,
    "arm64-26.04": ARM64_2604,
}


def synthetic_base(
    folder: Path,
    vendor: Vendor = SERVER_2404,
    *,
    info: str = "",
    without: tuple[str, ...] = (),
    large: Mapping[str, Path] | None = None,
) -> Path:
    """Make `base.iso` in `folder`.

    `info` stands in `.disk/info` instead of the vendor's; `without` names paths to leave off the medium,
    `large` files with holes to move onto it, of which md5sum.txt says nothing.
    """
    tree, esp, iso = folder / "tree", folder / "esp.img", folder / "base.iso"
    _fill(tree, replace(vendor, info=info or vendor.info))
    for name, file in (large or {}).items():
        file.rename(_placed(tree, name))
    for name in without:
        place = tree / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    _make_esp(esp, vendor)
    _author(tree, esp, iso, vendor)
    return iso


def _fill(tree: Path, vendor: Vendor) -> None:
    files = _files(vendor)
    for name, content in files.items():
        _placed(tree, name).write_bytes(content)
    (tree / "ubuntu").symlink_to(".")
    sums = run(["md5sum", *(f"./{name}" for name in sorted(files))], cwd=tree)
    if "-b" in vendor.options:
        run(
            [
                *("grub-mkimage", "-O", "i386-pc-eltorito", "-p", "/boot/grub"),
                *("-o", _placed(tree, ELTORITO), *GRUB_MODULES.split()),
            ]
        )
    (tree / "md5sum.txt").write_text(sums)


def _files(vendor: Vendor) -> dict[str, bytes]:
    noise = random.Random(1)
    return {
        ".disk/info": f"{vendor.info}\n".encode(),
        "boot/grub/grub.cfg": vendor.grub_cfg.encode(),
        **({"boot/grub/loopback.cfg": vendor.loopback_cfg.encode()} if vendor.loopback_cfg else {}),
        **{f"casper/{name}": noise.randbytes(300_001) for name in vendor.kernels},
        **{f"casper/{name}.squashfs": noise.randbytes(1_000_007) for name in vendor.squashfs},
        "casper/install-sources.yaml": INSTALL_SOURCES.format(layer=vendor.squashfs[0]).encode(),
        f"casper/{vendor.squashfs[0]}.manifest": b"base-files\t13ubuntu10\npython3\t3.12.3-0ubuntu2\n",
        "dists/noble/Release": b"Origin: Ubuntu\n",
        "install/empty": b"",
        "pool/main/h/hello/hello_2.10-3build1_amd64.deb": noise.randbytes(26_001),
        f"EFI/boot/{vendor.efi}": _efi(vendor),
    }


def _efi(vendor: Vendor) -> bytes:
    """Return the boot loader; a PE file of nothing where none is at hand for the architecture."""
    return SIGNED_GRUB.read_bytes() if vendor.efi == "bootx64.efi" else b"MZ" + bytes(100_000)


def _placed(tree: Path, name: str) -> Path:
    place = tree / name
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _make_esp(esp: Path, vendor: Vendor) -> None:
    run(["truncate", "-s", f"{ESP_KIB}K", esp])
    run(["mformat", "-i", esp, "-v", "ESP", "::"])
    run(["mmd", "-i", esp, "::EFI", "::EFI/boot"])
    run(["mcopy", "-i", esp, "-", f"::EFI/boot/{vendor.efi}"], stdin=_efi(vendor))


def _author(tree: Path, esp: Path, iso: Path, vendor: Vendor) -> None:
    options = [str(esp) if word == _ESP else word for word in vendor.options]
    argv = [
        *("xorriso", "-as", "mkisofs", "-r", "-J", "-joliet-long", "-l", "-iso-level", "3"),
        *("-V", vendor.volume, f"--modification-date={VOLUME_DATE}", "--set_all_file_dates", VOLUME_DATE),
        *(*options, "-o", "-", tree),
    ]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1754438047"}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as made:
        # Holes stay holes: a base of gigabytes costs nothing.
        subprocess.run(
            ["dd", f"of={iso}", "bs=64K", "iflag=fullblock", "conv=sparse", "status=none"],
            stdin=made.stdout,
            check=True,
        )
    assert made.returncode == 0
