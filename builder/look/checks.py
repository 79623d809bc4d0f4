"""What came of looking at one part of a medium?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from builder.iso.boot import Wrong
from collectors.failure import Failure


class Untold(Exception):  # noqa: N818 - nothing is wrong
    """Why a part cannot be checked, or need not be."""


@dataclass(frozen=True)
class Check:
    """`ok` is None where nothing could be told; `said` is one line for a person."""

    name: str
    ok: bool | None
    said: str


def checked(name: str, look: Callable[[], str]) -> Check:
    """Look, and return what it says; it raises Wrong for what is not right, Untold for what it can't tell."""
    try:
        return Check(name, True, look())
    except Untold as reason:
        return Check(name, None, str(reason))
    except Wrong as problem:
        return Check(name, False, str(problem))
    except Failure as failure:
        return Check(name, False, failure.message)
