"""Which shares are mounted that no file mounts again?

Of a running system alone: those that somebody mounted by a command. fstab, units, autofs and what it makes of
its maps come back by themselves. Sources: systemd.unit(5) and systemd-escape(1) for the names of units.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath

from collectors.collected import Loss
from collectors.domains.services.fstab import FSTAB, fstab_word, parse_fstab, without_password
from collectors.domains.services.known import known
from collectors.host import Host, Mount
from collectors.reading.looking import names_in, text_in
from collectors.record import escaped

UNITS = ("/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator", "/usr/lib/systemd/system")


def collect_unwritten(host: Host) -> Iterator[Loss]:
    """Yield the shares that would not be mounted again."""
    shares = sorted(mount for mount in host.mounts.values() if mount.kind in known().shares)
    written = _written(host) if shares else frozenset()
    for mount in shares:
        if not ({mount.path, unit_of(mount.path)} & written or _is_automatic(host, mount)):
            yield _loss(mount)


def _written(host: Host) -> frozenset[str]:
    """Return the paths that fstab and the direct maps of autofs mount, and the names of units."""
    lines, _ = parse_fstab(text_in(host, FSTAB)[0])  # the section tells of lines that are none
    units = (name for folder in UNITS for name in names_in(host, folder)[0])
    maps = (
        text_in(host, f"/etc/{name}")[0] for name in names_in(host, "/etc")[0] if name.startswith("auto.")
    )
    keys = (line.split(maxsplit=1)[0] for text in maps for line in text.split("\n") if line.strip())
    return frozenset((*(line.path for line in lines), *units, *keys))


def unit_of(path: str) -> str:
    """Return the name of the unit that mounts `path`: `mnt-my\\x20nas.mount`."""
    words = path.strip("/").encode(errors="surrogateescape")
    name = re.sub(rb"[^A-Za-z0-9:_./]", lambda found: b"\\x%02x" % found[0][0], words)
    name = re.sub(rb"\A\.", rb"\\x2e", name)
    return f"{name.decode().replace('/', '-') or '-'}.mount"


def _is_automatic(host: Host, mount: Mount) -> bool:
    """Tell whether autofs made it, or the kernel where a share goes on below another one."""
    above = (host.mounts.get(str(parent)) for parent in PurePosixPath(mount.path).parents)
    return any(each is not None and each.kind in ("autofs", *known().shares) for each in above)


def _loss(mount: Mount) -> Loss:
    source = without_password(mount.source)
    line = " ".join((*map(fstab_word, (source, mount.path, mount.kind)), "_netdev,nofail", "0", "0"))
    return Loss(
        "mounted",
        escaped(mount.path),
        f"{escaped(source)} is mounted there, and nothing mounts it again",
        f"echo {shlex.quote(line)} | sudo tee -a {FSTAB}",
    )
