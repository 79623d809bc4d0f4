"""How is a recovery ISO built?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from builder.cli.app import AllowUnverified, Host, app, exit_with
from builder.places import places
from builder.show import out, say


@app.command()
def build(
    base: Annotated[str | None, typer.Option(help="The base ISO, or `standin`.")] = None,
    allow_unverified: AllowUnverified = False,
    output: Annotated[Path | None, typer.Option(help="Where to write the recovery ISO.")] = None,
    host: Host = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Put all packages on it, for a machine without network.")
    ] = False,
) -> None:
    """Build the recovery ISO of the last posture.

    Example: sudo rekindle build --base ubuntu-24.04.3-live-server-amd64.iso
    """
    from builder.chain import build_iso

    built = build_iso(
        places(),
        base=base,
        allow_unverified=allow_unverified,
        output=output,
        host=host,
        offline=offline,
        say=say,
    )
    out.print(built.iso, markup=False)
    exit_with(built.gaps, shown=True)
