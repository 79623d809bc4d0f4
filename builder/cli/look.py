"""What does a recovery ISO carry, is it whole, how is it undone?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from builder.cli.app import DONE, FAILED, GAPS, AsJson, app
from builder.places import places
from builder.show import arriving, out, say, show_json
from collectors.failure import Failure

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


@app.command()
def verify(
    iso: Annotated[str | None, typer.Argument(help="A file, a device, a URL; default: the latest.")] = None,
    signers: Signers = None,
    as_json: AsJson = False,
) -> None:
    """Check that an ISO or a stick is whole, boots on every path, and is what its maker signed.

    Example: sudo rekindle verify /dev/sdb
    """
    from builder.iso.source import place_of
    from builder.look.verify import verify as look

    place = place_of(iso) if iso else places().recovery_iso
    with arriving() as moved:
        found = look(place, places(), signers, moved)
    if as_json:
        show_json(found.plain())
    else:
        from builder.look.shown import show_verified

        show_verified(found, out)
    raise SystemExit(FAILED if found.wrong else DONE)


@app.command()
def extract(
    iso: Annotated[str, typer.Argument(help="A file, a device, a URL.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Members of the payload, or files of the medium; default: the payload."),
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="A folder, a file for a single one, or `-`; default: this folder.")
    ] = None,
) -> None:
    """Take the payload or single files out of a recovery ISO, each held against what the ISO says of it.

    Example: rekindle extract /dev/sdb posture/apt.yaml --output -
    """
    from builder.iso.source import place_of
    from builder.look.extract import extract as take
    from builder.look.signed import trust_of

    with arriving() as moved:
        taken = take(place_of(iso), tuple(names or ()), output, trust_of(places(), None), moved)
    for each in taken:
        if not each.is_known:
            say(f"{each.name}: nothing on the ISO tells what it should hold")
        if each.place:
            out.print(each.place, markup=False, highlight=False)


@app.command()
def reset(
    iso: Annotated[str, typer.Argument(help="A file or a device.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make a recovery ISO the prepared base again, in place: nothing of the machine stays on it.

    Example: sudo rekindle reset /dev/sdb
    """
    from builder.iso.source import place_of
    from builder.look.reset import reset as undo
    from builder.look.reset import resettable

    found = resettable(place_of(iso), places().recovery_iso)
    if not (yes or typer.confirm(f"Remove all that was built on {found}?")):
        raise Failure("nothing was written", remedy="answer y, or give --yes")
    written = undo(found)
    out.print(f"{found.image} is the prepared base again" if written else f"{found.image} was one already")
