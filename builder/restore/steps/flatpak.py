"""Which steps bring flatpaks back?

Remotes and settings first, then apps and runtimes by one command for each remote, then what marks them. The
installations (flatpak-installation(5)) go side by side. Sources: flatpak(1) and the pages of its commands.
"""

from __future__ import annotations

import base64
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from builder.restore.bundles import Bundles
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
    yield from _refs((thing for thing in things if isinstance(thing, Ref)), remotes, several, to.bundles)


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
    refs: Iterable[Ref],
    remotes: Mapping[tuple[str, str], Remote],
    branches: Mapping[tuple[str, str], int],
    bundles: Bundles,
) -> Steps:
    """Yield the steps of apps and runtimes, those of one remote in a row, first what travelled along.

    Of an app's several branches the one that starts comes last, and is made the current one.
    """

    def is_chosen(ref: Ref) -> bool:
        return isinstance(ref, App) and ref.current and branches[ref.scope, ref.id] > 1

    def is_away(ref: Ref) -> bool:
        return not bundles.has_ref(ref.scope, ref.remote, _name(ref))

    for ref in sorted(refs, key=lambda ref: (is_chosen(ref), ref.scope, ref.remote, is_away(ref), ref.ref)):
        remote = remotes.get((ref.scope, ref.remote))
        if remote and remote.url:
            led = {} if is_away(ref) else _led(ref.scope, remotes, bundles)
            yield _ref(ref, remote, led, is_chosen=is_chosen(ref))
        else:
            yield _sourceless(ref, remote)


def _name(ref: Ref) -> str:
    """Return how flatpak writes all of a reference: `app/org.gimp.GIMP/x86_64/stable`."""
    return f"{'runtime' if isinstance(ref, Runtime) else 'app'}/{ref.ref}"


def _led(
    scope: str, remotes: Mapping[tuple[str, str], Remote], bundles: Bundles
) -> Mapping[str, tuple[Remote, Path]]:
    """Return the remotes of a scope that have a repository in the pool: a runtime may be another one's."""
    there = ((remote, bundles.repository(scope, remote.name)) for remote in remotes.values())
    return {remote.name: (remote, path) for remote, path in there if remote.scope == scope and path.is_dir()}


def _ref(ref: Ref, remote: Remote, led: Mapping[str, tuple[Remote, Path]], *, is_chosen: bool) -> CommandStep:
    """Return the step of a ref; `led` are remotes that lead to the pool where it is taken from there."""
    scope = scope_option(ref.scope)
    asked = shlex.join(("flatpak", "install", scope, *QUIET, "--or-update", "--"))
    command, operand = f"{asked} {word(ref.remote)}", word(_name(ref))
    if remote.disabled or remote.hidden or is_chosen:
        command, operand = f"{command} {operand}", ""
    if is_chosen:
        current = shlex.join(("flatpak", "make-current", scope, "--"))
        command = f"{command} && {current} {word(ref.id)} {word(ref.branch)}"
    return _step(
        ref,
        _turned(command, [(remote, *_opened(remote))]),
        pooled=_turned(command, [(each, *_local(each, path)) for each, path in led.values()]) if led else "",
        operand=operand,
        stage=APPS,
        network=not remote.url.startswith("file:"),
        needs=_needs(remote),
    )


# The options that turn a remote, and those that turn it back.
Turn = tuple[tuple[str, ...], tuple[str, ...]]


def _opened(remote: Remote) -> Turn:
    """Return what opens a remote that is disabled or hidden: nothing comes from such a one."""
    shut = [SWITCHES[key] for key in ("disabled", "hidden") if getattr(remote, key)]
    return tuple(on for _, on in shut), tuple(off for off, _ in shut)


def _local(remote: Remote, repository: Path) -> Turn:
    """Return what leads a remote to the pool: that is signed as a whole, and not by the remote's keys."""
    opened, shut = _opened(remote)
    subset = ("--subset=", f"--subset={remote.subset}") if remote.subset else ()
    verified = SWITCHES["verified"][not remote.verified]
    return (
        (f"--url={repository.as_uri()}", "--no-gpg-verify", *subset[:1], *opened),
        (f"--url={remote.url}", verified, *subset[1:], *shut),
    )


def _turned(command: str, turns: Iterable[tuple[Remote, tuple[str, ...], tuple[str, ...]]]) -> str:
    """Return a command while which remotes are turned."""
    there = [
        tuple(
            shlex.join(("flatpak", "remote-modify", scope_option(remote.scope), *options, "--", remote.name))
            for options in turn
        )
        for remote, *turn in turns
        if any(turn)
    ]
    if not there:
        return command
    back = shlex.quote("; ".join(off for _, off in there))
    return f"trap {back} EXIT && {' && '.join(on for on, _ in there)} && {command}"


def _needs(remote: Remote) -> tuple[str, ...]:
    return ("flatpak", remote.filter) if remote.filter else ("flatpak",)


def _sourceless(ref: Ref, remote: Remote | None) -> Outcome:
    reason = "it was installed from a file" if remote else f"its remote {ref.remote} was gone"
    remedy = f"install it from its bundle: flatpak install {scope_option(ref.scope)} --bundle FILE"
    return Outcome(id=ref.item_id(), state="unavailable", reason=reason, remedy=remedy)
