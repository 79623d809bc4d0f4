"""Which settings of KDE did nobody choose?

The knowledge is data: kde.yaml beside this module, which says what its keys mean.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from pydantic import field_validator

from collectors.domains.desktop.kconfig import Setting
from collectors.domains.desktop.part import known
from collectors.record import Record


class Churn(Record):
    """A rule for what programs write unasked; all that is given must fit."""

    why: str
    files: tuple[str, ...] = (".*",)
    groups: tuple[str, ...] = (".*",)
    keys: tuple[str, ...] = (".*",)
    value: str = ""
    line: str = ""

    @field_validator("files", "groups", "keys")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_compiles, patterns))

    @field_validator("value", "line")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        return _compiles(pattern)

    def fits(self, setting: Setting) -> bool:
        """Tell whether it is for this setting, in a file that it is for."""
        return bool(
            _whole(self.keys).fullmatch(setting.key)
            and _whole(self.groups).fullmatch("/".join(setting.group))
            and re.search(self.value, setting.value)
            and re.search(self.line, f"{setting.key}={setting.value}")
        )


class Layout(Record):
    """What Plasma makes by itself in its layout of desktops and panels."""

    desktops: tuple[str, ...]
    trays: tuple[str, ...]
    plumbing: tuple[str, ...]
    plain_wallpapers: tuple[str, ...]


class Known(Record):
    """What is known of the settings of KDE."""

    keys: tuple[str, ...]
    whole: tuple[str, ...]
    trees: tuple[str, ...]
    made: tuple[str, ...]
    churn: tuple[Churn, ...]
    layout: Layout


@cache
def kde() -> Known:
    """Return what is known of the settings of KDE."""
    return known("kde.yaml", Known)


def is_churn(file: str, setting: Setting) -> bool:
    """Tell whether nobody chose a setting in `file`, named as below ~/.config: `kwinrc`."""
    return any(rule.fits(setting) for rule in _rules(file))


@lru_cache(maxsize=256)
def _rules(file: str) -> tuple[Churn, ...]:
    return tuple(rule for rule in kde().churn if _whole(rule.files).fullmatch(file))


@cache
def _whole(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.DOTALL)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return pattern
