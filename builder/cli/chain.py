"""How is a recovery ISO published, rehearsed, and kept current?"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from builder.cli.app import DONE, GAPS, AsJson, Host, app, exit_with
from builder.places import places
from builder.show import out, say, show_json, show_score, what_changed


class FirmwareName(str, Enum):
    """The firmware of a rehearsal's VM."""

    BIOS = "bios"
    UEFI = "uefi"
    SECURE_BOOT = "secure-boot"


class SlotName(str, Enum):
    """What the recovery ISO is to a rehearsal's VM."""

    STICK = "stick"
    CD = "cd"


@app.command()
def publish(
    iso: Annotated[Path | None, typer.Argument(help="Default: the last one built.")] = None,
    to: Annotated[list[str] | None, typer.Option(help="A folder or an rclone remote.")] = None,
    host: Host = None,
) -> None:
    """Upload the recovery ISO to every remote of the config.

    Example: rekindle publish --to gdrive:rekindle --to /mnt/nas/recovery
    """
    from builder.chain import publish_iso

    publish_iso(places(), iso=iso, to=tuple(to or ()), host=host, say=say)


@app.command()
def rehearse(
    iso: Annotated[Path | None, typer.Argument(help="Default: the last one built.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Keep disk and logs there.")] = None,
    firmware: Annotated[FirmwareName, typer.Option(help="The VM's firmware.")] = FirmwareName.UEFI,
    slot: Annotated[SlotName, typer.Option(help="Stick or CD.")] = SlotName.STICK,
    as_json: AsJson = False,
) -> None:
    """Boot the recovery ISO in a VM on a blank disk, and score what it restores.

    Example: rekindle rehearse recovery.iso --firmware bios
    """
    from builder.rehearse.rehearsal import rehearse as hold
    from builder.rehearse.rehearsal import summary

    image = iso or places().recovery_iso
    work = folder or places().state / "rehearsal"
    held = hold(image, folder=work, firmware=firmware.value, slot=slot.value, say=say)
    if as_json:
        show_json(summary(held))
    else:
        show_score(held.score, held.report)
        out.print(f"installed in {held.install_seconds:.0f} s, restored in {held.restore_seconds:.0f} s")
    raise SystemExit(DONE if held.score.found == held.score.eligible else GAPS)


@app.command()
def refresh() -> None:
    """Collect, build and publish: what the timer runs.

    Example: sudo rekindle refresh
    """
    from builder.chain import refresh as run

    found = run(places(), say=say)
    out.print(what_changed(found.collection.changes, found.collection.commit, dry_run=False), markup=False)
    exit_with(found.gaps(), shown=True)
