"""What does one question about the desktop bring to the section?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from collectors.collected import Cover, Loss
from collectors.document import shipped
from collectors.failure import Finding
from collectors.homes import usual
from collectors.host import Entry, Host
from collectors.judgement.capture import Capture, Outcome, captured, judged, settings
from collectors.judgement.knowledge import knowledge
from collectors.record import File, LeftOut, Record, Thing, escaped, unescaped

Kept = TypeVar("Kept", bound=Thing, covariant=True)
Known = TypeVar("Known", bound=Record)
# What remains of a text, and the lines of it that are malformed.
Trim = Callable[[str], tuple[str, tuple[Finding, ...]]]


@dataclass(frozen=True)
class Part(Generic[Kept]):
    """Things of one kind, with what came of the files that belong to the same question."""

    things: tuple[Kept, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    findings: tuple[Finding, ...] = ()
    covers: tuple[Cover, ...] = ()
    losses: tuple[Loss, ...] = ()


def joined(parts: Iterable[Part[Kept]]) -> Part[Kept]:
    """Return what several parts bring together."""
    every = tuple(parts)
    return Part(
        tuple(thing for part in every for thing in part.things),
        tuple(outcome for part in every for outcome in part.outcomes),
        tuple(finding for part in every for finding in part.findings),
        tuple(cover for part in every for cover in part.covers),
        tuple(loss for part in every for loss in part.losses),
    )


def known(name: str, kind: type[Known]) -> Known:
    """Return what the YAML file `name` beside this module says."""
    return shipped("collectors.domains.desktop", name, kind)


def kept(host: Host, *paths: str) -> Iterator[Outcome]:
    """Yield what comes of `paths` and of all below them; a folder that a rule leaves out is told as one."""
    for path in paths:
        entry = host.look(path)
        if entry and entry.is_dir and knowledge().by_name(usual(host, path), "directory", mine=True):
            yield from judged(host, entry, "settings", mine=True)
        else:
            yield from settings(host, path)


def trimmed(
    host: Host, path: str, trim: Callable[[str], tuple[str, tuple[Finding, ...]]]
) -> Iterator[Outcome]:
    """Yield what comes of a file whose bytes in the posture are `trim` of its text: what is no churn in it.

    A file that is nothing but churn comes to nothing.
    """
    for outcome in kept(host, path):
        entry = _file(host, outcome)
        if not isinstance(outcome, Capture) or outcome.content is None or entry is None:
            yield outcome
            continue
        text, findings = trim(outcome.content.decode(errors="surrogateescape"))
        yield from findings
        if text or not outcome.content:
            yield captured(host, entry, "file", "settings", text.encode(errors="surrogateescape"))


def kept_apart(path: str, secrets: Iterable[tuple[str, str]]) -> Iterator[LeftOut]:
    """Yield what tells that values of a file are left out; `secrets` are (setting, why it is one)."""
    reasons: dict[str, list[str]] = {}
    for setting, why in secrets:
        reasons.setdefault(why, []).append(setting)
    if reasons:
        told = "; ".join(f"{why}: {', '.join(sorted(reasons[why]))}" for why in sorted(reasons))
        yield LeftOut(path=escaped(path), reason=told)


def _file(host: Host, outcome: Outcome) -> Entry | None:
    """Return what is at the path of a captured regular file."""
    if isinstance(outcome, Capture) and isinstance(outcome.record, File) and outcome.record.kind == "file":
        return host.look(unescaped(outcome.record.path))
    return None
