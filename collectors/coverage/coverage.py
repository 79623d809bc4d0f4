"""What would be lost today?

All that is on the disk, less what packages bring back, what is captured, what an item or a cloud brings back,
and noise; with what the collectors found that nothing brings back. Worst first.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from collectors.collect import Survey
from collectors.collected import Loss
from collectors.coverage.clouds import Kept, clouds, remotes
from collectors.coverage.ground import Unseen
from collectors.coverage.knowledge import LossKind, Short, loss_kinds, places
from collectors.coverage.made import made
from collectors.coverage.owned import aliases
from collectors.coverage.packaged import Begun, Packaged, begin
from collectors.coverage.programs import Program, Sources, programs
from collectors.coverage.unowned import Spared, Tree, top_of, trees
from collectors.domains.apt import Apt
from collectors.host import Host
from collectors.posture import Posture
from collectors.record import File, escaped, unescaped

SECOND_NS = 1_000_000_000
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


def coverage(host: Host, survey: Survey, begun: Begun | None = None) -> Coverage:
    """Return what would be lost today; `begun` is the look at packages that was begun before the survey."""
    started = begun or begin(host)
    kept = clouds(host)
    covers = covers_of(survey, kept, aliases(host))
    spared = _spared(host, survey, started, covers)
    found = started.ended()
    changed = tuple(modified(host, found, spared.covered))
    beside = [
        each for each in found.unowned if not top_of(each[0], {unescaped(loss.subject) for loss in changed})
    ]
    unowned, unread = trees(host, beside, started.known.ground, spared)
    sources = Sources(started.known.owned, origins(survey.posture.apt), covers, spared.captured)
    known = programs(host, sources)
    lost = (
        *changed,
        *of_trees(unowned, started.known.quiet.short, remotes(host), _unexplained(known)),
    )
    losses = ranked(merged(survey.losses, lost, spared))
    return Coverage(
        losses,
        known,
        kept,
        tuple(sorted({*started.known.ground.unseen, *found.unseen, *unread}, key=lambda each: each.path)),
        _totals(survey.posture, found, losses),
    )


def covers_of(survey: Survey, kept: Iterable[Kept], renamed: Mapping[str, str]) -> dict[str, str]:
    """Return what brings each path back with all below it; symlinked directories by their target."""
    found = {each.path: each.by for each in kept}
    found.update((each.path, each.by) for each in survey.covers)
    for alias, target in renamed.items():
        for path in [path for path in found if path.startswith(f"{alias}/")]:
            found[f"{target}{path[len(alias) :]}"] = found.pop(path)
    return found


def captured_paths(posture: Posture) -> frozenset[str]:
    """Return the paths of the files and symlinks that are in the posture."""
    links = (
        thing.path
        for section in posture.sections()
        for thing in section.things()
        if isinstance(thing, File) and thing.kind == "symlink"
    )
    return frozenset(map(unescaped, (*posture.contents, *links)))


def origins(section: Apt) -> dict[str, str]:
    """Return the archive that each chosen package comes from."""
    return {package.name: package.origin for package in section.packages}


def modified(host: Host, found: Packaged, covered: Iterable[str]) -> Iterator[Loss]:
    """Yield the modified files of packages; many of one package are one loss."""
    by_package: dict[str, list[str]] = {}
    tops = frozenset(covered)
    for path, package in found.modified.items():
        if not top_of(path, tops):
            by_package.setdefault(package, []).append(path)
    for package, paths in sorted(by_package.items()):
        if len(paths) > places().few:
            whole = posixpath.commonpath(paths)
            reason = f"{len(paths)} files of the package {package} are not as it made them"
            yield _modified(host, whole, paths, reason)
        else:
            reason = f"a file of the package {package} that is not as it made it"
            yield from (_modified(host, path, [path], reason) for path in paths)


def of_trees(
    found: Iterable[Tree], short: Short, remote_names: Iterable[str], unexplained: frozenset[str]
) -> Iterator[Loss]:
    """Yield the loss that each tree is."""
    remote = next(iter(remote_names), NO_REMOTE)
    for tree in found:
        kind = "sourceless" if tree.path in unexplained else places().kind(short(tree.path))
        reason = loss_kinds()[kind].reason
        if tree.loose:
            reason = f"{tree.files} files that lie here: {reason}"
        yield Loss(
            kind,
            escaped(tree.path),
            reason,
            _copy(tree.path, short(tree.path), remote, single=tree.files == 1 and not tree.loose),
            tree.size_bytes,
            tree.files,
            tree.newest,
        )


def merged(told: Iterable[Loss], found: Iterable[Loss], spared: Spared) -> list[Loss]:
    """Return the losses that collectors told of, with the sizes that were found, and the other ones found.

    What lies in something that comes back is no loss, unless its kind is not settled by that.
    """
    by_subject = {loss.subject: loss for loss in found}
    losses = []
    for loss in told:
        size = by_subject.pop(loss.subject, loss)
        if loss_kinds()[loss.kind].settled and _comes_back(loss.subject, spared):
            continue
        losses.append(
            replace(
                loss,
                size_bytes=loss.size_bytes or size.size_bytes,
                files=loss.files or size.files,
                newest=loss.newest or size.newest,
            )
        )
    return [*losses, *by_subject.values()]


def ranked(losses: Iterable[Loss]) -> tuple[Loss, ...]:
    """Sort losses: the worst kind first, of a kind the largest, then the latest."""
    order = {kind: place for place, kind in enumerate(loss_kinds())}
    return tuple(
        sorted(
            set(losses),
            key=lambda each: (order[each.kind], -each.size_bytes, -each.newest, each.subject, each.reason),
        )
    )


def _spared(host: Host, survey: Survey, begun: Begun, covers: Mapping[str, str]) -> Spared:
    left_out = (unescaped(each.path) for part in survey.posture.sections() for each in part.left_out)
    subjects = (loss.subject for loss in survey.losses if loss.subject.startswith("/"))
    return Spared(
        captured_paths(survey.posture),
        frozenset({*covers, *left_out}),
        begun.known.quiet,
        made(host).state,
        frozenset(map(unescaped, subjects)),
    )


def _comes_back(subject: str, spared: Spared) -> bool:
    if not subject.startswith("/"):
        return False
    path = unescaped(subject)
    return path in spared.captured or bool(top_of(path, spared.covered))


def _modified(host: Host, subject: str, paths: list[str], reason: str) -> Loss:
    entries = [entry for path in paths if (entry := host.look(path))]
    local = (
        f"/usr/local/{posixpath.relpath(subject, '/usr')}"
        if subject.startswith("/usr/")
        else f"{subject}.mine"
    )
    copy = "cp -a -T" if len(paths) > 1 else "install -D -p"
    return Loss(
        "modified",
        escaped(subject),
        reason,
        f"sudo {copy} {shlex.quote(subject)} {shlex.quote(local)}",
        sum(entry.size_bytes for entry in entries),
        len(paths),
        max((entry.mtime_ns // SECOND_NS for entry in entries), default=0),
    )


def _copy(path: str, short: str, remote: str, *, single: bool) -> str:
    """Return the command that copies a tree to a remote of rclone."""
    return shlex.join(["rclone", "copyto" if single else "copy", path, f"{remote}:{short.lstrip('~/')}"])


def _unexplained(found: Iterable[Program]) -> frozenset[str]:
    return frozenset(unescaped(each.path) for each in found if each.confidence == "unknown")


def _totals(posture: Posture, found: Packaged, losses: Iterable[Loss]) -> Totals:
    lost = tuple(losses)
    return Totals(
        packaged_files=found.files,
        items=sum(not item.bound for item in posture.items()),
        left_out=sum(len(section.left_out) for section in posture.sections()),
        lost_files=sum(loss.files for loss in lost),
        lost_bytes=sum(loss.size_bytes for loss in lost),
    )
