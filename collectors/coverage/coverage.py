"""What would be lost today?

All that is on the disk, less what packages bring back, what is captured, what an item or a cloud brings back,
and noise; with what the collectors found that nothing brings back. Worst first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collectors.collect import Survey
from collectors.collected import Loss
from collectors.coverage.clouds import Kept, clouds, remotes
from collectors.coverage.ground import Unseen, ground
from collectors.coverage.knowledge import LossKind, loss_kinds
from collectors.coverage.lost import merged, modified, of_trees, ranked
from collectors.coverage.made import made
from collectors.coverage.owned import aliases, owned, placed
from collectors.coverage.packaged import Packaged, begin
from collectors.coverage.programs import Program, Sources, programs
from collectors.coverage.quiet import quiet
from collectors.coverage.unowned import Spared, top_of, trees
from collectors.host import Host
from collectors.posture import Posture
from collectors.record import File, unescaped

NO_REMOTE = "REMOTE"


@dataclass(frozen=True)
class Totals:
    """How much was looked at and found.

    `packaged_files` are those of packages, `left_out` what was seen and deliberately not captured.
    """

    packaged_files: int
    items: int
    left_out: int
    lost_files: int
    lost_bytes: int


@dataclass(frozen=True)
class Group:
    """The losses of one kind, the worst first."""

    kind: LossKind
    losses: tuple[Loss, ...]


@dataclass(frozen=True)
class Coverage:
    """What would be lost today: `losses` sorted the worst first.

    `programs` says where each executable on PATH comes from, `clouds` which folders are kept elsewhere,
    `unseen` what was not looked at.
    """

    losses: tuple[Loss, ...]
    programs: tuple[Program, ...]
    clouds: tuple[Kept, ...]
    unseen: tuple[Unseen, ...]
    totals: Totals

    def groups(self) -> tuple[Group, ...]:
        """Return the losses by kind, the worst kind first."""
        by_kind: dict[str, list[Loss]] = {}
        for loss in self.losses:
            by_kind.setdefault(loss.kind, []).append(loss)
        return tuple(Group(loss_kinds()[kind], tuple(losses)) for kind, losses in by_kind.items())


def coverage(host: Host, survey: Survey, begun: Callable[[], Packaged] | None = None) -> Coverage:
    """Return what would be lost today.

    `begun` is the look at packages, which can go on beside the collectors: `begin(host)`, then the survey,
    then this.
    """
    ended = begun or begin(host)
    kept = clouds(host)
    covers = covers_of(host, survey, kept)
    spared = _spared(host, survey, frozenset(covers))
    found = ended()
    changed = tuple(modified(host, found.modified, spared.covered))
    tops = {unescaped(loss.subject) for loss in changed}
    lying = (each for each in found.unowned if not top_of(each[0], tops))
    unowned, unread = trees(host, lying, ground(host), spared)
    sources = Sources(owned(host), origins(survey.posture), covers, spared.captured)
    known = programs(host, sources)
    remote = next(iter(remotes(host)), NO_REMOTE)
    lost = (*changed, *of_trees(unowned, spared.quiet.short, remote, _unexplained(known)))
    losses = ranked(merged(survey.losses, lost, lambda subject: _comes_back(subject, spared)))
    unseen = {*ground(host).unseen, *found.unseen, *unread}
    by_path = sorted(unseen, key=lambda each: (each.path, each.reason))
    return Coverage(losses, known, kept, tuple(by_path), _totals(survey.posture, found, losses))


def covers_of(host: Host, survey: Survey, kept: Iterable[Kept]) -> dict[str, str]:
    """Return what brings each path back with all below it."""
    renamed = aliases(host)
    found = {placed(each.path, renamed): each.by for each in kept}
    found.update((placed(each.path, renamed), each.by) for each in survey.covers)
    return found


def captured_paths(posture: Posture) -> frozenset[str]:
    """Return the escaped paths of the files and symlinks that are in the posture."""
    links = (
        thing.path
        for section in posture.sections()
        for thing in section.things()
        if isinstance(thing, File) and thing.kind == "symlink"
    )
    return frozenset((*posture.contents, *links))


def origins(posture: Posture) -> dict[str, str]:
    """Return the archive that each chosen package comes from."""
    return {package.name: package.origin for package in posture.apt.packages}


def _spared(host: Host, survey: Survey, covered: frozenset[str]) -> Spared:
    left_out = (each.path for section in survey.posture.sections() for each in section.left_out)
    told = (loss.subject for loss in survey.losses if loss.subject.startswith("/"))
    return Spared(
        _places(host, captured_paths(survey.posture)),
        covered | _places(host, left_out),
        quiet(host),
        made(host).state,
        _places(host, told),
    )


def _places(host: Host, escaped_paths: Iterable[str]) -> frozenset[str]:
    renamed = aliases(host)
    return frozenset(placed(unescaped(path), renamed) for path in escaped_paths)


def _comes_back(subject: str, spared: Spared) -> bool:
    if not subject.startswith("/"):
        return False
    path = unescaped(subject)
    return path in spared.captured or bool(top_of(path, spared.covered))


def _unexplained(found: Iterable[Program]) -> frozenset[str]:
    return frozenset(unescaped(each.path) for each in found if each.confidence == "unknown")


def _totals(posture: Posture, found: Packaged, losses: tuple[Loss, ...]) -> Totals:
    return Totals(
        packaged_files=found.files,
        items=sum(not item.bound for item in posture.items()),
        left_out=sum(len(section.left_out) for section in posture.sections()),
        lost_files=sum(loss.files for loss in losses),
        lost_bytes=sum(loss.size_bytes for loss in losses),
    )
