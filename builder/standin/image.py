"""How do two roots become an ISO with the layout of Ubuntu's live-server ISO?"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import cast

from builder.standin import tarball
from builder.standin.archive import Release
from builder.standin.root import ELTORITO_BUILT, EPOCH, INITRD, static_tree
from collectors.command import run
from collectors.document import dumped

TARGET_LAYER = "standin-minimal"
LIVE_LAYER = f"{TARGET_LAYER}.installer"

ELTORITO = "boot/grub/i386-pc/eltorito.img"
NOT_SUMMED = frozenset({"md5sum.txt", "boot.catalog", ELTORITO})
ESP_GUID = "28732ac11ff8d211ba4b00a0c93ec93b"
ISO_GUID = "a2a0d0ebe5b9334487c068b6b72699c7"
ESP_SLACK_BYTES = 1 << 20
ESP_SERIAL = "52454b4e"
SECTOR_BYTES = 512

# Debian names a signed file `.signed`, Ubuntu sometimes `.signed.latest`; the last one met is taken.
_BOOT_FILES: Mapping[str, str] = {
    "usr/lib/shim/shimx64.efi.signed": "EFI/boot/bootx64.efi",
    "usr/lib/shim/shimx64.efi.signed.latest": "EFI/boot/bootx64.efi",
    "usr/lib/shim/mmx64.efi": "EFI/boot/mmx64.efi",
    "usr/lib/shim/mmx64.efi.signed": "EFI/boot/mmx64.efi",
    "usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed": "EFI/boot/grubx64.efi",
    "usr/share/grub/unicode.pf2": "boot/grub/fonts/unicode.pf2",
    ELTORITO_BUILT: ELTORITO,
    INITRD: "casper/initrd",
}
_HYBRID_MBR = "usr/lib/grub/i386-pc/boot_hybrid.img"
_GRUB_MODULE = re.compile(r"usr/lib/grub/((?:i386-pc|x86_64-efi)/[^/]+\.(?:mod|lst))")
_KERNEL = re.compile(r"boot/vmlinuz-[^/]+")
# Built for the medium, or of no use in a system that lives in memory.
_NOT_IN_LIVE = re.compile(r"(boot|run|tmp|var/cache|var/log)/.*")


def lay_out(release: Release, target: Path, live: Path, uuid: str, work: Path) -> Path:
    """Make the tree of the medium from the two roots; return `work/medium`."""
    tree = work / "medium"
    _lay_static(tree, release, uuid)
    tarball.extract(live, lambda name: _place(tree, name))
    tarball.extract(live, lambda name: work / "mbr.img" if name == _HYBRID_MBR else None)
    difference = work / "difference.tar"
    tarball.write_difference(target, live, difference, lambda name: not _NOT_IN_LIVE.match(name))
    _lay_layer(tree, TARGET_LAYER, target, packages_of=target)
    _lay_layer(tree, LIVE_LAYER, difference, packages_of=live)
    _lay(tree, "casper/install-sources.yaml", dumped(_install_sources(release, target)))
    (tree / release.distribution).symlink_to(".")
    _lay(tree, "md5sum.txt", _md5sums(tree))
    return tree


def author(tree: Path, release: Release, work: Path, output: Path) -> None:
    """Write the ISO with the options that xorriso reports of Ubuntu's (facts: `as_mkisofs`)."""
    esp = _esp(tree, work)
    date = f"{datetime.fromtimestamp(EPOCH, timezone.utc):%Y%m%d%H%M%S00}"
    run(
        [
            *("xorriso", "-as", "mkisofs", "-quiet", "-r", "-J", "-joliet-long"),
            *("-iso-level", "3", "-o", output),
            *("-V", f"Rekindle stand-in {release.version} amd64"),
            *(f"--modification-date={date}", "--set_all_file_dates", date),
            *("--grub2-mbr", work / "mbr.img", "--protective-msdos-label"),
            *("-partition_cyl_align", "off", "-partition_offset", "16", "--mbr-force-bootable"),
            *("-append_partition", "2", ESP_GUID, esp, "-appended_part_as_gpt"),
            *("-iso_mbr_part_type", ISO_GUID),
            *("-c", "/boot.catalog", "-b", f"/{ELTORITO}"),
            *("-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info"),
            *("-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::"),
            *("-no-emul-boot", "-boot-load-size", str(esp.stat().st_size // SECTOR_BYTES)),
            tree,
        ],
        env={"SOURCE_DATE_EPOCH": str(EPOCH)},
        remedy="free some space, or see the lines above",
    )


def _lay_static(tree: Path, release: Release, uuid: str) -> None:
    for name, data in static_tree("medium").items():
        _lay(tree, name, data.decode())
    _lay(tree, ".disk/info", f"{disk_info(release)}\n")
    _lay(tree, ".disk/casper-uuid-generic", f"{uuid}\n")


def disk_info(release: Release) -> str:
    """Return the line of `.disk/info`, which says what this is."""
    day = datetime.fromtimestamp(EPOCH, timezone.utc)
    return (
        f'Rekindle stand-in {release.version} "{release.codename}" - Release amd64 ({day:%Y%m%d})'
        " for tests and the demo only"
    )


def _place(tree: Path, name: str) -> Path | None:
    if name in _BOOT_FILES:
        return tree / _BOOT_FILES[name]
    if _KERNEL.fullmatch(name):
        return tree / "casper/vmlinuz"
    module = _GRUB_MODULE.fullmatch(name)
    return tree / "boot/grub" / module[1] if module else None


def _lay_layer(tree: Path, name: str, root: Path, *, packages_of: Path) -> None:
    """Squash one root, and write beside it what it holds and what it takes unpacked."""
    squashfs = tree / f"casper/{name}.squashfs"
    with _mapped(root) as tar:
        run(
            [
                *("mksquashfs", "-", squashfs, "-tar", "-noappend", "-quiet", "-no-progress"),
                *("-root-mode", "755", "-root-uid", "0", "-root-gid", "0"),
                *("-comp", "zstd", "-Xcompression-level", "6"),
            ],
            env={"SOURCE_DATE_EPOCH": str(EPOCH)},
            stdin=tar,
            remedy="free some space, or see the lines above",
        )
    _lay(
        tree,
        f"casper/{name}.manifest",
        manifest(tarball.content(packages_of, "var/lib/dpkg/status")),
    )
    _lay(tree, f"casper/{name}.size", f"{root.stat().st_size}\n")


@contextmanager
def _mapped(file: Path) -> Iterator[bytes]:
    """Yield the content of a large file as what a pipe is fed from, without reading it into memory."""
    with file.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as view:
        yield cast(bytes, view)


def manifest(status: str) -> str:
    """Turn dpkg's status file into `name<tab>version` lines, sorted."""
    stanzas = (re.findall(r"^(Package|Version): (.*)$", part, re.M) for part in status.split("\n\n"))
    lines = {f"{fields['Package']}\t{fields['Version']}\n" for fields in map(dict, stanzas) if fields}
    return "".join(sorted(lines))


def _install_sources(release: Release, target: Path) -> list[dict[str, object]]:
    return [
        {
            "default": True,
            "description": {"en": "A small system for Rekindle's tests and demo."},
            "id": TARGET_LAYER,
            "locale_support": "locale-only",
            "name": {"en": f"{release.name} {release.version} (stand-in)"},
            "path": f"{TARGET_LAYER}.squashfs",
            "size": target.stat().st_size,
            "type": "fsimage",
            "variant": "server",
        }
    ]


def _md5sums(tree: Path) -> str:
    names = sorted(str(file.relative_to(tree)) for file in tree.rglob("*") if _is_summed(file))
    return "".join(f"{_md5(tree / name)}  ./{name}\n" for name in names if name not in NOT_SUMMED)


def _is_summed(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _esp(tree: Path, work: Path) -> Path:
    """Make a FAT image with the files of EFI/boot: what UEFI starts from a stick or a CD.

    Folders are copied empty: what mtools makes itself bears the time of the day, and what it finds in one
    comes in the order of the file system.
    """
    image, folder = work / "esp.img", work / "esp/EFI/boot"
    loaders = sorted((tree / "EFI/boot").iterdir())
    folder.mkdir(parents=True)
    for entry in (*loaders, folder, folder.parent):
        os.utime(entry, (EPOCH, EPOCH))
    size = sum(file.stat().st_size for file in loaders) + ESP_SLACK_BYTES
    sectors = str(size // SECTOR_BYTES + 1)
    env = {"TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}
    run(["mformat", "-i", image, "-C", "-T", sectors, "-N", ESP_SERIAL, "::"], env=env)
    run(["mcopy", "-s", "-m", "-i", image, folder.parent, "::/"], env=env)
    run(["mcopy", "-m", "-i", image, *loaders, "::/EFI/boot/"], env=env)
    return image


def _lay(tree: Path, name: str, text: str) -> None:
    place = tree / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
