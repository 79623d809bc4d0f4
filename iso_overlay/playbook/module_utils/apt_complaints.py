"""What do apt and dpkg complain of, by what they said? Stdlib only: it runs on the target's bare python3."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from ansible.module_utils.rekindle import FAILED

LETTERS = 300
# As apt-get says it, and as apt 3 does.
COMPLAINT = re.compile(r"^(?:E|W|Err|Error|Warning)(?::\d+ |: )")
ERROR = re.compile(r"^(?:E|Error): ")
# What apt says of a source that some machine answered for; "404" is an answer, too.
ANSWERED = re.compile(r"^(?:(?:Hit|Get):\d+ (?!file:|copy:|cdrom:)|  4\d\d  )", re.M)
ASKED = re.compile(r"^(?:Err|Ign):\d+ (?!file:|copy:|cdrom:)", re.M)
NOT_FETCHED = re.compile(r"^[EW]: (Failed to fetch .*)$", re.M)
FETCH = re.compile(
    r"^(?:E|W|Error|Warning): Failed to fetch \S*/([^/\s_]+)_[^/\s_]*_([\w-]+)\.u?deb\s+(.*)$", re.M
)
UNMET = re.compile(r"^ (?!\s)(\S+) : ((?:Pre-)?Depends|Conflicts|Breaks|Recommends): (.*)$", re.M)
UNKNOWN = (
    re.compile(r"^(?:E|Error): Unable to locate package (\S+)$", re.M),
    re.compile(r"^(?:E|Error): Package '([^']+)' has no installation candidate$", re.M),
)
PROCESSING = re.compile(r"^dpkg: error processing (package|archive) (\S+) \(--?[\w-]+\):$")
ARCHIVE = re.compile(r"(?:/apt-dpkg-install-[^/]+/\d+-|/)?([^/_]+)_[^/]*$")
NEEDS = re.compile(r"^ (\S+) (?:pre-)?depends on ([^\s;]+)")
SETTING_UP = re.compile(r"^(Setting up|Unpacking|Preparing to unpack|Processing triggers|Selecting) ")
FULL = re.compile(r"No space left on device|don't have enough free space in", re.I)
BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
GETS = re.compile(r"^Need to get ([\d.,]+) ?([kMGT]?)B", re.M)
TAKES = re.compile(r"^After this operation, ([\d.,]+) ?([kMGT]?)B of additional disk space", re.M)
URI = re.compile(r"^'[^']+' ([^_\s]+)_[^_\s]*_([\w-]+)\.u?deb (\d+)", re.M)
REMOVED = re.compile(r"^The following packages will be REMOVED:\n((?: .*\n?)+)", re.M)
NOT_YET = re.compile(r"is not valid yet|not yet activated|not yet valid")
KEY = re.compile(r"\b(?:NO_PUBKEY|EXPKEYSIG|KEYEXPIRED|REVKEYSIG|BADSIG)\b")
# What a source's index is refused for, with what a person can do; `{keys}` are the files of its keys.
SOURCE_REMEDIES = (
    (re.compile(r"NO_PUBKEY|is not signed"), "put the key that signs it into {keys}, then run `apt update`"),
    (
        re.compile(r"EXPKEYSIG|KEYEXPIRED|REVKEYSIG"),
        "get its new key from the vendor into {keys}, then run `apt update`",
    ),
    (NOT_YET, "set the clock (`timedatectl`), then restore again"),
    (re.compile(r"is expired \(invalid since"), "its vendor neglects it: see whether it has moved"),
    (
        re.compile(r"\b40[134]\b|does not have a Release file"),
        "it is gone: see where its vendor keeps it now, or remove the file",
    ),
    (re.compile(""), "see whether the source still exists, then run `apt update`"),
)
UNREADABLE = re.compile(
    r"in (?:sources? (?:list|file)|list file|the preferences file) (/\S+)|^E: Syntax error (/[^:\s]+):"
)
CONFLICTING = re.compile(
    r"^(?:E|Error): Conflicting values set for option \S+ regarding source (\S+) (\S+?):? "
)


class Trouble(NamedTuple):
    """Why a package is not there; `kind` is `fetch`, `room`, `unmet` or "" for all else."""

    reason: str
    remedy: str = ""
    kind: str = ""
    state: str = FAILED
    until: str = ""


def unreached(said):
    """Return why no source at all could be reached, in apt's words, or ""."""
    if ANSWERED.search(said) or not ASKED.search(said):
        return ""
    return ": ".join(["no network", *NOT_FETCHED.findall(said)[-1:]])[:LETTERS]


