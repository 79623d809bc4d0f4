"""What is in a payload, by its own words?

The manifest names every other member with its size and SHA-256, but for those that are made of it:
`SHA256SUMS` holds its own and its signature's, `manifest.json.sig` is the signature.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping

from pydantic import Field

from collectors.record import Record, sha256

# 3: which posture it is. 2: SHA256SUMS, a signature, names for people.
SCHEMA_VERSION = 3
MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
SUMS = "SHA256SUMS"
PROGRAM = "restore.pex"
PLAYBOOK = "playbook"
# How names are written in the tar, in whatever locale.
ENCODING, ERRORS = "utf-8", "surrogateescape"


class Member(Record):
    """One file of a payload; `name` is escaped as paths of a posture are."""

    name: str
    size_bytes: int
    sha256: str


class Manifest(Record):
    """What a payload holds, of which machine, and who is called what on the new one: `{"ada": "eve"}`.

    `posture_commit` and `posture_date` (RFC 3339) say which posture of the history it is, "" where unknown.
    """

    schema_version: int
    host: str
    members: tuple[Member, ...]
    map_user: Mapping[str, str] = Field(default_factory=dict)
    posture_commit: str = ""
    posture_date: str = ""

    def text(self) -> bytes:
        """Return it as JSON."""
        return (json.dumps(self.model_dump(mode="json"), indent=1) + "\n").encode()


def sums(members: Mapping[str, bytes]) -> bytes:
    """Return lines as sha256sum(1) writes them."""
    return "".join(f"{sha256(content)}  {name}\n" for name, content in members.items()).encode()


def header(name: str, size_bytes: int) -> bytes:
    """Return the tar header of a member: root's and of no time; contents of /etc are for no other eyes."""
    info = tarfile.TarInfo(name)
    info.size = size_bytes
    info.mode = 0o755 if name == PROGRAM else 0o600 if name.startswith("posture/") else 0o644
    info.uname = info.gname = "root"
    return info.tobuf(tarfile.GNU_FORMAT, ENCODING, ERRORS)
