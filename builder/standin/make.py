"""What are the steps from this machine's archive to a stand-in ISO?"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from builder.standin.archive import Release, Source, own_sources, running_release
from builder.standin.image import author, lay_out
from builder.standin.root import live_files, static_tree, write_live, write_target
from builder.tools import require
from builder.whole import whole
from collectors.host import Machine

TOOLS = ("mmdebstrap", "mksquashfs", "xorriso", "mformat", "mmd", "mcopy", "tar")
WORK_BYTES = 3 * 2**30
UNPACKED_BYTES = 2 * 2**30

Say = Callable[[str], None]


def make_standin(output: Path, *, schema: Mapping[str, Any], cache: Path | None, say: Say) -> None:
    """Write the stand-in ISO `output`, whole or not at all, whose installer obeys `schema`.

    With a `cache` folder, the ISO made earlier of the same inputs is taken from there. Raises Failure,
    before the work where it can.
    """
    release, sources = _archive()
    key = standin_key(schema)
    kept = cache / f"standin-{key[:16]}.iso" if cache else None
    if kept and kept.exists():
        say(f"the stand-in is in the cache: {kept.name}")
    else:
        require(TOOLS, {output.parent: WORK_BYTES, Path(tempfile.gettempdir()): UNPACKED_BYTES})
        with whole(kept or output) as aside:
            _make(aside, release, sources, schema, key, say)
    if kept and kept != output:
        with whole(output) as aside:
            shutil.copyfile(kept, aside)


def standin_key(schema: Mapping[str, Any]) -> str:
    """Return a digest of all that decides the stand-in's content here, but the archive's own state."""
    release, sources = _archive()
    digest = hashlib.sha256(repr((release, sources)).encode())
    digest.update(json.dumps(schema, sort_keys=True).encode())
    for name, data in sorted(static_tree("").items()):
        digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _archive() -> tuple[Release, tuple[Source, ...]]:
    machine = Machine()
    release = running_release(machine)
    return release, own_sources(machine, release)


def _make(
    output: Path,
    release: Release,
    sources: tuple[Source, ...],
    schema: Mapping[str, Any],
    key: str,
    say: Say,
) -> None:
    medium_uuid = str(uuid.uuid5(uuid.NAMESPACE_OID, key))
    own = live_files(json.dumps(schema, indent=1, sort_keys=True), medium_uuid)
    with _workshop(output) as work:
        say(f"installing {release.name} {release.codename} from its packages (about a minute)")
        target = write_target(release, sources, work)
        say("adding the stand-in's live system")
        live = write_live(release, sources, target, own, work)
        say("squashing the layers")
        tree = lay_out(release, target, live, medium_uuid, work)
        say("authoring the stand-in ISO")
        author(tree, release, work, output)


@contextmanager
def _workshop(output: Path) -> Iterator[Path]:
    """Yield an empty folder beside `output`, gone afterwards; a killed run's is emptied by the next."""
    folder = output.with_name(f".{output.name}.work")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
