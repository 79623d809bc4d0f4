"""Where do packages come from that are in trouble, and how does their server fail?

Signed archives in one directory, as tests/sample/archive.py makes them: `wall` with a hundred bricks and what
goes wrong with some, and archives whose signatures or dates are no good. The server can hang and go away.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from builder.standin.archive import running_release
from collectors.command import run
from collectors.host import Machine
from tests.cached import cached
from tests.sample.archive import COMPONENT, SUITE, _architecture, _gpg, _signer

BRICKS = tuple(f"brick-{number:03}" for number in range(100))
HUGE_BYTES = 6_000_000
# What the packages' scripts do.
SLOW = "#!/bin/sh\ntest ! -e /slow || { touch /slow.begun; sleep 60; }\n"
SCRIPTS = {
    "kiln-cold": {"postinst": "#!/bin/sh\necho 'the kiln is cold' >&2\nexit 1\n"},
    "kiln-slow": {"postinst": SLOW},
    "kiln-stuck": {"preinst": SLOW},
}
# Package: fields of its control file besides the usual ones.
FIELDS = {
    **dict.fromkeys(BRICKS, ""),
    # Its postinst fails, and one needs it.
    "kiln-cold": "",
    "kiln-warm": "Depends: kiln-cold\n",
    # It has a file of a brick's.
    "kiln-clash": "",
    "kiln-unmet": "Depends: no-such-lib (>= 2)\n",
    "kiln-rival": "Conflicts: brick-001\n",
    # The index has it, the server has not.
    "kiln-gone": "",
    "kiln-needs-gone": "Depends: kiln-gone\n",
    "kiln-huge": "",
    # Their scripts take their time.
    "kiln-slow": "",
    "kiln-stuck": "",
    # Under new names.
    "mortar-ng": "Provides: mortar\nReplaces: mortar\nBreaks: mortar\n",
    "sand-fine": "Provides: sand\n",
    "sand-coarse": "Provides: sand\n",
    "trowel3.12": "Version: 3.12.1-1\n",
}
FIRST_KEY, OTHER_KEY, OLD_KEY = (f"Kiln {word} <k@rekindle.invalid>" for word in ("first", "other", "old"))
LONG_AGO, LATE = "20200101T000000!", 4102444800.0
# Archive: who signs it, when, and what date it says.
SIGNED = {
    "strange": (OTHER_KEY, "", None),
    "expired": (OLD_KEY, LONG_AGO, None),
    "future": (FIRST_KEY, "", LATE),
    # Serves the release that runs.
    "moved": (FIRST_KEY, "", None),
}


@dataclass
class Faulty:
    """The archives on the loopback. Below `/hangs/` nothing is ever answered."""

    directory: Path
    port: int
    asked: list[str] = field(default_factory=list)
    # How many packages are served before the server goes away; -1 for all.
    packages_left: int = -1

    def url(self) -> str:
        """Return where a machine with this one's network finds the archives."""
        return f"http://127.0.0.1:{self.port}"

    def source(self, archive: str, options: str = "signed-by=/etc/apt/keyrings/wall.gpg") -> str:
        """Return the line that names an archive."""
        return f"deb [{options}] {self.url()}/{archive} {SUITE} {COMPONENT}\n"


@contextmanager
def faulty(cache: Path, port: int = 0, packages_left: int = -1) -> Iterator[Faulty]:
    """Serve the archives, which are made in `cache` unless they are there."""
    directory = made(cache)
    faults = Faulty(directory, port, packages_left=packages_left)
    handler = partial(_Handler, faults, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        faults.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield faults
        finally:
            server.shutdown()
            thread.join(5)


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, faults: Faulty, *words: object, **options: str) -> None:
        self.faults = faults
        super().__init__(*words, **options)  # type: ignore[arg-type] # as the server gives them

    def do_GET(self) -> None:
        self.faults.asked.append(self.path)
        if self.path.startswith("/hangs/"):
            time.sleep(120)
            return
        if self.path.endswith(".deb"):
            if self.faults.packages_left == 0:
                self.server.socket.close()
                return
            self.faults.packages_left -= 1
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


def made(cache: Path) -> Path:
    """Return the directory of the archives and of their keys; raises Failure."""
    return cached(cache, "faults", (_architecture(), codename(), Path(__file__).read_text()), _make)


