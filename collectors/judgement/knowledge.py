"""What is known of paths and packages that is not worth a person's attention, or must not leave the machine?

The knowledge is data: etc.yaml and apt.yaml beside this module, which say what their keys mean.
"""

from __future__ import annotations

import re
from functools import cache, cached_property
from typing import Literal

from pydantic import Field, field_validator

from collectors.document import shipped
from collectors.reading.patterns import globs, matches
from collectors.record import Record

# Of this many words of a path, "" before the first slash among them, it depends which rules could be for it.
HEAD = 3


def _expression(pattern: str) -> str:
    try:
        re.compile(pattern.encode())
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return pattern


class Rule(Record):
    """What to do with the paths that match one of `paths` and none of `but`, and why.

    In a pattern `*` and `?` stay within a name, `**/` stands for any directories or none, and a
    pattern covers everything below what it matches.
    """

    verdict: Literal["noise", "elsewhere", "bound", "secret"]
    why: str
    paths: tuple[str, ...] = ("/**",)
    but: tuple[str, ...] = ()
    kind: Literal["any", "file", "directory", "symlink"] = "any"

    @property
    def told(self) -> bool:
        """Whether the posture lists what it leaves out by this rule."""
        return self.verdict in ("bound", "secret")

    def covers(self, path: str, kind: str) -> bool:
        """Tell whether the rule is for this path and kind."""
        if self.kind not in ("any", kind) or not self._covered.fullmatch(path):
            return False
        return not (self.but and globs(self.but).fullmatch(path))

    def may_cover(self, head: str) -> bool:
        """Tell whether the rule could be for a path that is `head` or begins with it."""
        return any(each.startswith(head) or head.startswith(each) for each in self._beginnings)

    @cached_property
    def _covered(self) -> re.Pattern[str]:
        return globs(self.paths)

    @cached_property
    def _beginnings(self) -> tuple[str, ...]:
        """What comes before the first wildcard of each pattern."""
        return tuple(re.split(r"[*?]", pattern, maxsplit=1)[0] for pattern in self.paths)


class ContentRule(Rule):
    """A rule by content: `holds` is found somewhere in it, or each line is all `lines`.

    The content of a symlink is its target. Where `needs` names words in small letters, what `holds` finds has
    one of them, in whatever letters: most files have none, and are not looked through.
    """

    holds: str = ""
    lines: str = ""
    needs: tuple[str, ...] = ()

    _compiles = field_validator("holds", "lines")(_expression)

    def holds_for(self, path: str, kind: str, content: bytes) -> bool:
        """Tell whether the rule is for this path, kind and content."""
        return self.covers(path, kind) and self._matches(content)

    def _matches(self, content: bytes) -> bool:
        if self.holds:
            return self._may_match(content) and bool(_compiled(self.holds).search(content))
        return all(_compiled(self.lines).fullmatch(line) for line in content.splitlines())

    def _may_match(self, content: bytes) -> bool:
        small = content.lower() if self.needs else b""
        return not self.needs or any(word.encode() in small for word in self.needs)


class Trim(Record):
    """What is taken out of the files at `paths` before they are captured: all that `words` finds, and why.

    `told`: the posture lists what was taken out.
    """

    why: str
    words: str
    paths: tuple[str, ...]
    told: bool = False

    _compiles = field_validator("words")(_expression)

    def trimmed(self, path: str, content: bytes) -> tuple[bytes, tuple[bytes, ...]]:
        """Return the content without the words, and the words."""
        if not globs(self.paths).fullmatch(path):
            return content, ()
        found = _compiled(self.words)
        return found.sub(b"", content), tuple(each[0].strip() for each in found.finditer(content))


class Usual(Record):
    """Who may own the unchanged conffiles at `paths`, with which mode: `root:lp 0640`."""

    paths: tuple[str, ...]
    usual: tuple[str, ...]


