"""What travels to the new machine, and how is it known to have arrived whole?

`payload.tar` is a GNU tar with `manifest.json` first, then `playbook/`, `posture/` and `restore.pex`.
The manifest names every other member with its size and SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import IO, ClassVar

from pydantic import ValidationError

from builder.whole import whole
from collectors.failure import Failure
from collectors.posture import Posture
from collectors.record import Record, escaped, sha256, unescaped
from collectors.repository import files_of

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
PROGRAM = "restore.pex"
PLAYBOOK = "playbook"
BLOCK_BYTES = 1 << 20
REMEDY = "build the recovery ISO again, or copy the payload again"


class Member(Record):
    """One file of a payload; `name` is escaped as paths of a posture are."""

    name: str
    size_bytes: int
    sha256: str


class Manifest(Record):
    """What a payload holds, and of which machine."""

    FIELD: ClassVar[str] = "schema_version"

    schema_version: int
    host: str
    members: tuple[Member, ...]


def write_payload(posture: Posture, program: Path, *, host: str, output: Path) -> None:
    """Write `payload.tar`; the same posture and program give the same bytes. Raises Failure."""
    members = _members(posture, program)
    manifest = _manifest(host, members)
    with (
        whole(output) as aside,
        tarfile.open(aside, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        aside.chmod(0o600)
        for name, content in {MANIFEST: manifest, **members}.items():
            tar.addfile(_header(name, len(content)), io.BytesIO(content))


def open_payload(payload: Path, directory: Path) -> Manifest:
    """Unpack `payload` as `directory`, which must not be there yet or is replaced.

    Every member is held against the manifest before anything is put in place. Raises Failure for
    a payload that is truncated, changed, of a newer schema, or names anything but plain files
    inside it.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=directory.parent, prefix=".payload-"))
    try:
        manifest = _unpack(payload, aside)
        shutil.rmtree(directory, ignore_errors=True)
        aside.rename(directory)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return manifest


def read_manifest(payload: Path) -> Manifest:
    """Return the manifest of `payload`; raises Failure."""
    try:
        with payload.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            return _first(tar, payload)
    except (OSError, tarfile.TarError) as error:
        raise _unreadable(payload, error) from None


def leads_out(name: str) -> bool:
    """Tell whether a member of that name could lie outside the folder it is unpacked in."""
    return name.startswith("/") or bool({"", ".", ".."} & set(name.split("/")))


def _playbook() -> dict[str, bytes]:
    root = Path(str(resources.files("iso_overlay")))
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted((root / PLAYBOOK).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _members(posture: Posture, program: Path) -> dict[str, bytes]:
    files = {f"posture/{name}": content for name, content in files_of(posture).items()}
    try:
        restore = {PROGRAM: program.read_bytes()}
    except OSError as error:
        raise Failure(f"{program}: {error.strerror}", remedy="build the restore program") from None
    return dict(sorted({**_playbook(), **files, **restore}.items()))


def _manifest(host: str, members: Mapping[str, bytes]) -> bytes:
    listed = tuple(
        Member(name=escaped(name), size_bytes=len(content), sha256=sha256(content))
        for name, content in members.items()
    )
    manifest = Manifest(schema_version=SCHEMA_VERSION, host=host, members=listed)
    return (json.dumps(manifest.model_dump(mode="json"), indent=1) + "\n").encode()


def _header(name: str, size_bytes: int) -> tarfile.TarInfo:
    """Return a header that is root's and of no time; contents of /etc are for no other eyes."""
    header = tarfile.TarInfo(name)
    header.size = size_bytes
    header.mode = 0o755 if name == PROGRAM else 0o600 if name.startswith("posture/") else 0o644
    header.uname = header.gname = "root"
    return header


def _unpack(payload: Path, directory: Path) -> Manifest:
    try:
        with payload.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            manifest = _first(tar, payload)
            expected = _expected(manifest, payload)
            for header in islice(tar, 1, None):
                member = _checked(header, expected, payload)
                _write(tar, header, member, directory, payload)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise _unreadable(payload, error) from None
    if expected:
        raise _damaged(payload, f"{next(iter(expected))!r} is missing")
    return manifest


def _first(tar: tarfile.TarFile, payload: Path) -> Manifest:
    header = tar.next()
    stream = tar.extractfile(header) if header and header.name == MANIFEST and header.isreg() else None
    if stream is None:
        raise _damaged(payload, f"it does not start with {MANIFEST}")
    return _read_manifest(stream.read(), payload)


def _read_manifest(text: bytes, payload: Path) -> Manifest:
    try:
        data = json.loads(text)
        version = data.get(Manifest.FIELD)
    except (ValueError, AttributeError):
        raise _damaged(payload, f"{MANIFEST} does not parse") from None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise Failure(
            f"{payload}: made by a newer Rekindle (schema {version}, here {SCHEMA_VERSION})",
            remedy="use the restore.pex inside that payload, or upgrade Rekindle",
        )
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        raise _damaged(payload, f"{MANIFEST}: {error.errors()[0]['msg']}") from None


def _expected(manifest: Manifest, payload: Path) -> dict[str, Member]:
    try:
        return {unescaped(member.name): member for member in manifest.members}
    except ValueError as error:
        raise _damaged(payload, f"{MANIFEST}: {error}") from None


def _checked(header: tarfile.TarInfo, expected: dict[str, Member], payload: Path) -> Member:
    """Take the member that `header` announces out of `expected`, or refuse it."""
    if not header.isreg():
        raise _damaged(payload, f"{header.name!r} is not a plain file")
    if leads_out(header.name):
        raise _damaged(payload, f"{header.name!r} leads out of it")
    member = expected.pop(header.name, None)
    if member is None:
        raise _damaged(payload, f"{header.name!r} is not in its manifest")
    return member


def _write(
    tar: tarfile.TarFile, header: tarfile.TarInfo, member: Member, directory: Path, payload: Path
) -> None:
    stream = tar.extractfile(header)
    if stream is None:
        raise _damaged(payload, f"{header.name!r} has no content")
    place = directory / header.name
    place.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with place.open("xb") as file:
        for block in _blocks(stream):
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != member.sha256 or header.size != member.size_bytes:
        raise _damaged(payload, f"{header.name!r} was changed")
    place.chmod(header.mode & 0o700)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(BLOCK_BYTES):
        yield block


def _unreadable(payload: Path, error: Exception) -> Failure:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return Failure(f"{payload}: not a readable payload: {reason}", remedy=REMEDY)


def _damaged(payload: Path, problem: str) -> Failure:
    return Failure(f"{payload}: damaged: {problem}", remedy=REMEDY)
