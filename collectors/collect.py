"""Which collectors are there, and what do they find together?"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from collectors.collected import Collected as Collected
from collectors.collected import Cover, Loss
from collectors.failure import Failure, Finding
from collectors.host import Host
from collectors.posture import SECTIONS, Posture
from collectors.record import Section

# A section's collector is the function `collect` of the module that defines the section.
COLLECTORS: Mapping[str, Callable[[Host], Collected[Any]]] = {
    name: import_module(kind.__module__).collect for name, kind in SECTIONS.items()
}


@dataclass(frozen=True)
class Survey:
    """What all collectors found together.

    `failed` maps the name of each section that could not be collected to the reason: the posture has
    that section as it was before, or empty.
    """

    posture: Posture
    findings: tuple[Finding, ...]
    covers: tuple[Cover, ...]
    losses: tuple[Loss, ...]
    failed: Mapping[str, Failure]

    def gaps(self) -> tuple[Finding, ...]:
        """Return all that could not be captured: whole sections first."""
        sections = (Finding(name, each.message, each.remedy) for name, each in self.failed.items())
        return (*sections, *self.findings)


def collect(
    host: Host,
    *,
    only: Container[str] = SECTIONS,
    before: Posture | None = None,
    on_section: Callable[[str], None] = lambda name: None,
) -> Survey:
    """Collect the sections named in `only` from `host`.

    A section that is not collected, or that fails, is as it was `before`. `on_section` hears the name
    of each section before it is collected. Raises Failure where that leaves no posture.
    """
    found: dict[str, Collected[Any]] = {}
    failed: dict[str, Failure] = {}
    for name, collector in COLLECTORS.items():
        if name not in only:
            continue
        on_section(name)
        try:
            found[name] = collector(host)
        except (Failure, OSError) as error:
            failed[name] = _failure(error)
    parts = found.values()
    return Survey(
        posture=_merged(found, before, failed),
        findings=tuple(dict.fromkeys(each for part in parts for each in part.findings)),
        covers=tuple(each for part in parts for each in part.covers),
        losses=tuple(each for part in parts for each in part.losses),
        failed=failed,
    )


def _merged(
    found: Mapping[str, Collected[Any]], before: Posture | None, failed: Mapping[str, Failure]
) -> Posture:
    """Return the posture of what was found, each other section as it was before or empty."""
    if before is None and "system" not in found:
        raise _without_system(failed)
    sections: dict[str, Any] = {}
    contents: dict[str, bytes] = {}
    pristine: dict[str, bytes] = {}
    for name, kind in SECTIONS.items():
        part = found.get(name) or _kept(kind, name, before)
        sections[name] = part.section
        contents.update(part.contents)
        pristine.update(part.pristine)
    return Posture(
        **sections, contents=dict(sorted(contents.items())), pristine=dict(sorted(pristine.items()))
    )


def _kept(kind: type[Section], name: str, before: Posture | None) -> Collected[Any]:
    """Return a section with its bytes as it was `before`, or empty."""
    if before is None:
        return Collected(kind())
    section: Section = getattr(before, name)
    return Collected(
        section,
        contents={path: before.contents[path] for path in section.content_paths()},
        pristine={path: before.pristine[path] for path in section.pristine_paths()},
    )


def _without_system(failed: Mapping[str, Failure]) -> Failure:
    if "system" in failed:
        return Failure(f"system: {failed['system'].message}", remedy=failed["system"].remedy)
    return Failure("there is no earlier posture to keep the other sections of", remedy="collect all first")


def _failure(error: Failure | OSError) -> Failure:
    if isinstance(error, Failure):
        return Failure(f"not collected: {error.message}", remedy=error.remedy)
    said = f"{error.filename or 'a file'}: {error.strerror or error}"
    return Failure(f"not collected: {said}", remedy="run with sudo")
