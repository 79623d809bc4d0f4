"""What is a posture?

A posture is a set of items, grouped in sections, plus the content of captured files. Sections are
frozen records; an item is what diff, score and the restore report speak of: an id and a
fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

SCHEMA_VERSION = 1

SHIPPED = "part of a fresh installation"
NOT_SET = "not set on that machine"

ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")

# Blanks besides the space, controls, joiners, direction marks, surrogates, non-characters: a fixed list, for
# what Python calls printable differs between its versions, and an id must not.
UNSHOWN = re.compile(
    r"[\\\x00-\x1f\x7f-\xa0\xad\u061c\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"
    r"\ud800-\udfff\ufe00-\ufe0f\ufeff\ufff0-\uffff\U000e0000-\U0010ffff]"
)


@dataclass(frozen=True)
class Item:
    """One restorable thing, such as `apt:htop`.

    `fingerprint` is 16 hex digits over all that must be equal after a restore. `bound` says why the
    item is not to be restored ("" = it is eligible).
    """

    id: str
    fingerprint: str
    section: str
    bound: str = ""


class Record(BaseModel):
    """A frozen piece of a posture; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _absolute(path: str) -> str:
    """Return an escaped path; raises ValueError unless it is absolute and leads nowhere else."""
    name = unescaped(path)
    if escaped(name) != path or "\0" in name:
        raise ValueError("not written as Rekindle writes a path")
    if not name.startswith("/") or any(part in ("", ".", "..") for part in name.split("/")[1:]):
        raise ValueError("not an absolute path without `.`, `..` and `//`")
    return path


EscapedPath = Annotated[str, AfterValidator(_absolute)]


class LeftOut(Record):
    """What was seen and deliberately not captured: a secret, or something bound to this machine."""

    path: EscapedPath
    reason: str


class Release(Record):
    """The release that runs: `ubuntu`, `24.04`, `noble`, `amd64`."""

    distribution: str
    version: str
    codename: str
    architecture: str


class Keyboard(Record):
    """The words of keyboard(5): `pc105`, `de`, `nodeadkeys`, `caps:escape`."""

    model: str = ""
    layout: str = ""
    variant: str = ""
    options: str = ""


class System(Record):
    """What the machine is, and what its installer was told."""

    NAME: ClassVar[str] = "system"

    release: Release
    machine: Literal["physical", "virtual", "container"]
    firmware: Literal["uefi", "bios", "unknown"]
    hostname: str
    locale: str
    timezone: str
    keyboard: Keyboard

    def items(self) -> Iterator[Item]:
        """Yield the items of this section."""
        yield _item("system:release", "system", self.release, bound="the base ISO decides it")
        yield _item("system:machine", "system", self.machine, bound="bound to the hardware")
        yield _item("system:firmware", "system", self.firmware, bound="bound to the hardware")
        for name in ("hostname", "locale", "timezone", "keyboard"):
            value = getattr(self, name)
            unset = value in ("", Keyboard())
            yield _item(f"system:{name}", "system", value, bound=NOT_SET if unset else "")


class SourceEntry(Record):
    """One package source, whichever format it is written in (sources.list(5)).

    `options` holds every field besides the five, by its deb822 name: `{"Signed-By": "/etc/apt/…"}`.
    """

    types: tuple[str, ...]
    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...] = ()
    enabled: bool = True
    options: dict[str, str] = {}


class SourceFile(Record):
    """A file of package sources; its bytes are in the posture's contents under `path`."""

    path: EscapedPath
    format: Literal["one-line", "deb822"]
    sha256: str
    entries: tuple[SourceEntry, ...]


class Keyring(Record):
    """A file of keys that sources are signed by; its bytes are in the posture's contents."""

    path: EscapedPath
    sha256: str


