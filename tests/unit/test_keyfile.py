from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collectors.reading.keyfile import Group, group_named, parse_groups
from tests.unit.sampled import sampled

test_keyfile = sampled("keyfile", lambda text, name: parse_groups(text, name=name))

LINES = st.lists(st.sampled_from(["[a]", "[b", "x=1", "=", "# c", "; d", "", "nonsense", "\udcff=\udcfe"]))


def test_a_group_gives_its_last_value_and_all_of_them() -> None:
    groups, _ = parse_groups("[a]\nx=1\nX=2\nx=3\n", name="f")
    assert (groups[0].get("x"), groups[0].get("y"), groups[0].every("x")) == ("3", "", ("1", "2", "3"))
    assert (group_named(groups, "a"), group_named(groups, "b")) == (groups[0], Group("b"))


@given(LINES.map("\n".join) | st.binary(max_size=100).map(lambda raw: raw.decode(errors="surrogateescape")))
def test_each_line_is_a_group_a_key_or_a_finding(text: str) -> None:
    groups, findings = parse_groups(text, name="x")
    said = [line for line in map(str.strip, text.split("\n")) if line and not line.startswith(("#", ";"))]
    assert len(groups) + sum(len(group.pairs) for group in groups) + len(findings) == len(said)
