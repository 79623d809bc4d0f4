"""Imports go one way: builder → autoinstall → collectors; iso_overlay is data."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("builder", "autoinstall", "collectors", "iso_overlay")
MAY_IMPORT = {
    "builder": {"builder", "autoinstall", "collectors"},
    "autoinstall": {"autoinstall", "collectors"},
    "collectors": {"collectors"},
    "iso_overlay": {"iso_overlay"},
}
THIRD_PARTY = {"collectors": {"pydantic", "tomli", "yaml"}}
STANDARD = set(__import__("sys").stdlib_module_names)


@cache
def imported(source: str) -> frozenset[str]:
    """Return the top-level packages that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            names.add("." if node.level else (node.module or "").partition(".")[0])
    return frozenset(names)


@pytest.mark.parametrize("folder", FOLDERS)
def test_imports_go_one_way(folder: str) -> None:
    modules = sorted((ROOT / folder).rglob("*.py"))
    assert modules
    for module in modules:
        ours = imported(module.read_text("utf-8")) & {*FOLDERS, "tests"}
        assert ours <= MAY_IMPORT[folder], module


def test_collectors_need_little() -> None:
    for module in sorted((ROOT / "collectors").rglob("*.py")):
        others = imported(module.read_text("utf-8")) - STANDARD - {"collectors"}
        assert others <= THIRD_PARTY["collectors"], module


def test_a_wrong_import_would_be_seen() -> None:
    assert imported("import builder.cli\ndef f():\n    from autoinstall.bake import x\n") == {
        "builder",
        "autoinstall",
    }
