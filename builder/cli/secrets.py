"""What was left out as secret, and how does it come back?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from builder.cli.app import DONE, GAPS, AsJson, Host, app, exit_with
from builder.places import places
from builder.show import out, say, show_json, show_table

secrets_app = typer.Typer(no_args_is_help=True, help="What a posture leaves out, and how it comes back.")
app.add_typer(secrets_app, name="secrets")


@secrets_app.command("list")
def secrets_list(
    host: Host = None,
    state: Annotated[Path, typer.Option(help="Where a restore left its report.")] = Path("/var/lib/rekindle"),
    as_json: AsJson = False,
) -> None:
    """Show what was left out as secret, and what of a restore waits for it.

    Example: sudo rekindle secrets list
    """
    from builder.restore.page import REPORT
    from builder.restore.unlock import listed

    if (state / REPORT).exists():
        left, waiting = listed(state)
    else:
        from builder.chain import secrets_of

        left, waiting = secrets_of(places(), host=host)
    if as_json:
        show_json({"left_out": left, "waiting": waiting})
    else:
        show_table("left out", "why", left)
        show_table("waits for it", "what", waiting)


@secrets_app.command("seal")
def secrets_seal(host: Host = None) -> None:
    """Seal the secrets that the last posture left out, for the recipient of the config.

    Example: sudo rekindle secrets seal
    """
    from builder.chain import seal_secrets

    sealed, findings = seal_secrets(places(), host=host)
    out.print(f"sealed {len(sealed.files)} files; the next recovery ISO carries them", markup=False)
    exit_with(findings, shown=True)


@secrets_app.command("unlock")
def secrets_unlock(
    identity: Annotated[
        Path | None, typer.Option(help="A file with the age identity; default: ask for it.")
    ] = None,
    state: Annotated[Path, typer.Option(help="Where the restore left its report.")] = Path(
        "/var/lib/rekindle"
    ),
) -> None:
    """Put the secrets back on a restored machine, and finish what waited for them.

    Example: sudo rekindle secrets unlock --identity /media/ada/key.txt
    """
    from builder.restore.unlock import locked, read_identity, unlock

    def ask(what: str) -> str:
        return str(typer.prompt(what, hide_input=True))

    done = unlock(state, locked(state), lambda: read_identity(identity, ask), ask, say)
    for line in done.said:
        out.print(line, markup=False, highlight=False)
    out.print(f"put back {done.files} files", markup=False, highlight=False)
    show_table("status", "items", done.report.counts())
    raise SystemExit(GAPS if done.report.gaps() or done.refused else DONE)
