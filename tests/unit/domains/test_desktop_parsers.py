from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.domains.desktop import gnome, kde, look, stores
from collectors.domains.desktop.gvariant import variant_text
from collectors.domains.desktop.gvdb import MalformedError, parse_gvdb
from collectors.domains.desktop.kconfig import decoded, encoded, list_of, parse_kconfig, rendered
from tests.unit.sampled import SAMPLES, sampled


def raw(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def told_settings(text: str, name: str) -> Any:
    """Return each setting in one line: its group, key, options, locale, whether it is locked, its value."""
    found, odd = parse_kconfig(text, path=name)
    rows = (
        ("|".join(each.group), each.key, each.options, each.locale, str(each.locked), encoded(each.value))
        for each in found
    )
    return ["|".join(row).encode(errors="backslashreplace").decode() for row in rows], odd


def told_keys(text: str, name: str) -> Any:
    database = gnome.parse_dconf(raw(text), user="ada", path=name)
    return {each.key: each.value for each in database.keys}, database.findings


def told_title(text: str, name: str) -> Any:
    title = look.parse_title("", json_text=text) if name.endswith("json") else look.parse_title(text)
    return list(title)


def told_layout(text: str, name: str) -> Any:
    layout, odd = kde.without_churn(text, path=name, file=kde.LAYOUT)
    return layout.split("\n"), odd


test_kconfig = sampled("kconfig", told_settings)
test_plasma_layout = sampled("plasma_layout", told_layout)
test_dconf = sampled("dconf", told_keys)
test_gnome_extension = sampled(
    "gnome_extension", lambda text, name: gnome.parse_metadata(raw(text), user="ada", uuid=name)
)
test_knsregistry = sampled("knsregistry", lambda text, name: stores.parse_registry(raw(text), path=name))
test_bundle_title = sampled("bundle_title", told_title)

LETTERS = st.text(alphabet="[]=$iedx\\ab,;# \t\n", max_size=60)
BYTES = st.binary(max_size=120).map(lambda content: content.decode(errors="surrogateescape"))
TEXT = st.one_of(LETTERS, BYTES)
DATABASE = (SAMPLES / "dconf/dconf-compile").read_bytes()


@given(TEXT)
def test_each_line_of_kconfig_is_a_setting_a_group_or_a_finding(text: str) -> None:
    found, findings = parse_kconfig(text, path="rc")
    lines = [line.strip() for line in text.split("\n")]
    told = [line for line in lines if line and not line.startswith("#")]
    broken = {int(each.subject.rpartition(":")[2]) for each in findings}
    headers = [n for n, line in enumerate(lines, start=1) if line.startswith("[") and n not in broken]
    assert len(found) + len(findings) + len(headers) == len(told)


@given(TEXT)
def test_what_is_rendered_says_the_same(text: str) -> None:
    found, _ = parse_kconfig(text, path="rc")
    again, odd = parse_kconfig(rendered(found), path="rc")
    assert odd == ()
    assert [(each.group, each.key, each.value, each.options) for each in again] == [
        (each.group, each.key, each.value, each.options) for each in found
    ]


@given(BYTES)
def test_a_value_is_written_in_one_line_of_text_and_comes_back(value: str) -> None:
    written = encoded(value)
    assert written.encode().decode() == written
    assert len(written.splitlines()) <= 1
    assert written == written.strip()
    assert decoded(written) == value


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a,b,", ["a", "b", ""]),
        (r"Meta+\,,none,x\\", ["Meta+,", "none", "x\\"]),
        ("a\\", ["a\\"]),
    ],
)
def test_lists(value: str, parts: list[str]) -> None:
    assert list_of(value) == parts


def survives(read: Callable[[], Any]) -> None:
    try:
        read()
    except MalformedError:
        return


@given(st.integers(0, len(DATABASE) - 1), st.binary(min_size=1, max_size=6), st.integers(0, len(DATABASE)))
def test_a_broken_database_is_malformed_and_no_crash(at: int, noise: bytes, end: int) -> None:
    content = (DATABASE[:at] + noise + DATABASE[at + len(noise) :])[: max(end, 24)]
    survives(lambda: parse_gvdb(content))
    found = gnome.parse_dconf(content, user="ada", path="user")
    assert all(each.value.encode().decode() == each.value for each in found.keys)


@given(
    st.binary(max_size=80),
    st.sampled_from(["as", "a{sv}", "v", "(syu)", "aas", "ay", "mas", "a(ii)", "{sv}"]),
)
def test_any_bytes_are_a_variant_or_malformed(content: bytes, kind: str) -> None:
    survives(lambda: variant_text(content + b"\0" + kind.encode()))
    survives(lambda: variant_text(content))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x01\0a", "no end"),
        (b"\0" + b"a" * 80 + b"y", "no end"),
        (b"\0z", "not known"),
        (b"\0(s", "no end"),
        (b"\0{as}", "no plain key"),
        (b"\0{sss}", "more than two"),
        (b"\0ss", "no type"),
        (b"x", "without its type"),
        (b"x\0s", "one NUL"),
        (b"\xff\0\0s", "not UTF-8"),
        (b"\1\2\0i", "another size"),
        (b"\1\2\3\0ai", "cut off"),
        (b"a\0\x09\0as", "outside"),
    ],
)
def test_what_is_malformed_says_why(content: bytes, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        variant_text(content)


def test_variants_within_variants_have_an_end() -> None:
    with pytest.raises(MalformedError, match="nested too deeply"):
        variant_text(b"\1" + b"\0v" * 100)


def test_numbers_in_the_other_order_of_bytes() -> None:
    assert variant_text(struct.pack(">I", 5) + b"\0u", ">") == "uint32 5"
    assert variant_text(struct.pack("<I", 5) + b"\0u", "<") == "uint32 5"


@given(st.binary(max_size=100))
def test_the_rest_takes_any_bytes(content: bytes) -> None:
    text = content.decode(errors="surrogateescape")
    stuff, findings = stores.parse_registry(content, path="r")
    assert not (stuff and findings)
    assert all("\n" not in each for each in look.parse_title(text, json_text=text))
    found = gnome.parse_metadata(content, user="ada", uuid="x")
    assert found is None or found.item_id() == "gnome-extension:~ada/x"
