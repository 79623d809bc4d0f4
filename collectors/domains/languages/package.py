"""What do packages of every manager have in common, and what may be told of them?"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import ClassVar

from collectors.collected import Cover, Loss
from collectors.homes import Home
from collectors.host import Host
from collectors.judgement.capture import unread
from collectors.reading.looking import Outcome
from collectors.record import LeftOut, Thing, escaped, word

ADDRESSED = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<who>[^/?#\s]+)@")
# What comes after the host: `?access_token=x`, conda's `/t/<token>`.
TOKENS = re.compile(
    r"(?<=[?&])[\w-]*(?:token|passw|secret|signature|key|sig)[\w-]*=[^&#\s]*&?"
    r"|(?P<host>://[^/?#\s]+)/t/[A-Za-z0-9-]+(?=/)",
    re.IGNORECASE,
)


class Package(Thing):
    """A package that somebody asked a manager for, `~ada/black`.

    `user` is whose it is, "" for the machine's; `version` is the one that is there. `runtime` names the
    toolchain that it is installed in, `node/v20.11.0`, "" where that is the machine's own.
    """

    KIND: ClassVar[str] = "package"
    FREE: ClassVar[frozenset[str]] = frozenset({"version"})

    user: str = ""
    name: str
    version: str = ""
    runtime: str = ""

    def item_name(self) -> str:
        """Return the name, after whose it is and what it is installed in."""
        whose = f"~{self.user}" if self.user else ""
        return "/".join(part for part in (whose, self.runtime, self.name) if part)


def shown(text: str) -> str:
    """Return a word from a file in one line of valid UTF-8, as a record may have it: without credentials."""
    return escaped(TOKENS.sub(lambda found: found["host"] or "", ADDRESSED.sub(_without_password, text)))


def secrets_left_out(path: str, *words: str) -> Iterator[LeftOut]:
    """Yield what tells that an address in the file at `path`, of which `words` are, had a secret in it."""
    if any(shown(each) != escaped(each) for each in words):
        yield LeftOut(path=escaped(path), reason="a password or token is in an address there")


def command(*words: str) -> str:
    """Return the words as one shell command, those that are empty left out."""
    return " ".join(_quoted(each) for each in words if each)


def short(home: Home | None, path: str) -> str:
    """Return `~/.npm-global` for a path in the home, any other as it is, escaped."""
    if home and (path == home.path or path.startswith(f"{home.path}/")):
        return escaped(f"~{path.removeprefix(home.path)}")
    return escaped(path)


def sourceless(item: Thing, from_where: str, remedy: str) -> Loss:
    """Return the loss of a package that was made from a folder or file on this machine alone."""
    reason = f"installed from {from_where}, which no registry has"
    return Loss("sourceless", item.item_id(), reason, remedy)


def launchers(host: Host, folders: Iterable[str], covers: Iterable[Cover]) -> Iterator[Outcome]:
    """Yield a cover for each symlink in `folders` that leads into what is covered, by the same item."""
    by_path = {cover.path: cover.by for cover in covers}
    for folder in sorted(set(folders)):
        try:
            entries = host.entries(folder)
            links = [(each.path, host.link(each.path)) for each in entries if each.is_symlink]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield unread(folder, error)
            continue
        for path, target in links:
            by = _covered(posixpath.normpath(posixpath.join(folder, target)), by_path)
            if by:
                yield Cover(path, by)


def _covered(path: str, by_path: dict[str, str]) -> str:
    """Return what brings `path` or a folder that it is in back, "" where nothing does."""
    while path not in by_path and path not in ("/", ""):
        path = posixpath.dirname(path)
    return by_path.get(path, "")


def _without_password(found: re.Match[str]) -> str:
    """Keep the name of `ssh://ada:x@`; what stands there for https may be a token, unless it is `git@`."""
    user = found["who"].partition(":")[0]
    is_kept = "ssh" in found["scheme"].lower() or found["who"] == "git"
    return f"{found['scheme']}://{user}@" if is_kept else f"{found['scheme']}://"


def _quoted(text: str) -> str:
    """Quote an escaped word for bash; `~/` at its beginning stays what bash makes of it."""
    if text.startswith("~/") and len(text) > 2:
        return f"~/{word(text[2:])}"
    return word(text)
