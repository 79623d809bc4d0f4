"""How does the target boot from its disk?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .chroot import inside
from .command import run
from .console import note
from .errors import Broken
from .plan import Plan

FIRMWARE = Path("/sys/firmware/efi")
KEPT_AFTER = "---"


def is_uefi() -> bool:
    """Tell which firmware this machine was started by."""
    return FIRMWARE.is_dir()


def install(plan: Plan, command_line: str, target: Path) -> None:
    """Install GRUB for the firmware, with the distribution's signed files under UEFI; raises Broken."""
    settings = target / "etc/default/grub.d/50-standin.cfg"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(grub_settings(kept_arguments(command_line)))
    if plan.is_uefi:
        _install_uefi(target)
    else:
        for disk in plan.grub_disks:
            inside(target, ["grub-install", "--target=i386-pc", disk])
    inside(target, ["update-grub"])


def kept_arguments(command_line: str) -> str:
    """Return what stands after `---` on the live system's kernel command line."""
    _, _, kept = f" {command_line.strip()} ".partition(f" {KEPT_AFTER} ")
    return kept.strip()


def grub_settings(kept: str) -> str:
    """Return the stand-in's own part of /etc/default/grub: a plain, quick menu and the kept arguments."""
    quoted = "".join(f"\\{letter}" if letter in '\\"$`' else letter for letter in kept)
    return f'GRUB_TIMEOUT=1\nGRUB_TERMINAL=console\nGRUB_CMDLINE_LINUX="{quoted}"\n'


def _install_uefi(target: Path) -> None:
    """Install where the firmware looks without being told, too; name it in its memory where it lets us."""
    _show_firmware_variables()
    argv = ["grub-install", "--target=x86_64-efi", "--efi-directory=/boot/efi", "--uefi-secure-boot"]
    argv += _removable_too(inside(target, ["grub-install", "--help"]))
    try:
        inside(target, argv)
    except Broken as error:
        note(f"the firmware does not take a boot entry: {error}")
        inside(target, [*argv, "--no-nvram"])


def _removable_too(usage: str) -> Sequence[str]:
    """Debian must be asked for EFI/BOOT/BOOTX64.EFI; Ubuntu's GRUB always writes it."""
    return ["--force-extra-removable"] if "--force-extra-removable" in usage else []


def _show_firmware_variables() -> None:
    try:
        run(["mountpoint", "--quiet", str(FIRMWARE / "efivars")])
    except Broken:
        try:
            run(["mount", "-t", "efivarfs", "efivarfs", str(FIRMWARE / "efivars")])
        except Broken:
            note("the firmware shows no variables")
