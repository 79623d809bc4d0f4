"""Which configuration differs from what packages put in /etc?

Two kinds: conffiles that are not as their package made them (deb-conffiles(5)), and what no package owns. Most
of the latter is made by packages all the same: collectors/data/etc.yaml and dpkg's own records tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from collectors import dpkg
from collectors.capture import Capture, content_of, gathered, unread
from collectors.collected import Collected
from collectors.failure import Finding
from collectors.host import Entry, Host, text
from collectors.knowledge import Knowledge, knowledge
from collectors.posture import File, Files, LeftOut, escaped, sha256
from collectors.users import GROUP, PASSWD, parse_group, parse_passwd

TOP = "/etc"
UCF_HASHES = "/var/lib/ucf/hashfile"
UNIT_LINKS = "/var/lib/systemd/deb-systemd-{scope}helper-{state}"
DELETED = "a conffile that was deleted: a restore does not delete it"

Outcome = Capture[File] | LeftOut | Finding
Origin = Literal["conffile", "unowned"]


@dataclass(frozen=True)
class View:
    """All that is known of the machine before its files are looked at.

    `made` maps a path to the MD5 of what a package made there; `unit_links` are the links by which packages
    enable their units.
    """

    host: Host
    knowledge: Knowledge
    users: Mapping[int, str]
    groups: Mapping[int, str]
    made: Mapping[str, str]
    unit_links: frozenset[str]


def collect(host: Host) -> Collected[Files]:
    """Collect the section `files`."""
    database = dpkg.read(host)
    conffiles = {each.path: (each, by) for each, by in dpkg.placed_conffiles(database.packages, database)}
    owned = {*dpkg.owners(host, database, (f"{TOP}/",)), *conffiles}
    view = look_around(host)
    outcomes = (*changed_conffiles(view, conffiles), *unowned(view, owned))
    found = gathered(without_plumbing(outcomes))
    return Collected(Files(files=found.records, left_out=found.left_out), found.contents, found.findings)


def look_around(host: Host) -> View:
    """Read what is needed to judge files."""
    accounts, _ = parse_passwd(text(host, PASSWD))
    teams, _ = parse_group(text(host, GROUP))
    return View(
        host=host,
        knowledge=knowledge(),
        users={account.uid: account.name for account in reversed(accounts)},
        groups={team.gid: team.name for team in reversed(teams)},
        made={**_pristine(host, knowledge()), **parse_ucf(text(host, UCF_HASHES))},
        unit_links=frozenset(_unit_links(host)),
    )


def changed_conffiles(
    view: View, conffiles: Mapping[str, tuple[dpkg.Conffile, dpkg.Package]]
) -> Iterator[Outcome]:
    """Yield what comes of each conffile that is not as its package made it."""
    for path, (conffile, package) in conffiles.items():
        entry = view.host.look(path)
        if entry is None:
            if package.installed and not conffile.flags and conffile.md5:
                yield LeftOut(path=escaped(path), reason=DELETED)
        elif entry.is_file and conffile.md5:
            yield from judged(view, entry, "conffile", package.name, made_md5=conffile.md5)
        else:
            yield from judged(view, entry, "conffile", package.name)


def unowned(view: View, owned: set[str]) -> Iterator[Outcome]:
    """Yield what comes of each path in /etc that no package owns."""
    for entry in walk(view, TOP):
        if isinstance(entry, Finding | LeftOut):
            yield entry
        elif entry.path not in owned and entry.path not in view.unit_links:
            yield from judged(view, entry, "unowned", made_md5=view.made.get(entry.path, ""))


def walk(view: View, top: str) -> Iterator[Entry | LeftOut | Finding]:
    """Yield everything below `top` on its file system, but for what is below a directory that a rule covers."""
    start = view.host.look(top)
    folders = [start] if start else []
    while folders:
        folder = folders.pop()
        try:
            names = view.host.list(folder.path)
        except OSError as error:
            yield unread(folder.path, error)
            continue
        for name in names:
            entry = view.host.look(f"{folder.path}/{name}")
            if entry is None:
                yield unread(f"{folder.path}/{name}", FileNotFoundError())
                continue
            yield entry
            if entry.is_dir and not view.knowledge.by_name(entry.path, "directory"):
                folders.append(entry)
