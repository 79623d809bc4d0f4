"""How does a recovery ISO reach the cloud or a folder?

Under its final name it is whole or not there: it is written beside it, checked, then renamed.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import jinja2

from builder.tools import require
from builder.whole import whole
from collectors.command import run
from collectors.failure import Failure

Say = Callable[[str], None]

SUMS = "SHA256SUMS"
GUIDE = "RECOVER.md"


def publish(iso: Path, remotes: tuple[str, ...], *, host: str, say: Say) -> None:
    """Bring `iso` to every remote: `name:path` is rclone's, all else a folder.

    A remote that already holds these bytes is left as it is. Raises one Failure at the end for all remotes
    that failed; the others have been served.
    """
    if not remotes:
        raise Failure("nowhere to publish to", remedy="list folders or rclone remotes at `publish:`")
    if not iso.is_file():
        raise Failure(f"{iso}: no such file", remedy="run `rekindle build`")
    if any(is_rclone(remote) for remote in remotes):
        require(["rclone"])
    name, digest = f"rekindle-{host}.iso", sha256_of(iso)
    with tempfile.TemporaryDirectory() as folder:
        texts = _texts(Path(folder), name=name, digest=digest, host=host, size_bytes=iso.stat().st_size)
        failures = []
        for remote in remotes:
            try:
                send = _to_remote if is_rclone(remote) else _to_folder
                say(f"{remote}: {send(iso, name, texts, digest, remote)}")
            except (Failure, OSError) as error:
                failures.append(f"{remote}: {error}")
    if failures:
        raise Failure("; ".join(failures), remedy="mend that remote and publish again")


def is_rclone(remote: str) -> bool:
    """Tell an rclone remote (`gdrive:rekindle`) from a folder (`/mnt/backup`)."""
    return ":" in remote.split("/")[0]


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _texts(folder: Path, *, name: str, digest: str, host: str, size_bytes: int) -> tuple[Path, Path]:
    sums, guide = folder / SUMS, folder / GUIDE
    sums.write_text(f"{digest} *{name}\n")
    source = (files("builder") / "templates" / f"{GUIDE}.j2").read_text()
    template = jinja2.Template(source, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    guide.write_text(template.render(name=name, digest=digest, host=host, size_bytes=size_bytes))
    return sums, guide


def _to_folder(iso: Path, name: str, texts: tuple[Path, Path], digest: str, remote: str) -> str:
    folder = Path(remote)
    if _same(texts, folder) and (folder / name).is_file() and sha256_of(folder / name) == digest:
        return "already there"
    require(space_bytes={folder: iso.stat().st_size})
    with whole(folder / name) as aside:
        shutil.copyfile(iso, aside)
        if sha256_of(aside) != digest:
            raise Failure(f"{remote} holds other bytes than were sent", remedy="check that disk")
    for file in texts:
        with whole(folder / file.name) as aside:
            shutil.copyfile(file, aside)
            aside.chmod(0o644)
    return "published"


def _same(texts: tuple[Path, Path], folder: Path) -> bool:
    """Tell whether the folder has the same texts: an upload that was cut short has others, or none."""
    copies = [folder / text.name for text in texts]
    return all(copy.is_file() for copy in copies) and all(
        text.read_bytes() == copy.read_bytes() for text, copy in zip(texts, copies, strict=True)
    )


def _to_remote(iso: Path, name: str, texts: tuple[Path, Path], digest: str, remote: str) -> str:
    base = remote if remote.endswith(":") else f"{remote.rstrip('/')}/"
    if _listed(base, name, iso.stat().st_size) and digest in _said(base):
        return "already there"
    # rclone holds what arrived against what it sent, by the hash that the remote knows.
    aside = f"{base}{name}.partial"
    _rclone("copyto", str(iso), aside)
    _rclone("moveto", aside, f"{base}{name}")
    for file in reversed(texts):
        _rclone("copyto", str(file), f"{base}{file.name}")
    return "published"


def _listed(base: str, name: str, size_bytes: int) -> bool:
    """Tell whether the remote holds a file of that name and size."""
    listed = _rclone("lsf", "--files-only", "--format", "sp", "--separator", " ", base, empty=True)
    return f"{size_bytes} {name}" in listed.splitlines()


def _said(base: str) -> str:
    return _rclone("cat", f"{base}{SUMS}", empty=True)


def _rclone(*words: str, empty: bool = False) -> str:
    """Run rclone; with `empty` a remote folder that is not there yet counts as empty."""
    try:
        return run(["rclone", *words], remedy="try `rclone lsd` on it, and mend its configuration")
    except Failure as failure:
        if empty and "not found" in failure.message:
            return ""
        raise
