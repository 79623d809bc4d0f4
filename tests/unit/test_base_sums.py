"""What gpgv says of a signature, and what counts of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.base.sums import Unverified, _hashes, _refuse_unsigned
from builder.base.vendor import Signer

VENDOR, OTHER = "8" * 40, "A" * 40
SIGNER = Signer(VENDOR, Path("/ring.gpg"))


def valid(fingerprint: str, primary: str) -> str:
    return f"[GNUPG:] VALIDSIG {fingerprint} 2026-02-12 1770912345 0 4 0 1 10 00 {primary}\n"


NEW = "[GNUPG:] NEWSIG\n"
GOOD = "[GNUPG:] GOODSIG EFA2B159EC3FF0A8 Ubuntu CD Image Automatic Signing Key (2012)\n"
EXPIRED = "[GNUPG:] KEYEXPIRED 1580428800\n[GNUPG:] EXPKEYSIG EFA2B159EC3FF0A8 Ubuntu\n"
REVOKED = "[GNUPG:] REVKEYSIG EFA2B159EC3FF0A8 Ubuntu\n"
UNKNOWN = "[GNUPG:] ERRSIG 63B6B71E381DAB01 1 10 00 1770912345 9 -\n[GNUPG:] NO_PUBKEY 63B6B71E381DAB01\n"
BAD = "[GNUPG:] BADSIG EFA2B159EC3FF0A8 Ubuntu\n"


@pytest.mark.parametrize(
    "status",
    [
        NEW + GOOD + valid(VENDOR, VENDOR),
        NEW + GOOD + valid(OTHER, VENDOR),
        NEW + UNKNOWN + NEW + GOOD + valid(VENDOR, VENDOR),
        "gpgv: a line of another kind\n\n" + NEW + GOOD + valid(VENDOR, VENDOR),
    ],
)
def test_a_good_signature_by_the_vendors_primary_key_counts(status: str) -> None:
    _refuse_unsigned(status, SIGNER, "http://a/")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("", "no signature that can be checked"),
        ("[GNUPG:] NODATA 1\n", "there is no signature"),
        (NEW + BAD, "the signature is wrong"),
        (NEW + EXPIRED + valid(VENDOR, VENDOR), "the key that signed it has expired"),
        (NEW + REVOKED + valid(VENDOR, VENDOR), "the key that signed it was revoked"),
        (NEW + UNKNOWN, "signed by a key that is not in /ring.gpg"),
        (NEW + GOOD + valid(OTHER, OTHER), f"signed by {OTHER}, not by the vendor's {VENDOR}"),
        (NEW + GOOD + valid(VENDOR, OTHER), "not by the vendor's"),
        (NEW + GOOD, "no signature that can be checked"),
        # One that is good and another by the vendor are not one that is both.
        (NEW + GOOD + valid(OTHER, OTHER) + NEW + EXPIRED + valid(VENDOR, VENDOR), "has expired"),
        (NEW + "[GNUPG:] GOODSIG AA [GNUPG:] VALIDSIG " + VENDOR + "\n" + valid(OTHER, OTHER), "signed by"),
    ],
)
def test_nothing_else_counts(status: str, said: str) -> None:
    with pytest.raises(Unverified) as raised:
        _refuse_unsigned(status, SIGNER, "http://a/")
    assert raised.value.message.startswith("http://a/SHA256SUMS.gpg: ")
    assert said in raised.value.message
    assert raised.value.remedy


def test_sums_are_hashes_by_name() -> None:
    text = b"ABCD *ubuntu-24.04.4-live-server-amd64.iso\nef01  a file.iso\n"
    assert dict(_hashes(text)) == {"ubuntu-24.04.4-live-server-amd64.iso": "abcd", "a file.iso": "ef01"}
