"""How is what a recovery ISO carries shown to a person?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.filesize import decimal
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from builder.look.checks import Check
from builder.look.inspect import Inspection
from builder.look.signed import Verdict
from builder.look.verify import Verified

STYLES = {
    Verdict.TRUSTED: "green",
    Verdict.STRANGER: "yellow",
    Verdict.UNSIGNED: "yellow",
    Verdict.UNCHECKED: "yellow",
    Verdict.BROKEN: "bold red",
}
COMMIT_DIGITS, DATE_LETTERS = 12, 10
# What a check came to: as a word, as a mark, in its style.
_RESULTS = {True: ("ok", "✓", "green"), False: ("WRONG", "✗", "bold red"), None: ("-", "?", "yellow")}
MOST_COLUMNS, BAR_COLUMNS, SECTIONS_BESIDE = 104, 10, 4


def show_inspection(seen: Inspection, out: Console, now: datetime) -> None:
    """Show it in three panels on a terminal; as lines of columns, by tabs, in a pipe."""
    if not out.is_terminal:
        sys.stdout.writelines("\t".join(row) + "\n" for row in _rows(seen, now))
        return
    panels = (
        (f"{seen.host}: recovery ISO {seen.medium_id}", _facts_table(seen, now)),
        (f"{sum(seen.items.values())} items, and {seen.left_out} not to be restored", _sections(seen)),
        ("areas", _areas(seen)),
    )
    for title, table in panels:
        width = min(out.width, MOST_COLUMNS)
        out.print(
            Panel(table, title=Text(title, "bold"), title_align="left", border_style="cyan", width=width)
        )


def show_verified(found: Verified, out: Console) -> None:
    """Show a row for each check and the verdict below; by tabs in a pipe."""
    if not out.is_terminal:
        rows = [(check.name, _RESULTS[check.ok][0], check.said) for check in found.checks]
        sys.stdout.writelines("\t".join(row) + "\n" for row in (*rows, ("verdict", "", found.verdict)))
        return
    table = Table("", "check", "what was found", box=SIMPLE_HEAD)
    for check in found.checks:
        table.add_row(_mark(check), Text(check.name), Text(check.said, "" if check.ok else _style(check)))
    out.print(table)
    out.print(Text(found.verdict, "bold red" if found.wrong else "bold green"))


def _mark(check: Check) -> Text:
    return Text(_RESULTS[check.ok][1], _style(check))


def _style(check: Check) -> str:
    return _RESULTS[check.ok][2]


def age(date: str, now: datetime) -> str:
    """Return how old something is: `today`, `1 day old`, `12 days old`; "" where its date is not known."""
    if not date:
        return ""
    days = (now - datetime.fromisoformat(date)).days
    return "today" if days < 1 else f"{days} day{'s' if days > 1 else ''} old"


def _facts(seen: Inspection, now: datetime) -> Iterator[tuple[str, str, str]]:
    """Yield what it is called, what it is, and the style in which a terminal shows it."""
    yield "machine", _machine(seen), "bold"
    yield "posture", _posture(seen, now), ""
    yield "base", seen.base.info, "bold yellow" if seen.is_standin else ""
    yield "base sha256", seen.base.sha256, "dim"
    verified = f"signed by {seen.base.verified}" if seen.base.verified else "not verified"
    yield "base verified", verified, "green" if seen.base.verified else "yellow"
    yield "signature", seen.signature.said(), STYLES[seen.signature.verdict]
    yield "erases", f"{seen.disk}, {seen.countdown_seconds} s after the boot menu comes up", "bold"
    yield "installs", _installs(seen), ""
    yield "restore program", seen.program, "dim"
    yield "secrets", f"sealed, {decimal(seen.sealed_bytes)}" if seen.sealed_bytes else "none on it", ""
    yield "without network", _pool(seen), ""


def _machine(seen: Inspection) -> str:
    renamed = ", ".join(f"{old} as {new}" for old, new in seen.map_user.items())
    return f"{seen.host}, {renamed}" if renamed else seen.host


def _posture(seen: Inspection, now: datetime) -> str:
    if not seen.posture_commit:
        return "not from the history"
    date = seen.posture_date[:DATE_LETTERS]
    return f"{seen.posture_commit[:COMMIT_DIGITS]} of {date}, {age(seen.posture_date, now)}"


def _installs(seen: Inspection) -> str:
    told = seen.autoinstall
    person = told.get("identity", {})
    words = (
        f"{person.get('username')} on {person.get('hostname')}",
        told.get("locale"),
        told.get("timezone"),
    )
    return ", ".join((*(str(word) for word in words if word), f"password {person.get('password', 'none')}"))


def _pool(seen: Inspection) -> str:
    if seen.pool is None:
        return "no pool: packages wait for a network"
    return f"a pool of {decimal(seen.pool.size_bytes)}, files: {seen.pool.files}"


def _rows(seen: Inspection, now: datetime) -> Iterator[tuple[str, ...]]:
    yield from ((name, said) for name, said, _ in _facts(seen, now))
    yield from (("section", name, str(count)) for name, count in seen.items.items())
    yield "left out", str(seen.left_out)
    for area in seen.areas:
        yield "area", area.name, *map(str, (area.offset, area.capacity, area.used_bytes, area.percent))


def _facts_table(seen: Inspection, now: datetime) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, said, style in _facts(seen, now):
        table.add_row(name, Text(said, style=style))
    return table


def _sections(seen: Inspection) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    cells = [Text(f"{count:>5} {name}", "" if count else "dim") for name, count in seen.items.items()]
    for number in range(0, len(cells), SECTIONS_BESIDE):
        table.add_row(*cells[number : number + SECTIONS_BESIDE])
    return table


def _areas(seen: Inspection) -> Table:
    table = Table(box=None, expand=True, header_style="dim")
    table.add_column("", no_wrap=True)
    for head in ("at", "used", "of"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("", width=BAR_COLUMNS)
    table.add_column("%", justify="right")
    for area in seen.areas:
        bar = ProgressBar(total=100, completed=area.percent, width=BAR_COLUMNS, complete_style="cyan")
        sizes = (decimal(size) for size in (area.offset, area.used_bytes, area.capacity))
        table.add_row(area.name, *sizes, bar, f"{area.percent:.1f}")
    return table