def _make(directory: Path) -> None:
    directory.mkdir()
    pool = directory / "wall" / "pool"
    pool.mkdir(parents=True)
    for name, fields in FIELDS.items():
        _package(pool, name, fields)
    (pool.parent / "Packages").write_text("\n".join(map(_stanza, sorted(pool.iterdir()))))
    (pool / "kiln-gone_1.0_all.deb").unlink()
    for name in SIGNED:
        other = directory / name / "pool"
        other.mkdir(parents=True)
        _package(other, f"kiln-{name}", "")
        (other.parent / "Packages").write_text("\n".join(map(_stanza, other.iterdir())))
    with _signer() as home:
        for key, now, life in ((FIRST_KEY, "", "never"), (OTHER_KEY, "", "never"), (OLD_KEY, LONG_AGO, "1y")):
            _gpg(home, *_at(now), "--passphrase", "", "--quick-generate-key", key, "ed25519", "sign", life)
        for name, (key, now, date) in {"wall": (FIRST_KEY, "", None), **SIGNED}.items():
            _sign(directory / name, home, key, now, date)
        for name, key in (("wall.gpg", FIRST_KEY), ("old.gpg", OLD_KEY)):
            _gpg(home, "--output", str(directory / name), "--export", key)
    directory.chmod(0o755)


def _package(pool: Path, name: str, fields: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        tree.chmod(0o755)
        (tree / "DEBIAN").mkdir()
        place = tree / "usr/share" / name / "readme"
        place.parent.mkdir(parents=True)
        place.write_text(name)
        if name == "kiln-clash":
            (tree / "usr/share/brick-000").mkdir()
            (tree / "usr/share/brick-000/readme").write_text(name)
        if name == "kiln-huge":
            place.write_bytes(hashlib.shake_256(b"kiln").digest(HUGE_BYTES))
        for script, text in SCRIPTS.get(name, {}).items():
            (tree / "DEBIAN" / script).write_text(text)
            (tree / "DEBIAN" / script).chmod(0o755)
        version = "" if "Version:" in fields else "Version: 1.0\n"
        size = f"Installed-Size: {HUGE_BYTES // 1024 if name == 'kiln-huge' else 4}\n"
        (tree / "DEBIAN/control").write_text(
            f"Package: {name}\n{version}Architecture: all\nSection: misc\nPriority: optional\n{size}{fields}"
            "Maintainer: Kiln Works <kiln@rekindle.invalid>\nDescription: made for a test\n"
        )
        options = ("-Zgzip", "-z1", "--root-owner-group")
        run(["dpkg-deb", *options, "--build", tree, pool / f"{name}_1.0_all.deb"])


def _stanza(package: Path) -> str:
    content = package.read_bytes()
    return (
        f"{run(['dpkg-deb', '--field', package]).strip()}\nFilename: pool/{package.name}\n"
        f"Size: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
    )


def _sign(archive: Path, home: Path, key: str, now: str, date: float | None) -> None:
    """Write `Release` and `InRelease` (Debian's RepositoryFormat)."""
    suite = archive / "dists" / (codename() if archive.name == "moved" else SUITE)
    packages = suite / COMPONENT / f"binary-{_architecture()}" / "Packages"
    packages.parent.mkdir(parents=True)
    shutil.move(archive / "Packages", packages)
    content = packages.read_bytes()
    entry = f" {hashlib.sha256(content).hexdigest()} {len(content)} {packages.relative_to(suite)}\n"
    (suite / "Release").write_text(
        f"Origin: Kiln\nSuite: {SUITE}\nCodename: {SUITE}\nDate: {formatdate(date, usegmt=True)}\n"
        f"Architectures: {_architecture()} all\nComponents: {COMPONENT}\nSHA256:\n{entry}"
    )
    output = ("--output", str(suite / "InRelease"), "--clearsign", str(suite / "Release"))
    _gpg(home, *_at(now), "--local-user", key, *output)


def codename() -> str:
    """Return the release that runs, `bookworm`."""
    return running_release(Machine()).codename


def _at(time_told: str) -> tuple[str, ...]:
    return ("--faked-system-time", time_told) if time_told else ()
