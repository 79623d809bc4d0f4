"""Which file systems are mounted where, and which of these come back?

Source: fstab(5). What the system itself is on is the new installer's to write; data disks and shares are the
owner's: a disk that is named by its UUID or label may have survived.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from collectors.domains.services.known import known
from collectors.failure import Finding
from collectors.host import Host
from collectors.reading.looking import Outcome, distinct, entry_at, text_in
from collectors.record import LeftOut, Thing, escaped, unescaped

FSTAB = "/etc/fstab"
OCTAL = re.compile(rb"\\([0-7]{3})")
REMOVABLE = re.compile(r"/media/(?:cdrom|floppy|usb)\d*")
SECRET_OPTIONS = ("password", "pass", "passwd", "password2", "secret", "passphrase")
# No option after it is the owner's: a restore adds what lets a boot go on without a disk that is not there.
ADDED = "x-rekindle.added"
INSTALLERS = "a disk of this machine's system: the new one's installer writes its own"
SUBVOLUMES = "a subvolume of this machine's system disk: the section snapshots has the layout"
DRIVES = "a drive of this machine, as its installer wrote it"
BY_DEVICE = "a disk of this machine by the number that its kernel gave it: name the new one by its UUID"

Where = Literal["network", "bind", "memory", "file", "disk"]


class Mount(Thing):
    """A line of /etc/fstab: `source` is mounted at `path`.

    `where` the data are: a `disk` may have survived the machine. `credentials` is the file with the user's
    name and password, which are secret. `options` are without passwords; `secrets` names what stays behind.
    """

    KIND: ClassVar[str] = "mount"

    path: str
    source: str
    kind: str
    where: Where
    options: tuple[str, ...] = ()
    check: str = ""
    credentials: str = ""
    secrets: tuple[str, ...] = ()

    def item_name(self) -> str:
        """Return where it is mounted, of swap and the like what it is."""
        return self.path if self.path.startswith("/") else f"{self.kind} {self.source}"

    def by_hand(self) -> str:
        """Return how the line is put back."""
        options = ",".join(self.options) or "defaults"
        words = (self.source, self.path, self.kind, options, "0", self.check or "0")
        line = " ".join(fstab_word(unescaped(word)) for word in words)
        return f"echo {shlex.quote(line)} | sudo tee -a {FSTAB}"


@dataclass(frozen=True)
class Line:
    """The six fields of a line, blanks in them as they are."""

    source: str
    path: str
    kind: str
    options: tuple[str, ...]
    check: str


def collect_mounts(host: Host) -> Iterator[Outcome]:
    """Yield the mounts of /etc/fstab, and that passwords in it stay behind."""
    content, findings = text_in(host, FSTAB)
    yield from findings
    lines, findings = parse_fstab(content)
    yield from findings
    ids = distinct(line.path if line.path.startswith("/") else "" for line in lines)
    root = next((line.source for line in lines if line.path == "/"), "")
    mounts = [_with_credentials(mount(line, root), host) for line in lines]
    for name, each in zip(ids, mounts, strict=True):
        yield each.model_copy(update={"path": escaped(name)}) if name.startswith("/") else each
    secret = sorted({escaped(line.path) for line in lines if secrets(line)})
    if secret:
        why = f"holds a password for {', '.join(secret)}: put it into a file, `credentials=FILE`"
        yield LeftOut(path=FSTAB, reason=why)


def _with_credentials(found: Mount, host: Host) -> Mount:
    """Return the mount with its file of credentials among its secrets, where it is there."""
    if not found.credentials.startswith("/") or not entry_at(host, unescaped(found.credentials))[0]:
        return found
    return found.model_copy(update={"secrets": (*found.secrets, "credentials")})


def parse_fstab(content: str) -> tuple[tuple[Line, ...], tuple[Finding, ...]]:
    """Return the lines of fstab(5), and those that are none: less than three fields."""
    lines, findings = [], []
    for number, line in enumerate(content.split("\n"), start=1):
        words = [_plain(word) for word in line.split()]
        if not words or line.lstrip().startswith("#"):
            continue
        if not 3 <= len(words) <= 6:
            reason = "not `source path type options dump check`"
            findings.append(Finding(f"{FSTAB}:{number}", reason, "mend it, then `findmnt --verify`"))
            continue
        options = _owners(tuple(filter(None, words[3].split(",")))) if len(words) > 3 else ()
        check = words[5] if len(words) > 5 else ""
        lines.append(Line(words[0], words[1], words[2], options, "" if check == "0" else check))
    return tuple(lines), tuple(findings)


def _owners(options: tuple[str, ...]) -> tuple[str, ...]:
    return options[: options.index(ADDED)] if ADDED in options else options


def mount(line: Line, root: str) -> Mount:
    """Return the mount of a line; `root` is the source of the root file system."""
    given = dict(option.partition("=")[::2] for option in line.options)
    kept = (option for option in line.options if not is_secret(option) and option != "defaults")
    return Mount(
        path=escaped(line.path),
        source=escaped(without_password(line.source)),
        kind=escaped(line.kind),
        where=where(line),
        options=tuple(escaped(without_password(option)) for option in kept),
        check=escaped(line.check),
        credentials=escaped(given.get("credentials") or given.get("cred") or ""),
        secrets=secrets(line),
        bound=bound(line, root),
    )


def where(line: Line) -> Where:
    """Return where the data of a mount are."""
    if line.kind in known().network or (line.kind == "fuse" and is_remote(line.source)):
        return "network"
    if {"bind", "rbind"} & {*line.options}:
        return "bind"
    if line.kind in known().memory:
        return "memory"
    return "file" if line.source.startswith("/") and not line.source.startswith("/dev/") else "disk"


def is_remote(source: str) -> bool:
    """Tell whether a file system of FUSE is on another machine: `curlftpfs#ftp.example.org`, `nas:/srv`."""
    program = source.partition("#")[0]
    return program in known().network or ":" in source or "@" in source


def bound(line: Line, root: str) -> str:
    """Return why a mount belongs to the old machine, or "" if it is the owner's."""
    if REMOVABLE.fullmatch(line.path):
        return DRIVES
    if line.kind == "swap" or (line.path in known().system and where(line) == "disk"):
        return INSTALLERS
    if line.kind == "btrfs" and line.source == root:
        return SUBVOLUMES
    if where(line) == "disk" and re.fullmatch(r"/dev/(?:sd|hd|vd|nvme|mmcblk)\w+", line.source):
        return BY_DEVICE
    return ""


