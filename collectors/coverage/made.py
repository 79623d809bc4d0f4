"""Which paths does the machine itself say it makes, and in which do services keep their state?

Sources: tmpfiles.d(5), StateDirectory= and its like in systemd.exec(5), passwd(5) for the homes of system
users (sysusers.d(5)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from collectors.accounts import PASSWD, parse_passwd
from collectors.coverage.knowledge import noise
from collectors.coverage.owned import owned
from collectors.host import Host, names, remembered, text

TMPFILES = ("/usr/lib/tmpfiles.d", "/etc/tmpfiles.d")
UNITS = ("/usr/lib/systemd/system", "/etc/systemd/system")
DIRECTORY_TYPES = "dDevqQ"
TMPFILES_LINE = re.compile(r"""(?m)^[ \t]*([dDevqQfFLCpcb])\S*[ \t]+(?:["']([^"'\n]*)["']|(\S+))""")
DIRECTORIES = {"StateDirectory": "/var/lib", "CacheDirectory": "/var/cache", "LogsDirectory": "/var/log"}
DIRECTORY_LINE = re.compile(r"(?m)^(StateDirectory|CacheDirectory|LogsDirectory)[ \t]*=[ \t]*(.*)$")


@dataclass(frozen=True)
class Made:
    """What systemd makes at boot (`anew`), and the directories of services (`state`)."""

    anew: frozenset[str]
    state: frozenset[str]


@remembered
def made(host: Host) -> Made:
    """Return what the machine says that it makes."""
    lines = [line for content in _texts(host, TMPFILES, ".conf") for line in parse_tmpfiles(content)]
    below = noise().state.prefixes()
    kept = chain(
        (path for kind, path in lines if kind in DIRECTORY_TYPES),
        (path for content in _texts(host, UNITS, ".service") for path in parse_directories(content)),
        (account.home for account in parse_passwd(text(host, PASSWD))[0] if not account.person),
        owned(host).by_path,
    )
    return Made(
        frozenset(path for kind, path in lines if kind not in DIRECTORY_TYPES),
        frozenset(path for path in kept if path.startswith(below)),
    )


def parse_tmpfiles(content: str) -> tuple[tuple[str, str], ...]:
    """Return the type and the path of each line that makes something: `d /var/lib/x 0755 root root - -`.

    A path with a specifier counts up to the directory before it.
    """
    found = []
    for kind, quoted, word in TMPFILES_LINE.findall(content):
        path = quoted or word
        if path.startswith("/"):
            fixed = path if "%" not in path else path.partition("%")[0].rpartition("/")[0]
            found.append((kind, fixed.rstrip("/")))
    return tuple(found)


def parse_directories(content: str) -> tuple[str, ...]:
    """Return the directories that a unit's lines such as `StateDirectory=x y/z` make."""
    found = []
    for key, value in DIRECTORY_LINE.findall(content):
        for word in value.split():
            name = word.partition(":")[0].strip("\"'")
            if name and "%" not in name:
                found.append(f"{DIRECTORIES[key]}/{name}")
    return tuple(found)


def _texts(host: Host, folders: tuple[str, ...], suffix: str) -> Iterator[str]:
    for folder in folders:
        for name in names(host, folder):
            if name.endswith(suffix):
                try:
                    yield text(host, f"{folder}/{name}")
                except OSError:  # a masked unit is a link to a device, and an unreadable one makes no noise
                    continue
