"""How is a recovery ISO built and looked into?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from builder.cli.app import AsJson, Host, app
from builder.places import places
from builder.show import out, say, show_json, show_table


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


@app.command()
def inspect(iso: Path, as_json: AsJson = False) -> None:
    """Show what a recovery ISO carries, with secrets masked.

    Example: rekindle inspect recovery.iso
    """
    from builder.inspect import inspect as look
    from collectors.document import dumped

    seen = look(iso)
    if as_json:
        return show_json(vars(seen))
    out.print(f"base       {seen.base}", markup=False)
    out.print(f"machine    {seen.host}", markup=False)
    out.print(f"left out   {seen.left_out} items: bound to the machine, secret, or the installer's")
    show_table("section", "items", seen.items)
    out.print(dumped(seen.autoinstall), markup=False, highlight=False)
    return None
