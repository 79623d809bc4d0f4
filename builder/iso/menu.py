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


def with_recovery(vendor: str, *, name: str, arguments: Sequence[str]) -> str:
    """Return the vendor's menu (the text of the file `name`) with our entries put first.

    Its kernel and initrd are those of the vendor's first entry; `arguments` go before `---`, for what
    follows that is kept by the installed system. What differs from machine to machine comes from
    `machine_cfg`. Raises Failure where there is no such entry.
    """
    first = re.search(r"^[ \t]*menuentry\b", vendor, re.MULTILINE)
    linux = re.search(r"^[ \t]*linux\s+(/casper/.*?)\s*$", vendor, re.MULTILINE)
    initrd = re.search(r"^[ \t]*initrd\s+(/casper/.*?)\s*$", vendor, re.MULTILINE)
    if not (first and linux and initrd):
        raise Failure(f"{name}: no entry starts /casper/vmlinuz", remedy="use a live-server ISO")
    entries = _template(ENTRIES).render(linux=_kernel_line(linux[1], arguments), initrd=initrd[1])
    return f"{vendor[: first.start()]}{entries}{vendor[first.start() :]}"


def machine_cfg(*, medium_id: str, host: str, date: str, disk: str, countdown_seconds: int) -> str:
    """Return what the menu is told of the machine: `medium_id` names this very ISO, `date` is of the posture.

    `disk` is the disk rule for a person: `the only internal disk`.
    """
    return _template(MACHINE).render(
        medium_id=medium_id,
        title=quoted(f"Recover {host} as of {date}: erases {disk}"),
        countdown_seconds=countdown_seconds,
    )


def quoted(word: str) -> str:
    """Quote a word for GRUB's shell, where `;`, `$` and blanks mean something."""
    if re.fullmatch(r"[A-Za-z0-9_./=,:@%+-]+", word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def _kernel_line(vendor: str, arguments: Sequence[str]) -> str:
    live, separator, kept = vendor.partition(KEPT_AFTER)
    ours = " ".join(quoted(word) for word in (*LIVE_ARGUMENTS, *arguments))
    return f"{live.strip()} {ours} {separator or KEPT_AFTER}{kept}".strip()


def _template(name: str) -> jinja2.Template:
    source = (files("iso_overlay") / "menu" / name).read_text()
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  GRUB's language is not HTML; values come through quoted()
    )
    return environment.from_string(source)
