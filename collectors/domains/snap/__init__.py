"""Which snaps are installed, from which channel?

Sources: snap(8), and what snapd keeps under /var/lib/snapd; no command is run.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import ClassVar

from collectors.collected import Collected, Cover, Loss
from collectors.domains.snap.state import SEED, STATE, State, parse_seed, parse_state
from collectors.domains.snap.things import Alias, Connection, Package, Setting
from collectors.homes import homes
from collectors.host import Host
from collectors.reading.looking import Findings, names_in, text_in
from collectors.record import LeftOut, Section, escaped

MOUNTS = "/snap"
LAUNCHERS = "/snap/bin"
STORE = "/var/lib/snapd/snaps"
OWN = "/var/lib/snapd"
# What `snap save` keeps there is the owner's data; the snaps themselves are told one by one.
NOT_MADE_ANEW = ("snapshots", "snaps")
SHIPPED = "part of a fresh installation"
ANEW = "made anew by snapd"


class Snap(Section):
    """Snaps, as snapd knows them."""

    NAME: ClassVar[str] = "snap"

    snaps: tuple[Package, ...] = ()
    connections: tuple[Connection, ...] = ()
    aliases: tuple[Alias, ...] = ()
    settings: tuple[Setting, ...] = ()


def collect(host: Host) -> Collected[Snap]:
    """Collect the section `snap`."""
    state, findings = _state(host)
    seed, unseen = text_in(host, SEED)
    seeded, odd = parse_seed(seed)
    snaps = tuple(_bound(snap) if snap.name in seeded else snap for snap in state.snaps)
    section = Snap(
        snaps=snaps,
        connections=state.connections,
        aliases=state.aliases,
        settings=state.settings,
        left_out=tuple(_left_out(state.secret)),
    )
    return Collected(
        section,
        findings=(*findings, *unseen, *odd),
        covers=tuple(covers(host, snaps, state.aliases)),
        losses=tuple(losses(snaps)),
    )


def covers(host: Host, snaps: Iterable[Package], aliases: Iterable[Alias]) -> Iterator[Cover]:
    """Yield the paths that come back with the snaps; what these keep in /var/snap and ~/snap is data."""
    kept = {snap.name: snap.item_id() for snap in snaps if not snap.sideloaded}
    yield from (Cover(f"{MOUNTS}/{name}", by) for name, by in kept.items())
    for file in _names(host, STORE):
        if (name := file.rpartition("_")[0]) in kept and file.endswith(".snap"):
            yield Cover(f"{STORE}/{file}", kept[name])
    given = {alias.name: alias.item_id() for alias in aliases}
    for launcher in _names(host, LAUNCHERS):
        if by := given.get(launcher) or kept.get(_started_by(host, launcher)):
            yield Cover(f"{LAUNCHERS}/{launcher}", by)
    for name in _names(host, OWN):
        if name not in NOT_MADE_ANEW:
            yield Cover(f"{OWN}/{name}", ANEW)
    for home in homes(host):
        for name in _names(host, home.within("snap")):
            yield Cover(home.within("snap", name, "common", ".cache"), f"made anew by {name}")


def losses(snaps: Iterable[Package]) -> Iterator[Loss]:
    """Yield the snaps that no store has."""
    for snap in snaps:
        if snap.sideloaded:
            file = f"{STORE}/{snap.name}_{snap.revision}.snap"
            reason = "it was installed from a file: no store has it"
            yield Loss("sourceless", snap.item_id(), reason, f"cp {shlex.quote(file)} ~/Downloads/")


def _state(host: Host) -> tuple[State, Findings]:
    """Return what snapd remembers; where only root may see that, the snaps that are mounted."""
    content, findings = text_in(host, STATE)
    if findings:
        return State(tuple(_mounted(host))), findings
    return parse_state(content) if content else (State(), ())


def _mounted(host: Host) -> Iterator[Package]:
    """Yield the snaps by the links `/snap/code/current`, whose target is the revision."""
    for name in _names(host, MOUNTS):
        try:
            revision = host.link(f"{MOUNTS}/{name}/current")
        except OSError:
            continue  # not a snap: /snap/bin, /snap/README
        yield Package(name=escaped(name), revision=escaped(revision))


def _started_by(host: Host, launcher: str) -> str:
    """Return the snap of a launcher: `code` of `code.tunnel`, or of a snap's own alias that leads there."""
    try:
        target = host.link(f"{LAUNCHERS}/{launcher}")
    except OSError:
        target = "/"
    return (launcher if "/" in target else target).partition(".")[0]


def _bound(snap: Package) -> Package:
    return snap.model_copy(update={"bound": snap.bound or SHIPPED})


def _left_out(secret: tuple[str, ...]) -> Iterator[LeftOut]:
    if secret:
        yield LeftOut(path=STATE, reason=f"settings that are secret: {', '.join(secret)}")


def _names(host: Host, path: str) -> list[str]:
    return names_in(host, path)[0]
