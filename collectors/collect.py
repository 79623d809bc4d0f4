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
    said = "; ".join(f"{name}: {_message(error)}" for name, error in failures)
    remedies = [error.remedy for _, error in failures if isinstance(error, Failure)]
    return Failure(f"not collected: {said}", remedy="; ".join(remedies) or "run with sudo")


def _message(error: Failure | OSError) -> str:
    return error.message if isinstance(error, Failure) else str(error)
