"""What came of gathering one kind of bundle?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collectors.failure import Finding

Say = Callable[[str], None]


@dataclass(frozen=True)
class Gathered:
    """The files for the pool, relative to the kind's folder and sorted: `pipx/cowsay-6.1-py3-none-any.whl`.

    A gap is an item that a machine without network will not have: its id, why, and what a person can do.
    """

    files: tuple[str, ...] = ()
    gaps: tuple[Finding, ...] = ()
