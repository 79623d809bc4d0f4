"""Who made a recovery ISO, and does anybody here vouch for them?"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from builder.payload import signature
from builder.places import Places
from collectors.failure import Failure


class Verdict(str, Enum):
    """What comes of a signature."""

    TRUSTED = "trusted"
    STRANGER = "stranger"
    UNSIGNED = "unsigned"
    BROKEN = "broken"
    UNCHECKED = "unchecked"


@dataclass(frozen=True)
class Trust:
    """Who may have made an ISO: lines of ALLOWED SIGNERS (ssh-keygen(1)), and what a person calls them."""

    signers: bytes
    said: str


@dataclass(frozen=True)
class Signed:
    """`by` is the fingerprint of who signed, `SHA256:…`, "" where nobody did or that cannot be told.

    `trust` is what the verdict was made by.
    """

    verdict: Verdict
    by: str
    trust: str

    def fits(self) -> bool:
        """Tell whether what was signed is as it was signed."""
        return self.verdict in (Verdict.TRUSTED, Verdict.STRANGER)

    def said(self) -> str:
        """Return it for a person."""
        return {
            Verdict.TRUSTED: f"fits, {self.trust}: {self.by}",
            Verdict.STRANGER: f"fits, not {self.trust}: {self.by}",
            Verdict.UNSIGNED: "not signed",
            Verdict.BROKEN: "does not fit: the ISO, or who signed it, was changed",
            Verdict.UNCHECKED: f"not checked: {signature.TOOL} is not installed",
        }[self.verdict]


def trust_of(places: Places, signers: Path | None) -> Trust:
    """Return whom this machine trusts: those of the file `signers`, else of its own, else itself.

    Raises Failure where the file cannot be read.
    """
    own = places.config / signature.ALLOWED
    if signers or own.is_file():
        file = signers or own
        try:
            return Trust(file.read_bytes(), f"one of {file}")
        except OSError as error:
            raise Failure(f"{file}: {error.strerror}", remedy="name a file of allowed signers") from None
    key = places.config / signature.KEY
    known = os.access(key, os.R_OK) and signature.can_check()
    return Trust(signature.allowed(key) if known else b"", "this machine's own key")


def judged(content: bytes, seal: bytes, named: bytes, trust: Trust) -> Signed:
    """Say of whom the signature `seal` over `content` is; `named` are the signers whom the ISO names."""
    if not seal:
        return Signed(Verdict.UNSIGNED, "", trust.said)
    if not signature.can_check():
        return Signed(Verdict.UNCHECKED, "", trust.said)
    for signers, verdict in ((trust.signers, Verdict.TRUSTED), (named, Verdict.STRANGER)):
        try:
            return Signed(verdict, signature.signer(content, seal, signers), trust.said)
        except Failure:
            continue
    return Signed(Verdict.BROKEN, "", trust.said)


def worst(found: Iterable[Signed]) -> Signed:
    """Return the one that says the least good of the whole."""
    order = (Verdict.BROKEN, Verdict.UNSIGNED, Verdict.UNCHECKED, Verdict.STRANGER, Verdict.TRUSTED)
    return min(found, key=lambda each: order.index(each.verdict))
