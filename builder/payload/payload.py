"""How is a payload known to have arrived whole, and what is in it?

Not one byte of the file may be other than it was written, padding included; what follows its end in an
area of a medium is zeros.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from builder.payload import signature
from builder.payload.manifest import (
    ENCODING,
    ERRORS,
    MANIFEST,
    SCHEMA_VERSION,
    SIGNATURE,
    SUMS,
    Manifest,
    Member,
)
from builder.payload.manifest import header as written_header
from builder.payload.manifest import sums as _sums
from collectors.failure import Failure
from collectors.record import unescaped

BLOCK_BYTES = 1 << 20
SEAL_BYTES = 1 << 16
REMEDY = "build the recovery ISO again, or copy the payload again"
OTHER_SIGNER = "take a payload that Rekindle built on a machine you trust"


def open_payload(payload: Path, directory: Path) -> Manifest:
    """Unpack `payload` as `directory`, which must not be there yet or is replaced.

    Every member is held against the manifest, and every byte between them against what belongs there,
    before anything is put in place. Raises Failure for a payload that is truncated, changed, of a newer
    schema, or names anything but plain files inside it.
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
        with _opened(payload) as (_, tar):
            return parsed_manifest(_first(tar, payload), payload)
    except (OSError, tarfile.TarError) as error:
        raise _unreadable(payload, error) from None


def signed_by(payload: Path, signers: Path | None) -> str:
    """Return the fingerprint of who signed `payload`, `SHA256:…`, "" where that cannot be told.

    With `signers`, a file of ALLOWED SIGNERS (ssh-keygen(1)), it must be one of them; without, the signature
    must be of whom the payload names. Raises Failure.
    """
    try:
        with _opened(payload) as (_, tar):
            manifest = _first(tar, payload)
            beside = _sealed(tar, payload)
    except (OSError, tarfile.TarError) as error:
        raise _unreadable(payload, error) from None
    if SIGNATURE not in beside and signers:
        raise Failure(f"{payload} is not signed, and {signers} says by whom it must be", remedy=OTHER_SIGNER)
    if SIGNATURE not in beside or not (signers or signature.can_check()):
        return ""
    try:
        who = signers.read_bytes() if signers else beside.get(signature.ALLOWED, b"")
    except OSError as error:
        raise Failure(f"{signers}: {error.strerror}", remedy="name a file of allowed signers") from None
    if not signature.can_check():
        raise Failure("ssh-keygen is missing: the signature cannot be checked", remedy=signature.NO_TOOL)
    try:
        return signature.signer(manifest, beside[SIGNATURE], who)
    except Failure:
        problem = f"it is not signed by any of {signers}" if signers else "its signature does not fit it"
        raise Failure(f"{payload}: {problem}", remedy=OTHER_SIGNER) from None


def leads_out(name: str) -> bool:
    """Tell whether a member of that name could lie outside the folder it is unpacked in."""
    return name.startswith("/") or bool({"", ".", ".."} & set(name.split("/")))


def parsed_manifest(text: bytes, payload: object) -> Manifest:
    """Read the manifest of what is called `payload`; raises Failure."""
    try:
        data = json.loads(text)
        version = data.get("schema_version")
    except (ValueError, AttributeError):
        raise damaged(payload, f"{MANIFEST} does not parse") from None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise Failure(
            f"{payload}: made by a newer Rekindle (schema {version}, here {SCHEMA_VERSION})",
            remedy="use the restore.pex inside that payload, or upgrade Rekindle",
        )
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        raise damaged(payload, f"{MANIFEST}: {error.errors()[0]['msg']}") from None


def damaged(payload: object, problem: str) -> Failure:
    """Return how it is said that what is called `payload` is not as it was written."""
    return Failure(f"{payload}: damaged: {problem}", remedy=REMEDY)


@contextmanager
def _opened(payload: Path) -> Iterator[tuple[IO[bytes], tarfile.TarFile]]:
    with (
        payload.open("rb") as file,
        tarfile.open(fileobj=file, mode="r:", encoding=ENCODING, errors=ERRORS) as tar,
    ):
        yield file, tar


