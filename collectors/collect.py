"""Which collectors are there, and what do they find together?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from collectors import apt, files, system, users
from collectors.collected import Collected as Collected
from collectors.failure import Failure, Finding
from collectors.host import Host
from collectors.posture import Posture

COLLECTORS: Mapping[str, Callable[[Host], Collected[Any]]] = {
    "system": system.collect,
    "apt": apt.collect,
    "files": files.collect,
    "users": users.collect,
}


def collect(
    host: Host, on_section: Callable[[str], None] = lambda name: None
) -> tuple[Posture, tuple[Finding, ...]]:
    """Return the posture of `host`, and what was seen but could not be captured.

    `on_section` hears the name of each section before it is collected. Raises Failure, after all
    sections were tried, that names each one that could not be collected.
    """
    found: dict[str, Collected[Any]] = {}
    failures = []
    for name, collector in COLLECTORS.items():
        on_section(name)
        try:
            found[name] = collector(host)
        except (Failure, OSError) as error:
            failures.append((name, error))
    if failures:
        raise _named(failures)
    contents = {path: data for part in found.values() for path, data in part.contents.items()}
    sections = {name: part.section for name, part in found.items()}
    findings = (finding for part in found.values() for finding in part.findings)
    return Posture(**sections, contents=dict(sorted(contents.items()))), tuple(dict.fromkeys(findings))


def _named(failures: list[tuple[str, Failure | OSError]]) -> Failure:
    """Return one failure for all, each cause told once."""
    sections: dict[str, list[str]] = {}
    for name, error in failures:
        sections.setdefault(_message(error), []).append(name)
    said = "; ".join(f"{', '.join(names)}: {message}" for message, names in sections.items())
    remedies = dict.fromkeys(error.remedy for _, error in failures if isinstance(error, Failure))
    return Failure(f"not collected: {said}", remedy="; ".join(remedies) or "run with sudo")


def _message(error: Failure | OSError) -> str:
    if isinstance(error, Failure):
        return error.message
    return f"{error.filename or 'a file'}: {error.strerror or error}"
