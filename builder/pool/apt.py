"""Which packages does the posture need that the base does not bring, and how do they get here?

apt itself solves and downloads, and holds what it gets against the signed indexes. What it blames for a
failure is left out, as the restore does; where it blames none, halves are tried.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from builder.pool.gathered import Gathered, Say
from builder.pool.root import Root, made
from builder.pool.target import Target
from builder.tools import require
from collectors.domains.apt import Package
from collectors.failure import Finding
from collectors.posture import Posture
from collectors.record import sha256, unescaped

APT_GET = ("apt-get", "--yes", "--quiet", "-o", "Acquire::Retries::Delay=false")
# As if nothing were downloaded yet.
PLAN = (*APT_GET, "-o", "Dir::Cache::archives=none", "--print-uris", "install")
NOT_OFFERED = "no source offers it"
NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?")
URI = re.compile(r"^'(?!file:/)[^']+' (\S+) (\d+) ", re.M)
UNMET = re.compile(r"^ (?!\s)(\S+) : ((?:Pre-)?Depends|Conflicts|Breaks): (.*)$", re.M)
UNKNOWN = re.compile(
    r"^E: (?:Unable to locate package (\S+)|Package '(\S+)' has no installation candidate)$", re.M
)
ERROR = re.compile(r"^E: (.*)$", re.M)
UNFETCHED = re.compile(r"^(?:E|W): Failed to fetch \S*/(\S+)\s+(.*)$", re.M)
EPOCH = re.compile(r"_\d+%3a")
LETTERS = 200
SPARE_BYTES = 64 * 2**20
ADD_SOURCE = "add a source that has it, or keep its .deb where it was"
ASK_SOURCE = "see whether the source still exists, then build again"
BY_NETWORK = "connect the network after the restore: it comes then"


@dataclass
class Solved:
    """What apt would fetch, sizes in bytes by the file's name, for which groups of items.

    `troubles` say of an item why it cannot be had.
    """

    files: dict[str, int] = field(default_factory=dict)
    groups: list[list[str]] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)


def gather(posture: Posture, target: Target, folder: Path, say: Say) -> Gathered:
    """Bring all packages here that a machine without network needs; see builder/pool/__init__.py."""
    require(["apt-get", "apt-cache", "dpkg-deb"])
    wanted = {each.name: each for each in _wanted(posture, target)}
    say("asking the sources of the posture what they offer")
    root, updated = made(posture, target, folder / ".apt")
    local = {name: file for name, package in wanted.items() if (file := _local(package, root))}
    words = {name: str(local.get(name, name)) for name in wanted}
    solved = Solved()
    _solve(root, words, list(words), solved)
    _tell(solved, root, say)
    _fetch(root, words, solved, say)
    kept = [file for name, file in local.items() if name not in solved.troubles]
    files = _laid([*(root.archives / name for name in solved.files), *kept], folder)
    return Gathered(
        files, tuple(_gap(wanted[name], why, updated) for name, why in sorted(solved.troubles.items()))
    )


def _wanted(posture: Posture, target: Target) -> Iterator[Package]:
    """Yield the packages that a restore would install."""
    for package in posture.apt.packages:
        if not package.bound and NAME.fullmatch(package.name) and package.name not in target.packages:
            yield package


def _local(package: Package, root: Root) -> Path | None:
    """Return a copy of the `.deb` of a package that no source offers, None where it is not here as it was."""
    source = Path(unescaped(package.deb)) if package.deb else None
    if source is None or not source.is_file() or sha256(content := source.read_bytes()) != package.deb_sha256:
        return None
    copy = root.folder / "local" / f"{package.name.replace(':', '-')}_{package.deb_sha256[:16]}.deb"
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(content)
    return copy


def _solve(root: Root, words: Mapping[str, str], names: list[str], solved: Solved) -> None:
    """Ask what all of `names` need that can be had, and add it to what is solved."""
    said, rest = "", names
    while rest:
        code, said = root.said(*PLAN, *(words[name] for name in rest))
        if code == 0:
            solved.groups.append(rest)
            solved.files |= {name: int(size) for name, size in URI.findall(said)}
            return
        blamed = _blamed(said, rest)
        if not blamed:
            break
        solved.troubles |= blamed
        rest = [name for name in rest if name not in blamed]
    if len(rest) == 1:
        solved.troubles[rest[0]] = _complaint(said)
    elif rest:
        middle = len(rest) // 2
        _solve(root, words, rest[:middle], solved)
        _solve(root, words, rest[middle:], solved)


def _blamed(said: str, names: Iterable[str]) -> dict[str, str]:
    """Return why apt refuses some of `names`, in its own words."""
    reasons = {
        name: f"{kind}: {' '.join(rest.split())}"[:LETTERS] for name, kind, rest in UNMET.findall(said)
    }
    reasons |= {one or other: NOT_OFFERED for one, other in UNKNOWN.findall(said)}
    return {name: reasons[name] for name in names if name in reasons}


def _complaint(said: str) -> str:
    return "; ".join(ERROR.findall(said)[:2])[:LETTERS] or "apt does not install it"


def _tell(solved: Solved, root: Root, say: Say) -> None:
    """Say how much comes, and see whether there is room."""
    missing = sum(size for name, size in solved.files.items() if not (root.archives / name).exists())
    total = sum(solved.files.values())
    say(f"{len(solved.files)} packages, {total / 1e6:.1f} MB; {missing / 1e6:.1f} MB are to be downloaded")
    require(space_bytes={root.archives: missing + SPARE_BYTES if missing else 0})


def _fetch(root: Root, words: Mapping[str, str], solved: Solved, say: Say) -> None:
    """Download what was solved; what needs a file that does not come is in trouble."""
    said, heard = "", _tenths(sum(not (root.archives / name).exists() for name in solved.files), say)
    for group in solved.groups:
        argv = (*APT_GET, "--download-only", "install", *(words[name] for name in group))
        said += root.said(*argv, hear=heard)[1]
    lost = {name for name in solved.files if not (root.archives / name).exists()}
    reasons = {
        unquote(name): f"not to be downloaded: {why}"[:LETTERS] for name, why in UNFETCHED.findall(said)
    }
    for name in [name for group in solved.groups for name in group] if lost else ():
        needed = dict(URI.findall(root.said(*PLAN, words[name])[1]))
        for file in sorted(lost & set(needed)):
            solved.troubles[name] = reasons.get(unquote(file), f"{file} is not to be downloaded")
    solved.files = {name: size for name, size in solved.files.items() if name not in lost}


def _tenths(total: int, say: Say) -> Callable[[str], None]:
    """Return what hears apt-get's lines, and tells of each tenth of `total` downloads."""
    done = 0

    def hear(line: str) -> None:
        nonlocal done
        if line.startswith("Get:"):
            done += 1
            if done * 10 // total > (done - 1) * 10 // total:
                say(f"{done} of {total} packages are downloaded")

    return hear


def _laid(sources: Sequence[Path], folder: Path) -> tuple[str, ...]:
    """Lay the packages into `folder` under names without an epoch, and remove what is of no use any more."""
    files = {EPOCH.sub("_", file.name): file for file in sources}
    for place in folder.glob("*.deb"):
        if place.name not in files or not place.samefile(files[place.name]):
            place.unlink()
    for name, file in files.items():
        if not (folder / name).exists():
            os.link(file, folder / name)
    kept = {file.name for file in sources}
    for place in (folder / ".apt").rglob("*.deb"):
        if place.name not in kept:
            place.unlink()
    return tuple(sorted(files))


def _gap(package: Package, why: str, updated: str) -> Finding:
    uri = package.origin.split(" ")[0].rstrip("/")
    refused = [
        line for line in updated.splitlines() if uri and line.startswith(("W: ", "E: ")) and uri in line
    ]
    if why == NOT_OFFERED and refused:
        return Finding(
            package.item_id(), f"its source did not answer: {refused[0][3:]}"[:LETTERS], ASK_SOURCE
        )
    return Finding(package.item_id(), why, ADD_SOURCE if why == NOT_OFFERED else BY_NETWORK)
