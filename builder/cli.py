"""What can a person ask of Rekindle?

Commands only read their options, call one function and show what it returns. What they need is imported
when they run: the restore program on the new machine carries no ISO tools.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from builder import VERSION
from builder.places import places
from collectors.compare import Change
from collectors.failure import Failure, Finding

DONE, FAILED, GAPS = 0, 1, 3
SHOWN_LENGTH = 60

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


class Commands(TyperGroup):
    """All commands: the one place where a Failure is shown and becomes an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            _tell(
                Failure(
                    f"this needs {error.name}, which is not here", remedy="run it where Rekindle is installed"
                )
            )
            raise SystemExit(FAILED) from None
        except Failure as failure:
            _tell(failure)
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
    with _watched() as say:
        found = collect_posture(places(), root=root, host=host, only=chosen, dry_run=dry_run, say=say)
    eligible = [item for item in found.survey.posture.items() if not item.bound]
    counts = {s.NAME: sum(i.section == s.NAME for i in eligible) for s in found.survey.posture.sections()}
    if as_json:
        findings = [vars(finding) for finding in found.findings]
        _json(
            {
                "host": found.host,
                "commit": found.commit,
                "changes": found.changes,
                "items": counts,
                "findings": findings,
            }
        )
    else:
        _table("section", "items", counts)
        out.print(_what_changed(found.changes, found.commit, dry_run=dry_run), markup=False)
    _exit_with(found.findings, shown=not as_json)


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

    with _watched() as say:
        found = compare(places(), tuple(commits or ()), root=root, host=host, say=say)
    if as_json:
        return _json(found.plain())
    if not found.changes:
        out.print(f"no item differs between {found.before} and {found.after}", markup=False)
    _show_changes(found.changes)
    for text in found.patches if patch else ():
        out.print(text, markup=False, highlight=False, end="")
    return None


@base_app.command("standin")
def base_standin() -> None:
    """Make the stand-in base: a small installer ISO for tests and the demo only.

    Example: rekindle base standin
    """
    from builder.base import standin_iso

    out.print(standin_iso(places(), _say), markup=False)
    _say("this is a stand-in for tests and the demo: a recovery needs Ubuntu's own ISO")


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

    out.print(build_iso(places(), base=base, output=output, host=host, say=_say), markup=False)


@app.command()
def inspect(iso: Path, as_json: AsJson = False) -> None:
    """Show what a recovery ISO carries, with secrets masked.

    Example: rekindle inspect recovery.iso
    """
    from builder.inspect import inspect as look
    from collectors.document import dumped

    seen = look(iso)
    if as_json:
        return _json(vars(seen))
    out.print(f"base       {seen.base}", markup=False)
    out.print(f"machine    {seen.host}", markup=False)
    out.print(f"left out   {seen.left_out} items: bound to the machine, secret, or the installer's")
    _table("section", "items", seen.items)
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

    publish_iso(places(), iso=iso, to=tuple(to or ()), host=host, say=_say)


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
    held = hold(image, folder=work, firmware=firmware.value, slot=slot.value, say=_say)
    if as_json:
        _json(summary(held))
    else:
        _show_score(held.score, held.report)
        out.print(f"installed in {held.install_seconds:.0f} s, restored in {held.restore_seconds:.0f} s")
    raise SystemExit(DONE if held.score.found == held.score.eligible else GAPS)


