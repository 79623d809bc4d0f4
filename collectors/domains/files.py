"""Which configuration differs from what packages put in /etc?

Two kinds: conffiles that are not as their package made them (deb-conffiles(5)), and what no package
owns. Most of the latter is made by packages all the same: collectors/judgement/etc.yaml and dpkg's own
records tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from pathlib import PurePosixPath
from typing import ClassVar

from collectors.collected import Collected
from collectors.debian import dpkg
from collectors.failure import Finding
from collectors.host import Host, names, text
from collectors.judgement.capture import Capture, Outcome, gathered, judged, walk
from collectors.judgement.packaged import UCF_HASHES, conffile_claims, parse_ucf
from collectors.record import File, LeftOut, Section, escaped, unescaped

TOP = "/etc"
UNIT_LINKS = {
    "/var/lib/systemd/deb-systemd-helper-enabled": "/etc/systemd/system",
    "/var/lib/systemd/deb-systemd-helper-masked": "/etc/systemd/system",
    "/var/lib/systemd/deb-systemd-user-helper-enabled": "/etc/systemd/user",
    "/var/lib/systemd/deb-systemd-user-helper-masked": "/etc/systemd/user",
}
DELETED = "a conffile that was deleted: a restore does not delete it"


class Files(Section):
    """Configuration that differs from what packages put in /etc."""

    NAME: ClassVar[str] = "files"

    files: tuple[File, ...] = ()


def collect(host: Host) -> Collected[Files]:
    """Collect the section `files`."""
    database = dpkg.read(host)
    owned = {
        *dpkg.owners(host, database, (f"{TOP}/",)),
        *(path for path, _ in conffile_claims(host)),
        *_unit_links(host),
    }
    _, odd = parse_ucf(text(host, UCF_HASHES))
    found = gathered(without_plumbing(host, (*changed_conffiles(host), *unowned(host, owned))))
    section = Files(files=found.records, left_out=found.left_out)
    return Collected(section, found.contents, (*odd, *found.findings))


def changed_conffiles(host: Host) -> Iterator[Outcome]:
    """Yield what comes of each conffile that is not as one of the packages that claim it made it."""
    for path, claim in conffile_claims(host):
        entry = host.look(path)
        if entry is not None:
            yield from judged(host, entry, "conffile")
        elif claim.expected and claim.made:
            yield LeftOut(path=escaped(path), reason=DELETED)


def unowned(host: Host, owned: Set[str]) -> Iterator[Outcome]:
    """Yield what comes of each path in /etc that no package owns."""
    for seen in walk(host, TOP):
        if isinstance(seen, Finding | LeftOut):
            yield seen
        elif seen.path not in owned:
            yield from judged(host, seen, "unowned")


def without_plumbing(host: Host, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Leave out the directories that stand there only for what packages put in them.

    Such a one is root's, has the usual mode, is not empty, and nothing of it or below it is told.
    """
    told: set[str] = set()
    # What is below a directory comes before it, and so does a finding about it.
    deepest_first = ((_subject(each), isinstance(each, Finding), each) for each in outcomes)
    for subject, is_finding, outcome in sorted(deepest_first, key=lambda row: row[:2], reverse=True):
        if _is_plain(outcome) and subject not in told and names(host, unescaped(subject)):
            continue
        told.update(map(str, PurePosixPath(subject).parents), [subject] if is_finding else ())
        yield outcome


def _is_plain(outcome: Outcome) -> bool:
    if not isinstance(outcome, Capture):
        return False
    file = outcome.record
    return (file.kind, file.owner, file.group, file.mode) == ("directory", "root", "root", "0755")


def _subject(outcome: Outcome) -> str:
    if isinstance(outcome, Capture):
        return outcome.record.path
    return outcome.path if isinstance(outcome, LeftOut) else outcome.subject


def _unit_links(host: Host) -> Iterator[str]:
    """Yield the links that deb-systemd-helper(1p) made; it keeps a mirror of them."""
    for mirror, place in UNIT_LINKS.items():
        for name in names(host, mirror):
            yield f"{place}/{name}"
            yield from (f"{place}/{name}/{link}" for link in names(host, f"{mirror}/{name}"))
