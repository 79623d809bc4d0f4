"""How is coverage shown on one page that needs nothing but a browser?

The template, the style and the script are in builder/templates; all are written into the page, and a policy
in it lets nothing else run or load.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.resources import files

import jinja2
from markupsafe import Markup

from builder.coverage.treemap import Rectangle, squarified
from collectors.collected import Loss
from collectors.coverage.coverage import Coverage
from collectors.coverage.knowledge import loss_kinds

MAP = Rectangle(0, 0, 1000, 420)
CELLS_AT_MOST = 60
LETTER_WIDTH, LINE_HEIGHT, MARGIN = 7.2, 15, 7
SHOWN_AT_ONCE = 12
UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Cell:
    """A rectangle of the map: `label` and `size` fit into it, or are empty; `title` says all."""

    place: Rectangle
    rank: int
    label: str
    size: str
    title: str


def page(coverage: Coverage, machine: str) -> str:
    """Return the HTML page of what `machine` would lose today."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(size=size_text, day=day_text)
    script = _template("coverage.js")
    found = environment.from_string(_template("coverage.html.j2")).render(
        machine=machine,
        coverage=coverage,
        cells=cells(coverage.losses),
        map=MAP,
        confidence=Counter(program.confidence for program in coverage.programs),
        shown=SHOWN_AT_ONCE,
        style=Markup(_template("coverage.css")),  # noqa: S704 - ours
        script=Markup(script),  # noqa: S704 - ours
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return found.encode(errors="backslashreplace").decode()


def cells(losses: Iterable[Loss]) -> list[Cell]:
    """Return the map of the losses that have a size; the many smallest of a rank are one rectangle."""
    sized = sorted((loss for loss in losses if loss.size_bytes), key=lambda loss: -loss.size_bytes)
    shares = [
        (loss.size_bytes, loss_kinds()[loss.kind].rank, loss.subject, loss.reason)
        for loss in sized[:CELLS_AT_MOST]
    ]
    rest: Counter[int] = Counter()
    counts: Counter[int] = Counter()
    for loss in sized[CELLS_AT_MOST:]:
        rank = loss_kinds()[loss.kind].rank
        rest[rank] += loss.size_bytes
        counts[rank] += 1
    shares += [(size, rank, f"{counts[rank]} more", "smaller ones") for rank, size in rest.items()]
    shares.sort(key=lambda share: (-share[0], share[2]))
    places = squarified([share[0] for share in shares], MAP)
    return [_cell(place, *share) for place, share in zip(places, shares, strict=True)]


def size_text(size_bytes: int) -> str:
    """Return a size for a person: `4.1 GB`."""
    value = float(size_bytes)
    for unit in UNITS:
        if value < 1000 or unit == UNITS[-1]:
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"


def day_text(seconds: int) -> str:
    """Return the day of a time in seconds since 1970, `2026-05-09`; "" for 0 and for what is no day."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).date().isoformat() if seconds else ""
    except (OverflowError, OSError, ValueError):
        return ""


def _cell(place: Rectangle, size_bytes: int, rank: int, subject: str, reason: str) -> Cell:
    size = size_text(size_bytes)
    letters = int((place.width - 2 * MARGIN) / LETTER_WIDTH)
    tall = place.height >= LINE_HEIGHT + MARGIN
    label = _shortened(subject, letters) if tall else ""
    fits = label and place.height >= 2 * LINE_HEIGHT + MARGIN and len(size) <= letters
    return Cell(place, rank, label, size if fits else "", f"{subject}\n{size}: {reason}")


def _shortened(subject: str, letters: int) -> str:
    """Return the end of a path that fits, "" where that would say nothing."""
    if len(subject) <= letters:
        return subject
    last = subject.rsplit("/", 1)[-1]
    if len(last) <= letters - 2 and "/" in subject:
        return f"…/{last}"
    return f"{last[: letters - 1]}…" if letters >= 5 else ""


def _template(name: str) -> str:
    return files("builder").joinpath("templates", name).read_text("utf-8")
