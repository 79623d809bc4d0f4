"""What does a recovery ISO carry, is it whole, how is it undone?"""

from __future__ import annotations

from pathlib import Path

from builder.cli.app import AsJson, app
from builder.show import out, show_json, show_table


@app.command()
def inspect(iso: Path, as_json: AsJson = False) -> None:
    """Show what a recovery ISO carries, with secrets masked.

    Example: rekindle inspect recovery.iso
    """
    from builder.look.inspect import inspect as look
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
