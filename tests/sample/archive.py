"""Where do the sample posture's packages come from?

Two signed package archives in one directory: `main` with real packages of the distribution, `vendor` with
packages made here. They are served on the loopback, so that a restore needs no other network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from collectors.command import run

# Small, with no dependencies that a minimal system lacks.
REAL = (
    *("ascii", "datamash", "dc", "detox", "dos2unix", "figlet", "hello", "nyancat"),
    *("pv", "pwgen", "sysvbanner", "time", "tofrodos", "tree"),
)
# Has libraries of its own to bring.
REAL_WITH_LIBRARIES = "jq"
LIBRARIES = ("libjq1", "libonig5")
# Is in the archive, and in no posture until a test asks for it: its postinst fails.
BROKEN = "kiln-broken"
VENDOR: Mapping[str, Mapping[str, str]] = {
    "kiln": {"/etc/kiln/kiln.conf": "heat = low\n", "/etc/kiln/parts/10-fire.conf": "fire = off\n"},
    "kiln-tongs": {"/usr/share/kiln-tongs/readme": "tongs\n"},
    "kiln-glaze": {"/etc/kiln-glaze.conf": "colour = brown\n"},
}
SUITE, COMPONENT = "sample", "main"
KEY_NAME = "Rekindle sample archive <sample@rekindle.invalid>"


@dataclass(frozen=True)
class Key:
    """The public key that signed the archives, as a keyring and as text."""

    binary: bytes
    armored: bytes


@dataclass(frozen=True)
class Served:
    """Both archives, served until the `with` block ends."""

    directory: Path
    port: int
    key: Key

    def url(self, host: str = "127.0.0.1") -> str:
        """Return where a machine that calls this one `host` finds `main` and `vendor`."""
        return f"http://{host}:{self.port}"


@contextmanager
def archive(cache: Path) -> Iterator[Served]:
    """Serve the archives on the loopback; they are made in `cache` unless they are there."""
    directory = made(cache)
    key = Key((directory / "key.gpg").read_bytes(), (directory / "key.asc").read_bytes())
    handler = partial(_Quiet, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Served(directory, server.server_port, key)
        finally:
            server.shutdown()
            thread.join(5)


def made(cache: Path) -> Path:
    """Return the directory of both archives; raises Failure."""
    directory = cache / f"sample-archive-{_cache_key()}"
    if not directory.exists():
        cache.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=cache, prefix=".sample-"))
        try:
            _make(aside)
            aside.chmod(0o755)
            # Of two workers that make it at once, either one will do.
            with suppress(OSError):
                aside.rename(directory)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return directory


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def _cache_key() -> str:
    parts = (*REAL, *LIBRARIES, _architecture(), Path("/etc/os-release").read_text())
    own = Path(__file__).read_bytes()
    return hashlib.sha256("\0".join(parts).encode() + own).hexdigest()[:16]


def _architecture() -> str:
    return run(["dpkg", "--print-architecture"]).strip()


def _make(directory: Path) -> None:
    main, vendor = (directory / name / "pool" for name in ("main", "vendor"))
    for pool in (main, vendor):
        pool.mkdir(parents=True)
    fetched = [*REAL, REAL_WITH_LIBRARIES, *LIBRARIES]
    run(
        ["apt-get", "-o", "APT::Sandbox::User=root", "download", *fetched],
        cwd=main,
        remedy="run `apt-get update`",
    )
    for name, files in VENDOR.items():
        _package(vendor, name, files)
    _package(vendor, BROKEN, {}, postinst="#!/bin/sh\necho 'the kiln is cold' >&2\nexit 1\n")
    with _signer() as home:
        for archive in (main.parent, vendor.parent):
            _index(archive, home)
        for name, options in (("key.gpg", ()), ("key.asc", ("--armor",))):
            output = ["--output", str(directory / name)]
            _gpg(home, *options, *output, "--export", KEY_NAME)


def _package(pool: Path, name: str, files: Mapping[str, str], postinst: str = "") -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / name
        control = tree / "DEBIAN"
        control.mkdir(parents=True)
        tree.chmod(0o755)
        for path, text in files.items():
            place = tree / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        conffiles = "".join(f"{path}\n" for path in files if path.startswith("/etc/"))
        (control / "conffiles").write_text(conffiles)
        if postinst:
            (control / "postinst").write_text(postinst)
            (control / "postinst").chmod(0o755)
        (control / "control").write_text(
            f"Package: {name}\nVersion: 1.0\nArchitecture: all\nSection: misc\nPriority: optional\n"
            "Maintainer: Kiln Works <kiln@rekindle.invalid>\nDescription: made for a test\n"
        )
        run(["dpkg-deb", "--root-owner-group", "--build", tree, pool / f"{name}_1.0_all.deb"])


def _index(archive: Path, home: Path) -> None:
    """Write `Packages`, `Release` and `InRelease` (Debian's RepositoryFormat)."""
    stanzas = [_stanza(package, archive) for package in sorted(archive.glob("pool/*.deb"))]
    architecture = _architecture()
    suite = archive / "dists" / SUITE
    packages = suite / COMPONENT / f"binary-{architecture}" / "Packages"
    packages.parent.mkdir(parents=True)
    packages.write_text("\n".join(stanzas))
    content = packages.read_bytes()
    entry = f" {hashlib.sha256(content).hexdigest()} {len(content)} {packages.relative_to(suite)}\n"
    (suite / "Release").write_text(
        f"Origin: Rekindle\nSuite: {SUITE}\nCodename: {SUITE}\nDate: {formatdate(usegmt=True)}\n"
        f"Architectures: {architecture}\nComponents: {COMPONENT}\nSHA256:\n{entry}"
    )
    _gpg(home, "--output", str(suite / "InRelease"), "--clearsign", str(suite / "Release"))


def _stanza(package: Path, archive: Path) -> str:
    control = run(["dpkg-deb", "--field", package])
    content = package.read_bytes()
    return (
        f"{control.strip()}\nFilename: {package.relative_to(archive)}\n"
        f"Size: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
    )


@contextmanager
def _signer() -> Iterator[Path]:
    """Yield a GnuPG home with a fresh signing key; key and agent are gone afterwards."""
    # Short: the agent's socket lies in it.
    home = Path(tempfile.mkdtemp(prefix="gpg-", dir="/tmp"))
    try:
        _gpg(home, "--passphrase", "", "--quick-generate-key", KEY_NAME, "ed25519", "sign", "never")
        yield home
    finally:
        run(["gpgconf", "--kill", "all"], env={"GNUPGHOME": str(home)})
        shutil.rmtree(home, ignore_errors=True)


def _gpg(home: Path, *words: str) -> None:
    quiet = ("--batch", "--yes", "--quiet", "--no-tty", "--pinentry-mode", "loopback")
    run(["gpg", *quiet, *words], env={"GNUPGHOME": str(home), "HOME": os.environ.get("HOME", "/")})
