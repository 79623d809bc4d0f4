"""What do all commands share?"""

from __future__ import annotations

from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from builder import VERSION
from builder.show import (
    out,
    show_failure,
    show_findings,
)
from collectors.failure import Failure, Finding

DONE, FAILED, GAPS = 0, 1, 3
ORDER = (
    "collect coverage diff base build inspect verify extract reset flash publish rehearse restore refresh "
    "timer secrets"
)


class Commands(TyperGroup):
    """All commands: the one place where a Failure is shown and becomes an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return their names in the order of the work."""
        return sorted(super().list_commands(ctx), key=lambda name: (name not in ORDER, ORDER.find(name)))

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            show_failure(
                Failure(
                    f"this needs {error.name}, which is not here", remedy="run it where Rekindle is installed"
                )
            )
            raise SystemExit(FAILED) from None
        except Failure as failure:
            show_failure(failure)
            raise SystemExit(FAILED) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
AllowUnverified = Annotated[
    bool, typer.Option("--allow-unverified", help="Build on a base that nobody vouches for, and say so.")
]
Host = Annotated[str | None, typer.Option("--host", help="The machine's name in the posture repository.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        out.print(f"rekindle {VERSION}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """The machine that burned down comes back from a USB stick with no key pressed."""


def exit_with(findings: tuple[Finding, ...], *, shown: bool) -> NoReturn:
    """End: with gaps where something was found."""
    show_findings(findings if shown else ())
    raise SystemExit(GAPS if findings else DONE)
