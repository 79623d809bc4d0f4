"""What did packages make of the files that they bring or write?

Conffiles as dpkg recorded them (deb-conffiles(5)), what ucf(1) recorded, and the copies that
packages keep of files they make in /etc.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collectors.debian import dpkg
from collectors.failure import Finding
from collectors.host import Host, remembered, text
from collectors.judgement.knowledge import knowledge

UCF_HASHES = "/var/lib/ucf/hashfile"


@dataclass(frozen=True)
class Claim:
    """What is known of one path: the package whose conffile it is ("" = none), and the MD5s it may have.

    `expected`: an installed package says that it is there.
    """

    package: str = ""
    made: frozenset[str] = frozenset()
    expected: bool = False


@remembered
def claims(host: Host) -> Mapping[str, Claim]:
    """Return what packages claim of files in /etc, by path."""
    ucf, _ = parse_ucf(text(host, UCF_HASHES))
    made = {path: {md5} for path, md5 in ucf.items()}
    for path, copies in knowledge().pristine.items():
        texts = (text(host, copy).encode(errors="surrogateescape") for copy in copies)
        made.setdefault(path, set()).update(md5(content) for content in texts if content)
    found = {path: Claim(made=frozenset(md5s)) for path, md5s in made.items()}
    for path, claim in conffile_claims(host):
        found[path] = Claim(claim.package, claim.made | frozenset(made.get(path, ())), claim.expected)
    return found


@remembered
def conffile_claims(host: Host) -> tuple[tuple[str, Claim], ...]:
    """Return each conffile's path and claim; one that moved to another package is claimed by both."""
    return tuple(_conffile_claims(host))


def _conffile_claims(host: Host) -> Iterator[tuple[str, Claim]]:
    database = dpkg.read(host)
    by_path: dict[str, list[tuple[dpkg.Conffile, dpkg.Package]]] = {}
    for conffile, package in dpkg.placed_conffiles(database.packages, database):
        by_path.setdefault(conffile.path, []).append((conffile, package))
    for path, claimed in sorted(by_path.items()):
        present = [package for conffile, package in claimed if package.installed and not conffile.flags]
        made = frozenset(conffile.md5 for conffile, _ in claimed if conffile.md5)
        owner = min(package.name for package in present or [package for _, package in claimed])
        yield path, Claim(owner, made, bool(present))


def parse_ucf(content: str) -> tuple[dict[str, str], tuple[Finding, ...]]:
    """Return the MD5 of the version that ucf(1) installed, by path; a line is `md5  /path`."""
    made, findings = {}, []
    for number, line in enumerate(content.split("\n"), start=1):
        digest, _, path = line.partition("  ")
        if path.startswith("/"):
            made[path] = digest
        elif line.strip():
            findings.append(Finding(f"{UCF_HASHES}:{number}", "not `md5  /path`", "run `ucf --purge` for it"))
    return made, tuple(findings)


def md5(content: bytes) -> str:
    """Return the MD5 that dpkg and ucf keep."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
