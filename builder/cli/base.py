"""Which base ISO is there?"""

from __future__ import annotations

import typer

from builder.cli.app import app
from builder.places import places
from builder.show import out, say

base_app = typer.Typer(no_args_is_help=True, help="The installer ISO that a recovery ISO is built on.")
app.add_typer(base_app, name="base")


@base_app.command("standin")
def base_standin() -> None:
    """Make the stand-in base: a small installer ISO for tests and the demo only.

    Example: rekindle base standin
    """
    from builder.base.choose import standin_iso

    out.print(standin_iso(places(), say), markup=False)
    say("this is a stand-in for tests and the demo: a recovery needs Ubuntu's own ISO")
