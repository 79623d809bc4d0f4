"""How is a stick written?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from builder.cli.app import AsJson, app
from builder.places import places
from builder.show import err, out, say, show_json, show_rows
from collectors.failure import Failure

if TYPE_CHECKING:
    from builder.stick.devices import Device, Facts
    from builder.stick.flash import Flashed, Plan
    from builder.stick.write import Moment, Watch

HEADS = ("device", "model", "size", "serial", "bus", "why not")


@app.command()
def flash(
    iso: Annotated[str | None, typer.Argument(help="Default: the last one built.")] = None,
    device: Annotated[str | None, typer.Argument(help="The whole stick, /dev/sdX. Default: asks.")] = None,
    data_partition: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Make the rest of the stick a data partition (exFAT)."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; never erases a data partition.")] = False,
    force: Annotated[
        str | None, typer.Option(metavar="SERIAL", help="Let the disk of this serial pass, removable or not.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the recovery ISO to a stick: only what differs, and read it back.

    A data partition that is there already is kept, with its files.

    Example: sudo rekindle flash /dev/sdb
    """
    from builder.stick import devices, flash

    file, stick = _told_apart(iso, device)
    facts = devices.read_facts()
    target = devices.named(stick, devices.devices(facts)) if stick else _asked(file, facts, force)
    refused = _refusal(target, file, facts, force)
    if refused:
        raise refused
    planned = flash.plan(file, target, label=data_partition)
    _consent(planned, yes=yes)
    with _watched() as watch:
        flashed = flash.flash(planned, watch=watch, say=say)
    show_json(vars(flashed)) if as_json else _show(flashed, planned)


def _told_apart(*words: str | None) -> tuple[Path, Path | None]:
    """Return the ISO and the device, in whatever order they were given; what lies in /dev is the device."""
    paths = [Path(word) for word in words if word]
    sticks = [path for path in paths if path.is_relative_to("/dev") or path.is_block_device()]
    files = [path for path in paths if path not in sticks]
    if len(sticks) > 1 or len(files) > 1:
        raise typer.BadParameter("name one ISO and one device")
    iso = files[0] if files else places().recovery_iso
    if not iso.is_file():
        raise Failure(f"{iso}: no such file", remedy="run `rekindle build`")
    return iso.resolve(), sticks[0] if sticks else None


def _refusal(device: Device, iso: Path, facts: Facts, force: str | None) -> Failure | None:
    from builder.stick.devices import holding
    from builder.stick.refusals import refusal

    holds_iso = device.path in holding(str(iso), facts)
    return refusal(device, iso, iso.stat().st_size, holds_iso=holds_iso, force=force)


def _asked(iso: Path, facts: Facts, force: str | None) -> Device:
    """List the disks, sticks first, and ask which; raises Failure where there is none, or nobody to ask."""
    from builder.stick.devices import devices

    disks = [device for device in devices(facts) if device.kind == "disk" and device.size_bytes]
    why = {device.path: _refusal(device, iso, facts, force) for device in disks}
    disks.sort(key=lambda device: why[device.path] is not None)
    show_rows(HEADS, (_row(device, why[device.path]) for device in disks))
    sticks = {device.path: device for device in disks if not why[device.path]}
    if not sticks:
        raise Failure("there is no stick to write", remedy="plug one in; the list says why others are none")
    if not _somebody_is_there():
        raise Failure("no device is named", remedy=f"name one: {', '.join(sticks)}")
    answer = typer.prompt("Which one", default=next(iter(sticks)) if len(sticks) == 1 else None, err=True)
    if answer not in sticks:
        raise Failure(f"{answer} is none of {', '.join(sticks)}", remedy="nothing was written")
    return sticks[answer]


def _row(device: Device, why: Failure | None) -> tuple[str, ...]:
    reason = why.message.removeprefix(str(device)).removeprefix(device.path).strip() if why else ""
    size = f"{device.size_bytes / 1e9:.1f} GB"
    return (device.path, device.model, size, device.serial, device.bus, reason)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def _consent(planned: Plan, *, yes: bool) -> None:
    """Show what will be erased and ask, twice where a data partition with its files is among it."""
    from builder.stick.lying import lying

    device, lost = planned.device, planned.lost
    for each in lying(Path(device.path), device.size_bytes):
        keeps = planned.keeps_data and planned.data is not None and each.name == planned.data.name
        say(f"{'keeps' if keeps else 'erases'} {each}")
    question = f"Write {planned.iso.name} to {planned.device}?"
    if not (yes or typer.confirm(question, err=True)):
        raise Failure("nothing was written", remedy="answer y, or give --yes")
    if lost is None:
        return
    if yes:
        raise Failure(
            f"{planned.iso.name} needs the room of the data partition, and would erase it",
            remedy="save its files, then flash without --yes",
        )
    if not typer.confirm("The data partition stands in the way: erase it with all its files?", err=True):
        raise Failure("nothing was written", remedy="save its files first, or take another stick")


@contextmanager
def _watched() -> Iterator[Watch]:
    """Yield what moves a bar; in a pipe it says each step once."""
    if not err.is_terminal:
        said: list[str] = []

        def tell(moment: Moment) -> None:
            if moment.what not in said:
                said.append(moment.what)
                say(moment.what)

        yield tell
        return
    with _bar() as moved:
        yield moved


@contextmanager
def _bar() -> Iterator[Callable[[Moment], Any]]:
    from rich.filesize import decimal
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TextColumn("{task.fields[more]}", style="dim"), console=err) as bar:
        tasks: dict[str, Any] = {}

        def moved(moment: Moment) -> None:
            if moment.what not in tasks:
                tasks[moment.what] = bar.add_task(moment.what, total=moment.total, more="")
            skipped = max(0, moment.done - moment.written)
            bar.update(tasks[moment.what], completed=moment.done, more=f"{decimal(skipped)} right already")

        yield moved


def _show(flashed: Flashed, planned: Plan) -> None:
    from rich.filesize import decimal

    wrote = f"{decimal(flashed.written_bytes)} written, {decimal(flashed.skipped_bytes)} were right already"
    out.print(f"{planned.device} reads back right: {wrote}", markup=False, highlight=False)
    if planned.keeps_data:
        out.print("its data partition was kept", markup=False)
