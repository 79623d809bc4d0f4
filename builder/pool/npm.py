"""Which tarballs do global packages of npm, pnpm, yarn and bun need on a machine without network?

npm itself resolves each package; the registry's own tarballs are kept as `semver/7.5.0.tgz`. The restore
serves them as a registry of the new machine's own. Sources: package-lock.json(5), npm-pack(1) and
package.json(5).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from builder.pool.gathered import Gathered, Say
from builder.pool.items import read_items
from builder.pool.requests import WAITS, Request, kept_up
from builder.pool.tarball import read_tarball
from builder.pool.target import Target
from collectors.command import found, run
from collectors.domains.languages.node import Bun, NodePackage, Pnpm, Yarn
from collectors.domains.languages.npm import Npm
from collectors.failure import Failure, Finding
from collectors.posture import Posture

TAKES = (Npm, Pnpm, Yarn, Bun)
NAME = re.compile(r"(?:@[A-Za-z0-9_~-][\w.~-]*/)?[A-Za-z0-9_~-][\w.~-]*")
VERSION = re.compile(r"\d[\w.+-]*")
CPUS = {"amd64": "x64", "arm64": "arm64"}
QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
REFUSED = re.compile(r"npm (?:ERR!|error) (.*?)(?: \||$)")
IDLE = re.compile(r"code |errno |syscall |A complete log|$")


@dataclass(frozen=True)
class Locked:
    """One package of a lock file; `integrity` is `sha512-…` in base64."""

    name: str
    version: str
    integrity: str

    @property
    def spec(self) -> str:
        """Return how npm is asked for it."""
        return f"{self.name}@{self.version}"

    @property
    def file(self) -> str:
        """Return where it lies in the kind's folder."""
        return f"{self.name}/{self.version}.tgz"

    @property
    def flat(self) -> str:
        """Return what npm pack calls it: `a-b-1.0.0.tgz` for `@a/b`."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


def gather(posture: Posture, target: Target, folder: Path, say: Say) -> Gathered:
    """Gather the tarballs of all items, kept in `folder`; what may want the network all the same is told."""
    wanted = [_wanted(thing) for thing in things(posture)]
    requests = [each for each in wanted if isinstance(each, Request)]
    gaps = [each for each in wanted if isinstance(each, Finding)]
    cpu = CPUS[target.architecture]
    gathered = kept_up(requests, gaps, folder, partial(_fetch, cpu=cpu, folder=folder, say=say))
    return replace(gathered, gaps=(*gathered.gaps, *_scripted(folder)))


def things(posture: Posture) -> Iterator[Npm | NodePackage]:
    """Yield what may come as tarballs of npm's registry."""
    section = posture.languages
    packages: tuple[Npm | NodePackage, ...] = (*section.npm, *section.pnpm, *section.yarn, *section.bun)
    yield from (each for each in packages if not each.bound)


def _wanted(thing: Npm | NodePackage) -> Request | Finding:
    """Return what an item asks for, in the version that the machine has, or why it can't be bundled."""
    if thing.runtime:
        return Finding(thing.item_id(), f"it is within {thing.runtime}, which is not bundled", WAITS)
    source = thing.source if isinstance(thing, Npm) else _elsewhere(thing.asked)
    if source or not NAME.fullmatch(thing.name):
        return Finding(thing.item_id(), f"no registry has it so: {source or thing.name}", WAITS)
    return Request(thing.item_id(), (f"{thing.name}@{thing.version}" if thing.version else thing.name,))


def _elsewhere(asked: str) -> str:
    return asked if ":" in asked or "/" in asked else ""


