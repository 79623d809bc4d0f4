"""How is what a command found shown: to a person at a terminal, in a pipe, to a program?"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from collectors.failure import Failure, Finding

if TYPE_CHECKING:
    from builder.restore.page import Group
    from builder.restore.progress import Moment
    from builder.restore.report import Report
    from collectors.collected import Loss
    from collectors.compare import Change
    from collectors.coverage.coverage import Coverage

SHOWN_LENGTH = 60
SHOWN_LOSSES = 12
SHOWN_IDS, BAR_LETTERS = 8, 60
# The states of a report, as a person reads them of a restore, and of a plan.
CAME = {
    "restored": "restored",
    "already": "already",
    "substituted": "substituted",
    "deferred": "waits",
    "unavailable": "unavailable",
    "failed": "failed",
    "excluded": "excluded",
}
WOULD = {
    "restored": "would restore",
    "already": "is there",
    "substituted": "would substitute",
    "deferred": "would wait",
    "unavailable": "unavailable",
    "failed": "would fail",
    "excluded": "excluded",
}
RANK_STYLES = {1: "bold red", 2: "bold yellow", 3: "bold cyan"}

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


def show_failure(failure: Failure) -> None:
    """Say in one line what is wrong and what helps."""
    err.print("rekindle:", style="bold red", end=" ")
    err.print(failure.message, markup=False, highlight=False, end=" ")
    err.print(f"({failure.remedy})", style="dim", markup=False, highlight=False)


def say(line: str) -> None:
    """Tell a person about a step of long work."""
    err.print(line, style="cyan", markup=False, highlight=False)


@contextmanager
def watched() -> Iterator[Callable[[str], None]]:
    """Yield what shows a person the step at hand, and leaves no trace of it; nobody watches a pipe."""
    if not err.is_terminal:
        yield lambda line: None
        return
    with err.status("") as status:
        yield lambda line: status.update(escape(line))


@contextmanager
def restoring() -> Iterator[tuple[Callable[[str], None], Callable[[Moment], None] | None]]:
    """Yield what tells a person lines, and what moves a bar; in a pipe there is no bar, and more lines."""
    if not err.is_terminal:
        yield say, None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    bar = Progress(*columns, TextColumn("{task.fields[left]}", style="dim"), console=err, transient=True)
    with bar:
        task = bar.add_task("", total=100, left="")

        def moved(moment: Moment) -> None:
            what = moment.where()[:BAR_LETTERS]
            bar.update(task, completed=moment.percent, description=escape(what), left=moment.left())

        yield say, moved


@contextmanager
def arriving() -> Iterator[Callable[[int, int | None], None]]:
    """Yield what moves a bar of bytes: how many are here, and of how many; a pipe has none."""
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show_report(report: Report, *, check: bool) -> None:
    """Show what came of a restore, or would come: by section, by state, and why something is not there."""
    from builder.restore.page import groups

    words = WOULD if check else CAME
    heads = ("section", *(words[state] for state in words))
    counted = [(section, *(str(count or "") for count in counts)) for section, counts in report.table(words)]
    show_rows(heads, [heads, *counted] if not out.is_terminal else counted)
    for state in ("deferred", "unavailable", "failed"):
        for group in groups(each for each in report.items if each.state == state):
            _show_group(words[state], group)
    if report.score:
        percent, found, of = report.score.percent, report.score.found, report.score.eligible
        out.print(f"score {percent:.1f} %: {found} of {of} eligible items", style="bold")
    if report.changed is not None and not check:
        out.print(f"changed={report.changed}", highlight=False)


def _show_group(word: str, group: Group) -> None:
    named = ", ".join(group.ids[:SHOWN_IDS])
    more = f" and {len(group.ids) - SHOWN_IDS} more" if len(group.ids) > SHOWN_IDS else ""
    out.print(f"{word}: {group.reason}: {named}{more}", style="yellow", markup=False, highlight=False)
    if group.remedy:
        out.print(f"  {group.remedy}", style="green", markup=False, highlight=False)


def show_json(value: Any) -> None:
    """Write plain data for a program."""
    sys.stdout.write(json.dumps(value, indent=1, sort_keys=True, default=str) + "\n")


def show_table(first: str, second: str, rows: Mapping[str, Any]) -> None:
    """Show a table on a terminal, and plain columns in a pipe."""
    if not out.is_terminal:
        for key, value in rows.items():
            out.print(f"{key}\t{value}", markup=False, highlight=False)
        return
    table = Table(first, second)
    for key, value in rows.items():
        table.add_row(str(key), str(value))
    out.print(table)


def show_rows(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Show a table of several columns on a terminal, and plain columns in a pipe."""
    if not out.is_terminal:
        sys.stdout.writelines("\t".join(row) + "\n" for row in rows)  # rich would make blanks of the tabs
        return
    table = Table(*heads)
    for row in rows:
        table.add_row(*map(escape, row))
    out.print(table)


def show_changes(changes: Iterable[Change]) -> None:
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


def what_changed(changes: str, commit: str | None, *, dry_run: bool) -> str:
    """Say it in one line; git keeps the rest."""
    subject = changes.partition("\n")[0]
    if dry_run:
        return f"would commit: {subject}" if changes else "nothing changed"
    return f"{commit[:12]} {subject}" if commit else "nothing changed"


def show_score(score: Any, report: Mapping[str, Any]) -> None:
    """Show how much came back, and a line for each item that did not."""
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


def show_findings(findings: Iterable[Finding]) -> None:
    """Show a line for each thing that could not be captured."""
    for finding in findings:
        err.print(f"{finding.subject}: {finding.reason} ({finding.remedy})", style="yellow", markup=False)


def show_coverage(coverage: Coverage) -> None:
    """Show what would be lost, the worst first: at a terminal the first of each kind, in a pipe all."""
    for group in coverage.groups():
        if out.is_terminal:
            out.print(f"\n{group.kind.title}", style=RANK_STYLES.get(group.kind.rank, ""), highlight=False)
            out.print(group.kind.hint, style="dim", highlight=False)
        for loss in group.losses[: SHOWN_LOSSES if out.is_terminal else None]:
            _show_loss(loss)
        if out.is_terminal and len(group.losses) > SHOWN_LOSSES:
            out.print(f"  … and {len(group.losses) - SHOWN_LOSSES} more: see --html or --json", style="dim")


def _show_loss(loss: Loss) -> None:
    size = decimal(loss.size_bytes) if loss.size_bytes else ""
    if not out.is_terminal:
        words = (loss.kind, loss.subject, size, loss.reason, loss.remedy)
        out.print("\t".join(words), markup=False, highlight=False)
        return
    out.print(f"  {loss.subject}", style="bold", end="  ", markup=False, highlight=False)
    out.print(f"{size}{', ' if size else ''}{loss.reason}", markup=False, highlight=False)
    out.print(f"    {loss.remedy}", style="green", markup=False, highlight=False)