class Knowledge(Record):
    """What is known of paths; the first rule that matches counts, those by name before those by content."""

    names: tuple[Rule, ...]
    contents: tuple[ContentRule, ...]
    trims: tuple[Trim, ...] = ()
    modes: tuple[Usual, ...] = ()
    pristine: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    def by_name(self, path: str, kind: str, *, mine: bool = False) -> Rule | None:
        """Return the rule for a path whatever is in it.

        `mine`: it is asked by the section that has the path, so no rule gives it to another one.
        """
        for rule in self._possible(path):
            if not (mine and rule.verdict == "elsewhere") and rule.covers(path, kind):
                return rule
        return None

    def by_content(self, path: str, kind: str, content: bytes) -> Rule | None:
        """Return the rule for a file with this content, or for a symlink with this target."""
        return next((rule for rule in self.contents if rule.holds_for(path, kind, content)), None)

    def trimmed(self, path: str, content: bytes) -> tuple[bytes, dict[str, tuple[bytes, ...]]]:
        """Return what of a file is captured, and what was taken out that is to be told, by why."""
        told = {}
        for trim in self.trims:
            content, words = trim.trimmed(path, content)
            if words and trim.told:
                told[trim.why] = words
        return content, told

    def usual_mode(self, path: str, runs: bool) -> tuple[str, ...]:
        """Return which `owner:group mode` the unchanged conffile at `path` may have.

        dpkg records none. Packages ship root's files, to be run where they begin with `#!`, and a few
        are known that give theirs away.
        """
        known = next((each.usual for each in self.modes if globs(each.paths).fullmatch(path)), ())
        return known or (("root:root 0755",) if runs else ("root:root 0644",))

    def secret(self, path: str, content: bytes) -> str:
        """Return why a file is a secret, by its content alone, or ""."""
        secrets = (rule for rule in self.contents if rule.verdict == "secret")
        return next((rule.why for rule in secrets if rule.holds_for(path, "file", content)), "")

    def _possible(self, path: str) -> tuple[Rule, ...]:
        """Return the rules by name that could be for a path: few are, where it begins `/etc/cups/`."""
        head = "/".join(path.split("/", HEAD)[:HEAD])
        if head not in self._by_head:
            self._by_head[head] = tuple(rule for rule in self.names if rule.may_cover(head))
        return self._by_head[head]

    @cached_property
    def _by_head(self) -> dict[str, tuple[Rule, ...]]:
        return {}


class Instead(Record):
    """Why something is not restored, and the command for what another machine needs instead."""

    why: str
    instead: str


class Drivers(Instead):
    """The packages for hardware of one kind: `packages` and `but` are names and globs."""

    packages: tuple[str, ...]
    but: tuple[str, ...] = ()

    def covers(self, package: str) -> bool:
        """Tell whether `package` is one of them."""
        return matches(package, self.packages) and not matches(package, self.but)


class Choices(Record):
    """Which packages the installer chooses by itself, which sections the owner does, which hardware."""

    installer: tuple[str, ...]
    chosen_sections: tuple[str, ...]
    drivers: tuple[Drivers, ...]

    def by_installer(self, package: str) -> bool:
        """Tell whether the installer chooses `package` for the machine at hand."""
        return matches(package, self.installer)

    def driver(self, package: str) -> Drivers | None:
        """Return what is known of a package that is for hardware of one kind."""
        return next((each for each in self.drivers if each.covers(package)), None)


@cache
def knowledge() -> Knowledge:
    """Return what is known of /etc."""
    return shipped("collectors.judgement", "etc.yaml", Knowledge)


@cache
def choices() -> Choices:
    """Return what is known of packages."""
    return shipped("collectors.judgement", "apt.yaml", Choices)


def is_secret_setting(path: str, key: str, value: str, secret_keys: tuple[str, ...]) -> bool:
    """Tell whether a setting in the file at `path` is a secret, by its name or by what it says.

    `secret_keys` are globs in small letters.
    """
    return matches(key.lower(), secret_keys) or bool(knowledge().secret(path, f"{key}={value}\n".encode()))


@cache
def _compiled(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode())
