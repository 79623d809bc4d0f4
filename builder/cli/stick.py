"""How is a stick written?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from builder.cli.app import app
from builder.places import places
from builder.show import err, out
from collectors.failure import Failure


@app.command()
def flash(
    device: Annotated[Path, typer.Argument(help="The whole stick: /dev/sdX")],
    iso: Annotated[Path | None, typer.Option(help="Default: the last one built.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Let a disk pass that is not removable.")] = False,
) -> None:
    """Write the recovery ISO to a stick, and read it back.

    Example: sudo rekindle flash /dev/sdb
    """
    from rich.progress import Progress

    from builder import flash as stick

    image = iso or places().recovery_iso
    if not image.is_file():
        raise Failure(f"{image}: no such file", remedy="run `rekindle build`")
    target = stick.inspect_device(device)
    refused = stick.refusal(target, image.stat().st_size, force=force)
    if refused:
        raise refused
    if not (yes or typer.confirm(f"Erase all of {target} and write {image.name} to it?")):
        raise Failure("nothing was written", remedy="answer y, or give --yes")
    with Progress(console=err) as bar:
        task = bar.add_task(f"writing and reading back {device}", total=2 * image.stat().st_size)
        stick.write(image, device, lambda done, total: bar.update(task, completed=done))
    out.print(f"{target} is written and reads back right", markup=False)
