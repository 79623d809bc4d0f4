"""How is a payload applied?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from builder.cli.app import DONE, FAILED, GAPS, AsJson, app
from builder.show import out, restoring, say, show_json, show_report, show_rows


@app.command()
def restore(
    payload: Annotated[Path, typer.Option("--from", help="The payload.tar of a recovery ISO.")],
    state: Annotated[Path, typer.Option(help="Where it works and leaves its report.")] = Path(
        "/var/lib/rekindle"
    ),
    only: Annotated[str, typer.Option(help="Sections or item ids to restore, by commas: apt,snap:vlc")] = "",
    skip: Annotated[str, typer.Option(help="Sections or item ids to leave, by commas.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Show what would be done, touch nothing.")] = False,
    map_user: Annotated[
        list[str] | None, typer.Option("--map-user", help="Another name for a person: old:new")
    ] = None,
    signers: Annotated[
        Path | None, typer.Option(help="Who may have made the payload: ALLOWED SIGNERS of ssh-keygen(1).")
    ] = None,
    inventory: Annotated[
        Path | None, typer.Option(help="Restore the hosts of this Ansible inventory over SSH instead.")
    ] = None,
    limit: Annotated[str, typer.Option(help="Which hosts of the inventory, as Ansible names them.")] = "",
    reports: Annotated[Path, typer.Option(help="Where the reports of hosts are left.")] = Path("reports"),
    as_json: AsJson = False,
) -> None:
    """Apply a payload to this machine, or to the hosts of an inventory.

    Example: sudo ./restore.pex restore --from payload.tar --map-user ada:eve --check
    """
    from builder.restore.on_host import Request
    from builder.restore.people import parse_names

    asked = Request(
        only=tuple(filter(None, only.split(","))),
        skip=tuple(filter(None, skip.split(","))),
        check=check,
        map_user=parse_names(map_user or ()),
    )
    if inventory:
        _restore_fleet(payload, asked, inventory, limit, signers, reports, as_json)
    from builder.restore.restore import restore as apply

    with restoring() as (told, watch):
        report = apply(payload, state=state, **dict(asked), signers=signers, say=told, watch=watch)
    if as_json:
        out.print_json(report.model_dump_json())
    else:
        show_report(report, check=check)
    raise SystemExit(GAPS if report.gaps() else DONE)


def _restore_fleet(
    payload: Path, asked: Any, inventory: Path, limit: str, signers: Path | None, reports: Path, as_json: bool
) -> NoReturn:
    from builder.restore.fleet import restore_fleet

    fleet = restore_fleet(
        payload, asked, inventory=inventory, limit=limit, signers=signers, reports=reports, say=say
    )
    if as_json:
        hosts = {name: answer.model_dump(mode="json") for name, answer in fleet.hosts.items()}
        show_json(hosts)
    else:
        show_rows(("host", "restored", "gaps", "score"), fleet.rows())
    raise SystemExit(FAILED if fleet.failed() else GAPS if fleet.has_gaps() else DONE)
