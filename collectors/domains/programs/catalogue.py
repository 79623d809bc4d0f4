"""Which programs are known to come by an installer of their own, and how does each come back?

The knowledge is data: catalogue.yaml beside this module, which says what its keys mean, and the owner's own
files of the same form in /etc/rekindle/recipes.d.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from functools import cache

from pydantic import Field, field_validator, model_validator

from collectors import document
from collectors.failure import Failure, Finding
from collectors.host import Host, remembered
from collectors.judgement.knowledge import knowledge
from collectors.reading.looking import names_in, text_in
from collectors.record import Record, escaped

OWN = "/etc/rekindle/recipes.d"
NAME = re.compile(r"[a-z0-9][a-z0-9.+-]*")
PLACEHOLDERS = re.compile(r"\{([a-z]+)(?::([^:{}]+):([^{}]+))?\}")
KNOWN_PLACEHOLDERS = ("place", "folder", "above", "version", "latest")


class Version(Record):
    """Where a version is told: by a name, by a symlink's target, or by a file's text (one of the three)."""

    name: str = ""
    link: str = ""
    file: str = ""
    match: str = r"([^/]+)$"

    @field_validator("match")
    @classmethod
    def _has_a_group(cls, expression: str) -> str:
        try:
            groups = re.compile(expression).groups
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if not groups:
            raise ValueError("a regular expression whose first group is the version")
        return expression

    @model_validator(mode="after")
    def _says_where(self) -> Version:
        if len([each for each in (self.name, self.link, self.file) if each]) != 1:
            raise ValueError("one of name, link and file")
        return self

    @property
    def path(self) -> str:
        """Where to look."""
        return self.name or self.link or self.file


class Recipe(Record):
    """How one program is detected, told by version, installed again and verified."""

    title: str
    found: tuple[str, ...] = Field(min_length=1)
    brings: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    version: tuple[Version, ...] = ()
    install: str = ""
    verify: str = ""
    person: str = ""

    @field_validator("install", "verify")
    @classmethod
    def _placeholders(cls, command: str) -> str:
        for word, repository, expression in PLACEHOLDERS.findall(command):
            if word not in KNOWN_PLACEHOLDERS or (word == "latest") != bool(repository and expression):
                raise ValueError(
                    f"{{{word}}} is none of place, folder, above, version, latest:owner/name:expression"
                )
        return command

    @field_validator("found", "brings", "but")
    @classmethod
    def _stay_inside(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if any(part in ("", ".", "..") for part in path.removeprefix("/").split("/")):
                raise ValueError(f"{path}: a path without `.`, `..` and `//`")
        return paths

    @model_validator(mode="after")
    def _comes_back(self) -> Recipe:
        if bool(self.install) == bool(self.person):
            raise ValueError("either `install` or `person`")
        return self


class KnownLoss(Record):
    """What a reinstallation does not bring back; `{path}` in the remedy is where it lies."""

    paths: tuple[str, ...]
    reason: str
    remedy: str


class KnownAppImage(Record):
    """The update information of AppImages that do not tell it themselves, by their names."""

    names: tuple[str, ...]
    source: str


class Catalogue(Record):
    """What is known of programs."""

    recipes: dict[str, Recipe] = Field(default_factory=dict)
    losses: tuple[KnownLoss, ...] = ()
    appimages: tuple[KnownAppImage, ...] = ()

    @field_validator("recipes")
    @classmethod
    def _named(cls, recipes: dict[str, Recipe]) -> dict[str, Recipe]:
        for name in recipes:
            if not NAME.fullmatch(name):
                raise ValueError(f"{escaped(name)}: a name of small letters, digits, `.`, `+` and `-`")
        return recipes


@cache
def shipped() -> Catalogue:
    """Return what Rekindle knows."""
    return document.shipped("collectors.domains.programs", "catalogue.yaml", Catalogue)


@remembered
def catalogue(host: Host) -> tuple[Catalogue, tuple[Finding, ...]]:
    """Return what is known, the owner's recipes before Rekindle's, and the files of theirs that are wrong."""
    names, findings = names_in(host, OWN)
    own = []
    for path in (f"{OWN}/{name}" for name in names if name.endswith(".yaml")):
        content, odd = text_in(host, path)
        found, wrong = parse_recipes(content, path=path)
        rule = knowledge().by_content(path, "file", content.encode(errors="surrogateescape"))
        if rule and rule.verdict == "secret":
            found = without_commands(found, f"{path} {rule.why}")
        own.append(found)
        findings = (*findings, *odd, *wrong)
    return merged([shipped(), *own]), findings


def parse_recipes(content: str, *, path: str) -> tuple[Catalogue, tuple[Finding, ...]]:
    """Return the recipes of a file, or the finding with its line, key and remedy."""
    try:
        return document.validated(content, Catalogue, name=escaped(path)), ()
    except Failure as failure:
        subject, _, reason = failure.message.partition(": ")
        return Catalogue(), (Finding(escaped(subject), escaped(reason), failure.remedy),)


def without_commands(found: Catalogue, why: str) -> Catalogue:
    """Return the recipes without their commands, which must not be recorded: a person has to run them."""
    recipes = {
        name: recipe.model_copy(update={"install": "", "verify": "", "person": escaped(why)})
        for name, recipe in found.recipes.items()
    }
    return found.model_copy(update={"recipes": recipes})


def merged(catalogues: Iterable[Catalogue]) -> Catalogue:
    """Return all catalogues as one: of two recipes with one name the later counts."""
    recipes: dict[str, Recipe] = {}
    losses: list[KnownLoss] = []
    appimages: list[KnownAppImage] = []
    for each in catalogues:
        recipes |= each.recipes
        losses += each.losses
        appimages[:0] = each.appimages
    ordered = {name: recipes[name] for name in sorted(recipes)}
    return Catalogue(recipes=ordered, losses=tuple(losses), appimages=tuple(appimages))


def filled(command: str, values: Mapping[str, str]) -> str:
    """Return a command with its placeholders replaced; `values` are quoted as the shell needs them."""

    def value(found: re.Match[str]) -> str:
        return latest(found[2], found[3]) if found[1] == "latest" else values.get(found[1], found[0])

    return PLACEHOLDERS.sub(value, command)


def latest(repository: str, expression: str) -> str:
    """Return the shell words for the address of a file of the latest release of `owner/name` on GitHub."""
    listed = f"https://api.github.com/repos/{repository}/releases/latest"
    return f'"$(curl -fsSL {listed} | grep -o \'https://[^"]*{expression}\' | head -n1)"'


def command_for_recipe(name: str, body: str) -> str:
    """Return the command that writes a file of recipes with this YAML for a program of this name."""
    stem = re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.") or "program"
    written = f"printf '%s\\n' {shlex.quote(body)} | sudo tee {OWN}/{stem}.yaml"
    return f"sudo mkdir -p {OWN} && {written}"


def yaml_word(name: str) -> str:
    """Return a name from disk as a YAML scalar in one line."""
    return json.dumps(escaped(name), ensure_ascii=False)
