"""Which hashes did the vendor sign?"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.base.vendor import SIGNATURE, SUMS, Signer
from builder.tools import require
from collectors.failure import Failure

AGAIN = f"download {SUMS} and {SIGNATURE} again, or use another mirror"
NEWER_KEYRING = "apt install --only-upgrade ubuntu-keyring, or name a keyring that has it with --keyring"
# What gpgv says of a signature instead of GOODSIG (GnuPG, doc/DETAILS), and what helps.
REFUSED = {
    "BADSIG": ("the signature is wrong", AGAIN),
    "EXPSIG": ("the signature has expired", AGAIN),
    "EXPKEYSIG": ("the key that signed it has expired", NEWER_KEYRING),
    "REVKEYSIG": ("the key that signed it was revoked", NEWER_KEYRING),
    "NO_PUBKEY": ("signed by a key that is not in {keyring}", NEWER_KEYRING),
    "NODATA": ("there is no signature", AGAIN),
}


class Unverified(Failure):
    """Nobody vouches for a base: what `--allow-unverified` lets pass."""


@dataclass(frozen=True)
class Sums:
    """A signed `SHA256SUMS`: the hash (hex) of each name, by whom, and where it was read."""

    hashes: Mapping[str, str]
    signed_by: str
    place: str


def signed_sums(text: bytes, signature: bytes, signer: Signer, place: str) -> Sums:
    """Return what `SHA256SUMS` says, once `signer` is known to have signed it; raises Unverified."""
    refuse_unable(signer)
    _refuse_unsigned(_status(text, signature, signer.keyring), signer, place)
    return Sums(dict(_hashes(text)), signer.fingerprint, place)


def refuse_unable(signer: Signer) -> None:
    """Raise Failure where a signature cannot be checked here at all."""
    require(["gpgv"])
    if not signer.keyring.is_file():
        raise Unverified(
            f"{signer.keyring} is not there: the vendor's signature cannot be checked",
            remedy="apt install ubuntu-keyring, or name a keyring that has the vendor's key with --keyring",
        )


def _hashes(text: bytes) -> Iterator[tuple[str, str]]:
    """Yield name and hash of each line, `<hash> *<name>`; it is signed, so there is nothing to mend."""
    for line in text.decode(errors="replace").splitlines():
        digest, _, name = line.partition(" ")
        yield name.removeprefix(" ").removeprefix("*"), digest.lower()


def _status(text: bytes, signature: bytes, keyring: Path) -> str:
    """Return what gpgv says on `--status-fd` of a detached signature.

    Its exit code decides nothing: it is 0 for an expired key, and 2 where one of two signers is unknown.
    """
    with tempfile.TemporaryDirectory() as folder:
        signed, seal = Path(folder) / SUMS, Path(folder) / SIGNATURE
        signed.write_bytes(text)
        seal.write_bytes(signature)
        argv = ["gpgv", "--homedir", folder, "--status-fd", "1", "--keyring", str(keyring.absolute())]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        done = subprocess.run([*argv, seal, signed], env=environment, capture_output=True, check=False)
    return done.stdout.decode(errors="replace")


def _signatures(status: str) -> list[dict[str, list[str]]]:
    """Return what `status` says of each signature, `{"GOODSIG": ["EFA2B159EC3FF0A8", "Ubuntu", ...]}`."""
    told: list[dict[str, list[str]]] = [{}]
    for line in status.splitlines():
        mark, _, said = line.partition(" ")
        if mark != "[GNUPG:]":
            continue
        keyword, *words = said.split()
        if keyword == "NEWSIG":
            told.append({})
        told[-1][keyword] = words
    return told


def _refuse_unsigned(status: str, signer: Signer, place: str) -> None:
    """Raise Unverified unless one of the signatures that `status` tells of is good and by `signer`."""
    told = _signatures(status)
    by = {each["VALIDSIG"][-1] for each in told if "GOODSIG" in each and "VALIDSIG" in each}
    if signer.fingerprint in by:
        return
    for keyword, (reason, remedy) in REFUSED.items():
        if any(keyword in each for each in told):
            raise Unverified(f"{place}{SIGNATURE}: {reason.format(keyring=signer.keyring)}", remedy=remedy)
    said = f"signed by {', '.join(sorted(by))}" if by else "no signature that can be checked"
    raise Unverified(f"{place}{SIGNATURE}: {said}, not by the vendor's {signer.fingerprint}", remedy=AGAIN)
