"""Patterns: which names, paths and places they are for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from collectors.failure import Finding
from collectors.reading.patterns import exactly, globs, matches
from collectors.reading.places import expanded
from tests.unit.fakes import machine

CLOSED = PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    ("name", "patterns", "found"),
    [
        ("wep-key0", ("psk", "wep-key[0-9]"), True),
        ("wep-keys", ("psk", "wep-key[0-9]"), False),
        ("org/gnome/x", ("org/*",), True),
        ("a\nb", ("a*",), True),
        ("PSK", ("psk",), False),
        ("", (), False),
    ],
)
def test_names(name: str, patterns: tuple[str, ...], found: bool) -> None:
    assert matches(name, patterns) is found


def test_a_glob_covers_what_is_below_and_an_exact_one_does_not() -> None:
    patterns = ("/etc/*.d", "/opt/x")
    below = ("/etc/a.d/b", "/opt/x/y")
    assert [bool(globs(patterns).fullmatch(path)) for path in ("/etc/a.d", "/etc/a/b.d", *below)] == [
        True,
        False,
        True,
        True,
    ]
    assert [bool(exactly(patterns).fullmatch(path)) for path in ("/etc/a.d", "/opt/x", *below)] == [
        True,
        True,
        False,
        False,
    ]


def test_places_are_as_in_a_shell_and_each_is_told_once(tmp_path: Path) -> None:
    host = machine(
        tmp_path,
        {"/h/b/x": "", "/h/a/x": "", "/h/.c/x": "", "/h/d": "", "/h/link": "-> /gone", "/h/\udcff/x": ""},
    )
    assert expanded(host, "/h", ["*/x", "a/x", "none/x", "d/x", "link"]) == (
        ("/h/a/x", "/h/b/x", "/h/\udcff/x", "/h/link"),
        (),
    )
    assert expanded(host, "/h", [".*/x"]) == (("/h/.c/x",), ())
    assert expanded(host, "", ["/h/[ab]"]) == (("/h/a", "/h/b"), ())


def test_a_closed_directory_is_a_finding_unless_the_name_is_known(tmp_path: Path) -> None:
    host = replace(machine(tmp_path, {"/h/a/x": ""}), failing={"/h/a": CLOSED})
    found, findings = expanded(host, "/h", ["*/x", "a/*", "a/y", "a/?"])
    assert found == ("/h/a/x",)
    assert findings == (Finding("/h/a", "not readable", "run with sudo"),)
