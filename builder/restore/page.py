"""What came of a restore, on one page that needs nothing but a browser?

The template and the styles are in builder/templates; all are written into the page, and a policy in it lets
nothing else run or load.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup, escape
from pydantic import ValidationError

from builder.restore.report import Outcome, Report
from builder.whole import whole
from collectors.failure import Failure

REPORT, PAGE = "restore-report.json", "report.html"
SHOWN_AT_ONCE = 12
CODE = re.compile(r"`([^`]+)`")
UNTIL: Mapping[str, tuple[str, str]] = {
    "network": ("Until there is a network", "It goes on by itself at the next start with one."),
    "secret": (
        "Until its secret is there",
        "Run `sudo rekindle secrets unlock`: what waits then goes on by itself.",
    ),
    "login": ("Until its person logs in", "Log in, then restore again."),
    "": ("Until something else is there", "Do what is said below, then restore again."),
}


@dataclass(frozen=True)
class Group:
    """Items of one fate: their ids, why, and what helps; "" where nothing does."""

    state: str
    reason: str
    remedy: str
    ids: tuple[str, ...]


def leave(report: Report, state: Path) -> None:
    """Leave a report in the folder `state`: `restore-report.json`, and `report.html`."""
    for name, text in ((REPORT, report.text()), (PAGE, page(report))):
        with whole(state / name) as aside:
            aside.write_text(text, errors="backslashreplace")


def read_report(state: Path) -> Report:
    """Return the report of the last restore; raises Failure where there is none."""
    try:
        return Report.model_validate_json((state / REPORT).read_text())
    except (OSError, ValidationError):
        raise Failure(f"{state / REPORT}: no report of a restore", remedy="restore first") from None


def page(report: Report) -> str:
    """Return the HTML page of a report."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["marked"] = marked
    return environment.from_string(_template("restore.html.j2")).render(
        report=report,
        missing=groups(each for each in report.items if each.state in ("failed", "unavailable")),
        waiting=waiting(report),
        differing=differing(report),
        instead=groups(each for each in report.items if each.state == "substituted"),
        noted=groups(each for each in report.items if each.state in ("restored", "already") and each.reason),
        sections=sections(report),
        excluded=groups(each for each in report.items if each.state == "excluded"),
        shown=SHOWN_AT_ONCE,
        style=Markup(_template("coverage.css") + _template("restore.css")),  # noqa: S704 - ours
    )


def groups(outcomes: Iterable[Outcome]) -> tuple[Group, ...]:
    """Return outcomes together that have the same state, reason and remedy, the largest group first."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for each in outcomes:
        found[each.state, each.reason, each.remedy].append(each.id)
    ordered = sorted(found.items(), key=lambda group: -len(group[1]))
    return tuple(Group(*fate, tuple(ids)) for fate, ids in ordered)


def waiting(report: Report) -> tuple[tuple[str, str, tuple[Group, ...]], ...]:
    """Return a title, a hint and the groups of what was put off, by what it waits for."""
    deferred = [each for each in report.items if each.state == "deferred"]
    rows = ((*UNTIL[until], groups(each for each in deferred if each.until == until)) for until in UNTIL)
    return tuple(row for row in rows if row[2])


def differing(report: Report) -> tuple[str, ...]:
    """Return the ids of what is not as it was, though nothing was said to be wrong with it."""
    if report.score is None:
        return ()
    gaps = {each.id for each in report.gaps()}
    return tuple(name for name in (*report.score.missing, *report.score.changed) if name not in gaps)


def sections(report: Report) -> tuple[tuple[str, int, int], ...]:
    """Return for each section how many items are back, and of how many: `("apt", 290, 300)`."""
    eligible = [each for each in report.items if each.state != "excluded"]
    of = Counter(each.section for each in eligible)
    gaps = Counter(each.section for each in report.gaps())
    return tuple((section, count - gaps[section], count) for section, count in of.items())


def marked(text: str) -> Markup:
    """Return a text with what is between backticks as code."""
    parts = CODE.split(text)
    pieces = (
        Markup("<code>{}</code>").format(part) if odd % 2 else escape(part) for odd, part in enumerate(parts)
    )
    return Markup("").join(pieces)


def _template(name: str) -> str:
    return files("builder").joinpath(f"templates/{name}").read_text("utf-8")
