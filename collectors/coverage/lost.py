"""How is what nothing brings back told, and which is the worst?"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace

from collectors.collected import Loss
from collectors.coverage.knowledge import Short, loss_kinds, places
from collectors.coverage.unowned import Tree, top_of
from collectors.host import Host
from collectors.record import escaped, word

SECOND_NS = 1_000_000_000


def modified(host: Host, by_path: Mapping[str, str], covered: Container[str]) -> Iterator[Loss]:
    """Yield the modified files of packages, given with these by path; many of one package are one loss."""
    by_package: dict[str, list[str]] = {}
    for path, package in by_path.items():
        if not top_of(path, covered):
            by_package.setdefault(package, []).append(path)
    for package, paths in sorted(by_package.items()):
        if len(paths) > places().few:
            reason = f"{len(paths)} files of the package {package} are not as it made them"
            yield _modified(host, posixpath.commonpath(paths), paths, reason)
        else:
            reason = f"a file of the package {package} that is not as it made it"
            yield from (_modified(host, path, [path], reason) for path in paths)


def of_trees(found: Iterable[Tree], short: Short, remote: str, unexplained: Container[str]) -> Iterator[Loss]:
    """Yield the loss that each tree is; `unexplained` are the programs on PATH that nothing is known of.

    `remote` is the one of rclone that the remedy copies to.
    """
    for tree in found:
        kind = "sourceless" if tree.path in unexplained else places().kind(short(tree.path))
        reason = loss_kinds()[kind].reason
        target = f"{remote}:{short(tree.path).lstrip('~/')}"
        yield Loss(
            kind,
            escaped(tree.path),
            f"{tree.files} files that lie here: {reason}" if tree.loose else reason,
            f"rclone copyto {quoted(tree.path)} {quoted(target)}",
            tree.size_bytes,
            tree.files,
            tree.newest,
        )


def merged(told: Iterable[Loss], found: Iterable[Loss], comes_back: Callable[[str], bool]) -> list[Loss]:
    """Return the losses that collectors told of, with the sizes that were found, and the other ones found.

    What lies in something that comes back is no loss, unless its kind is not settled by that.
    """
    by_subject = {loss.subject: loss for loss in found}
    losses = []
    for loss in told:
        size = by_subject.pop(loss.subject, loss)
        if not (loss_kinds()[loss.kind].settled and comes_back(loss.subject)):
            losses.append(_with_size(loss, size))
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


def quoted(path: str) -> str:
    r"""Return a path as one word of bash: `/a`, `'/a b'`, and with an escape in it `$'/a\x0ab'`."""
    return word(escaped(path))


def _with_size(loss: Loss, size: Loss) -> Loss:
    return replace(
        loss,
        size_bytes=loss.size_bytes or size.size_bytes,
        files=loss.files or size.files,
        newest=loss.newest or size.newest,
    )


def _modified(host: Host, subject: str, paths: list[str], reason: str) -> Loss:
    """Return the loss of modified files; a copy below /usr/local is captured, and comes first on PATH."""
    entries = [entry for path in paths if (entry := host.look(path))]
    below_usr = subject.startswith("/usr/")
    local = f"/usr/local/{subject[len('/usr/') :]}" if below_usr else f"/usr/local/share{subject}"
    copy = "cp -a -T" if len(paths) > 1 else "install -D -p"
    return Loss(
        "modified",
        escaped(subject),
        reason,
        f"sudo {copy} {quoted(subject)} {quoted(local)}",
        sum(entry.size_bytes for entry in entries),
        len(paths),
        max((entry.mtime_ns // SECOND_NS for entry in entries), default=0),
    )
