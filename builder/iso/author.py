"""How is an ISO authored anew with all its boot paths?

xorriso reads the base once and writes the new image from it, with the boot equipment that it reports of the
base. Two settings differ from its defaults, so that the backup GPT stands at the end as on the base: no
second superblock for later sessions, and the padding counted as part of the image. A third is for speed: the
caller waits for the disk, once.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath

from builder.iso.medium import Medium
from collectors.command import run
from collectors.failure import Failure

# xorriso(1), sort_weight: the files of the base have large positive weights, new ones 0.
LIGHTEST = -1000
# The ESP moves when the image grows: name it by its partition, not by its old place.
_MOVING = re.compile(r"(appended_partition_\d+)_start_\d+s_size_\d+d:")


def author(base: Medium, additions: Mapping[str, Path], output: Path, *, last: Sequence[str] = ()) -> None:
    """Write `output`: the base with `additions` (path on the medium to local file) added or replaced.

    The content of the files named in `last` comes after that of all others, in this order.

    The bytes depend on the base and the files' content alone. Raises Failure with xorriso's last words.
    """
    epoch = volume_epoch(base.date)
    report = _xorriso(["-indev", base.path, "-report_el_torito", "cmd"], epoch, "download the base again")
    _xorriso(
        [
            *("-abort_on", "FAILURE", "-stdio_sync", "off", "-indev", base.path, "-outdev", output),
            *("-compliance", "no_emul_toc", "-padding", "300k", "-padding", "included"),
            *("-joliet", "on" if base.joliet else "off"),
            *_mapped(additions, epoch),
            *_weighed(last),
            *boot_commands(report),
            "-commit",
        ],
        epoch,
        "see xorriso(1), or free some space",
    )


def boot_commands(report: str) -> list[str]:
    """Turn `-report_el_torito cmd` into arguments that give a new image the same boot equipment."""
    lines = (_MOVING.sub(r"\1:", line) for line in report.splitlines() if line.startswith("-"))
    return [word for line in lines for word in shlex.split(line)]


def volume_epoch(date: str) -> int:
    """Return the seconds since 1970 of a volume's date: 16 digits, hundredths last (ECMA-119 8.4.26)."""
    try:
        moment = datetime.strptime(date[:14], "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return 0  # a volume without a date has zeros
    return int(moment.timestamp())


def _xorriso(commands: Sequence[str | Path], epoch: int, remedy: str) -> str:
    """Run it as at any other time; of its hundreds of words, a Failure says only what it answered."""
    try:
        return run(["xorriso", *commands], env={"SOURCE_DATE_EPOCH": str(epoch)}, remedy=remedy)
    except Failure as failure:
        said = failure.message.rpartition(" ended with ")[2]
        raise Failure(f"xorriso ended with {said}", remedy=remedy) from None


def _mapped(additions: Mapping[str, Path], epoch: int) -> list[str]:
    """Map the files, and fix all that would tell when and by whom they were made."""
    files = sorted(f"/{name}" for name in additions)
    folders = sorted({str(parent) for file in files for parent in PurePosixPath(file).parents} - {"/"})
    words = []
    for file in files:
        words += ["-map", str(additions[file[1:]]), file]
    scripts = [file for file in files if _is_script(additions[file[1:]])]
    words += ["-chmod", "0644", *files, "--", "-chmod", "0755", *scripts, *folders, "--"]
    for command in ("-chown", "-chgrp"):
        words += [command, "0", *files, *folders, "--"]
    return [*words, "-alter_date", "b", f"@{epoch}", *files, *folders, "--"]


def _is_script(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(2) == b"#!"


def _weighed(last: Sequence[str]) -> list[str]:
    """Give each a weight below that of all others: the lighter, the nearer to the end."""
    words = []
    for number, name in enumerate(last, start=1):
        words += ["-find", f"/{name}", "-exec", "sort_weight", str(LIGHTEST + len(last) - number), "--"]
    return words
