"""Which steps bring packages of languages back?

Toolchains first, then their defaults and Homebrew's taps, then packages, each manager's and person's side by
side; last what is asked of a manager that itself is such a package, or within such a one. A manager that only
a recipe or a clone brings is waited for: what needs it is done at the end of the restore.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import chain
from urllib.parse import unquote

from builder.restore.bundles import Bundles
from builder.restore.steps.commands import CommandStep, like_an_option, person, step_of, untold
from builder.restore.steps.step import Steps, Target
from collectors.domains.languages import Languages
from collectors.domains.languages.brew import SHARED, Cask, Formula, Tap
from collectors.domains.languages.conda import Conda
from collectors.domains.languages.gem import Gem
from collectors.domains.languages.node import NodePackage
from collectors.domains.languages.npm import Npm
from collectors.domains.languages.package import command
from collectors.domains.languages.pip import Pip
from collectors.domains.languages.toolchains import Toolchain, ToolchainDefault
from collectors.domains.languages.uv import Uv
from collectors.record import Thing, escaped, unescaped

TOOLCHAINS, DEFAULTS, PACKAGES, WITHIN = range(4)
# Managers that are functions of a shell: the file that has them, and how it is read.
FUNCTIONS = {
    "nvm": ("~/.nvm/nvm.sh", ". ~/.nvm/nvm.sh --no-use"),
    "sdkman": ("~/.sdkman/bin/sdkman-init.sh", ". ~/.sdkman/bin/sdkman-init.sh"),
}
# Managers whose program has another name.
PROGRAMS = {"golang-dl": "go"}
# A path on the old machine: `/home/ada/x`, `link:/x`, `x[y] @ file:///x`, `path+file:///x`.
LOCAL = re.compile(r"(?:.* @ )?(?:git\+|path\+)?(?:(?P<url>file://)|file:|link:|portal:)?(?P<path>/[^?#]*)")
EXTRAS = re.compile(r"\[[\w,.-]*\]$")
SOURCES = ("source", "asked", "package", "others", "injected")


def steps(to: Target) -> Steps:
    """Yield the steps of the section languages, those that one command may do together in a row."""
    managers = {(each.user, each.name): each.manager for each in to.posture.languages.toolchains}
    made: list[CommandStep] = []
    for thing in to.things(Languages.NAME):
        if not thing.by_hand():
            yield untold(thing)
        elif any(word.startswith("-") for word in _words(thing, ("name", *SOURCES))):
            yield like_an_option(thing)
        else:
            made.append(_pooled(_step(thing, managers), to.bundles))
    yield from sorted(made, key=_alike)


def _alike(step: CommandStep) -> tuple[int, str, str, str]:
    """Return what steps are ordered by: those that one command may do come in a row."""
    return (step.stage, step.lane, *((step.command, step.pooled) if step.operand else ("", "")))


def _pooled(step: CommandStep, bundles: Bundles) -> CommandStep:
    """Return a step with the command that finds its package in the pool, where it is there.

    uv has options for all of it in every version, and variables in few.
    """
    variables = bundles.variables.get(step.id, {})
    given = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    alone = command("uv", "tool", "install", "--offline", "--no-index", "--find-links", str(bundles.wheels))
    pooled = f"export {given}; {step.command.replace(command('uv', 'tool', 'install'), alone, 1)}"
    return step.model_copy(update={"pooled": pooled}) if given else step


def _step(thing: Thing, managers: Mapping[tuple[str, str], str]) -> CommandStep:
    """Return the step of a thing; `managers` are those of toolchains by whose they are and their names."""
    if isinstance(thing, Toolchain | ToolchainDefault):
        return _managed(thing, thing.manager, TOOLCHAINS if isinstance(thing, Toolchain) else DEFAULTS)
    if isinstance(thing, Npm | Pip | Gem):
        return _package(thing, managers.get((thing.user, thing.runtime), ""))
    if isinstance(thing, NodePackage):
        asked, operand = command(*thing.COMMAND), thing.by_hand().removeprefix(command(*thing.COMMAND))
        return _of(thing, thing.COMMAND[0], command=asked, operand=operand.strip(), stage=WITHIN)
    if isinstance(thing, Formula | Cask | Tap):
        needs = ("brew",) if thing.user else ("sudo", f"{SHARED}/bin/brew")
        return _of(thing, *needs, lane="brew", stage=DEFAULTS if isinstance(thing, Tap) else PACKAGES)
    if isinstance(thing, Conda):
        return _environment(thing)
    return _of(thing, thing.KIND, stage=WITHIN if isinstance(thing, Uv) else PACKAGES)


def _of(thing: Thing, *needs: str, lane: str = "", **facts: object) -> CommandStep:
    """Return the step of a thing in the lane of its person and manager."""
    place = " of ".join(filter(None, (lane or thing.KIND, person(thing))))
    usual = {"lane": place, "needs": (*needs, *_local(thing)), "network": True}
    return step_of(Languages.NAME, thing, **{**usual, **facts})


def _managed(thing: Toolchain | ToolchainDefault, manager: str, stage: int) -> CommandStep:
    need, before = FUNCTIONS.get(manager, (PROGRAMS.get(manager, manager), ""))
    asked = f"{before} && {thing.by_hand()}" if before else thing.by_hand()
    return _of(thing, need, command=asked, lane=manager, stage=stage)


def _package(package: Npm | Pip | Gem, manager: str) -> CommandStep:
    """Return the step of a package, which one command may install together with others of its place."""
    asked, operand = _asked(package)
    if not package.runtime:
        return _of(package, package.KIND, command=asked, operand=operand, stage=PACKAGES)
    if package.runtime.startswith("conda/"):
        return _of(package, "conda", command=f"{package.within} {asked}", operand=operand, stage=WITHIN)
    need, before = FUNCTIONS.get(manager, (PROGRAMS.get(manager, manager), ""))
    within = f"{before} && {package.within}" if before else package.within
    return _of(package, *filter(None, (need,)), command=f"{within} {asked}", operand=operand, stage=WITHIN)


def _asked(package: Npm | Pip | Gem) -> tuple[str, str]:
    """Return what a manager is asked in the package's place, and the words that name the package."""
    if isinstance(package, Npm):
        prefix = ("--prefix", package.prefix) if package.prefix else ()
        named = f"{package.name}@{package.version}" if package.version else package.name
        return command("npm", "install", "--global", *prefix), command(package.source or named)
    own = bool(package.user) and not package.runtime
    if isinstance(package, Gem):
        return command("gem", "install", "--user-install" if own else ""), command(_versioned(package, ":"))
    edited = "--editable" if package.editable else ""
    return (
        command("pip", "install", "--user" if own else ""),
        command(edited, package.source or _versioned(package, "==")),
    )


def _versioned(package: Pip | Gem, sign: str) -> str:
    return f"{package.name}{sign}{package.version}" if package.version else package.name


def _environment(conda: Conda) -> CommandStep:
    """Return the step of an environment: one that is there already is added to, for conda would remove it."""
    asked, prefix = conda.by_hand(), command(conda.prefix)
    program = asked.partition(" ")[0]
    added = asked.replace(f"{program} create ", f"{program} install ", 1)
    made = f"if test -d {prefix}/conda-meta; then {added}; else {asked}; fi"
    return _of(conda, program, command=made, stage=PACKAGES)


def _local(thing: Thing) -> Iterator[str]:
    """Yield the paths that a package is made from: they may come back with a clone."""
    for text in _words(thing, SOURCES):
        found = LOCAL.fullmatch(text)
        if found:
            path = EXTRAS.sub("", found["path"])
            yield escaped(unquote(unescaped(path), errors="surrogateescape")) if found["url"] else path


def _words(thing: Thing, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the texts of a thing's fields of these names."""
    values = (getattr(thing, name, "") for name in names)
    return chain.from_iterable((each,) if isinstance(each, str) else each for each in values)
