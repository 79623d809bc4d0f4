"""What does the boot menu offer?

The recovery entry comes first and is the default; the vendor's own entries stay below it as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files

import jinja2

from collectors.failure import Failure

ENTRIES, MACHINE = "entries.cfg.j2", "machine.cfg.j2"
# Both consoles work; the last one named is where the kernel's /dev/console is.
LIVE_ARGUMENTS = ("fsck.mode=skip", "console=ttyS0,115200n8", "console=tty0")
KEPT_AFTER = "---"
# What an entry of ours runs instead of the installer: its key, its script below live/, its title.
SCRIPTS = (
    ("o", "restore_only", "Restore only, onto the system that is there: erases nothing"),
    ("s", "rescue", "Rescue shell, with the payload unpacked"),
    ("m", "check", "Check this medium"),
)
# Where an installed system's boot loader lies on its ESP, the signed ones first.
LOADERS = (
    "/EFI/ubuntu/shimx64.efi",
    "/EFI/debian/shimx64.efi",
    "/EFI/BOOT/BOOTX64.EFI",
    "/EFI/ubuntu/grubx64.efi",
    "/EFI/debian/grubx64.efi",
)
# A text screen has 80 columns; around a title, GRUB takes 5.
TITLE_COLUMNS = 75
# The longest title, as in entries.cfg.j2, and what a long name leaves of it for the disk.
TITLE = "[r] Recover {machine}: erases {disk}"
DISK_COLUMNS = 24


def with_recovery(vendor: str, *, name: str, arguments: Sequence[str]) -> str:
    """Return the vendor's menu (the text of the file `name`) with our entries put first.

    Their kernel and initrd are those of the vendor's first entry; `arguments` let the installer go on by
    itself and go before `---`, for what follows that is kept by the installed system. What differs from
    machine to machine comes from `machine_cfg`. Raises Failure where there is no such entry.
    """
    first = re.search(r"^[ \t]*menuentry\b", vendor, re.MULTILINE)
    linux = re.search(r"^[ \t]*linux\s+(/casper/.*?)\s*$", vendor, re.MULTILINE)
    initrd = re.search(r"^[ \t]*initrd\s+(/casper/.*?)\s*$", vendor, re.MULTILINE)
    if not (first and linux and initrd):
        raise Failure(f"{name}: no entry starts /casper/vmlinuz", remedy="use a live-server ISO")
    live, _, kept = linux[1].partition(KEPT_AFTER)
    entries = _template(ENTRIES).render(
        live=f"{live.strip()} {_words(LIVE_ARGUMENTS)}",
        recover=_words(arguments),
        kept=f"{KEPT_AFTER}{kept}",
        initrd=initrd[1],
        scripts=SCRIPTS,
        run_script=_run_script,
        loaders=LOADERS,
        has_settings=re.search(r"^\s*fwsetup\b", vendor, re.MULTILINE) is not None,
    )
    return f"{vendor[: first.start()]}{entries}{vendor[first.start() :]}"


def machine_cfg(*, medium_id: str, host: str, date: str, disk: str, countdown_seconds: int) -> str:
    """Return what the menu is told of the machine: `medium_id` names this very ISO, `date` is of the posture.

    `disk` is the disk rule for a person: `the only internal disk`. Long names are cut so that the title
    fits the screen.
    """
    room = TITLE_COLUMNS - len(TITLE.format(machine=f" as of {date}", disk=""))
    said = shortened(disk, max(room - len(host), DISK_COLUMNS))
    return _template(MACHINE).render(
        medium_id=medium_id,
        machine=quoted(f"{shortened(host, room - len(said))} as of {date}"),
        disk=quoted(said),
        countdown_seconds=countdown_seconds,
    )


def shortened(text: str, columns: int) -> str:
    """Return the text, its middle left out where it is longer than that many columns."""
    if len(text) <= columns:
        return text
    head = (columns - 2) * 2 // 3
    return f"{text[:head]}..{text[head + 2 - columns :]}"


def quoted(word: str) -> str:
    """Quote a word for GRUB's shell, where `;`, `$` and blanks mean something."""
    if re.fullmatch(r"[A-Za-z0-9_./=,:@%+-]+", word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def _words(arguments: Sequence[str]) -> str:
    return " ".join(map(quoted, arguments))


def _run_script(name: str) -> str:
    """Return the kernel arguments that run a script of the medium instead of all that a start brings up.

    systemd-run-generator(8); what happens afterwards is the script's to say.
    """
    after = (f"systemd.run_{how}_action=none" for how in ("success", "failure"))
    return _words((f"systemd.run=/cdrom/rekindle/live/{name}.py", *after))


def _template(name: str) -> jinja2.Template:
    source = (files("iso_overlay") / "menu" / name).read_text()
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  GRUB's language is not HTML; values come through quoted()
    )
    return environment.from_string(source)
