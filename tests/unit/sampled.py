"""How is a parser held to its samples, `samples/<parser>/<name>`, and what each must give, `<name>.yaml`?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from collectors.document import dumped, parsed
from collectors.record import Record

SAMPLES = Path(__file__).parent / "samples"


def sampled(parser: str, parse: Callable[[str, str], Any]) -> Callable[[Path], None]:
    """Return the test of `parse(text, name of the sample)` on each sample in the folder `parser`.

    What it returns is (found, findings), or anything else that `plain` takes.
    """
    files = sorted(file for file in (SAMPLES / parser).iterdir() if file.suffix != ".yaml")
    assert files, f"{parser} has no samples"

    @pytest.mark.parametrize("file", files, ids=lambda file: f"{file.parent.name}/{file.name}")
    def test(file: Path) -> None:
        text = file.read_bytes().decode(errors="surrogateescape")
        told = dumped(answer(parse(text, file.name)))
        expected = (file.parent / f"{file.name}.yaml").read_text("utf-8")
        assert parsed(told, name="told") == parsed(expected, name=file.name)

    return test


def answer(given: Any) -> Any:
    """Return plain data for what a parser gave."""
    if isinstance(given, tuple) and len(given) == 2:
        found, findings = given
        return {"found": plain(found), "findings": plain(findings)}
    return {"found": plain(given)}


def plain(value: Any) -> Any:
    """Return plain data, defaults left out."""
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
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value
