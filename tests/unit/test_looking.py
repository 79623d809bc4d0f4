from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.collected import Cover, Loss
from collectors.failure import Finding
from collectors.reading import looking
from collectors.record import LeftOut
from tests.unit.fakes import FakeHost, machine


class Closed(FakeHost):
    def look(self, path: str) -> Any:
        raise PermissionError(13, "no")


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (b"<a><!-- x --><![CDATA[x]]></a>", True),
        (b"<!DOCTYPE a>\n<a/>", True),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>\n<a>&b;</a>', False),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd">\n<a/>', False),
        (b"<a>\xff</a>", False),
        (b'<?xml version="1.0" encoding="none"?><a/>', False),
        (b"", False),
    ],
)
def test_xml_declares_nothing_of_its_own(content: bytes, read: bool) -> None:
    root, findings = looking.parse_xml(content, path="/x\n", remedy="mend it")
    assert (root is not None) is read
    assert findings == (() if read else (Finding("/x\\x0a", "not XML", "mend it"),))


def test_what_is_missing_is_no_finding_and_what_is_closed_is_one(tmp_path: Path) -> None:
    host = machine(tmp_path, {"/etc/a": "x\udcff".encode(errors="surrogateescape"), "/etc/b": None})
    closed = (Finding("/etc/a", "not readable", "run with sudo"),)
    failing = replace(host, failing={"/etc/a": PermissionError(13, "no")})
    assert looking.text_in(host, "/etc/a") == ("x\udcff", ())
    assert looking.text_in(host, "/etc/a/below") == ("", ())
    assert looking.text_in(failing, "/etc/a") == ("", closed)
    assert looking.names_in(host, "/etc") == (["a", "b"], ())
    assert looking.names_in(host, "/none") == ([], ())
    assert looking.names_in(failing, "/etc/a") == ([], closed)
    assert looking.json_in(host, "/none") == (None, ())
    assert looking.json_in(failing, "/etc/a") == (None, closed)
    assert looking.json_in(host, "/etc/a")[1] == (Finding("/etc/a", "not JSON", "look at it by hand"),)
    assert looking.entry_at(host, "/none") == (None, ())
    assert looking.entry_at(Closed(tmp_path), "/etc/a") == (None, closed)


def test_settings_are_files_and_no_empty_directories(tmp_path: Path) -> None:
    host = machine(tmp_path, {"/etc/x/a": "1", "/etc/x/empty": None, "/etc/y": "2"})
    found = looking.files_of(host, "/etc/x", "/etc/y", "/etc/none")
    assert [file.path for file in found.records] == ["/etc/x/a", "/etc/y"]


def test_outcomes_are_parted_and_sorted(tmp_path: Path) -> None:
    one, other = LeftOut(path="/b", reason="x"), LeftOut(path="/a", reason="x")
    finding, cover, loss = Finding("/c", "r", "x"), Cover("/d", "x"), Loss("volume", "/e", "r", "x")
    found = looking.parted([one, finding, other, cover, loss, finding, one])
    assert found == looking.Outcomes((), (other, one), (finding,), (cover,), (loss,))


def test_names_that_are_alike_get_numbers() -> None:
    assert looking.distinct(["a", "b", "a", "a", "a (2)"]) == ["a", "b", "a (2)", "a (3)", "a (2) (2)"]


@given(st.none() | st.integers() | st.text() | st.lists(st.integers() | st.text()))
def test_plain_data_may_be_anything(value: object) -> None:
    assert looking.mapping(value) == {}
    assert looking.sequence(value) == (value if isinstance(value, list) else [])
    assert all(isinstance(each, str) for each in looking.strings(value))
    looking.string(value).encode()
