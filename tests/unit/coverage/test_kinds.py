"""Every kind of loss that a collector tells is ranked and has its words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from collectors.coverage.knowledge import loss_kinds

COLLECTORS = Path(__file__).parents[3] / "collectors"


def told(tree: ast.AST) -> Iterator[str]:
    """Yield the kinds that are written in calls `Loss("kind", …)` and `Loss(kind="kind", …)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Loss":
            given = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "kind")]
            yield from (each.value for each in given if isinstance(each, ast.Constant))


def test_every_kind_is_ranked_and_titled() -> None:
    kinds = {kind for path in COLLECTORS.rglob("*.py") for kind in told(ast.parse(path.read_text("utf-8")))}
    assert len(kinds) >= 8
    assert kinds <= loss_kinds().keys()
    assert all(kind.title and kind.hint for kind in loss_kinds().values())
