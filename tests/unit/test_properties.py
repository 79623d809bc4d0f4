"""No text crashes a parser, and no line of it is dropped in silence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collectors.accounts import parse_group, parse_passwd
from collectors.debian import dpkg, sources, stanzas, variables
from collectors.domains import files, system
from collectors.domains.apt import baseline
from collectors.record import escaped, unescaped

# What a file's bytes become: any text, with surrogates for bytes that are not UTF-8.
BYTES = st.binary(max_size=200).map(lambda raw: raw.decode(errors="surrogateescape"))
SOURCES = ("deb", "deb-src", "[", "]", "[arch=amd64]", "https://e.org/x", "stable", "main", "/", "./", "#")
FIELDS = ("Types:", "Suites:", "URIs:", "Package:", "Status: install ok installed", "Architecture: amd64")
CONFFILES = ("Conffiles:", "/etc/x", "d41d8cd98f00b204e9800998ecf8427e", "newconffile", "obsolete")
REST = ("x:x:1:1:g:/h:/s", "a:b:2:c", "A=b", "'q", "ü", "\udcff", "\t", "\n\n", ",", ":", "=")
WORDS = st.sampled_from((*SOURCES, *FIELDS, *CONFFILES, *REST))
LIKELY = st.lists(st.tuples(WORDS, st.sampled_from(["", " ", "\n", "\n "]))).map(
    lambda pairs: "".join(word + end for word, end in pairs)
)
TEXT = st.one_of(BYTES, LIKELY)


def told(text: str) -> list[str]:
    """Return the lines that say something."""
    return [line for line in text.split("\n") if line.strip()]


@given(TEXT)
def test_each_line_of_one_line_sources_is_an_entry_or_a_finding(text: str) -> None:
    entries, findings = sources.parse_one_line(text, path="x.list")
    comments = [line for line in told(text) if line.strip().startswith("#")]
    assert len(entries) + len(findings) == len(told(text)) - len(comments)


@given(TEXT)
def test_each_stanza_of_sources_is_an_entry_or_a_finding(text: str) -> None:
    found, malformed = stanzas.parse_stanzas(text)
    entries, findings = sources.parse_deb822(text, path="x.sources")
    assert len(entries) + len(findings) == len(found) + len(malformed)


@given(TEXT)
def test_each_line_of_stanzas_is_in_a_field_or_malformed(text: str) -> None:
    found, malformed = stanzas.parse_stanzas(text)
    if not malformed:
        kept = [line for each in found for value in each.fields.values() for line in value.split("\n")]
        assert len(kept) == len([line for line in told(text) if not line.startswith("#")])


@given(TEXT)
def test_each_line_of_passwd_is_an_account_or_a_finding(text: str) -> None:
    accounts, findings = parse_passwd(text)
    odd_names = [each for each in findings if "UTF-8" in each.reason]
    assert len(accounts) + len(findings) - len(odd_names) == len(told(text))


@given(TEXT)
def test_each_line_of_group_is_a_group_or_a_finding(text: str) -> None:
    teams, findings = parse_group(text)
    assert len(teams) + len(findings) == len(told(text))


@given(TEXT)
def test_each_line_of_variables_is_one_or_a_finding(text: str) -> None:
    lines = [line for line in told(text) if not line.lstrip().startswith("#")]
    found = [variables.parse_variables(line, name="x") for line in lines]
    assert all(len(values) + len(findings) == 1 for values, findings in found)
    whole, findings = variables.parse_variables(text, name="x")
    assert len(findings) == sum(len(odd) for _, odd in found)
    assert set(whole) == {name for values, _ in found for name in values}


@given(TEXT)
def test_each_line_of_conffiles_is_one_or_odd(text: str) -> None:
    conffiles, odd = dpkg.parse_conffiles(text)
    assert len(conffiles) + len(odd) == len(told(text))


@given(TEXT)
def test_each_stanza_of_a_status_is_a_package_or_a_finding(text: str) -> None:
    found, _ = stanzas.parse_stanzas(text)
    packages, findings = dpkg.parse_status(text)
    assert len(packages) + len(findings) >= len(found)


@given(TEXT)
def test_each_line_of_diversions_is_in_one_or_a_finding(text: str) -> None:
    diversions, findings = dpkg.parse_diversions(text)
    lines = text.split("\n")[:-1] if text.endswith("\n") else text.split("\n") if text else []
    assert len(diversions) == len(lines) // 3
    assert len(findings) == bool(len(lines) % 3)


@given(TEXT)
def test_each_line_of_ucf_is_a_path_or_a_finding(text: str) -> None:
    made, findings = files.parse_ucf(text)
    assert len({line.partition("  ")[2] for line in told(text)} & made.keys()) == len(made)
    assert len([line for line in told(text) if "  /" not in line]) <= len(findings) <= len(told(text))


@given(TEXT, TEXT)
def test_the_rest_takes_any_text(one: str, other: str) -> None:
    dpkg.parse_extended_states(one)
    dpkg.parse_relations(one)
    assert system.ZONE.fullmatch(system.parse_timezone(one, other))
    assert system.parse_hostname(one).isascii()
    assert system.parse_machine(one, other) in ("physical", "virtual")


@given(st.binary(max_size=200))
def test_an_initial_status_may_be_anything(content: bytes) -> None:
    assert baseline.parse_initial_status(content) is None


@given(st.binary().map(lambda raw: raw.decode(errors="surrogateescape")))
def test_escaped_names_come_back(name: str) -> None:
    assert unescaped(escaped(name)) == name


@given(st.binary().map(lambda raw: raw.decode(errors="surrogateescape")))
def test_escaped_names_are_one_line_of_utf8(name: str) -> None:
    shown = escaped(name)
    assert shown.encode().decode() == shown
    assert shown.splitlines() in ([], [shown])
    assert escaped(unescaped(shown)) == shown
