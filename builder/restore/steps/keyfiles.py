"""Which files of `[group]` and `key=value` come back, without what is secret in them?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from builder.restore.steps.step import Step


class KeyfileStep(Step):
    """A file of groups, or one group of a file that it shares with others; all escaped.

    `path` is absolute, for a `user` below their home. `own` are keys (`connection.timestamp`) that this
    machine may have besides, `secrets` those without which the item is not whole: then `remedy` says how to
    give them.
    """

    PART: ClassVar[str] = "keyfiles"

    path: str
    user: str = ""
    mode: str = "0600"
    whole: bool = True
    groups: Mapping[str, Mapping[str, str]]
    own: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    remedy: str = ""
