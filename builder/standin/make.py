"""What are the steps from this machine's archive to a stand-in ISO?"""

from __future__ import annotations

import hashlib
import json
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from builder.standin.archive import Release, Source, own_sources, running_release
from builder.standin.image import author, lay_out
from builder.standin.root import live_files, static_tree, write_live, write_target
from builder.tools import require
from builder.whole import whole, workshop
from collectors.host import Machine

TOOLS = ("mmdebstrap", "mksquashfs", "xorriso", "mformat", "mcopy", "tar")
WORK_BYTES = 3 * 2**30
UNPACKED_BYTES = 2 * 2**30

Say = Callable[[str], None]


def make_standin(output: Path, *, schema: Mapping[str, Any], say: Say) -> None:
    """Write the stand-in ISO `output`, whole or not at all, whose installer obeys `schema`.

    Raises Failure, before the work where it can.
    """
    require(TOOLS, {output.parent: WORK_BYTES, Path(tempfile.gettempdir()): UNPACKED_BYTES})
    release, sources = _archive()
    with whole(output) as aside:
        _make(aside, release, sources, schema, standin_key(schema), say)


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
    with workshop(output) as work:
        say(f"installing {release.name} {release.codename} from its packages (about a minute)")
        target = write_target(release, sources, work)
        say("adding the stand-in's live system")
        live = write_live(release, sources, target, own, work)
        say("squashing the layers")
        tree = lay_out(release, target, live, medium_uuid, work)
        say("authoring the stand-in ISO")
        author(tree, release, work, output)
