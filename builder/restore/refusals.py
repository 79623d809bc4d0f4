"""What makes a restore impossible, before anything is touched?"""

from __future__ import annotations

import fcntl
import os
import platform
import pwd
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from builder.payload.manifest import Manifest
from builder.payload.payload import open_payload, read_manifest, signed_by
from builder.payload.signature import ALLOWED
from builder.places import places
from builder.restore.people import renamed
from collectors.accounts import PEOPLE
from collectors.command import run
from collectors.domains.apt import Package
from collectors.failure import Failure
from collectors.posture import Posture
from collectors.repository import read_posture, write_posture

# Where a payload lies until it is known to be one; the system empties it (tmpfiles.d(5)).
ASIDE = Path("/var/tmp")  # noqa: S108 - mkdtemp(3) makes a folder of our own there
FAMILY = frozenset({"debian", "ubuntu"})
PREFIX = "rekindle-payload-"
# What a package takes in the middle, as it lies in the cache and installed; what it depends on comes on top.
PACKAGE_BYTES = 2 * 2**20
ROOT = Path("/")


@dataclass(frozen=True)
class Admitted:
    """A payload that may be restored here: unpacked in `folder`, its posture under the names of here."""

    manifest: Manifest
    posture: Posture
    names: Mapping[str, str]
    folder: Path


@contextmanager
def admitted(
    payload: Path, *, map_user: Mapping[str, str], signers: Path | None, say: Callable[[str], None]
) -> Iterator[Admitted]:
    """Yield what is in `payload`, where it is whole, of whom it should be, and for a machine like this.

    `map_user` counts instead of what the payload says; `signers` instead of /etc/rekindle/allowed_signers.
    Raises Failure.
    """
    _refuse_signer(payload, signers, say)
    manifest = read_manifest(payload)
    refuse_full({ASIDE: unpacked_bytes(manifest)})
    with _aside() as folder:
        opened = folder / "payload"
        manifest = open_payload(payload, opened)
        names = map_user or manifest.map_user
        posture = read_posture(opened / "posture")
        refuse_architecture(posture)
        refuse_accounts(names)
        posture = renamed(posture, names)
        if names:
            write_posture(posture, opened / "posture")
        yield Admitted(manifest, posture, names, opened)


@contextmanager
def _aside() -> Iterator[Path]:
    """Yield a folder of our own in ASIDE, and remove those that killed ones left: nobody holds them."""
    for left in ASIDE.glob(f"{PREFIX}*"):
        with suppress(OSError), _held(left):
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=ASIDE, prefix=PREFIX) as folder, _held(Path(folder)):
        yield Path(folder)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder of ours as long as we live; raises OSError where another one does, or it is not ours."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise PermissionError(folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def refuse_machine() -> None:
    """Raise Failure unless this is root's, on Debian or one of its family."""
    if os.geteuid() != 0:
        raise Failure("a restore changes the whole system", remedy="run it with sudo")
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    named = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    if not named & FAMILY or shutil.which("dpkg") is None:
        what = release.get("PRETTY_NAME", "this system")
        raise Failure(f"{what} is neither Debian nor Ubuntu", remedy="install one of them first")


def refuse_architecture(posture: Posture) -> None:
    """Raise Failure where the posture is of another architecture than this machine."""
    here = run(["dpkg", "--print-architecture"]).strip()
    then = posture.system.release.architecture
    if here != then:
        raise Failure(f"the posture is of {then}, this machine is {here}", remedy=f"restore it on {then}")


def refuse_accounts(names: Mapping[str, str]) -> None:
    """Raise Failure where a person is to be called as an account of this system is."""
    for old, new in names.items():
        try:
            account = pwd.getpwnam(new)
        except (KeyError, ValueError):
            continue
        if account.pw_uid not in PEOPLE:
            raise Failure(f"{new} is an account of this system", remedy=f"choose another name for {old}")


def refuse_space(posture: Posture, wanted: Collection[str], manifest: Manifest, state: Path) -> None:
    """Raise Failure where there is less room than the items in `wanted` take at the least."""
    packages = sum(name.startswith(f"{Package.KIND}:") for name in wanted)
    paths = {thing.content_path() for _, thing in posture.things() if thing.item_id() in wanted}
    contents = sum(len(posture.contents[path]) for path in paths if path in posture.contents)
    refuse_full({ROOT: contents + packages * PACKAGE_BYTES, state: unpacked_bytes(manifest)})


def refuse_full(needed: Mapping[Path, int]) -> None:
    """Raise Failure that says how many bytes are missing for each folder; some may share a file system."""
    together: dict[int, int] = defaultdict(int)
    places: dict[int, Path] = {}
    for folder, size in needed.items():
        place = _existing(folder)
        device = place.stat().st_dev
        together[device] += size
        places.setdefault(device, place)
    for device, size in together.items():
        missing = size - shutil.disk_usage(places[device]).free
        if missing > 0:
            raise Failure(
                f"{places[device]} lacks {ceil(missing / 1e6)} MB: {ceil(size / 1e6)} MB are needed",
                remedy="free that much, or restore less with --only",
            )


def unpacked_bytes(manifest: Manifest) -> int:
    """Return how much a payload takes unpacked."""
    return sum(member.size_bytes for member in manifest.members)


def _refuse_signer(payload: Path, signers: Path | None, say: Callable[[str], None]) -> None:
    own = places().config / ALLOWED
    trusted = signers or (own if own.exists() else None)
    who = signed_by(payload, trusted)
    if who:
        say(f"signed by {who}" + ("" if trusted else ", whom nobody here vouches for"))


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
