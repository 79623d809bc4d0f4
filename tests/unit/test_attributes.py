"""Access lists and capabilities, from their bytes to words and back."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.judgement.attributes import (
    CAPABILITIES,
    acl_of,
    capability_bytes,
    parse_acl,
    parse_capabilities,
)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("", ""),
        ("0100000200200000000000000000000000000000", "cap_net_raw=ep"),
        ("0000000200200000000000000000000000000000", "cap_net_raw=p"),
        ("0100000200340000000400000000000000000000", "cap_net_bind_service=eip cap_net_admin,cap_net_raw=ep"),
        ("010000020000000000000000 0001000000000000", "cap_checkpoint_restore=ep"),
        ("0100000300200000000000000000000000000000e8030000", "cap_net_raw=ep [rootid=1000]"),
        ("0000000200000000000000000000008000000000", "63=p"),
    ],
)
def test_capabilities_in_words(raw: str, text: str) -> None:
    content = bytes.fromhex(raw)
    assert parse_capabilities(content) == text
    assert (capability_bytes(text) if text else b"") == content


@pytest.mark.parametrize("raw", [b"\1", b"\0\0\0\2", b"\0\0\0\1" + bytes(16), b"\0\0\0\3" + bytes(16)])
def test_capabilities_of_another_revision_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="unknown revision"):
        parse_capabilities(raw)


@given(st.binary(min_size=20, max_size=24))
def test_capabilities_may_be_anything(raw: bytes) -> None:
    try:
        text = parse_capabilities(raw)
    except ValueError:
        return
    assert text == "" or parse_capabilities(capability_bytes(text)) == text


def test_every_capability_has_a_name() -> None:
    assert len(CAPABILITIES) == len(set(CAPABILITIES)) == 41


def test_an_access_list_is_by_kind_and_name() -> None:
    entries = [(1, 7, 0), (2, 4, 1001), (2, 6, 1000), (2, 5, 7), (4, 5, 0), (0x10, 7, 0), (0x20, 0, 0)]
    raw = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    found = parse_acl(raw, {1000: "zoe", 1001: "ada"}, {})
    assert found == (
        "user::rwx", "user:7:r-x", "user:ada:r--", "user:zoe:rw-", "group::r-x", "mask::rwx", "other::---",
    )  # fmt: skip
    assert acl_of({}, {}, {}) == ""


@given(st.binary(max_size=40))
def test_an_access_list_may_be_anything(raw: bytes) -> None:
    for content in (raw, struct.pack("<I", 2) + raw):
        try:
            assert len(parse_acl(content, {}, {})) == max(0, len(content) - 4) // 8
        except ValueError:
            continue
