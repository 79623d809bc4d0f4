"""A small ISO with the layout of Ubuntu's live-server ISO, made with the vendor's own option list.

Its kernel and its squashfs are noise: it is for reading and rewriting, not for booting Linux.
Its GRUB is real.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from collectors.command import run

INFO_2404 = 'Ubuntu-Server 24.04.3 LTS "Noble Numbat" - Release amd64 (20250805.1)'
INFO_2204 = 'Ubuntu-Server 22.04.5 LTS "Jammy Jellyfish" - Release amd64 (20240911)'
SIGNED_GRUB = Path("/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed")
GRUB_MODULES = "biosdisk iso9660 normal linux configfile search part_gpt part_msdos echo test serial terminal"
VOLUME_DATE = "2025080523540700"

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


def synthetic_base(folder: Path, *, info: str = INFO_2404, without: tuple[str, ...] = ()) -> Path:
    """Make `base.iso` in `folder`; `without` names paths to leave off the medium."""
    tree, esp, iso = folder / "tree", folder / "esp.img", folder / "base.iso"
    _fill(tree, info)
    for name in without:
        place = tree / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    _make_esp(esp)
    _author(tree, esp, iso)
    return iso


def _fill(tree: Path, info: str) -> None:
    noise = random.Random(1)
    files = {
        ".disk/info": f"{info}\n".encode(),
        "boot/grub/grub.cfg": GRUB_CFG.encode(),
        "boot/grub/loopback.cfg": LOOPBACK_CFG.encode(),
        "casper/vmlinuz": noise.randbytes(300_001),
        "casper/initrd": noise.randbytes(500_003),
        "casper/ubuntu-server-minimal.squashfs": noise.randbytes(2_000_007),
        "casper/install-sources.yaml": b"- id: ubuntu-server-minimal\n",
        "dists/noble/Release": b"Origin: Ubuntu\n",
        "pool/main/h/hello/hello_2.10-3build1_amd64.deb": noise.randbytes(26_001),
        "EFI/boot/bootx64.efi": SIGNED_GRUB.read_bytes(),
    }
    for name, content in files.items():
        place = tree / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    eltorito = tree / "boot/grub/i386-pc/eltorito.img"
    eltorito.parent.mkdir(parents=True)
    run(
        [
            "grub-mkimage",
            "-O",
            "i386-pc-eltorito",
            "-p",
            "/boot/grub",
            "-o",
            eltorito,
            *GRUB_MODULES.split(),
        ]
    )
    (tree / "ubuntu").symlink_to(".")
    sums = [run(["md5sum", f"./{name}"], cwd=tree) for name in sorted(files)]
    (tree / "md5sum.txt").write_text("".join(sums))


def _make_esp(esp: Path) -> None:
    run(["truncate", "-s", "5034K", esp])
    run(["mformat", "-i", esp, "-v", "ESP", "::"])
    run(["mmd", "-i", esp, "::EFI", "::EFI/boot"])
    run(["mcopy", "-i", esp, SIGNED_GRUB, "::EFI/boot/bootx64.efi"])


def _author(tree: Path, esp: Path, iso: Path) -> None:
    """Author with the options that xorriso reports of Ubuntu's own ISOs."""
    run(
        [
            *(
                "xorriso",
                "-as",
                "mkisofs",
                "-r",
                "-J",
                "-joliet-long",
                "-l",
                "-V",
                "Ubuntu-Server 24.04.3 LTS amd64",
            ),
            f"--modification-date={VOLUME_DATE}",
            *("--set_all_file_dates", VOLUME_DATE),
            *("--grub2-mbr", "/usr/lib/grub/i386-pc/boot_hybrid.img", "--protective-msdos-label"),
            *("-partition_cyl_align", "off", "-partition_offset", "16", "--mbr-force-bootable"),
            *(
                "-append_partition",
                "2",
                "28732ac11ff8d211ba4b00a0c93ec93b",
                esp,
                "-appended_part_as_gpt",
            ),
            *("-iso_mbr_part_type", "a2a0d0ebe5b9334487c068b6b72699c7"),
            *("-c", "/boot.catalog", "-b", "/boot/grub/i386-pc/eltorito.img", "-no-emul-boot"),
            *("-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info"),
            *("-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot"),
            *("-o", iso, tree),
        ],
        env={"SOURCE_DATE_EPOCH": "1754438047"},
    )
