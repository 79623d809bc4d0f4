"""Which steps bring flatpaks back?

Remotes and settings first, then apps and runtimes by one command for each remote, then what marks them. The
installations (flatpak-installation(5)) go side by side. Sources: flatpak(1) and the pages of its commands.
"""

from __future__ import annotations

import base64
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from builder.restore.report import Outcome
from builder.restore.steps.commands import CommandStep, step_of
from builder.restore.steps.step import Steps, Target
from collectors.domains.flatpak import Flatpak
from collectors.domains.flatpak.things import App, Ref, Remote, Runtime, Scoped, Setting, scope_option
from collectors.record import File, word

FIRST, APPS, LAST = range(3)
QUIET = ("--assumeyes", "--noninteractive")
# What is said of a remote that is so, and of one that is not.
USUAL = {"verified": True, "disabled": False, "hidden": False}
SWITCHES = {
    "verified": ("--gpg-verify", "--no-gpg-verify"),
    "disabled": ("--disable", "--enable"),
    "hidden": ("--no-enumerate", "--enumerate"),
}
# What stands for none.
UNSET = {"title": "", "prio": "1", "subset": "", "collection-id": ""}


def steps(to: Target) -> Steps:
    """Yield the steps of the section flatpak."""
    things = [thing for thing in to.things(Flatpak.NAME) if not isinstance(thing, File)]
    here = {thing.item_id() for thing in to.here.flatpak.things()}
    remotes = {(remote.scope, remote.name): remote for remote in to.posture.flatpak.remotes}
    for thing in things:
        if isinstance(thing, Remote):
            yield _remote(thing, to.posture.contents.get(thing.key, b""), is_here=thing.item_id() in here)
        elif isinstance(thing, Scoped) and not isinstance(thing, Ref):
            yield _step(thing, thing.by_hand(), stage=FIRST if isinstance(thing, Setting) else LAST)
    several = Counter((app.scope, app.id) for app in to.posture.flatpak.apps)
    yield from _refs((thing for thing in things if isinstance(thing, Ref)), remotes, several)


def _step(thing: Scoped, command: str, **facts: object) -> CommandStep:
    lane, needs = thing.scope or "system", ("flatpak",)
    return step_of(Flatpak.NAME, thing, **{"command": command, "lane": lane, "needs": needs, **facts})


def _remote(remote: Remote, key: bytes, *, is_here: bool) -> CommandStep:
    options = _changed(remote) if is_here else _added(remote)
    verb, operands = ("remote-modify", ()) if is_here else ("remote-add", (remote.url,))
    before = shlex.join(("flatpak", verb, scope_option(remote.scope), *options))
    after = shlex.join(("--", remote.name, *operands))
    command = _keyed(before, after, key) if key else f"{before} {after}"
    return _step(remote, command, stage=FIRST, needs=_needs(remote))


def _keyed(before: str, after: str, key: bytes) -> str:
    """Return a command with a file of keys: only root may read the payload, and flatpak reads no pipe."""
    written = f'base64 -d <<< {base64.b64encode(key).decode()} > "$keys"'
    return f'keys=$(mktemp) && trap \'rm "$keys"\' EXIT && {written} && {before} --gpg-import="$keys" {after}'


def _added(remote: Remote) -> Iterator[str]:
    for key, switch in SWITCHES.items():
        if getattr(remote, key) != USUAL[key]:
            yield switch[USUAL[key]]
    yield from (f"--{key}={value}" for key, value in _values(remote) if value)


def _changed(remote: Remote) -> Iterator[str]:
    """Yield the options that make a remote that is here the same."""
    yield from (switch[not getattr(remote, key)] for key, switch in SWITCHES.items())
    yield f"--url={remote.url}"
    yield from (f"--{key}={value or UNSET[key]}" for key, value in _values(remote) if key != "filter")
    yield f"--filter={remote.filter}" if remote.filter else "--no-filter"


def _values(remote: Remote) -> tuple[tuple[str, str], ...]:
    named = (("title", remote.title), ("prio", remote.priority), ("subset", remote.subset))
    return (*named, ("filter", remote.filter), ("collection-id", remote.collection))


def _refs(
    refs: Iterable[Ref], remotes: Mapping[tuple[str, str], Remote], branches: Mapping[tuple[str, str], int]
) -> Steps:
    """Yield the steps of apps and runtimes, those of one remote in a row.

    Of an app's several branches the one that starts comes last, and is made the current one.
    """

    def is_chosen(ref: Ref) -> bool:
        return isinstance(ref, App) and ref.current and branches[ref.scope, ref.id] > 1

    for ref in sorted(refs, key=lambda ref: (is_chosen(ref), ref.scope, ref.remote, ref.ref)):
        remote = remotes.get((ref.scope, ref.remote))
        if remote and remote.url:
            yield _ref(ref, remote, is_chosen=is_chosen(ref))
        else:
            yield _sourceless(ref, remote)


def _ref(ref: Ref, remote: Remote, *, is_chosen: bool) -> CommandStep:
    scope, kind = scope_option(ref.scope), "runtime" if isinstance(ref, Runtime) else "app"
    asked = shlex.join(("flatpak", "install", scope, *QUIET, "--or-update", "--"))
    command, operand = f"{asked} {word(ref.remote)}", word(f"{kind}/{ref.ref}")
    if remote.disabled or remote.hidden or is_chosen:
        command, operand = f"{command} {operand}", ""
    if is_chosen:
        current = shlex.join(("flatpak", "make-current", scope, "--"))
        command = f"{command} && {current} {word(ref.id)} {word(ref.branch)}"
    return _step(
        ref,
        _opened(command, remote),
        operand=operand,
        stage=APPS,
        network=not remote.url.startswith("file:"),
        needs=_needs(remote),
    )


def _opened(command: str, remote: Remote) -> str:
    """Return a command while which a remote is neither disabled nor hidden: nothing comes from such a one."""
    shut = [SWITCHES[key] for key in ("disabled", "hidden") if getattr(remote, key)]
    if not shut:
        return command
    turn = [
        shlex.join(("flatpak", "remote-modify", scope_option(remote.scope), *switches, "--", remote.name))
        for switches in zip(*shut, strict=True)
    ]
    return f"trap {shlex.quote(turn[0])} EXIT && {turn[1]} && {command}"


def _needs(remote: Remote) -> tuple[str, ...]:
    return ("flatpak", remote.filter) if remote.filter else ("flatpak",)


def _sourceless(ref: Ref, remote: Remote | None) -> Outcome:
    reason = "it was installed from a file" if remote else f"its remote {ref.remote} was gone"
    remedy = f"install it from its bundle: flatpak install {scope_option(ref.scope)} --bundle FILE"
    return Outcome(id=ref.item_id(), state="unavailable", reason=reason, remedy=remedy)
