"""Who made a payload?

A signature of ssh-keygen(1), `-Y`, over the manifest, by a key of this machine that never leaves it. The line
of ALLOWED SIGNERS that names its holder travels with the payload.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from builder.whole import whole
from collectors.command import found, run
from collectors.failure import Failure

TOOL = "ssh-keygen"
# What is signed is for this and nothing else; the name under which the key is allowed.
NAMESPACE = PRINCIPAL = "rekindle"
KEY = "signing_key"
ALLOWED = "allowed_signers"
NO_TOOL = "apt install openssh-client"


def own_key(folder: Path) -> Path:
    """Return this machine's key in `folder`, made where there is none yet; raises Failure."""
    key = folder / KEY
    if not key.exists():
        _require_tool("a payload is signed with it")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            fresh = Path(aside) / KEY
            run([TOOL, "-q", "-t", "ed25519", "-N", "", "-C", PRINCIPAL, "-f", fresh])
            with whole(folder / f"{KEY}.pub") as public:
                public.write_bytes(fresh.with_suffix(".pub").read_bytes())
            with whole(key) as private:
                private.write_bytes(fresh.read_bytes())
    return key


def allowed(key: Path) -> bytes:
    """Return the line of ALLOWED SIGNERS for the holder of `key`."""
    kind, public, *_ = run([TOOL, "-y", "-f", key]).split()
    return f'{PRINCIPAL} namespaces="{NAMESPACE}" {kind} {public}\n'.encode()


def signature(content: bytes, key: Path) -> bytes:
    """Return the signature over `content`: the same for the same bytes, as Ed25519's are."""
    _require_tool("a payload is signed with it")
    return run([TOOL, "-q", "-Y", "sign", "-f", key, "-n", NAMESPACE], stdin=content).encode()


def signer(content: bytes, signed: bytes, signers: bytes) -> str:
    """Return the fingerprint of who signed `content`, `SHA256:…`, one of `signers`; raises Failure."""
    _require_tool("the payload's signature cannot be checked without it")
    with tempfile.TemporaryDirectory() as folder:
        named, seal = Path(folder) / ALLOWED, Path(folder) / "signature"
        named.write_bytes(signers)
        seal.write_bytes(signed)
        said = run(
            [TOOL, "-Y", "verify", "-f", named, "-I", PRINCIPAL, "-n", NAMESPACE, "-s", seal], stdin=content
        )
    return said.split()[-1]


def can_check() -> bool:
    """Tell whether signatures can be checked here."""
    return found(TOOL)


def _require_tool(why: str) -> None:
    if not can_check():
        raise Failure(f"{TOOL} is not installed: {why}", remedy=NO_TOOL)
