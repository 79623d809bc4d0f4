"""How do a posture and a base become a recovery ISO?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

from autoinstall.bake import bake
from autoinstall.config import Config
from autoinstall.delivery import Delivery, deliver
from builder.iso import medium
from builder.iso.author import author
from builder.iso.checksums import updated
from builder.iso.medium import Medium, read_medium
from builder.iso.menu import with_recovery
from builder.payload.payload import write_payload
from builder.payload.program import restore_program
from builder.payload.signature import allowed
from builder.restore.people import renamed
from builder.tools import require
from builder.whole import refuse_other, whole, workshop
from collectors.failure import Failure
from collectors.posture import Posture

Say = Callable[[str], None]

# Static files of iso_overlay/ that lie on the medium under /rekindle.
CARRIED = (
    "installer/choose_disk.py",
    "installer/failed",
    "installer/mark",
    "first-boot/first-boot",
    "first-boot/rekindle-restore.service",
)
PAYLOAD = "rekindle/payload.tar"
SIGNERS = "rekindle/allowed_signers"
RESTORED_ARCHITECTURE = "amd64"
PAYLOAD_ROOM_BYTES = 64 * 2**20


def build(
    posture: Posture,
    config: Config,
    *,
    host: str,
    base: Path,
    output: Path,
    cache: Path,
    key: Path | None = None,
    secrets: bytes = b"",
    say: Say,
) -> None:
    """Write the recovery ISO `output`, whole or not at all; raises Failure before the work where it can.

    The payload is signed with `key`, and carries the sealed `secrets`. The same inputs give the same bytes.
    """
    refuse_other(output)
    map_user = config.restore.map_user
    renamed(posture, map_user)
    if output.exists() and output.samefile(base):
        raise Failure(f"{output} is the base itself", remedy="name another file with --output")
    require(["xorriso"])
    vendor = read_medium(base)
    refuse_architecture(posture, vendor)
    delivery = deliver(bake(posture, config, signed=key is not None), vendor.release)
    require(space_bytes={output.parent: base.stat().st_size + 2 * PAYLOAD_ROOM_BYTES})
    say("making the restore program")
    program = restore_program(cache, say)
    with whole(output) as aside, workshop(output) as work:
        say("packing the payload")
        write_payload(
            posture,
            program,
            host=host,
            output=work / PAYLOAD,
            map_user=map_user,
            secrets=secrets,
            key=key,
        )
        if key:
            _lay(work, SIGNERS, allowed(key))
        say(f"authoring {output.name} from {vendor.info}")
        author(vendor, additions(vendor, delivery, config, host, work), aside)


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


def additions(
    vendor: Medium, delivery: Delivery, config: Config, host: str, work: Path
) -> Mapping[str, Path]:
    """Lay out under `work` all that the medium gets beside the vendor's files: its path to a local file."""
    for name in CARRIED:
        _lay(work, f"rekindle/{name}", files("iso_overlay").joinpath(name).read_bytes())
    for name, content in delivery.files.items():
        _lay(work, name, content)
    for name, menu in (
        (medium.GRUB_CFG, vendor.grub_cfg),
        (medium.LOOPBACK_CFG, vendor.loopback_cfg),
    ):
        if menu is not None:
            ours = with_recovery(
                menu,
                name=name,
                host=host,
                arguments=delivery.arguments,
                countdown_seconds=config.countdown_seconds,
            )
            _lay(work, name, ours.encode(errors="surrogateescape"))
    laid = {str(file.relative_to(work)): file for file in sorted(work.rglob("*")) if file.is_file()}
    _lay(work, medium.MD5SUMS, updated(vendor.md5sums, laid).encode(errors="surrogateescape"))
    return {**laid, medium.MD5SUMS: work / medium.MD5SUMS}


def _lay(work: Path, name: str, content: bytes) -> None:
    place = work / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
