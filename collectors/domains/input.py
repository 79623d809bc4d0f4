"""What do the keys, pointers and pads of this machine do?

Sources: keyd(1), hwdb(7), libinput's device quirks, xkeyboard-config(7), and what input.yaml beside this
module names. A remapper's service is enabled by section `files`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import ClassVar

from collectors.collected import Collected
from collectors.failure import Finding
from collectors.host import Host
from collectors.judgement.capture import Outcome, gathered, settings, unread
from collectors.reading.catalogue import catalogue, settings_of
from collectors.reading.looking import entry_at, text_in
from collectors.record import File, Section, escaped

KEYBOARDS = ("/usr/share/X11/xkb", "/usr/share/xkeyboard-config-2")
MADE = "/var/lib/dpkg/info/xkb-data.md5sums"


class Input(Section):
    """Settings of input devices, and what was altered in the X server's descriptions of keyboards."""

    NAME: ClassVar[str] = "input"

    files: tuple[File, ...] = ()


def collect(host: Host) -> Collected[Input]:
    """Collect the section `input`."""
    found = gathered((*settings_of(host, catalogue("collectors.domains", "input.yaml")), *altered(host)))
    section = Input(files=found.records, left_out=found.left_out)
    return Collected(section, found.contents, found.findings)


def altered(host: Host) -> Iterator[Outcome]:
    """Yield what comes of each description of a keyboard that is not as its package made it."""
    content, unreadable = text_in(host, MADE)
    made, findings = parse_md5sums(content)
    yield from (*unreadable, *findings)
    if not made:
        return
    for path in _descriptions(host):
        try:
            if isinstance(path, Finding):
                yield path
            elif hashlib.md5(host.read(path), usedforsecurity=False).hexdigest() != made.get(path):
                yield from settings(host, path)
        except OSError as error:
            yield unread(str(path), error)


def parse_md5sums(content: str) -> tuple[dict[str, str], tuple[Finding, ...]]:
    """Return the MD5 of each file that a package brought, by path; a line is `md5  usr/share/x`."""
    made, findings = {}, []
    for number, line in enumerate(content.split("\n"), start=1):
        digest, _, path = line.partition("  ")
        if path:
            made[f"/{path}"] = digest
        elif line.strip():
            findings.append(
                Finding(f"{escaped(MADE)}:{number}", "not `md5  path`", "apt install --reinstall xkb-data")
            )
    return made, tuple(findings)


def _descriptions(host: Host) -> Iterator[str | Finding]:
    """Yield the files below the X server's descriptions of keyboards; one of their places may be a link."""
    folders = []
    for place in KEYBOARDS:
        entry, findings = entry_at(host, place)
        yield from findings
        folders += [place] if entry and entry.is_dir else []
    while folders:
        folder = folders.pop()
        try:
            entries = host.entries(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield unread(folder, error)
            continue
        folders += [entry.path for entry in entries if entry.is_dir and not entry.is_foreign]
        yield from (entry.path for entry in entries if entry.is_file)
