"""How is a recovery ISO built?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from builder.cli.app import Host, app
from builder.places import places
from builder.show import out, say


@app.command()
def build(
    base: Annotated[str | None, typer.Option(help="The base ISO, or `standin`.")] = None,
    output: Annotated[Path | None, typer.Option(help="Where to write the recovery ISO.")] = None,
    host: Host = None,
) -> None:
    """Build the recovery ISO of the last posture.

    Example: sudo rekindle build --base ubuntu-24.04.3-live-server-amd64.iso
    """
    from builder.chain import build_iso

    out.print(build_iso(places(), base=base, output=output, host=host, say=say), markup=False)
