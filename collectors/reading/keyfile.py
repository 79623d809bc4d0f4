"""How is a file of groups and keys read: `[group]`, then `key=value`?

NetworkManager's keyfiles, WireGuard's and BlueZ' files are written so (Desktop Entry Specification, "Basic
format of the file"). A group may come twice, and a key twice within one.
"""

from __future__ import annotations

from dataclasses import dataclass

from collectors.failure import Finding
from collectors.record import escaped

COMMENTS = ("#", ";")


@dataclass(frozen=True)
class Group:
    """One group with its keys in their order; names and values are escaped."""

    name: str
    pairs: tuple[tuple[str, str], ...] = ()

    def get(self, key: str) -> str:
        """Return the value of `key` that comes last, or ""."""
        return next((value for name, value in reversed(self.pairs) if name == key), "")

    def every(self, key: str) -> tuple[str, ...]:
        """Return all values of `key`, whatever its case."""
        return tuple(value for name, value in self.pairs if name.lower() == key.lower())


def parse_groups(content: str, *, name: str) -> tuple[tuple[Group, ...], tuple[Finding, ...]]:
    """Return the groups of a file, and its lines that are neither a group, a key nor a comment."""
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    findings = []
    for number, line in enumerate(content.split("\n"), start=1):
        word = line.strip()
        key, equals, value = word.partition("=")
        if not word or word.startswith(COMMENTS):
            continue
        if word.startswith("[") and word.endswith("]"):
            groups.append((escaped(word[1:-1].strip()), []))
        elif equals and key.strip() and groups:
            groups[-1][1].append((escaped(key.strip()), escaped(value.strip())))
        else:
            where = f"{escaped(name)}:{number}"
            findings.append(Finding(where, "neither `[group]` nor `key=value`", "mend that line"))
    return tuple(Group(group, tuple(pairs)) for group, pairs in groups), tuple(findings)


def group_named(groups: tuple[Group, ...], name: str) -> Group:
    """Return the first group with that name, an empty one where there is none."""
    return next((group for group in groups if group.name == name), Group(name))
