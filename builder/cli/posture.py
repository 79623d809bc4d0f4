"""What does this machine have, what would it lose, what changed?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from builder.cli.app import DONE, GAPS, AsJson, Host, app, exit_with
from builder.places import places
from builder.show import out, show_changes, show_coverage, show_json, show_table, watched, what_changed


@app.command()
def collect(
    root: Annotated[Path, typer.Option(help="The root of the system to look at.")] = Path("/"),
    host: Host = None,
    only: Annotated[str, typer.Option(help="Sections to collect, by commas: apt,files")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what changed, write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Capture this machine's posture and commit what changed.

    Example: sudo rekindle collect --only apt,files --dry-run
    """
    from builder.chain import collect_posture

    chosen = tuple(filter(None, only.split(",")))
    with watched() as watch:
        found = collect_posture(places(), root=root, host=host, only=chosen, dry_run=dry_run, say=watch)
    eligible = [item for item in found.survey.posture.items() if not item.bound]
    counts = {s.NAME: sum(i.section == s.NAME for i in eligible) for s in found.survey.posture.sections()}
    if as_json:
        findings = [vars(finding) for finding in found.survey.gaps()]
        show_json(
            {
                "host": found.host,
                "commit": found.commit,
                "changes": found.changes,
                "items": counts,
                "findings": findings,
            }
        )
    else:
        show_table("section", "items", counts)
        out.print(what_changed(found.changes, found.commit, dry_run=dry_run), markup=False)
    exit_with(found.survey.gaps(), shown=not as_json)


@app.command()
def coverage(
    root: Annotated[Path, typer.Option(help="The root of the system to look at.")] = Path("/"),
    html: Annotated[Path | None, typer.Option(help="Write it as one page that needs nothing else.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what this machine would lose today, and where each program on PATH comes from.

    Example: sudo rekindle coverage --html lost-today.html
    """
    from builder.coverage.look import look, plain

    with watched() as watch:
        survey, found = look(root, watch)
    if html:
        from builder.coverage.page import page
        from builder.whole import whole

        with whole(html) as aside:
            aside.write_text(page(found, survey.posture.system.hostname or "this machine"))
    if as_json:
        show_json(plain(found))
    else:
        show_coverage(found)
    raise SystemExit(GAPS if found.losses else DONE)


@app.command()
def diff(
    postures: Annotated[
        list[str] | None,
        typer.Argument(help="One or two: a commit, or an ISO (file, device, URL); default: the last commit."),
    ] = None,
    root: Annotated[Path, typer.Option(help="The root of the system to look at.")] = Path("/"),
    host: Host = None,
    patch: Annotated[bool, typer.Option("--patch", help="Show the changed lines of files, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two postures, of commits or recovery ISOs, or between one and this machine.

    Example: rekindle diff HEAD~4 HEAD --patch; rekindle diff /dev/sdb /var/lib/rekindle/latest.iso
    """
    from builder.diff import diff as compare

    with watched() as watch:
        found = compare(places(), tuple(postures or ()), root=root, host=host, say=watch)
    if as_json:
        show_json(found.plain())
    else:
        if not found.changes:
            out.print(f"no item differs between {found.before} and {found.after}", markup=False)
        for each in found.media:
            out.print(
                f"{each.fact}: {each.before} → {each.after}", style="yellow", markup=False, highlight=False
            )
        show_changes(found.changes)
        for text in found.patches if patch else ():
            out.print(text, markup=False, highlight=False, end="")
    exit_with(found.gaps, shown=not as_json)
