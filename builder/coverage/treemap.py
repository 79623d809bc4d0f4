"""Which rectangle does each share of a whole get?

Squarified: rows are filled while their rectangles come nearer to squares (Bruls, Huizing, van Wijk,
Squarified Treemaps, 2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Rectangle(NamedTuple):
    """A place in the map, in the units of the whole."""

    x: float
    y: float
    width: float
    height: float


def squarified(sizes: Sequence[float], whole: Rectangle) -> list[Rectangle]:
    """Return a rectangle for each of `sizes` (all above 0, the largest first) that together fill `whole`."""
    scale = whole.width * whole.height / sum(sizes) if sizes else 0
    areas = [size * scale for size in sizes]
    found: list[Rectangle] = []
    rest = whole
    while len(found) < len(areas):
        row = _row(areas[len(found) :], min(rest.width, rest.height))
        placed, rest = _placed(row, rest)
        found += placed
    return found


def _row(areas: Sequence[float], side: float) -> Sequence[float]:
    """Return the first of `areas` that make the best row along `side`."""
    count = 1
    while count < len(areas) and _worst(areas[: count + 1], side) <= _worst(areas[:count], side):
        count += 1
    return areas[:count]


def _worst(row: Sequence[float], side: float) -> float:
    """Return how far from a square the worst rectangle of a row is: 1 is a square."""
    total = sum(row)
    return max(max(side**2 * area / total**2, total**2 / (side**2 * area)) for area in row)


def _placed(row: Sequence[float], rest: Rectangle) -> tuple[list[Rectangle], Rectangle]:
    """Return the rectangles of a row along the shorter side of `rest`, and what is left of it."""
    total = sum(row)
    found = []
    if rest.width >= rest.height:
        across, at = total / rest.height, rest.y
        for area in row:
            found.append(Rectangle(rest.x, at, across, area / across))
            at += area / across
        return found, Rectangle(rest.x + across, rest.y, max(rest.width - across, 0), rest.height)
    across, at = total / rest.width, rest.x
    for area in row:
        found.append(Rectangle(at, rest.y, area / across, across))
        at += area / across
    return found, Rectangle(rest.x, rest.y + across, rest.width, max(rest.height - across, 0))
