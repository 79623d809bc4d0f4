"""How do a posture and a base become a recovery ISO?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from autoinstall.delivery import Delivery, delivery
from builder.alone import alone
from builder.base.provenance import Base
from builder.contents import Contents, Recovery, autoinstall, contents
from builder.iso import areas, shelf, slots
from builder.iso.fill import fill
from builder.iso.medium import Medium, read_medium
from builder.iso.prepare import Prepared, prepare
from builder.payload.pack import pack
from builder.payload.program import restore_program
from builder.restore.people import renamed
from builder.whole import refuse_other, whole
from collectors.failure import Failure
from collectors.posture import Posture
from collectors.record import sha256

Say = Callable[[str], None]

RESTORED_ARCHITECTURE = "amd64"


def build(recovery: Recovery, base: Base, *, output: Path, cache: Path, say: Say) -> None:
    """Write the recovery ISO `output`, whole or not at all; raises Failure before the work where it can.

    The same inputs give the same bytes.
    """
    refuse_other(output)
    if output.exists() and output.samefile(base.path):
        raise Failure(f"{output} is the base itself", remedy="name another file with --output")
    with alone(cache, say):
        prepared, held = ready(recovery, base, cache, say)
        with _explained(output), whole(output) as aside:
            if not slots.clone(prepared.path, aside):
                slots.copy(prepared.path, aside, say)
            say(f"filling {output.name}")
            fill(aside, prepared.layout, held.by_area)


def rebuild(recovery: Recovery, base: Base, *, latest: Path, cache: Path, say: Say) -> bool:
    """Bring `latest`, a link to one of two slots, up to date; return False where nothing changed.

    It is the last good recovery ISO at any moment, and writes what changed alone. Raises Failure.
    """
    with alone(cache, say):
        prepared, held = ready(recovery, base, cache, say)
        wanted = (prepared.layout.key, sha256(held.manifest.text()))
        current = slots.latest(latest)
        if current and (current.prepared, current.manifest) == wanted:
            return False
        with _explained(latest), slots.idle(latest, prepared, wanted[1], say) as slot:
            lengths = {each.name: each.size_bytes for each in slot.held.values()}
            written = fill(slot.path, prepared.layout, held.beyond(slot.held), held_bytes=lengths)
        say(f"{slot.path.name}: wrote {written / 1e6:.1f} MB of {slot.path.stat().st_size / 1e6:.1f} MB")
        with alone(prepared.path.parent, say):
            shelf.keep(prepared.path.parent, {prepared.layout.key, *slots.used(latest)})
    return True


def refuse_architecture(posture: Posture, vendor: Medium) -> None:
    """Raise Failure where the base is not for the machine's architecture, or for one not restored yet."""
    wanted = posture.system.release.architecture
    if vendor.architecture != wanted:
        raise Failure(
            f"{vendor.path} is for {vendor.architecture}, the machine is {wanted}",
            remedy=f"use the {wanted} ISO",
        )
    if wanted != RESTORED_ARCHITECTURE:
        raise Failure(f"no restore program for {wanted} yet", remedy=f"restore on {RESTORED_ARCHITECTURE}")


def refuse_unbuildable(recovery: Recovery, base: Base) -> Delivery:
    """Return how the base's installer is told; raises Failure for a decision that is missing or unfit."""
    renamed(recovery.posture, recovery.config.restore.map_user)
    vendor = read_medium(base.path)
    refuse_architecture(recovery.posture, vendor)
    autoinstall(recovery, "")
    return delivery(vendor.release)


def ready(recovery: Recovery, base: Base, cache: Path, say: Say) -> tuple[Prepared, Contents]:
    """Return the prepared base, and what each of its areas will hold."""
    told = refuse_unbuildable(recovery, base)
    say("making the restore program")
    program = restore_program(cache, say)
    say("packing the payload")
    payload = pack(
        recovery.posture,
        program,
        host=recovery.host,
        commit=recovery.commit,
        map_user=recovery.config.restore.map_user,
        secrets=recovery.secrets,
        key=recovery.key,
        pool=recovery.pool.index.text() if recovery.pool else b"",
    )
    wanted = areas.capacities(
        (told.name,),
        payload_bytes=payload.size_bytes,
        pool_bytes=recovery.pool.tar.size_bytes if recovery.pool else 0,
    )
    prepared = prepare(base, told, wanted, cache=cache, say=say)
    return prepared, contents(recovery, payload, told, prepared.layout)


@contextmanager
def _explained(output: Path) -> Iterator[None]:
    """Turn what the file system refuses into one line."""
    try:
        yield
    except OSError as error:
        remedy = "free some space, or see whether you may write there and the disk is well"
        raise Failure(f"{output}: {error.strerror}", remedy=remedy) from None
