"""How do packages become a repository that apt trusts for its signature?

A flat one, `deb [signed-by=…] file:… ./`: `Packages`, and `InRelease`, signed with an OpenPGP key of this
machine that serves nothing else. Key and signature bear one fixed moment: the same packages give the same
bytes, and a machine whose clock starts years ago believes them.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from builder.pool.index import APT, Bundled
from builder.tools import require
from builder.whole import whole
from collectors.command import run
from collectors.debian.stanzas import parse_stanzas

# The secret key, armored, in the folder of the config.
KEY = "pool_key.asc"
PACKAGES, RELEASE = "Packages", "InRelease"
HOLDER = "Rekindle pool"
# As gpg(1) takes it, and as it stands in a Release.
MOMENT, DATE = "20200101T000000!", "Wed, 01 Jan 2020 00:00:00 UTC"


def own_key(file: Path) -> Path:
    """Return the file of this machine's key, made where there is none yet; raises Failure."""
    require(["gpg"])
    if not file.exists():
        with whole(file) as aside, _home() as home:
            run([*_gpg(home), "--quick-generate-key", HOLDER, "ed25519", "sign", "never"])
            aside.write_text(run([*_gpg(home), "--armor", "--export-secret-keys", HOLDER]))
    return file


def public_key(key: Path) -> str:
    """Return the public half of a key, armored."""
    with _home(key) as home:
        return run([*_gpg(home), "--armor", "--export", HOLDER])


def published(debs: Sequence[Bundled], folder: Path, key: Path) -> tuple[str, ...]:
    """Write the index of `debs`, which lie in `folder`, and sign it; return the names of both files.

    What is right already stays as it is.
    """
    packages, release = folder / PACKAGES, folder / RELEASE
    known = _known(packages)
    text = "\n".join(known.get(deb.sha256) or _stanza(deb, folder) for deb in debs).encode()
    signed = _release(text)
    if not release.exists() or signed not in release.read_text() or packages.read_bytes() != text:
        with whole(packages) as aside:
            aside.write_bytes(text)
        with whole(release) as aside, _home(key) as home:
            aside.write_text(run([*_gpg(home), "--clearsign"], stdin=signed.encode()))
    return PACKAGES, RELEASE


def _known(packages: Path) -> Mapping[str, str]:
    """Return the stanzas of an index by the digests of their packages: to unpack each again takes long."""
    if not packages.exists():
        return {}
    stanzas = (f"{stanza.strip()}\n" for stanza in packages.read_text().split("\n\n") if stanza.strip())
    return {parse_stanzas(stanza)[0][0].get("SHA256"): stanza for stanza in stanzas}


def _stanza(deb: Bundled, folder: Path) -> str:
    name = deb.name.removeprefix(f"{APT}/")
    control = run(["dpkg-deb", "--field", folder / name]).strip()
    return f"{control}\nFilename: ./{name}\nSize: {deb.size_bytes}\nSHA256: {deb.sha256}\n"


def _release(packages: bytes) -> str:
    digest = hashlib.sha256(packages).hexdigest()
    return f"Origin: Rekindle\nLabel: {HOLDER}\nDate: {DATE}\nSHA256:\n {digest} {len(packages)} {PACKAGES}\n"


@contextmanager
def _home(key: Path | None = None) -> Iterator[Path]:
    """Yield a GnuPG home with the key in it; home and agent are gone afterwards."""
    # Short: the agent's socket lies in it.
    home = Path(tempfile.mkdtemp(prefix="gpg-", dir="/tmp"))
    try:
        if key:
            run([*_gpg(home), "--import", key])
        yield home
    finally:
        run(["gpgconf", "--homedir", home, "--kill", "all"])
        shutil.rmtree(home, ignore_errors=True)


def _gpg(home: Path) -> tuple[str | Path, ...]:
    quiet = ("--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "")
    return ("gpg", "--homedir", home, *quiet, "--faked-system-time", MOMENT, "--digest-algo", "SHA512")
