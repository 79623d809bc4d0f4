from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.debian.stanzas import parse_stanzas
from collectors.domains import apt
from collectors.domains.apt import debconf
from collectors.failure import Finding
from tests.unit.domains.apt_database import DATABASE
from tests.unit.fakes import machine
from tests.unit.sampled import sampled

TEMPLATES = ("a/asked", "a/later", "man-db/install-setuid", "tzdata/Areas")

test_debconf_config = sampled("debconf_config", lambda text, name: debconf.parse_config(text))
test_debconf_templates = sampled("debconf_templates", lambda text, name: raw_templates(text))


def raw_templates(text: str) -> dict[str, debconf.Template]:
    return debconf.parse_templates(text.encode(errors="surrogateescape"), TEMPLATES)


def debconf_files(*questions: tuple[str, str, str, str]) -> dict[str, str | bytes | None]:
    """Return debconf's files for questions of htop with a type, a default and an answer."""
    config = "".join(
        f"Name: {name}\nTemplate: {name}\nValue: {answer}\nOwners: htop\nFlags: seen\n\n"
        for name, _, _, answer in questions
    )
    templates = "".join(
        f"Name: {name}\nDefault: {default}\nType: {kind}\nOwners: {name}\n\n"
        for name, kind, default, _ in questions
    )
    return {**DATABASE, debconf.CONFIG: config, debconf.TEMPLATES: templates}


def test_answers_that_differ_from_the_packages_own(tmp_path: Path) -> None:
    files = debconf_files(
        ("htop/colour", "select", "green", "it's red"),
        ("htop/same", "select", "green", "green"),
        ("htop/off", "boolean", "", "false"),
        ("htop/parts", "multiselect", "a, b", "b, a"),
        ("htop/note", "note", "", "read"),
        ("tzdata/Areas", "select", "Etc", "Europe"),
        ("grub-pc/install_devices", "multiselect", "", "/dev/sda"),
    )
    answers = {each.question: each for each in apt.collect(machine(tmp_path, files)).section.answers}
    assert list(answers) == ["grub-pc/install_devices", "htop/colour"]
    assert answers["grub-pc/install_devices"].bound == debconf.BOUND
    colour = answers["htop/colour"]
    assert (colour.item_id(), colour.bound) == ("debconf:htop/colour", "")
    assert shlex.split(colour.by_hand()) == [
        "printf", "%s\\n", "htop htop/colour select it's red", "|", "debconf-set-selections"
    ]  # fmt: skip


def test_a_backslash_goes_to_debconf_as_it_was(tmp_path: Path) -> None:
    files = debconf_files(("htop/motto", "string", "", "it's \\ {{ 7*7 }}"))
    (answer,) = apt.collect(machine(tmp_path, files)).section.answers
    assert answer.value == r"it's \x5c {{ 7*7 }}"
    assert answer.by_hand() == (
        r"printf '%s\n' $'htop htop/motto string it\'s \x5c {{ 7*7 }}' | debconf-set-selections"
    )


def test_secret_answers_are_left_out_and_passwords_are_never_read(tmp_path: Path) -> None:
    files = debconf_files(
        ("htop/admin_password", "string", "", "geheim"),
        ("htop/pw", "password", "", "geheim"),
        ("htop/key", "string", "", "-----BEGIN PRIVATE KEY-----geheim"),
    )
    host = machine(tmp_path, {**files, debconf.PASSWORDS: "Name: x\nValue: geheim\n"})
    found = apt.collect(replace(host, failing={debconf.PASSWORDS: RuntimeError("it was read")}))
    assert {each.path: each.reason for each in found.section.left_out} == {
        debconf.CONFIG: "answers that are secret: htop/admin_password, htop/key",
        debconf.PASSWORDS: debconf.ASKED,
    }
    assert "geheim" not in repr(found)
    assert found.section.answers == ()


def test_no_password_was_asked_for(tmp_path: Path) -> None:
    assert apt.collect(machine(tmp_path, {**DATABASE, debconf.PASSWORDS: ""})).section.left_out == ()


def test_answers_to_packages_that_are_gone_are_none(tmp_path: Path) -> None:
    files = debconf_files(("x/y", "string", "", "mine"))
    files[debconf.CONFIG] = str(files[debconf.CONFIG]).replace("Owners: htop", "Owners: gone, never")
    assert apt.collect(machine(tmp_path, files)).section.answers == ()


@pytest.mark.parametrize("path", [debconf.CONFIG, debconf.TEMPLATES])
def test_answers_that_cannot_be_read_are_a_finding(tmp_path: Path, path: str) -> None:
    host = machine(tmp_path, debconf_files(("htop/colour", "string", "", "red")))
    found = apt.collect(replace(host, failing={path: PermissionError(13, "no", path)}))
    assert found.findings == (Finding(path, "not readable", "run with sudo"),)


FIELDS = st.sampled_from(("Name: a/asked", "Value: x", "Flags: seen", " more", "x", ""))
LINES = st.lists(st.one_of(FIELDS, st.text(max_size=9))).map("\n".join)


@given(LINES)
def test_each_question_with_an_answer_is_one_or_a_finding(text: str) -> None:
    questions, findings = debconf.parse_config(text)
    _, malformed = parse_stanzas(text)
    assert len(findings) >= len(malformed)
    assert len({each.name for each in questions}) == len(questions)
    assert set(raw_templates(text)) <= set(TEMPLATES)