class Apt(Record):
    """Packages that the owner chose, and where they come from.

    `shipped` are manual packages that a fresh installation has anyway; `baseline` says how that is
    known. Names carry their architecture (`libc6:i386`) where it is not the machine's own.
    """

    NAME: ClassVar[str] = "apt"

    baseline: Literal["installer", "priority"]
    packages: tuple[str, ...]
    shipped: tuple[str, ...]
    holds: tuple[str, ...] = ()
    sources: tuple[SourceFile, ...] = ()
    keyrings: tuple[Keyring, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def items(self) -> Iterator[Item]:
        """Yield the items of this section."""
        for name in self.packages:
            yield _item(f"apt:{name}", "apt", name)
        for name in self.shipped:
            yield _item(f"apt:{name}", "apt", name, bound=SHIPPED)
        for name in self.holds:
            yield _item(f"apt-hold:{name}", "apt", name)
        for source in self.sources:
            yield _item(f"apt-source:{source.path}", "apt", source.sha256)
        for keyring in self.keyrings:
            yield _item(f"apt-key:{keyring.path}", "apt", keyring.sha256)
        yield from _left_out_items(self.left_out, "apt")


class File(Record):
    """A captured path. A file's bytes are in the posture's contents under `path`.

    `path` and `target` are escaped (see `escaped`); `mode` is `0644`, "" for a symlink. `origin`
    says why it is here: a conffile that differs from its package's, or a path that no package owns.
    """

    path: EscapedPath
    kind: Literal["file", "directory", "symlink"]
    origin: Literal["conffile", "unowned"]
    owner: str
    group: str
    mode: str = ""
    sha256: str = ""
    target: str = ""
    package: str = ""


class Files(Record):
    """Configuration that differs from what packages put in /etc."""

    NAME: ClassVar[str] = "files"

    files: tuple[File, ...]
    left_out: tuple[LeftOut, ...] = ()

    def items(self) -> Iterator[Item]:
        """Yield the items of this section."""
        for file in self.files:
            same = file.model_dump(exclude={"origin", "package"})
            yield _item(f"file:{file.path}", "files", same)
        yield from _left_out_items(self.left_out, "files")


class User(Record):
    """A person's account (passwd(5)); `groups` are the supplementary ones, sorted."""

    name: str
    uid: int
    group: str
    gecos: str
    home: str
    shell: str
    groups: tuple[str, ...] = ()


class Group(Record):
    """A group that a person made or that people are alone in (group(5))."""

    name: str
    gid: int


class Users(Record):
    """The people who use the machine, and their groups."""

    NAME: ClassVar[str] = "users"

    users: tuple[User, ...]
    groups: tuple[Group, ...]
    left_out: tuple[LeftOut, ...] = ()

    def items(self) -> Iterator[Item]:
        """Yield the items of this section."""
        for group in self.groups:
            yield _item(f"group:{group.name}", "users", group)
        for user in self.users:
            yield _item(f"user:{user.name}", "users", user)
        yield from _left_out_items(self.left_out, "users")


Section = System | Apt | Files | Users

SECTIONS: Mapping[str, type[Section]] = {kind.NAME: kind for kind in (System, Apt, Files, Users)}


@dataclass(frozen=True)
class Posture:
    """All sections of one machine. `contents` maps escaped absolute paths to the bytes of those files."""

    system: System
    apt: Apt
    files: Files
    users: Users
    contents: Mapping[str, bytes] = field(default_factory=dict)

    def sections(self) -> tuple[Section, ...]:
        """Return the sections in the order of the model."""
        return (self.system, self.apt, self.files, self.users)

    def items(self) -> Iterator[Item]:
        """Yield every item of every section."""
        for section in self.sections():
            yield from section.items()


def escaped(path: str) -> str:
    r"""Write a name in one line of valid UTF-8; `unescaped` is its inverse.

    A backslash, what shows as nothing or moves the text around, and a byte that is no text become
    `\xNN`. `path` is as `os.fsdecode` gives it.
    """
    return UNSHOWN.sub(lambda found: _hexed(found[0]), path)


def unescaped(name: str) -> str:
    r"""Return the name that `escaped` wrote; raises ValueError where `\` does not begin `\xNN`."""
    raw = ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), name.encode())
    if b"\\" in ESCAPE.sub(b"", name.encode()):
        raise ValueError("a backslash that does not begin an escape")
    return raw.decode(errors="surrogateescape")


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def _hexed(letter: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in letter.encode(errors="surrogateescape"))


def _item(name: str, section: str, facts: Any, *, bound: str = "") -> Item:
    plain = facts.model_dump(mode="json") if isinstance(facts, Record) else facts
    canonical = json.dumps(plain, sort_keys=True, ensure_ascii=True)
    return Item(name, sha256(canonical.encode())[:16], section, bound)


def _left_out_items(left_out: tuple[LeftOut, ...], section: str) -> Iterator[Item]:
    for entry in left_out:
        yield _item(f"left-out:{entry.path}", section, entry, bound=entry.reason)