def secrets(line: Line) -> tuple[str, ...]:
    """Return the options of a line that hold a password, and `source` where that has one."""
    options = (word.partition("=")[0] for word in line.options if is_secret(word) or _has_password(word))
    return (*(("source",) if _has_password(line.source) else ()), *options)


def _has_password(word: str) -> bool:
    return without_password(word) != word


def is_secret(option: str) -> bool:
    """Tell whether an option holds a password: `password=x`, `username=ada%x`."""
    name, _, value = option.partition("=")
    return bool(value) and (name.lower() in SECRET_OPTIONS or (name in ("user", "username") and "%" in value))


def without_password(word: str) -> str:
    """Return a source without its password: `//ada:x@nas/y`, `curlftpfs#ada:x@nas`."""
    return re.sub(r"((?://|#)[^/@:]*):[^/]*@", r"\1@", word)


def fstab_word(word: str) -> str:
    r"""Return a word as fstab(5) has it: blanks, backslashes and what is no text as `\040`."""
    return re.sub(r"[\s\\\udc80-\udcff]", lambda found: _octal(found[0]), word)


def _octal(letter: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in letter.encode(errors="surrogateescape"))


def _plain(word: str) -> str:
    """Return a word with the bytes that stand in it as octal numbers."""
    raw = OCTAL.sub(lambda found: bytes([int(found[1], 8) & 255]), word.encode(errors="surrogateescape"))
    return raw.decode(errors="surrogateescape")
