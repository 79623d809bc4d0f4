"""Is a base on this machine the vendor's?

The signed sums lie beside it, or the vendor has them under the file's name. What was verified once stays so
as long as its bytes are the same.
"""

from __future__ import annotations

from pathlib import Path

from builder.base.download import Missing, Say, Unreachable
from builder.base.fetch import sums_at
from builder.base.provenance import Base, identified, vouched
from builder.base.sums import Sums, Unverified, signed_sums
from builder.base.vendor import SIGNATURE, SUMS, Signer, folders, sites, wanted_by
from collectors.failure import Failure

PUT_BESIDE = f"put {SUMS} and {SIGNATURE} of the vendor beside it, or say --allow-unverified"


def verified(
    path: Path,
    signer: Signer,
    *,
    cache: Path,
    say: Say,
    mirror: str | None = None,
    anew: bool = False,
) -> Base:
    """Return the base at `path`, which the vendor signed; raises Unverified, and Failure where it is damaged.

    Where no sums lie beside it, the vendor (or `mirror`) is asked for those of its name. With `anew` every
    byte is read, known or not.
    """
    base = identified(path, cache, say, anew=anew)
    if base.verified == signer.fingerprint:
        return base
    return _vouched(base, _beside(base, signer) or _at_vendor(base, signer, mirror, say), cache)


def accepted(path: Path, signer: Signer, *, cache: Path, say: Say) -> Base:
    """Return the base at `path`, though nobody vouches for it: that is told. Nothing is asked of a network.

    What the vendor signed otherwise is damaged, and refused all the same.
    """
    base = identified(path, cache, say)
    if base.verified == signer.fingerprint:
        return base
    try:
        if sums := _beside(base, signer):
            return _vouched(base, sums, cache)
        why = f"no {SUMS} and {SIGNATURE} beside it"
    except Unverified as failure:
        why = failure.message
    say(f"warning: {path} is used unverified ({why}); the recovery ISO says so, too")
    return Base(base.path, base.sha256)


def _beside(base: Base, signer: Signer) -> Sums | None:
    """Return the signed sums beside a base, None where none are that speak of it."""
    text, signature = (base.path.with_name(name) for name in (SUMS, SIGNATURE))
    try:
        texts = text.read_bytes(), signature.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unverified(f"{error.filename}: {error.strerror}", remedy="make it readable") from None
    sums = signed_sums(*texts, signer, place=f"{base.path.parent}/")
    return sums if _speak_of(base, sums) else None


def _at_vendor(base: Base, signer: Signer, mirror: str | None, say: Say) -> Sums:
    """Return the signed sums of the vendor that speak of a base; raises Unverified where there are none."""
    wanted = wanted_by(base.path.name)
    if wanted is None:
        raise Unverified(
            f"{base.path}: nobody vouches for it: no {SUMS} beside it lists it, and no ISO of the vendor has "
            "that name",
            remedy=PUT_BESIDE,
        )
    asked = folders(wanted, sites(wanted.architecture, mirror))
    for folder in asked:
        say(f"asking {folder} for {SUMS}")
        try:
            sums, _ = sums_at(folder, signer)
        except Missing:
            continue
        except Unreachable as failure:
            raise Unverified(
                f"{base.path}: nobody vouches for it yet: {failure.message}",
                remedy=f"connect to the network, or {PUT_BESIDE}",
            ) from None
        if _speak_of(base, sums):
            return sums
    raise Unverified(f"{base.path}: no {SUMS} lists it at {', '.join(asked)}", remedy=PUT_BESIDE)


def _speak_of(base: Base, sums: Sums) -> bool:
    return base.path.name in sums.hashes or base.sha256 in sums.hashes.values()


def _vouched(base: Base, sums: Sums, cache: Path) -> Base:
    """Hold a base against sums that speak of it: under another name it may lie, other bytes it may not be."""
    if base.sha256 in sums.hashes.values():
        return vouched(base, sums.signed_by, cache)
    raise Failure(
        f"{base.path} is not what the vendor signed: {base.path.stat().st_size} bytes with SHA-256 "
        f"{base.sha256}, signed is {sums.hashes[base.path.name]}",
        remedy="download it again: `rekindle base fetch`",
    )
