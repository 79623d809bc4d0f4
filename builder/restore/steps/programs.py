"""Which steps bring programs back that no package manager has?

First AppImages and recipes, each by its own command and then tried; then what was built from source: clone,
build as its owner, installation as root where it leaves the home. What is one person's comes one after the
other.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from builder.restore.report import Outcome
from builder.restore.steps.commands import CommandStep, step_of, untold
from builder.restore.steps.repos import clone, refusal
from builder.restore.steps.step import Steps, Target
from collectors.domains.programs import Programs
from collectors.domains.programs.appimages import AppImage, url_of
from collectors.domains.programs.builds import COMMANDS, Build
from collectors.domains.programs.installed import Program
from collectors.domains.repos.clone import Remote
from collectors.record import File, word

INSTALL, VERIFY, CLONE, BUILD, ROOT = range(5)
FETCHERS = re.compile(r"(?:^|[|&;({]|\$\(|\s)\s*(curl|wget|git|unzip|tar)(?=\s)")
# What a build wants besides git.
TOOLS = {
    "autotools": ("make",),
    "cargo": ("cargo",),
    "checkinstall": ("make", "checkinstall"),
    "cmake": ("cmake", "make"),
    "go": ("go",),
    "make": ("make",),
    "meson": ("meson", "ninja"),
    "zig": ("zig",),
}
SECONDS = 1800


def steps(to: Target) -> Steps:
    """Yield the steps of the section programs."""
    for thing in to.things(Programs.NAME):
        if isinstance(thing, Program) and thing.install:
            yield from _recipe(thing)
        elif isinstance(thing, AppImage) and url_of(thing.source):
            yield _appimage(thing)
        elif isinstance(thing, Build):
            yield from _build(thing)
        elif not isinstance(thing, File):
            yield untold(thing)


def _recipe(program: Program) -> Iterator[CommandStep]:
    needs = tuple(dict.fromkeys(FETCHERS.findall(program.install)))
    usual = {"user": program.user, "lane": f"programs of {program.user}", "seconds": SECONDS}
    yield step_of(
        Programs.NAME, program, command=program.install, needs=needs, network=True, stage=INSTALL, **usual
    )
    if program.verify:
        yield step_of(Programs.NAME, program, command=program.verify, stage=VERIFY, **usual)


def _appimage(image: AppImage) -> CommandStep:
    """Return the step that fetches an image aside, and renames it."""
    path, aside = word(image.path), word(f"{image.path}.rekindle")
    fetched = f"curl -fL --proto '=https' --create-dirs -o {aside} {url_of(image.source)}"
    return step_of(
        Programs.NAME,
        image,
        user=image.user,
        command=f"{fetched} && chmod 0755 {aside} && mv -f {aside} {path}",
        needs=("curl",),
        network=True,
        lane=f"programs of {image.user}",
        seconds=SECONDS,
    )


def _build(build: Build) -> Iterator[CommandStep | Outcome]:
    remotes = (Remote(name="origin", url=build.remote),) if build.remote else ()
    if refused := refusal(build.item_id(), remotes) or _odd(build):
        yield refused
        return
    path, commit = build.path, build.commit
    cloned = clone(
        path=path, git_dir=f"{path}/.git", remotes=remotes, branch="", commit=commit, default_branch=True
    )
    at = f'test "$(git -C {word(path)} rev-parse HEAD)" = {word(commit)}'
    told = shlex.quote("error: the clone is not at the commit that was built")
    usual = {"user": build.user, "lane": f"builds of {build.user}"}
    needs = ("git", *TOOLS.get(build.system, ()))
    asked = f"{cloned} && {{ {at} || {{ echo {told} >&2; exit 1; }}; }}"
    yield step_of(Programs.NAME, build, command=asked, needs=needs, network=True, stage=CLONE, **usual)
    there = f"cd {word(path)} && "
    if made := " && ".join(_made(build)):
        yield step_of(Programs.NAME, build, command=there + made, network=True, stage=BUILD, **usual)
    there_now = (f"ls -d -- {word(place)} > /dev/null" for place, _ in build.programs)
    installed = f"{there}{' && '.join((*_installed(build), *there_now))}"
    if _leaves_home(build):
        # What root made in a home is its owner's.
        back = f"find . -user root -exec chown -h {word(build.user)}: {{}} +" if build.user else "true"
        installed = f"{installed}; code=$?; cd {word(path)} && {back}; exit $code"
        usual |= {"user": ""}
    yield step_of(Programs.NAME, build, command=installed, stage=ROOT, **usual)


def _odd(build: Build) -> Outcome | None:
    """Return the outcome of a build whose options are none of a build."""
    parts = (build.folder, *(made for _, made in build.programs))
    if not _is_usual(build) or any(each.startswith(("-", "/")) or ".." in each.split("/") for each in parts):
        reason, remedy = "its options are none of a build", f"see what they are; {build.by_hand()}"
        return Outcome(id=build.item_id(), state="unavailable", reason=reason, remedy=remedy)
    return None


def _is_usual(build: Build) -> bool:
    """Tell whether its options are switches, or a call of `configure`."""
    program, *_ = (*build.configure, "")
    if build.system == "autotools":
        return program.rpartition("/")[2] == "configure" and not program.startswith("-")
    return all(each.startswith("-D") for each in build.configure)


def _made(build: Build) -> Iterator[str]:
    """Yield what its owner runs at the top of the clone."""
    options, folder = " ".join(map(word, build.configure)), word(build.folder or ".")
    if build.system == "cmake":
        yield f"cmake -S . -B {folder} {options}".rstrip()
        yield f"cmake --build {folder}"
    elif build.system == "meson":
        yield f"{{ test -d {folder}/meson-private || meson setup {folder} {options}; }}"
        yield f"meson compile -C {folder}"
    elif build.system == "autotools":
        yield "{ test -x configure || autoreconf -fi; }"
        yield f"mkdir -p {folder} && cd {folder} && {options} && make"
    elif build.system in ("make", "checkinstall"):
        yield "make"
    elif build.system in COMMANDS:
        yield COMMANDS[build.system]


def _installed(build: Build) -> Iterator[str]:
    """Yield what puts it in its place."""
    folder = word(build.folder or ".")
    if build.system == "cmake":
        yield f"cmake --install {folder}"
    elif build.system == "meson":
        yield f"meson install --no-rebuild -C {folder}"
    elif build.system == "checkinstall":
        yield "checkinstall --default"
    elif build.system in ("autotools", "make"):
        yield f"make -C {folder} install"
    else:
        for place, built in build.programs:
            yield f"install -D -m 0755 -- {word(built)} {word(place)}"


def _leaves_home(build: Build) -> bool:
    """Tell whether something of it is installed outside of the home that the clone is in."""
    home = build.path.removesuffix(build.name.removeprefix(f"~{build.user}")) if build.user else ""
    return (
        not home or not build.programs or any(not place.startswith(f"{home}/") for place, _ in build.programs)
    )
