"""Which packages does the posture need that the base does not bring, and how do they get here?

apt itself solves and downloads, and holds what it gets against the signed indexes.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from builder.pool.gathered import Gathered, Say
from builder.pool.root import Root, made
from builder.pool.solve import APT_GET, LETTERS, NOT_OFFERED, Solved, planned, solved
from builder.pool.target import Target
from builder.tools import require
from collectors.domains.apt import Package
from collectors.failure import Finding
from collectors.posture import Posture
from collectors.record import sha256, unescaped

NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?")
UNFETCHED = re.compile(r"^(?:E|W): Failed to fetch .*/(\S+)\s+(.*)$", re.M)
EPOCH = re.compile(r"_\d+%3a")
SPARE_BYTES = 64 * 2**20
ADD_SOURCE = "add a source that has it, or keep its .deb where it was"
ASK_SOURCE = "see whether the source still exists, then build again"
BY_NETWORK = "connect the network after the restore: it comes then"


def gather(posture: Posture, target: Target, folder: Path, say: Say) -> Gathered:
    """Bring all packages here that a machine without network needs; see builder/pool/__init__.py."""
    require(["apt-get", "apt-cache", "dpkg-deb"])
    wanted = {each.name: each for each in _wanted(posture, target)}
    say("asking the sources of the posture what they offer")
    root, updated = made(posture, target, folder / ".apt")
    words = {name: str(_local(package, root) or name) for name, package in wanted.items()}
    found = solved(root, words)
    _tell(found, root, say)
    _fetch(root, words, found, say)
    files = _laid([root.archives / name for name in found.files], folder)
    gaps = (_gap(wanted[name], why, updated) for name, why in sorted(found.troubles.items()))
    return Gathered(files, tuple(gaps))


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


def _missing(found: Solved, root: Root) -> list[str]:
    return [name for name in found.files if not (root.archives / name).exists()]


def _tell(found: Solved, root: Root, say: Say) -> None:
    """Say how much comes, and see whether there is room."""
    total = sum(file.size_bytes for file in found.files.values())
    missing = sum(found.files[name].size_bytes for name in _missing(found, root))
    say(f"{len(found.files)} packages, {total / 1e6:.1f} MB; {missing / 1e6:.1f} MB are to be fetched")
    require(space_bytes={root.archives: missing + SPARE_BYTES if missing else 0})


def _fetch(root: Root, words: Mapping[str, str], found: Solved, say: Say) -> None:
    """Fetch what was solved; what needs a file that does not come is in trouble."""
    said, heard = "", _tenths(len(_missing(found, root)), say)
    for group in found.groups:
        argv = (*APT_GET, "--download-only", "install", *(words[name] for name in group))
        said += root.said(*argv, hear=heard)[1]
    told = {unquote(name): f"not to be downloaded: {why}"[:LETTERS] for name, why in UNFETCHED.findall(said)}
    for file in found.files.values():
        # apt leaves it where it lies, and says if it is not what its index tells.
        if file.near and file.near.is_file() and file.near.name not in told:
            shutil.copyfile(file.near, root.archives / file.name)
    lost = _missing(found, root)
    for name in [name for group in found.groups for name in group] if lost else ():
        needed = {file.name for file in planned(root, [words[name]]) if not isinstance(file, str)}
        for file_name in sorted(needed & set(lost)):
            found.troubles[name] = told.get(unquote(file_name), f"not to be had: {file_name}")
    for file_name in lost:
        del found.files[file_name]


def _tenths(total: int, say: Say) -> Callable[[str], None]:
    """Return what hears apt-get's lines, and tells of each tenth of `total` downloads."""
    done = 0

    def hear(line: str) -> None:
        nonlocal done
        if line.startswith("Get:") and done < total:
            done += 1
            if done * 10 // total > (done - 1) * 10 // total:
                say(f"{done} of {total} packages are downloaded")

    return hear


def _laid(sources: Iterable[Path], folder: Path) -> tuple[str, ...]:
    """Lay the packages into `folder` under names without an epoch, and remove what is of no use any more."""
    files = {EPOCH.sub("_", file.name): file for file in sources}
    for place in folder.glob("*.deb"):
        if place.name not in files or not place.samefile(files[place.name]):
            place.unlink()
    for name, file in files.items():
        if not (folder / name).exists():
            os.link(file, folder / name)
    kept = {file.name for file in files.values()}
    for place in (folder / ".apt").rglob("*.deb"):
        if place.name not in kept:
            place.unlink()
    return tuple(sorted(files))


def _gap(package: Package, why: str, updated: str) -> Finding:
    uri = package.origin.split(" ")[0].rstrip("/")
    lines = (line for line in updated.splitlines() if line.startswith(("W: ", "E: ")))
    refused = next((line[3:] for line in lines if uri and uri in line), "")
    if why == NOT_OFFERED and refused:
        return Finding(package.item_id(), f"its source did not answer: {refused}"[:LETTERS], ASK_SOURCE)
    return Finding(package.item_id(), why, ADD_SOURCE if why == NOT_OFFERED else BY_NETWORK)
