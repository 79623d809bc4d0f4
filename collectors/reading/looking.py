"""How is a place looked at that may be missing, closed or broken?

Each function gives what is there and the findings of what could not be seen: one bad place never sinks the
rest. What is missing is no finding.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar
from xml.etree import ElementTree

from collectors.collected import Cover, Loss
from collectors.failure import Finding
from collectors.host import Entry, Host
from collectors.judgement.capture import Capture, Gathered, gathered, settings, unread
from collectors.record import File, LeftOut, Thing, escaped

# A declaration in XML, but for a comment or a document type that declares nothing itself.
DECLARED = re.compile(rb"<!(?!--)(?!DOCTYPE\s+\w+\s*>)(?!\[CDATA\[)")

Sort = TypeVar("Sort", bound=Thing)
Outcome = Thing | Finding | Cover | Loss
Findings = tuple[Finding, ...]


@dataclass(frozen=True)
class Outcomes:
    """What a collector yielded: things and what was left out sorted by id, the rest in its order."""

    things: tuple[Thing, ...]
    left_out: tuple[LeftOut, ...]
    findings: tuple[Finding, ...]
    covers: tuple[Cover, ...]
    losses: tuple[Loss, ...]

    def of(self, kind: type[Sort]) -> tuple[Sort, ...]:
        """Return the things of one kind."""
        return tuple(thing for thing in self.things if isinstance(thing, kind))


def parted(outcomes: Iterable[Outcome]) -> Outcomes:
    """Sort outcomes into their kinds; of two things with one id the first counts."""
    every = tuple(outcomes)
    by_id: dict[str, Thing] = {}
    for each in every:
        if isinstance(each, Thing):
            by_id.setdefault(each.item_id(), each)
    ordered = [by_id[name] for name in sorted(by_id)]
    return Outcomes(
        tuple(thing for thing in ordered if not isinstance(thing, LeftOut)),
        tuple(thing for thing in ordered if isinstance(thing, LeftOut)),
        tuple(dict.fromkeys(each for each in every if isinstance(each, Finding))),
        tuple(each for each in every if isinstance(each, Cover)),
        tuple(each for each in every if isinstance(each, Loss)),
    )


def files_of(host: Host, *paths: str) -> Gathered[File]:
    """Return the settings at and below `paths`, without directories that nothing is in."""
    found = (each for path in paths for each in settings(host, path))
    return gathered(
        each for each in found if not (isinstance(each, Capture) and each.record.kind == "directory")
    )


def text_in(host: Host, path: str) -> tuple[str, Findings]:
    """Return a file's text, "" where there is none."""
    try:
        return host.read(path).decode(errors="surrogateescape"), ()
    except OSError as error:
        return "", _told(path, error)


def names_in(host: Host, path: str) -> tuple[list[str], Findings]:
    """Return the sorted names in a directory, none where there is none."""
    try:
        return host.list(path), ()
    except OSError as error:
        return [], _told(path, error)


def entry_at(host: Host, path: str) -> tuple[Entry | None, Findings]:
    """Return what lstat says of a path, None where there is nothing."""
    try:
        return host.look(path), ()
    except OSError as error:
        return None, _told(path, error)


def json_in(host: Host, path: str) -> tuple[Any, Findings]:
    """Return the value in a JSON file, None where there is no such file."""
    content, findings = text_in(host, path)
    if not content:
        return None, findings
    return parse_json(content, path=path)


def parse_json(content: str, *, path: str) -> tuple[Any, Findings]:
    """Return the value of a JSON text; `path` is where it comes from."""
    try:
        return json.loads(content), ()
    except (ValueError, RecursionError):
        return None, (Finding(escaped(path), "not JSON", "look at it by hand"),)


def parse_xml(content: bytes, *, path: str, remedy: str) -> tuple[ElementTree.Element | None, Findings]:
    """Return the root of an XML text; `path` is where it comes from.

    One with declarations of its own is a finding: entities could grow without bounds.
    """
    declared = DECLARED.search(content)
    try:
        root = None if declared else ElementTree.fromstring(content)  # noqa: S314 - nothing is declared
    except (ElementTree.ParseError, ValueError, LookupError):
        root = None
    return root, () if root is not None else (Finding(escaped(path), "not XML", remedy),)


def mapping(value: Any) -> dict[str, Any]:
    """Return `value` if it is a mapping of names, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """Return `value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def string(value: Any) -> str:
    """Return `value` in one line of valid UTF-8 if it is text, else ""."""
    return escaped(value) if isinstance(value, str) else ""


def strings(value: Any) -> tuple[str, ...]:
    """Return the texts in a list, a text alone as the only one."""
    if isinstance(value, str):
        return (string(value),)
    return tuple(string(each) for each in sequence(value) if isinstance(each, str))


def distinct(names: Iterable[str]) -> list[str]:
    """Return the names in their order, each repeated one numbered: `x`, `x (2)`."""
    taken: set[str] = set()
    given = []
    for name in names:
        number, mine = 2, name
        while mine in taken:
            number, mine = number + 1, f"{name} ({number})"
        taken.add(mine)
        given.append(mine)
    return given


def _told(path: str, error: OSError) -> Findings:
    missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    return () if missing else (unread(path, error),)
