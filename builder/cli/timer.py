"""When does the chain run by itself?"""

from __future__ import annotations

import typer

from builder.cli.app import DONE, FAILED, AsJson, app
from builder.places import places
from builder.show import out, show_json, show_table

timer_app = typer.Typer(no_args_is_help=True, help="The weekly run.")
app.add_typer(timer_app, name="timer")


@timer_app.command("install")
def timer_install() -> None:
    """Have systemd run the chain by itself, weekly unless the config says otherwise.

    Example: sudo rekindle timer install
    """
    from autoinstall.config import read_config
    from builder import timer

    calendar = read_config(places().config_file).timer.calendar
    timer.install(calendar)
    out.print(f"installed: rekindle refresh runs {calendar}", markup=False)


@timer_app.command("status")
def timer_status(as_json: AsJson = False) -> None:
    """Show when the chain ran and when it will.

    Example: rekindle timer status
    """
    from builder import timer

    known = timer.status()
    if as_json:
        show_json(known)
    else:
        show_table("timer", "", known)
    raise SystemExit(DONE if known["installed"] == "yes" else FAILED)


@timer_app.command("remove")
def timer_remove() -> None:
    """Have systemd forget the chain.

    Example: sudo rekindle timer remove
    """
    from builder import timer

    timer.remove()
    out.print("removed")
