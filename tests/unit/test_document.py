from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.document import dumped, parsed, validated
from collectors.failure import Failure
from collectors.record import Record


class Disk(Record):
    serial: str
    size_bytes: int = 0


class Config(Record):
    name: str
    disks: tuple[Disk, ...] = ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\nsize: 1\n", "c.yaml:2: size: unknown key"),
        ("disks: []\n", "c.yaml:1: name: Field required"),
        ("name: [1]\n", "c.yaml:1: name: Input should be a valid string"),
        ("name: x\ndisks:\n- serial: a\n- serial: b\n  size_bytes: much\n", "c.yaml:5: disks.1.size_bytes: "),
        ("name: x\ndisks:\n- serial: a\n  seral: b\n", "c.yaml:4: disks.0.seral: unknown key"),
        ("name: x\n\nbroken: [1\n", "c.yaml:4: "),
        ("name: x\n\tname: y\n", "c.yaml:2: "),
        ("- name\n", "c.yaml:1: not a mapping"),
        ("", "c.yaml:1: name: Field required"),
        ("name: \0", "c.yaml: "),
        ("name: 2020-99-99\n", "c.yaml: "),
        ("name: !!python/object:os.system x\n", "c.yaml:1: "),
    ],
)
def test_what_is_wrong_is_told_with_file_line_key_and_remedy(text: str, said: str) -> None:
    with pytest.raises(Failure) as caught:
        validated(text, Config, name="c.yaml")
    assert caught.value.message.startswith(said)
    assert caught.value.remedy and "\n" not in str(caught.value)


def test_reads_a_record() -> None:
    text = "name: x\ndisks:\n- serial: a\n"
    assert validated(text, Config, name="c") == Config(name="x", disks=(Disk(serial="a"),))


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text())
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@given(PLAIN)
def test_what_is_dumped_is_parsed_again(value: object) -> None:
    assert parsed(dumped(value), name="x") == value


@given(st.text())
def test_any_text_is_data_or_a_failure(text: str) -> None:
    try:
        parsed(text, name="x")
    except Failure as failure:
        assert failure.message.startswith("x:") and failure.remedy


def test_keys_stay_in_order_and_lines_are_not_broken() -> None:
    value = {"b": "long " * 100, "a": "no", "c": "{{ 1 + 1 }}"}
    assert dumped(value).split("\n")[1:] == ["a: 'no'", "c: '{{ 1 + 1 }}'", ""]
