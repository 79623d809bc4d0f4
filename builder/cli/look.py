"""What does a recovery ISO carry, is it whole, how is it undone?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from builder.cli.app import DONE, GAPS, AsJson, app
from builder.places import places
from builder.show import out, show_json

Signers = Annotated[Path | None, typer.Option(help="Who may have made it: ALLOWED SIGNERS of ssh-keygen(1).")]


@app.command()
def inspect(
    iso: Annotated[str | None, typer.Argument(help="A file, a device, a URL; default: the latest.")] = None,
    signers: Signers = None,
    as_json: AsJson = False,
) -> None:
    """Show what a recovery ISO carries, with secrets masked; nothing large of it is read.

    Example: rekindle inspect https://nas.example/rekindle/recovery.iso
    """
    from datetime import datetime, timezone

    from builder.iso.source import place_of
    from builder.look.inspect import inspect as look
    from builder.look.signed import Verdict

    seen = look(place_of(iso) if iso else places().recovery_iso, places(), signers)
    if as_json:
        show_json(seen.plain())
    else:
        from builder.look.shown import show_inspection

        show_inspection(seen, out, datetime.now(timezone.utc))
    raise SystemExit(GAPS if seen.signature.verdict is Verdict.BROKEN else DONE)
