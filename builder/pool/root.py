"""Which apt is asked? One of its own, that knows the posture's sources and believes only the base installed.

Nothing of this machine's packages is read or changed, no hook of it is run. How the network is reached, and
the passwords of sources, are this machine's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builder.pool.status import status
from builder.pool.target import Target
from builder.restore.steps.sources import WORD, Move
from collectors.command import run
from collectors.debian.sources import parse_sources
from collectors.failure import Failure
from collectors.posture import Posture
from collectors.record import unescaped

SOURCES = re.compile(r"/etc/apt/sources\.list(?:\.d/[^/]+)?")
PREFERENCES = re.compile(r"/etc/apt/preferences(?:\.d/[^/]+)?")
CONFIGURATION = re.compile(r"/etc/apt/apt\.conf(?:\.d/[^/]+)?")
# How this machine reaches the network; what of the posture's decides which packages come along.
REACHING = re.compile(r"Acquire::(?:https?|ftp|ForceIPv[46])\b.*")
DECIDING = re.compile(r"APT::(?:Install-Recommends|Install-Suggests|Default-Release) .*")
UNREADABLE = re.compile(r"^E: .*(?:sources? (?:list|file)|list file|preferences file) (/[^\s,:]+)", re.M)
TRUSTED = Path("/etc/apt/trusted.gpg.d")
# apt.conf(5): all of apt's places are below this one.
APT_CONF = """\
Dir "{folder}/";
Dir::State::status "{folder}/var/lib/dpkg/status";
Dir::Etc::netrc "/etc/apt/auth.conf";
Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
APT::Architecture "{architecture}";
"""


@dataclass(frozen=True)
class Root:
    """A private apt below `folder`."""

    folder: Path

    @property
    def archives(self) -> Path:
        """Where downloads lie, under the names that apt gives them."""
        return self.folder / "var/cache/apt/archives"

    @property
    def status(self) -> Path:
        """What dpkg would have."""
        return self.folder / "var/lib/dpkg/status"

    @property
    def configuration(self) -> Path:
        """What tells apt that all this is its own."""
        return self.folder / "apt.conf"

    def said(self, *argv: str, hear: Callable[[str], None] = lambda line: None) -> tuple[int, str]:
        """Run a command of apt, and return its code and all that it said; `hear` gets each line at once."""
        lines = []
        with subprocess.Popen(
            argv,
            env={**os.environ, "LC_ALL": "C.UTF-8", "APT_CONFIG": str(self.configuration)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                lines.append(line)
                hear(line)
        return process.returncode, "".join(lines)


def made(posture: Posture, target: Target, folder: Path) -> tuple[Root, str]:
    """Make an apt below `folder`, and fetch the indexes; return what was said of these.

    Where they cannot be fetched, those of the last time serve.
    """
    root = Root(folder)
    shutil.rmtree(folder / "etc", ignore_errors=True)
    for place in (root.status.parent, root.archives / "partial", folder / "var/lib/apt/lists/partial"):
        place.mkdir(parents=True, exist_ok=True)
    _lay_keys(posture, folder)
    for path, content in _matching(posture, SOURCES).items():
        _lay(folder, path, _source(path, content, posture, target, folder))
    for path, content in _matching(posture, PREFERENCES).items():
        _lay(folder, path, content)
    root.configuration.write_text(_configuration(posture, target, folder))
    root.status.write_text("")
    said = _asked(root, "apt-get", "update")
    offered = _asked(root, "apt-cache", "dumpavail")
    root.status.write_text(status(target.packages, offered, target.architecture))
    if root.said("apt-get", "check")[0]:
        root.status.write_text(status(target.packages, offered, target.architecture, guarded=True))
    return root, said


def _asked(root: Root, *argv: str) -> str:
    """Ask apt, without the files for which it would answer nothing at all; return what it said."""
    _, said = root.said(*argv)
    while (found := UNREADABLE.search(said)) and (file := Path(found[1])).is_relative_to(root.folder):
        file.unlink()
        _, said = root.said(*argv)
    return said


def _matching(posture: Posture, pattern: re.Pattern[str]) -> Mapping[str, bytes]:
    return {path: content for path, content in posture.contents.items() if pattern.fullmatch(path)}


def _lay(folder: Path, path: str, content: bytes) -> None:
    place = Path(f"{folder}{unescaped(path)}")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


def _lay_keys(posture: Posture, folder: Path) -> None:
    """Lay the posture's keys where they were, and beside them this machine's own of the distribution."""
    for file in sorted(TRUSTED.glob("*")):
        _lay(folder, str(file), file.read_bytes())
    for keyring in posture.apt.keyrings:
        _lay(folder, keyring.path, posture.contents[keyring.path])


def _source(path: str, content: bytes, posture: Posture, target: Target, folder: Path) -> bytes:
    """Return a file of sources for the release of the base, and with the keys where they are here."""
    text = content.decode(errors="surrogateescape")
    then = posture.system.release
    if then.codename and then.codename != target.codename:
        changed = {"version": target.release, "codename": target.codename}
        text = _moved(text, path, Move(then, then.model_copy(update=changed)))
    for keyring in posture.apt.keyrings:
        text = re.sub(rf"{re.escape(keyring.path)}(?=[\s,\]]|$)", f"{folder}{keyring.path}", text)
    return text.encode(errors="surrogateescape")


def _moved(text: str, path: str, move: Move) -> str:
    entries, _ = parse_sources(text, path=path)
    words = {word: move.word(word) for entry in entries for word in (*entry.uris, *entry.suites)}
    return WORD.sub(lambda found: words.get(found[0], found[0]), text)


def _configuration(posture: Posture, target: Target, folder: Path) -> str:
    """Return an apt.conf(5) after which apt reads no other."""
    lines = [
        *(f'APT::Architectures:: "{name}";' for name in (target.architecture, *posture.apt.architectures)),
        *_dumped(REACHING),
        *_dumped(DECIDING, *_apart(posture, folder / "decisions")),
    ]
    return APT_CONF.format(folder=folder, architecture=target.architecture) + "".join(
        f"{line}\n" for line in lines
    )


def _apart(posture: Posture, parts: Path) -> tuple[str, ...]:
    """Write the posture's configuration of apt aside, and return the options to read it alone."""
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir()
    for path, content in _matching(posture, CONFIGURATION).items():
        (parts / PurePosixPath(path).name).write_bytes(content)
    return ("-o", f"Dir::Etc::parts={parts}", "-o", "Dir::Etc::main=/dev/null")


def _dumped(wanted: re.Pattern[str], *options: str) -> Iterable[str]:
    """Return the lines of apt-config(8) that are as `wanted`; none of files that apt itself cannot read."""
    with suppress(Failure):
        return [line for line in run(["apt-config", *options, "dump"]).splitlines() if wanted.fullmatch(line)]
    return []