def unmet(said):
    """Return why packages do not go together, by name: `Depends: libx but it is not installable`."""
    found = {}
    for name, kind, rest in UNMET.findall(said):
        found.setdefault(name, f"{kind}: {' '.join(rest.split())}"[:LETTERS])
    for pattern in UNKNOWN:
        found.update(dict.fromkeys(pattern.findall(said), "no source offers it"))
    return found


def unfetched(said):
    """Return why packages could not be downloaded, by name and architecture: `{"tree:amd64": …}`."""
    return {
        f"{unquote(name)}:{architecture}": f"not to be downloaded: {' '.join(why.split())}"[:LETTERS]
        for name, architecture, why in FETCH.findall(said)
    }


def unconfigured(said):
    """Return what dpkg gave up, by name, with its reason and what the package's script said last."""
    found, needs, lines = {}, {}, said.splitlines()
    for number, line in enumerate(lines):
        if needing := NEEDS.match(line):
            needs.setdefault(needing[1], needing[2])
        if given_up := PROCESSING.match(line):
            kind, name = given_up.groups()
            if kind == "archive":
                name = ARCHIVE.search(name)[1] if ARCHIVE.search(name) else name
            reason = (lines[number + 1] if number + 1 < len(lines) else "").strip()
            found.setdefault(name, because(reason, lines[max(0, number - 1)], needs.get(name)))
    return found


def because(reason, before, needed):
    if needed and "dependency problems" in reason:
        return f"it needs {needed}, which could not be configured"
    said = before.strip()
    is_own = said and "script" in reason and not SETTING_UP.match(said) and not said.startswith("dpkg:")
    return (f"{said}: {reason}" if is_own else reason)[:LETTERS]


def complaint(said):
    """Return what apt gave as its reason, in one line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return "; ".join([line for line in lines if ERROR.match(line)][:2])[:LETTERS] or "apt-get failed"


def sizes(said):
    """Return how many bytes a planned installation fetches, and how many more it takes when unpacked."""
    return tuple(size_bytes(pattern.search(said)) for pattern in (GETS, TAKES))


def size_bytes(found):
    return int(float(found[1].replace(",", "")) * BYTES[found[2]]) if found else 0


def file_sizes(said):
    """Return the bytes of each file that a planned installation fetches, `{"tree:amd64": 52464}`."""
    return {f"{name}:{architecture}": int(size) for name, architecture, size in URI.findall(said)}


def removed(said):
    """Return the names of what a planned installation would remove."""
    found = REMOVED.search(said)
    return {name.rstrip("*") for name in found[1].split()} if found else set()


def of_source(said, uris, keys):
    """Return why the index of a source at `uris` could not be read, and a remedy; None if it could.

    A line of apt names the address, and where it begins with `Err:`, the next one says why.
    """
    lines = said.splitlines()
    told = [
        f"{line}: {lines[number + 1].strip()}"
        if line.startswith("Err:") and number + 1 < len(lines)
        else line
        for number, line in enumerate(lines)
        if COMPLAINT.match(line) and any(names(line, uri) for uri in uris)
    ]
    if not told:
        return None
    # A signature says more than that an index is not signed, and both more than that it could not be fetched.
    reason = max(
        told, key=lambda line: (bool(KEY.search(line)), bool(NOT_YET.search(line)), line[:2] == "E:")
    )
    remedy = next(remedy for pattern, remedy in SOURCE_REMEDIES if pattern.search(reason))
    where = " or ".join(keys) or "/etc/apt/trusted.gpg.d"
    return f"its index could not be read: {reason}"[:LETTERS], remedy.format(keys=where)


def names(line, uri):
    bare = uri.rstrip("/")
    return bool(bare.strip("/")) and re.search(re.escape(bare) + r"(?![^/\s])", line) is not None


def unreadable(said):
    """Return the files for which apt reads no sources at all, and the addresses that are told twice.

    Both with apt's words: `{"/etc/apt/sources.list.d/x.list": "E: Malformed entry 1 in…"}`.
    """
    found = {}
    for line in said.splitlines():
        if not ERROR.match(line):
            continue
        if place := UNREADABLE.search(line):
            found[(place[1] or place[2]).rstrip(",")] = line
        elif twice := CONFLICTING.match(line):
            found[twice[1]] = line
    return found
