"""What are sections and items made of?

A section is a frozen record of things; a thing is a record that is an item: what diff, score and the
restore report speak of, by an id and a fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

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

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Thing(Record):
    """A record that is an item.

    `KIND` begins its id; `FREE` names the fields that may differ after a restore. `bound` says why it
    is not to be restored: it belongs to the old hardware, or a fresh installation brings it.
    """

    KIND: ClassVar[str]
    FREE: ClassVar[frozenset[str]] = frozenset()

    bound: str = ""

    def item_name(self) -> str:
        """Return what follows the kind in its id; `~ada/` begins what is one person's own."""
        raise NotImplementedError

    def item_id(self) -> str:
        """Return the id of its item, `snap:code`."""
        return f"{self.KIND}:{self.item_name()}"

    def by_hand(self) -> str:
        """Return the command that brings it back by hand, "" where there is no such one.

        The person types it for what is theirs (its name begins `~ada/`), root for what is the machine's.
        """
        return ""

    def content_path(self) -> str:
        """Return the escaped path under which the posture has its bytes, "" where it has none."""
        return ""

    def item(self, section: str) -> Item:
        """Return its item in `section`."""
        facts = self.model_dump(mode="json", exclude={"bound", *self.FREE})
        return Item(self.item_id(), fingerprint(facts), section, self.bound)


def _absolute(path: str) -> str:
    """Return an escaped path; raises ValueError unless it is absolute and leads nowhere else."""
    name = unescaped(path)
    if escaped(name) != path or "\0" in name:
        raise ValueError("not written as Rekindle writes a path")
    if not name.startswith("/") or any(part in ("", ".", "..") for part in name.split("/")[1:]):
        raise ValueError("not an absolute path without `.`, `..` and `//`")
    return path


EscapedPath = Annotated[str, AfterValidator(_absolute)]


class AtPath(Thing):
    """A thing that is a path."""

    path: EscapedPath

    def item_name(self) -> str:
        """Return its path."""
        return self.path


class LeftOut(AtPath):
    """What was seen and deliberately not captured: a secret, or something bound to this machine."""

    KIND: ClassVar[str] = "left-out"

    reason: str

    def item(self, section: str) -> Item:
        """Return its item, which no restore need bring back."""
        return Item(self.item_id(), fingerprint(self.reason), section, self.reason)


class File(AtPath):
    """A captured path. A file's bytes are in the posture's contents under `path`.

    `path` and `target` are escaped (see `escaped`); `mode` is `0644`, "" for a symlink. `origin`
    says why it is here: a conffile that differs from its package's, a path that no package owns, or
    a program's settings. `pristine` is the SHA-256 of the version that its package brought, where that
    is kept in the posture too. `acl` and `capabilities` are as in judgement/attributes.py.
    """

    KIND: ClassVar[str] = "file"
    FREE: ClassVar[frozenset[str]] = frozenset({"origin", "package", "pristine"})

    kind: Literal["file", "directory", "symlink"]
    origin: Literal["conffile", "unowned", "settings"]
    owner: str
    group: str
    mode: str = ""
    sha256: str = ""
    target: str = ""
    acl: str = ""
    capabilities: str = ""
    package: str = ""
    pristine: str = ""

    def content_path(self) -> str:
        """Return where its bytes are."""
        return self.path if self.kind == "file" else ""


class Section(Record):
    """All things of one domain; `left_out` is what was seen there and not captured."""

    NAME: ClassVar[str]

    left_out: tuple[LeftOut, ...] = ()

    def things(self) -> Iterator[Thing]:
        """Yield every thing of every field, in the order of the fields."""
        for name in type(self).model_fields:
            if name != "left_out":
                yield from _things(getattr(self, name))
        yield from self.left_out

    def items(self) -> Iterator[Item]:
        """Yield the items of this section."""
        return (thing.item(self.NAME) for thing in self.things())

    def content_paths(self) -> Iterator[str]:
        """Yield the escaped path of every thing whose bytes lie beside the sections."""
        return (path for thing in self.things() if (path := thing.content_path()))

    def pristine_paths(self) -> Iterator[str]:
        """Yield the escaped path of every file whose pristine version lies beside the sections."""
        return (thing.path for thing in self.things() if isinstance(thing, File) and thing.pristine)


def _things(value: Any) -> Iterator[Thing]:
    if isinstance(value, Thing):
        yield value
    elif isinstance(value, tuple):
        yield from (each for each in value if isinstance(each, Thing))


def fingerprint(facts: Any) -> str:
    """Return 16 hex digits over plain data, the same for the same data."""
    plain = facts.model_dump(mode="json") if isinstance(facts, Record) else facts
    return sha256(json.dumps(plain, sort_keys=True, ensure_ascii=True).encode())[:16]


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


def word(name: str) -> str:
    r"""Return an escaped name as one word of bash: `/a`, `'/a b'`, and with an escape in it `$'/a\x0ab'`."""
    if "\\" not in name:
        return shlex.quote(name)
    inside = name.replace("'", "\\'")
    return f"$'{inside}'"


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def _hexed(letter: str) -> str:
    """Write a letter's bytes; one half of a pair, as JSON may have it, is none of `os.fsdecode`."""
    errors = "surrogateescape" if "\udc80" <= letter <= "\udcff" else "surrogatepass"
    return "".join(f"\\x{byte:02x}" for byte in letter.encode(errors=errors))
