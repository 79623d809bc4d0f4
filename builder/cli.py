"""What can a person ask of Rekindle?

Commands only read their options, call one function and show what it returns. What they need is imported
when they run: the restore program on the new machine carries no ISO tools.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from builder import VERSION
from builder.places import places
from builder.show import (
    err,
    out,
    restoring,
    say,
    show_changes,
    show_coverage,
    show_failure,
    show_findings,
    show_json,
    show_report,
    show_rows,
    show_score,
    show_table,
    watched,
    what_changed,
)
from collectors.failure import Failure, Finding

DONE, FAILED, GAPS = 0, 1, 3


class Commands(TyperGroup):
    """All commands: the one place where a Failure is shown and becomes an exit code."""

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
base_app = typer.Typer(no_args_is_help=True, help="The installer ISO that a recovery ISO is built on.")
timer_app = typer.Typer(no_args_is_help=True, help="The weekly run.")
app.add_typer(base_app, name="base")
app.add_typer(timer_app, name="timer")
secrets_app = typer.Typer(no_args_is_help=True, help="What a posture leaves out, and how it comes back.")
app.add_typer(secrets_app, name="secrets")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
Host = Annotated[str | None, typer.Option("--host", help="The machine's name in the posture repository.")]


class FirmwareName(str, Enum):
    """The firmware of a rehearsal's VM."""

    BIOS = "bios"
    UEFI = "uefi"
    SECURE_BOOT = "secure-boot"


class SlotName(str, Enum):
    """What the recovery ISO is to a rehearsal's VM."""

    STICK = "stick"
    CD = "cd"


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
    _exit_with(found.survey.gaps(), shown=not as_json)


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
    commits: Annotated[
        list[str] | None, typer.Argument(help="One or two of the posture's history; default: the last.")
    ] = None,
    root: Annotated[Path, typer.Option(help="The root of the system to look at.")] = Path("/"),
    host: Host = None,
    patch: Annotated[bool, typer.Option("--patch", help="Show the changed lines of files, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two commits, or between the posture and this machine.

    Example: rekindle diff HEAD~4 HEAD --patch
    """
    from builder.diff import diff as compare

    with watched() as watch:
        found = compare(places(), tuple(commits or ()), root=root, host=host, say=watch)
    if as_json:
        show_json(found.plain())
    else:
        if not found.changes:
            out.print(f"no item differs between {found.before} and {found.after}", markup=False)
        show_changes(found.changes)
        for text in found.patches if patch else ():
            out.print(text, markup=False, highlight=False, end="")
    _exit_with(found.gaps, shown=not as_json)


@base_app.command("standin")
def base_standin() -> None:
    """Make the stand-in base: a small installer ISO for tests and the demo only.

    Example: rekindle base standin
    """
    from builder.base import standin_iso

    out.print(standin_iso(places(), say), markup=False)
    say("this is a stand-in for tests and the demo: a recovery needs Ubuntu's own ISO")


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


@app.command()
def publish(
    iso: Annotated[Path | None, typer.Argument(help="Default: the last one built.")] = None,
    to: Annotated[list[str] | None, typer.Option(help="A folder or an rclone remote.")] = None,
    host: Host = None,
) -> None:
    """Upload the recovery ISO to every remote of the config.

    Example: rekindle publish --to gdrive:rekindle --to /mnt/nas/recovery
    """
    from builder.chain import publish_iso

    publish_iso(places(), iso=iso, to=tuple(to or ()), host=host, say=say)


@app.command()
def flash(
    device: Annotated[Path, typer.Argument(help="The whole stick: /dev/sdX")],
    iso: Annotated[Path | None, typer.Option(help="Default: the last one built.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Let a disk pass that is not removable.")] = False,
) -> None:
    """Write the recovery ISO to a stick, and read it back.

    Example: sudo rekindle flash /dev/sdb
    """
    from rich.progress import Progress

    from builder import flash as stick

    image = iso or places().recovery_iso
    if not image.is_file():
        raise Failure(f"{image}: no such file", remedy="run `rekindle build`")
    target = stick.inspect_device(device)
    refused = stick.refusal(target, image.stat().st_size, force=force)
    if refused:
        raise refused
    if not (yes or typer.confirm(f"Erase all of {target} and write {image.name} to it?")):
        raise Failure("nothing was written", remedy="answer y, or give --yes")
    with Progress(console=err) as bar:
        task = bar.add_task(f"writing and reading back {device}", total=2 * image.stat().st_size)
        stick.write(image, device, lambda done, total: bar.update(task, completed=done))
    out.print(f"{target} is written and reads back right", markup=False)


@app.command()
def rehearse(
    iso: Annotated[Path | None, typer.Argument(help="Default: the last one built.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Keep disk and logs there.")] = None,
    firmware: Annotated[FirmwareName, typer.Option(help="The VM's firmware.")] = FirmwareName.UEFI,
    slot: Annotated[SlotName, typer.Option(help="Stick or CD.")] = SlotName.STICK,
    as_json: AsJson = False,
) -> None:
    """Boot the recovery ISO in a VM on a blank disk, and score what it restores.

    Example: rekindle rehearse recovery.iso --firmware bios
    """
    from builder.rehearse.rehearsal import rehearse as hold
    from builder.rehearse.rehearsal import summary

    image = iso or places().recovery_iso
    work = folder or places().state / "rehearsal"
    held = hold(image, folder=work, firmware=firmware.value, slot=slot.value, say=say)
    if as_json:
        show_json(summary(held))
    else:
        show_score(held.score, held.report)
        out.print(f"installed in {held.install_seconds:.0f} s, restored in {held.restore_seconds:.0f} s")
    raise SystemExit(DONE if held.score.found == held.score.eligible else GAPS)


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


@app.command()
def refresh() -> None:
    """Collect, build and publish: what the timer runs.

    Example: sudo rekindle refresh
    """
    from builder.chain import refresh as run

    found = run(places(), say=say)
    out.print(what_changed(found.changes, found.commit, dry_run=False), markup=False)
    _exit_with(found.survey.gaps(), shown=True)


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
    _exit_with(findings, shown=True)


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


def _exit_with(findings: tuple[Finding, ...], *, shown: bool) -> None:
    show_findings(findings if shown else ())
    raise SystemExit(GAPS if findings else DONE)
