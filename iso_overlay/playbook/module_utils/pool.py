"""How does apt take packages from what travelled along? Stdlib only: it runs on the target's bare python3.

They are a repository on the disk, signed by the key that the payload names. With a network the newer version
wins, from wherever it comes; without one apt knows the pool alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile

from ansible.module_utils.apt import ENVIRONMENT
from ansible.module_utils.rekindle import remove, write_whole

POOL = "/var/lib/rekindle-pool/apt"
URI = f"file:{POOL}"
SOURCE = "/etc/apt/sources.list.d/rekindle-pool.sources"
INDEX = "payload/pool.json"
# apt.conf(5), read before all others: no other source counts, and the indexes of others stay.
ALONE = f"""\
Dir::Etc::sourcelist "{SOURCE}";
Dir::Etc::sourceparts "/dev/null";
APT::Get::List-Cleanup "false";
"""


@contextlib.contextmanager
def pooled(folder):
    """Let apt take packages from the pool meanwhile; yield whether there is one.

    `folder` is the plan's: in it lies the payload.
    """
    key = key_of(os.path.join(folder, INDEX))
    is_there = bool(key) and os.path.isdir(POOL)
    if is_there:
        write_whole(SOURCE, source(key).encode(), 0o644)
    try:
        yield is_there
    finally:
        remove(SOURCE)


def key_of(index):
    """Return the public key that the payload names for the pool, armored, "" where it names none."""
    try:
        with open(index, encoding="utf-8") as file:
            return json.load(file).get("apt_key", "")
    except FileNotFoundError:
        return ""


def source(key):
    """Return the file of sources, the key in it (sources.list(5)): apt's sandbox need not read another."""
    lines = "".join(f" {line or '.'}\n" for line in key.strip().split("\n"))
    return f"Types: deb\nURIs: {URI}\nSuites: ./\nSigned-By:\n{lines}"


@contextlib.contextmanager
def alone():
    """Let apt know the pool alone meanwhile: what others once offered cannot be fetched now."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(ALONE)
        file.flush()
        ENVIRONMENT["APT_CONFIG"] = file.name
        try:
            yield
        finally:
            del ENVIRONMENT["APT_CONFIG"]
