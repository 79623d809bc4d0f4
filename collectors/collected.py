"""What does one collector hand over?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from collectors.failure import Finding
from collectors.posture import Section

Kind = TypeVar("Kind", bound=Section, covariant=True)


@dataclass(frozen=True)
class Collected(Generic[Kind]):
    """What one collector found: its section, the bytes of its files by escaped path, and its findings."""

    section: Kind
    contents: Mapping[str, bytes] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
