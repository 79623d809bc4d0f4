"""How is a text of stanzas read?

The format of dpkg's status, of apt's extended states and of `.sources` files (deb822(5)): fields
`Name: value`, continued on lines that begin with a blank; empty lines between stanzas; lines that
begin with `#` are comments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Stanza:
    """One stanza: its 1-based first line, and its fields without the blank that continues a line."""

    line: int
    fields: Mapping[str, str]

    def get(self, name: str) -> str:
        """Return the value of a field whatever its case, or ""."""
        if name in self.fields:
            return self.fields[name]
        return next((self.fields[key] for key in self.fields if key.lower() == name.lower()), "")


@dataclass(frozen=True)
class Malformed:
    """A line that is no part of a stanza."""

    line: int
    reason: str


def parse_stanzas(text: str) -> tuple[tuple[Stanza, ...], tuple[Malformed, ...]]:
    """Return every stanza of `text`, and every line that could not be read."""
    stanzas, malformed = [], []
    for start, lines in _blocks(text):
        stanza, bad = _stanza(start, lines)
        malformed.extend(bad)
        if stanza.fields:
            stanzas.append(stanza)
    return tuple(stanzas), tuple(malformed)


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line's number and the lines of each run of lines that are not blank."""
    block: list[str] = []
    start = 1
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            block.append(line)
        else:
            if block:
                yield start, block
            block, start = [], number + 1
    if block:
        yield start, block


def _stanza(start: int, lines: list[str]) -> tuple[Stanza, list[Malformed]]:
    fields: dict[str, list[str]] = {}
    seen: set[str] = set()
    malformed = []
    last: list[str] | None = None
    for number, line in enumerate(lines, start=start):
        if line.startswith("#"):
            continue
        if line[0] in " \t" and last is not None:
            last.append(line[1:].rstrip())
            continue
        name, colon, value = line.partition(":")
        last = [value.strip()]
        if not colon or not name.strip() or line[0] in " \t":
            malformed.append(Malformed(number, "neither `Field: value` nor a continued line"))
        elif name.lower() in seen:
            malformed.append(Malformed(number, "a field that is given twice"))
        else:
            seen.add(name.lower())
            fields[name.strip()] = last
    return Stanza(start, {name: "\n".join(value) for name, value in fields.items()}), malformed
