"""Which steps bring managers of dotfiles back?

What a repository has in a home is checked out beside what is there; files that the posture has itself come
from it. Scripts of a repository, a bootstrap or an installer, are never run: their owner is told.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from builder.restore.report import Outcome
from builder.restore.steps.at_home import command
from builder.restore.steps.commands import CommandStep, step_of, untold
from builder.restore.steps.repos import clone, refusal
from builder.restore.steps.step import Steps, Target
from collectors.domains.dotfiles import Dotfiles
from collectors.domains.dotfiles.manager import Manager
from collectors.posture import Posture
from collectors.record import File, word

IN_HOME = ("yadm", "bare", "git")
# What a manager would run, which is told where there is such a thing, and how a person runs it.
YADM, DOTBOT = ("its bootstrap was not run", "yadm bootstrap"), ("its installer was not run", "./install")
CHEZMOI = "its scripts were not run"
# Seconds for what asks for no passphrase.
DECRYPT_SECONDS = 60


def steps(to: Target) -> Steps:
    """Yield the steps of the section dotfiles."""
    captured = frozenset(_captured(to.posture))
    for thing in to.things(Dotfiles.NAME):
        if isinstance(thing, Manager):
            yield from _managed(thing, captured)
        elif not isinstance(thing, File):
            yield untold(thing)


def _managed(manager: Manager, captured: frozenset[str]) -> Iterator[CommandStep | Outcome]:
    if refused := refusal(manager.item_id(), manager.remotes):
        yield refused
        return
    program = (manager.manager,) if manager.manager == "yadm" else ()
    usual = {"user": manager.user, "lane": f"home of {manager.user}"}
    needs = ("git", *program)
    asked = f"{_cloned(manager, captured)}{_classes(manager)}"
    yield step_of(Dotfiles.NAME, manager, command=asked, needs=needs, network=True, **usual)
    if manager.manager == "chezmoi":
        applied = command("chezmoi", {"note": CHEZMOI})
        yield step_of(Dotfiles.NAME, manager, command=applied, needs=("chezmoi",), stage=1, **usual)


def _cloned(manager: Manager, captured: frozenset[str]) -> str:
    """Return the command that brings the repository, and for a home's what of it goes there."""
    in_home = manager.manager in IN_HOME
    home = f"{manager.home}/"
    leave = [each.removeprefix(home) for each in sorted(captured) if each.startswith(home)]
    plain = f"{manager.path}/.git"
    return clone(
        path=manager.home if in_home else manager.path,
        git_dir=manager.path if in_home else plain,
        remotes=manager.remotes,
        branch=manager.branch,
        commit=manager.commit,
        home=manager.home if in_home else "",
        init=["yadm", "--yadm-repo", manager.path, "init"] if manager.manager == "yadm" else [],
        leave=leave if in_home else [],
        links=[(each.path, each.target) for each in manager.links],
        notes=[YADM] * manager.bootstrap + [DOTBOT] * (manager.manager == "dotbot"),
    )


def _classes(manager: Manager) -> str:
    """Return what tells yadm its classes and has it choose files, and decrypts what it can."""
    if manager.manager != "yadm":
        return ""
    yadm = f"yadm --yadm-repo {word(manager.path)}"
    known = f"{yadm} config --get-all local.class"
    told = (
        f"{{ {known} | grep -qxF -e {word(name)} || {yadm} config --add local.class {word(name)}; }}"
        for name in manager.classes
    )
    kept = f"{yadm} perms; {_decrypted(yadm)}" if manager.encrypt else ""
    return " && ".join(("", *told, f"{yadm} alt > /dev/null")) + (f" && {{ {kept}; }}" if kept else "")


def _decrypted(yadm: str) -> str:
    """Return what decrypts without a passphrase; what needs one is told, and waits for its secret."""
    archive = " ".join(f"~/{each}" for each in (".local/share/yadm/archive", ".config/yadm/files.gpg"))
    waits = (
        'rekindle: {"state": "deferred", "reason": "what yadm keeps encrypted waits for its key or '
        'passphrase", "remedy": "run `yadm decrypt`", "until": "secret"}'
    )
    tried = f"timeout {DECRYPT_SECONDS} env GPG_TTY= {yadm} decrypt"
    return f"if ls {archive} > /dev/null 2>&1; then {tried} || {{ echo {shlex.quote(waits)}; exit 1; }}; fi"


def _captured(posture: Posture) -> Iterator[str]:
    """Yield the path of every file that the posture has itself."""
    for _, thing in posture.things():
        if isinstance(thing, File):
            yield thing.path
