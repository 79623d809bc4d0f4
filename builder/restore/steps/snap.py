"""Which steps bring snaps back?

The system's settings first, for one of them allows several of a snap; then the snaps; then what is set,
connected and named; last what is disabled. Sources: snap(8).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from builder.restore.report import Outcome
from builder.restore.steps.commands import CommandStep, step_of
from builder.restore.steps.step import Steps, Target
from collectors.domains.snap import Snap
from collectors.domains.snap.things import SYSTEM, Package, Setting
from collectors.record import LeftOut, Thing

SYSTEMS, SNAPS, WITHIN, DISABLED = range(4)
# On its first start snapd installs what came with the system, and refuses all else.
SEEDED = "{ timeout 600 snap wait system seed.loaded || { echo 'error: snapd is not ready'; false; }; }"
EXPERIMENTAL = "experimental."


def steps(to: Target) -> Steps:
    """Yield the steps of the section snap."""
    things = (thing for thing in to.things(Snap.NAME) if not isinstance(thing, LeftOut))
    for thing in sorted(things, key=_is_experimental, reverse=True):
        if isinstance(thing, Package):
            yield from (_sideloaded(thing),) if thing.sideloaded else _snap(thing)
        elif isinstance(thing, Setting):
            yield _setting(thing)
        else:
            yield _step(thing, thing.by_hand(), stage=WITHIN)


def _is_experimental(thing: Thing) -> bool:
    return isinstance(thing, Setting) and thing.snap == SYSTEM and thing.key.startswith(EXPERIMENTAL)


def _step(thing: Thing, command: str, *, stage: int, operand: str = "") -> CommandStep:
    """Return a step; snapd does one thing after the other, whoever asks."""
    facts = {"command": command, "operand": operand, "stage": stage, "lane": Snap.NAME, "needs": ("snap",)}
    return step_of(Snap.NAME, thing, **facts, network=stage == SNAPS)


def _setting(setting: Setting) -> CommandStep:
    asked = shlex.join(("snap", "set", "-t", setting.snap))
    operand = shlex.quote(f"{setting.key}={setting.value}")
    if setting.snap == SYSTEM:
        return _step(setting, f"{SEEDED} && {asked}", operand=operand, stage=SYSTEMS)
    return _step(setting, asked, operand=operand, stage=WITHIN)


def _snap(snap: Package) -> Iterator[CommandStep]:
    """Yield the step of a snap, which another may have brought, and of what disables it once all is set."""
    name, options = shlex.quote(snap.name), shlex.join(_options(snap))
    got = f"if snap list {name} &> /dev/null; then verb=refresh; else verb=install; fi"
    after = [f"snap refresh --hold {name}"] if snap.held else []
    after += [f"snap unalias {name}"] if snap.aliases_off else []
    asked = f"snap $verb {options} {name}"
    yield _step(snap, " && ".join((SEEDED, f"{{ {got}; }}", asked, *after)), stage=SNAPS)
    if snap.disabled:
        yield _step(snap, f"snap disable {name}", stage=DISABLED)


def _options(snap: Package) -> Iterator[str]:
    yield from (f"--{mode}" for mode in ("classic", "devmode", "jailmode") if getattr(snap, mode))
    if snap.channel:
        yield f"--channel={snap.channel}"
    if snap.held:
        yield f"--revision={snap.held}"


def _sideloaded(snap: Package) -> Outcome:
    modes = " ".join(option for option in _options(snap) if "=" not in option)
    remedy = " ".join(filter(None, ("snap install --dangerous", modes, f"FILE-OF-{snap.name}.snap")))
    reason = "it was installed from a file: no store has it"
    return Outcome(id=snap.item_id(), state="unavailable", reason=reason, remedy=remedy)