def _unpack(payload: Path, directory: Path) -> Manifest:
    try:
        with _opened(payload) as (file, tar):
            text = _first(tar, payload)
            manifest = parsed_manifest(text, payload)
            expected = _expected(manifest, payload)
            seals = {}
            for header in islice(tar, 1, None):
                if header.name in (SUMS, SIGNATURE) and header.isreg() and header.name not in seals:
                    seals[header.name] = _seal(tar, header, payload)
                    continue
                member = _checked(header, expected, payload)
                _write(tar, header, member, directory, payload)
            if expected:
                raise damaged(payload, f"{next(iter(expected))!r} is missing")
            _refuse_sums(text, seals, payload)
            _refuse_stray(file, tar.getmembers(), payload)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise _unreadable(payload, error) from None
    return manifest


def _first(tar: tarfile.TarFile, payload: Path) -> bytes:
    header = tar.next()
    stream = tar.extractfile(header) if header and header.name == MANIFEST and header.isreg() else None
    if stream is None:
        raise damaged(payload, f"it does not start with {MANIFEST}")
    return stream.read()


def _sealed(tar: tarfile.TarFile, payload: Path) -> dict[str, bytes]:
    """Return the signature and who signed: they come before all that is large."""
    found = {}
    for header in islice(tar, 1, 4):
        if header.name in (SIGNATURE, signature.ALLOWED) and header.isreg():
            found[header.name] = _seal(tar, header, payload)
    return found


def _seal(tar: tarfile.TarFile, header: tarfile.TarInfo, payload: Path) -> bytes:
    stream = tar.extractfile(header) if header.size <= SEAL_BYTES else None
    if stream is None:
        raise damaged(payload, f"{header.name!r} is none")
    return stream.read()


def _refuse_sums(manifest: bytes, seals: Mapping[str, bytes], payload: Path) -> None:
    if SUMS not in seals:
        raise damaged(payload, f"{SUMS!r} is missing")
    signed = {SIGNATURE: seals[SIGNATURE]} if SIGNATURE in seals else {}
    if seals[SUMS] != _sums({MANIFEST: manifest, **signed}):
        raise damaged(payload, f"{MANIFEST!r} was changed")


def _refuse_stray(file: IO[bytes], headers: Sequence[tarfile.TarInfo], payload: Path) -> None:
    """Raise Failure for any byte outside of the members' content that is not as it was written."""
    end = 0
    for header in headers:
        file.seek(header.offset)
        written = written_header(header.name, header.size)
        if file.read(header.offset_data - header.offset) != written:
            raise damaged(payload, f"the header of {header.name!r} was changed")
        end = header.offset_data + header.size
        file.seek(end)
        if file.read(-end % tarfile.BLOCKSIZE).strip(b"\0"):
            raise damaged(payload, f"what follows {header.name!r} was changed")
    end += -end % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE
    file.seek(end - 2 * tarfile.BLOCKSIZE)
    rest = 2 * tarfile.BLOCKSIZE + -end % tarfile.RECORDSIZE
    if file.read(rest) != bytes(rest) or any(block.strip(b"\0") for block in _blocks(file)):
        raise damaged(payload, "its end was changed")


def _expected(manifest: Manifest, payload: Path) -> dict[str, Member]:
    try:
        return {unescaped(member.name): member for member in manifest.members}
    except ValueError as error:
        raise damaged(payload, f"{MANIFEST}: {error}") from None


def _checked(header: tarfile.TarInfo, expected: dict[str, Member], payload: Path) -> Member:
    """Take the member that `header` announces out of `expected`, or refuse it."""
    if not header.isreg():
        raise damaged(payload, f"{header.name!r} is not a plain file")
    if leads_out(header.name):
        raise damaged(payload, f"{header.name!r} leads out of it")
    member = expected.pop(header.name, None)
    if member is None:
        raise damaged(payload, f"{header.name!r} is not in its manifest")
    return member


def _write(
    tar: tarfile.TarFile, header: tarfile.TarInfo, member: Member, directory: Path, payload: Path
) -> None:
    stream = tar.extractfile(header)
    if stream is None:
        raise damaged(payload, f"{header.name!r} has no content")
    place = directory / header.name
    place.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with place.open("xb") as file:
        for block in _blocks(stream):
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != member.sha256 or header.size != member.size_bytes:
        raise damaged(payload, f"{header.name!r} was changed")
    place.chmod(header.mode & 0o700)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(BLOCK_BYTES):
        yield block


def _unreadable(payload: Path, error: Exception) -> Failure:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return Failure(f"{payload}: not a readable payload: {reason}", remedy=REMEDY)