@app.command()
def restore(
    payload: Annotated[Path, typer.Option("--from", help="The payload.tar of a recovery ISO.")],
    state: Annotated[Path, typer.Option(help="Where it works and leaves its report.")] = Path(
        "/var/lib/rekindle"
    ),
    only: Annotated[str, typer.Option(help="Sections to restore, by commas: apt,files")] = "",
    skip: Annotated[str, typer.Option(help="Sections to leave, by commas.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Show what would be done, touch nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Apply a payload to this machine.

    Example: sudo ./restore.pex restore --from payload.tar --check
    """
    from builder.restore.restore import restore as apply

    report = apply(
        payload,
        state=state,
        only=tuple(filter(None, only.split(","))),
        skip=tuple(filter(None, skip.split(","))),
        check=check,
        say=_say,
    )
    if as_json:
        out.print_json(report.model_dump_json())
    else:
        _table("status", "items", report.counts())
    raise SystemExit(GAPS if report.gaps() else DONE)


@app.command()
def refresh() -> None:
    """Collect, build and publish: what the timer runs.

    Example: sudo rekindle refresh
    """
    from builder.chain import refresh as run

    found = run(places(), say=_say)
    out.print(_what_changed(found.changes, found.commit, dry_run=False), markup=False)
    _exit_with(found.findings, shown=True)


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
        _json(known)
    else:
        _table("timer", "", known)
    raise SystemExit(DONE if known["installed"] == "yes" else FAILED)


@timer_app.command("remove")
def timer_remove() -> None:
    """Have systemd forget the chain.

    Example: sudo rekindle timer remove
    """
    from builder import timer

    timer.remove()
    out.print("removed")


def _tell(failure: Failure) -> None:
    err.print("rekindle:", style="bold red", end=" ")
    err.print(failure.message, markup=False, highlight=False, end=" ")
    err.print(f"({failure.remedy})", style="dim", markup=False, highlight=False)


def _say(line: str) -> None:
    err.print(line, style="cyan", markup=False, highlight=False)


@contextmanager
def _watched() -> Iterator[Callable[[str], None]]:
    """Yield what shows a person the step at hand, and leaves no trace of it; nobody watches a pipe."""
    if not err.is_terminal:
        yield lambda line: None
        return
    with err.status("") as status:
        yield lambda line: status.update(escape(line))


def _json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=1, sort_keys=True, default=str) + "\n")


def _table(first: str, second: str, rows: Mapping[str, Any]) -> None:
    """Show a table on a terminal, and plain columns in a pipe."""
    if not out.is_terminal:
        for key, value in rows.items():
            out.print(f"{key}\t{value}", markup=False, highlight=False)
        return
    table = Table(first, second)
    for key, value in rows.items():
        table.add_row(str(key), str(value))
    out.print(table)


def _show_changes(changes: Iterable[Change]) -> None:
    """Show a line for each item: what came is green, what went red, what differs yellow."""
    styles = {"+": "green", "-": "red", "~": "yellow"}
    for change in changes:
        facts = ", ".join(
            f"{each.fact} {_short(each.before)} → {_short(each.after)}" for each in change.differences
        )
        line = f"{change.sign} {change.item.id}{'  ' if facts else ''}{facts}"
        out.print(line, style=styles[change.sign], markup=False, highlight=False)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…"


def _what_changed(changes: str, commit: str | None, *, dry_run: bool) -> str:
    """Say it in one line; git keeps the rest."""
    subject = changes.partition("\n")[0]
    if dry_run:
        return f"would commit: {subject}" if changes else "nothing changed"
    return f"{commit[:12]} {subject}" if commit else "nothing changed"


def _show_score(score: Any, report: Mapping[str, Any]) -> None:
    reasons = {entry["id"]: entry for entry in report.get("items", [])}
    out.print(
        f"score {score.percent:.1f} %: {score.found} of {score.eligible} eligible items",
        style="bold",
    )
    for name in (*score.missing, *score.changed):
        entry = reasons.get(name, {})
        out.print(
            f"  {name}: {entry.get('reason', 'not as it was')} {entry.get('remedy', '')}",
            markup=False,
        )


def _exit_with(findings: tuple[Finding, ...], *, shown: bool) -> None:
    for finding in findings if shown else ():
        err.print(f"{finding.subject}: {finding.reason} ({finding.remedy})", style="yellow", markup=False)
    raise SystemExit(GAPS if findings else DONE)
