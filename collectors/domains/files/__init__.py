"""Which configuration differs from what packages put on this machine?

Conffiles that are not as their package made them (deb-conffiles(5)), and what no package owns. Most of the
latter is made by packages all the same: collectors/judgement/etc.yaml and dpkg's own records tell. With them
what the owner told dpkg, update-alternatives and systemd about files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from pathlib import PurePosixPath
from typing import ClassVar

from collectors.collected import Collected, Loss
from collectors.debian import dpkg
from collectors.domains.files.certificates import packages_choice
from collectors.domains.files.conffiles import Deleted, changed_conffiles, deleted_conffiles
from collectors.domains.files.packaging import (
    Alternative,
    Diversion,
    StatOverride,
    alternatives,
    local_diversions,
    stat_overrides,
)
from collectors.domains.files.pristine import with_pristine
from collectors.domains.files.units import Unit, disabled_units, packages_links
from collectors.domains.files.unowned import in_etc, in_homes, in_tree, local_trees, loss
from collectors.domains.programs import program_trees
from collectors.failure import Finding
from collectors.host import Host, names, text
from collectors.judgement.capture import Capture, Outcome, gathered
from collectors.judgement.ignored import told_once
from collectors.judgement.packaged import UCF_HASHES, conffile_claims, parse_ucf
from collectors.record import File, LeftOut, Section, unescaped

PLACES = ("/etc/", "/usr/local/", "/opt/", "/var/spool/cron/")


class Files(Section):
    """Configuration that differs from what packages put on the machine."""

    NAME: ClassVar[str] = "files"

    files: tuple[File, ...] = ()
    deleted: tuple[Deleted, ...] = ()
    overrides: tuple[StatOverride, ...] = ()
    diversions: tuple[Diversion, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    units: tuple[Unit, ...] = ()


def collect(host: Host) -> Collected[Files]:
    """Collect the section `files`."""
    owned = _owned(host)
    losses: list[Loss] = []
    found = gathered(without_plumbing(host, _outcomes(host, owned, losses)))
    files, pristine = with_pristine(host, found.records)
    chosen, unknown = alternatives(host, owned)
    overrides, odd = stat_overrides(host)
    told, unclear = told_once(host)
    _, broken = parse_ucf(text(host, UCF_HASHES))
    section = Files(
        files=files,
        deleted=tuple(deleted_conffiles(host)),
        overrides=overrides,
        diversions=tuple(local_diversions(host)),
        alternatives=chosen,
        units=tuple(disabled_units(host)),
        left_out=(*found.left_out, *told),
    )
    return Collected(
        section,
        found.contents,
        (*broken, *odd, *unknown, *unclear, *found.findings),
        losses=tuple(losses),
        pristine=pristine,
    )


def without_plumbing(host: Host, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Leave out the directories that stand there only for what packages put in them, or what stays behind.

    Such a one is root's, has the usual mode, is not empty, and nothing below it comes back or is a finding.
    """
    told: set[str] = set()
    # What is below a directory comes before it, and so does a finding about it.
    deepest_first = ((_subject(each), isinstance(each, Finding), each) for each in outcomes)
    for subject, is_finding, outcome in sorted(deepest_first, key=lambda row: row[:2], reverse=True):
        if _is_plain(outcome) and subject not in told and names(host, unescaped(subject)):
            continue
        if not isinstance(outcome, LeftOut):
            told.update(map(str, PurePosixPath(subject).parents), [subject] if is_finding else ())
        yield outcome


def _owned(host: Host) -> frozenset[str]:
    """Return the paths that packages put below the places that are looked at."""
    return frozenset(
        (
            *dpkg.owners(host, dpkg.read(host), PLACES),
            *(path for path, _ in conffile_claims(host)),
            *packages_links(host),
            *packages_choice(host),
        )
    )


def _outcomes(host: Host, owned: Set[str], losses: list[Loss]) -> Iterator[Outcome]:
    """Yield what comes of every place; a tree that is too large is a loss."""
    yield from changed_conffiles(host)
    yield from in_etc(host, owned)
    yield from in_homes(host)
    for tree in local_trees(host, owned, program_trees(host)):
        if tree.is_large:
            losses.append(loss(tree))
        else:
            yield from in_tree(host, tree, owned)


def _is_plain(outcome: Outcome) -> bool:
    if not isinstance(outcome, Capture):
        return False
    file = outcome.record
    return (file.kind, file.owner, file.group, file.mode) == ("directory", "root", "root", "0755")


def _subject(outcome: Outcome) -> str:
    if isinstance(outcome, Capture):
        return outcome.record.path
    return outcome.path if isinstance(outcome, LeftOut) else outcome.subject