def _fetch(request: Request, *, cpu: str, folder: Path, say: Say) -> Sequence[str]:
    """Have npm resolve a request and fetch what that takes; return the tarballs' names."""
    if not found("npm"):
        raise Failure("npm is not installed here", remedy="install npm on the machine that builds")
    say(f"fetching tarballs of {request.id}")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as aside:
        try:
            _npm("install", "--package-lock-only", "--", *request.asked, within=Path(aside))
            locked = parse_lock((Path(aside) / "package-lock.json").read_text("utf-8"), cpu)
            missing = [each for each in locked if _integrity(folder / each.file) != each.integrity]
            for some in _apart(missing):
                _pack(some, Path(aside), folder)
        except Failure as failure:
            raise Failure(failure.message, remedy=WAITS) from None
    return sorted({each.file for each in locked})


def _npm(verb: str, *words: str, within: Path) -> str:
    try:
        return run(["npm", verb, *QUIET, *words], cwd=within)
    except Failure as failure:
        raise Failure(_reason(failure.message), remedy=failure.remedy) from None


def _reason(said: str) -> str:
    """Return what npm said went wrong: the last line that is neither a code nor the name of a log."""
    lines = [" ".join(line.split()) for line in REFUSED.findall(said) if not IDLE.match(line)]
    return f"npm: {lines[0]}" if lines else said


def parse_lock(text: str, cpu: str) -> tuple[Locked, ...]:
    """Return the packages of a package-lock.json that Linux on `cpu` installs; raises Failure.

    What lies in another one's tarball comes along with that.
    """
    packages = json.loads(text)["packages"]
    told = (_locked(path, entry) for path, entry in sorted(packages.items()) if path and _is_own(entry, cpu))
    return tuple(sorted(set(told), key=lambda locked: (locked.name, locked.version)))


def _is_own(entry: Mapping[str, Any], cpu: str) -> bool:
    return not entry.get("inBundle") and all(
        fits(entry.get(key, ()), here) for key, here in (("os", "linux"), ("cpu", cpu), ("libc", "glibc"))
    )


def fits(allowed: Sequence[str], here: str) -> bool:
    """Tell whether a package is for this system: `["linux", "darwin"]`, `["!win32"]`."""
    others = [each for each in allowed if not each.startswith("!")]
    return f"!{here}" not in allowed and (not others or here in others or "any" in others)


def _locked(path: str, entry: Mapping[str, Any]) -> Locked:
    name, version = entry.get("name") or path.rpartition("node_modules/")[2], str(entry.get("version", ""))
    integrity = str(entry.get("integrity", "")).split(" ")[0]
    known = NAME.fullmatch(name) and VERSION.fullmatch(version)
    if not known or not integrity.startswith("sha512-"):
        raise Failure(f"it needs {name}, which no registry has so", remedy=WAITS)
    return Locked(name, version, integrity)


def _apart(locked: Sequence[Locked]) -> Iterator[list[Locked]]:
    """Yield them in groups of which no two have the same name for npm pack: `@a/b` and `a-b` have."""
    left = list(locked)
    while left:
        group = {each.flat: each for each in left}
        yield list(group.values())
        left = [each for each in left if group[each.flat] is not each]


def _pack(locked: Sequence[Locked], aside: Path, folder: Path) -> None:
    """Fetch tarballs, and keep those that are what the lock file says; raises Failure."""
    _npm("pack", "--", *(each.spec for each in locked), within=aside)
    for each in locked:
        if _integrity(aside / each.flat) != each.integrity:
            raise Failure(f"{each.spec} is not what npm found when it was resolved", remedy=WAITS)
        (folder / each.file).parent.mkdir(parents=True, exist_ok=True)
        (aside / each.flat).replace(folder / each.file)


def _integrity(path: Path) -> str:
    """Return `sha512-…` in base64, "" where there is no such file."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha512").digest()
    except FileNotFoundError:
        return ""
    return f"sha512-{base64.b64encode(digest).decode()}"


def _scripted(folder: Path) -> Iterator[Finding]:
    """Yield a gap for each item that was gathered and of which something runs when it is installed."""
    for kept in read_items(folder).values():
        names = [name for name in sorted(kept.files) if read_tarball(folder / name).scripted]
        if names:
            which = names[0].rpartition("/")[0]
            yield Finding(
                kept.id, f"{which} runs a script when it is installed, which may want the network", WAITS
            )
