"""Which names and paths is a pattern for?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import cache


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether one of the globs is for `name`; a `*` stands for any letters, a slash among them."""
    return bool(_any_of(patterns).fullmatch(name))


@cache
def globs(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return the expression that a path which one of the patterns covers matches in full.

    `*` and `?` stay within a name, `**/` stands for any directories or none, and a pattern covers
    everything below what it matches.
    """
    return re.compile("|".join(map(_glob, patterns)), re.DOTALL)


@cache
def exactly(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return the expression that a path which is meant itself matches in full; `*` stays within a name."""
    words = (re.escape(path).replace(r"\*", "[^/]*") for path in patterns)
    return re.compile("|".join(words), re.DOTALL)


@cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)) or "(?!)", re.DOTALL)


def _glob(pattern: str) -> str:
    tokens: Iterable[str] = re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", pattern)
    meanings = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(meanings.get(token, re.escape(token)) for token in tokens) + "(?:/.*)?"
