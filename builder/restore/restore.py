"""How is a payload applied to the machine that this runs on?"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from builder.pool.index import POOL
from builder.restore.bundles import Bundles, bundles
from builder.restore.keep import keep
from builder.restore.page import leave, read_report
from builder.restore.plan import Plan, already, planned
from builder.restore.play import Say, Watch, alone, play
from builder.restore.pool import remove_damaged
from builder.restore.refusals import Admitted, admitted, refuse_machine, refuse_space
from builder.restore.report import Outcome, Report, assembled, merged
from builder.restore.steps.step import Target
from collectors.collect import collect
from collectors.compare import score_of
from collectors.failure import Failure
from collectors.host import Machine
from collectors.posture import SECTIONS, Posture
from collectors.record import Item
from collectors.repository import write_posture

RESTORED, WORK = "restored", "restore"


def restore(
    payload: Path,
    *,
    state: Path,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    check: bool = False,
    map_user: Mapping[str, str] | None = None,
    signers: Path | None = None,
    say: Say,
    watch: Watch | None = None,
) -> Report:
    """Apply `payload` here, and leave the report in `state`: as JSON, and as a page.

    `only` and `skip` name sections or item ids; the report speaks of what was asked for. `check`
    tells what would be done, touches nothing, leaves no report. `map_user` has other names for people,
    `signers` is a file of those who may have made the payload. `say` hears lines, `watch` how far it is.
    Raises Failure before anything is touched.
    """
    refuse_machine()
    with (
        nullcontext() if check else alone(say),
        admitted(payload, map_user=map_user or {}, signers=signers, say=say) as ours,
        _travelled(ours, check, say) as bundled,
    ):
        items = _selected(tuple(ours.posture.items()), only, skip)
        say("looking at what is here already")
        here = collect(Machine()).posture
        plan = _planned(ours.posture, here, items, bundled)
        lacking = plan.ids() - {item.id for item in here.items()}
        refuse_space(ours.posture, lacking, ours.manifest, state)
        with _workshop(state, check) as work:
            shutil.move(ours.folder, work / "payload")
            (work / "plan.json").write_text(plan.text())
            say(f"restoring {len(plan.ids())} items of {ours.manifest.host}")
            (work / "outcomes").write_text("".join(map(_event, plan.told)))
            ended = play(work, plan, check=check, say=say, watch=watch)
            report = assembled(ours.manifest.host, items, _read(work / "outcomes"), ended=ended)
        report = report.model_copy(update={"map_user": ours.names})
        if check:
            return report
        return _left(_scored(report, items, here, state, say), payload, state, partly=bool(only or skip))


def _scored(report: Report, items: Sequence[Item], here: Posture, state: Path, say: Say) -> Report:
    """Collect again, leave what is found in `state`, and put the score into the report.

    Where nothing was changed, and nothing failed in the midst of it, what was found before is what is there.
    """
    found = here
    if report.changed != 0 or "failed" in report.counts():
        say("looking at what is here now")
        found = collect(Machine()).posture
    write_posture(found, state / RESTORED)
    return report.model_copy(update={"score": score_of(items, found)})


def _left(report: Report, payload: Path, state: Path, *, partly: bool) -> Report:
    """Leave the report, and payload and pool where something is to be restored again from them.

    What was restored `partly` is told beside the rest of what was restored before.
    """
    whole = report
    if partly:
        with suppress(Failure):
            whole = merged(read_report(state), report)
    leave(whole, state)
    if whole.gaps():
        keep(payload, state)
    else:
        shutil.rmtree(POOL, ignore_errors=True)
    return report


def _travelled(ours: Admitted, check: bool, say: Say) -> AbstractContextManager[Bundles]:
    """Return what travelled along, without what of it is damaged."""
    if not check:
        remove_damaged(POOL, ours.folder, say)
    return bundles(POOL, ours.names)


def _planned(posture: Posture, here: Posture, items: Sequence[Item], bundled: Bundles) -> Plan:
    """Plan what of `items` is not here as it was."""
    asked, bound = (
        frozenset(item.id for item in items if bool(item.bound) is is_so) for is_so in (False, True)
    )
    there = already(posture, here) & asked
    plan = planned(Target(posture, here, PurePosixPath("payload/posture"), asked - there, bound, bundled))
    told = (Outcome(id=name, state="already") for name in sorted(there))
    return replace(plan, told=(*told, *plan.told))


def _event(outcome: Outcome) -> str:
    return json.dumps({"outcome": outcome.model_dump()}) + "\n"


@contextmanager
def _workshop(state: Path, check: bool) -> Iterator[Path]:
    """Yield an empty folder to work in; a check leaves nothing, a restore its logs."""
    if check:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    work = state / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    try:
        yield work
    finally:
        shutil.rmtree(work / "payload", ignore_errors=True)


def _selected(items: Sequence[Item], only: Sequence[str], skip: Sequence[str]) -> tuple[Item, ...]:
    known = {*SECTIONS, *(item.id for item in items)}
    for name in (*only, *skip):
        if name not in known:
            raise Failure(
                f"{name}: no section and no item of this payload has that name",
                remedy=f"name an item's id, or one of {', '.join(SECTIONS)}",
            )
    return tuple(
        item
        for item in items
        if (not only or {item.section, item.id} & set(only)) and not {item.section, item.id} & set(skip)
    )


def _read(path: Path) -> str:
    return path.read_text(errors="replace")
