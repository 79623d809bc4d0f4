"""Every parser against a folder of samples: `samples/<parser>/<name>`, what it must give in `<name>.yaml`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from collectors import users
from collectors.debian import dpkg, sources, stanzas, variables
from collectors.document import dumped, parsed
from collectors.posture import Record

SAMPLES = Path(__file__).parent / "samples"

PARSERS: dict[str, Callable[[str, str], Any]] = {
    "diversions": lambda text, name: dpkg.parse_diversions(text),
    "extended_states": lambda text, name: dpkg.parse_extended_states(text),
    "group": lambda text, name: users.parse_group(text),
    "passwd": lambda text, name: users.parse_passwd(text),
    "sources": lambda text, name: sources.parse_sources(text, path=name),
    "stanzas": lambda text, name: stanzas.parse_stanzas(text),
    "status": lambda text, name: dpkg.parse_status(text),
    "variables": lambda text, name: variables.parse_variables(text, name=name),
}
FILES = sorted(file for file in SAMPLES.glob("*/*") if file.suffix != ".yaml")


def plain(value: Any) -> Any:
    """Return plain data for a parser's answer, defaults left out."""
    if isinstance(value, Record):
        return value.model_dump(mode="json", exclude_defaults=True)
    if is_dataclass(value) and not isinstance(value, type):
        return {
            key: plain(each)
            for key, each in asdict(value).items()
            if each not in ("", ()) and each is not False
        }
    if isinstance(value, frozenset):
        return [plain(each) for each in sorted(value)]
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    return value


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_gives_what_its_sample_says(file: Path) -> None:
    text = file.read_bytes().decode(errors="surrogateescape")
    found, findings = PARSERS[file.parent.name](text, file.name)
    told = dumped({"found": plain(found), "findings": plain(findings)})
    expected = (file.parent / f"{file.name}.yaml").read_text("utf-8")
    assert parsed(told, name="told") == parsed(expected, name=file.name)


def test_every_parser_has_at_least_two_samples() -> None:
    for name in PARSERS:
        assert len([file for file in FILES if file.parent.name == name]) >= (name != "stanzas") + 1
    assert {file.parent.name for file in FILES} == set(PARSERS)
