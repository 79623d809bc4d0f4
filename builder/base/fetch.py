"""How does the vendor's newest ISO get into the cache, and nothing else?

`<cache>/bases/<name>/` holds an ISO and, beside it, the signed sums that it was believed by.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from builder.base.download import Missing, Moved, Say, download, small
from builder.base.provenance import Base, identified, laid, vouched
from builder.base.sums import Sums, refuse_unable, signed_sums
from builder.base.vendor import SIGNATURE, SUMS, Signer, Site, Wanted, folders
from builder.whole import synced, whole
from collectors.failure import Failure


def fetch(wanted: Wanted, at: Sequence[Site], signer: Signer, *, cache: Path, say: Say, moved: Moved) -> Base:
    """Return the newest ISO that is `wanted`, from the first place that has it, downloaded unless it is here.

    No hash is believed, and nothing of the ISO asked for, before the vendor's signature was checked.
    """
    refuse_unable(signer)
    missing = []
    for folder in folders(wanted, at):
        try:
            return _from(folder, wanted, signer, cache, say, moved)
        except Missing as failure:
            missing.append(failure.message)
    raise Failure(f"{wanted} not found: {'; '.join(missing)}", remedy="name another --release or --mirror")


def fetched(cache: Path) -> list[Path]:
    """Return the ISOs that were downloaded whole, by their path."""
    return sorted((cache / "bases").glob("*/*.iso"))


def sums_at(folder: str, signer: Signer) -> tuple[Sums, dict[str, bytes]]:
    """Return the sums that the vendor signed in a folder of a server, and the two files that say so."""
    texts = {name: small(folder + name) for name in (SUMS, SIGNATURE)}
    return signed_sums(texts[SUMS], texts[SIGNATURE], signer, folder), texts


def _from(folder: str, wanted: Wanted, signer: Signer, cache: Path, say: Say, moved: Moved) -> Base:
    sums, texts = sums_at(folder, signer)
    name = wanted.newest(sums.hashes)
    if name is None:
        raise Missing(f"{folder}{SUMS} does not list it", remedy="name another release")
    iso = cache / "bases" / name.removesuffix(".iso") / name
    with _alone(iso.parent):
        if iso.exists():
            here = identified(iso, cache, say)
            if here.sha256 == sums.hashes[name]:
                say(f"{name} is here already")
                return vouched(here, signer.fingerprint, cache)
        say(f"downloading {name} from {folder}")
        _download(folder + name, iso, sums.hashes[name], say, moved)
        for beside, text in texts.items():
            with whole(iso.with_name(beside)) as aside:
                aside.write_bytes(text)
                aside.chmod(0o644)  # whoever may read the ISO may verify it
        return laid(iso, sums.hashes[name], signer.fingerprint, cache)


def _download(url: str, iso: Path, sha256: str, say: Say, moved: Moved) -> None:
    """Download to a file aside, named by the hash it is to have, and rename it when it has."""
    part = iso.with_name(f"{iso.name}.{sha256[:16]}.part")
    try:
        got = download(url, part, say=say, moved=moved)
    except Missing:
        if not part.stat().st_size:
            part.unlink()
        raise
    if got != sha256:
        size = part.stat().st_size
        part.unlink()
        raise Failure(
            f"{url} is not what the vendor signed: {size} bytes with SHA-256 {got}, signed is {sha256}",
            remedy="run it again, or use another mirror; nothing of it was kept",
        )
    part.replace(iso)
    synced(iso.parent)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let no other run work in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Failure(f"another run downloads {folder.name}", remedy="wait for that one") from None
