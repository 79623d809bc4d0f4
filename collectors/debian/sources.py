"""How are apt's package sources written?

Both formats of sources.list(5). A line that does not parse is a finding; the file is captured byte
for byte by whoever asks, so nothing is lost by it.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from collectors.debian.stanzas import Stanza, parse_stanzas
from collectors.failure import Finding
from collectors.record import Record

Format = Literal["one-line", "deb822"]

REMEDY = "mend it: apt does not read it either"
TYPES = ("deb", "deb-src")
OFF = ("no", "false", "without", "off", "disable", "0")

# The one-line options whose deb822 field is not the same word with capitals (sources.list(5)).
FIELDS = {
    "arch": "Architectures",
    "lang": "Languages",
    "target": "Targets",
    "pdiffs": "PDiffs",
    "by-hash": "By-Hash",
}
SUFFIXES = {"+": "-Add", "-": "-Remove", "": ""}
DEB822_FIELDS = ("types", "uris", "suites", "components", "enabled")

# A word may hold a part in brackets, where blanks do not end it: `cdrom:[Debian 12 _Bookworm_]/`.
WORD = re.compile(r"(?:\[[^\]]*\]|[^\s\[])+")
OPTION = re.compile(r"([A-Za-z][A-Za-z-]*?)([+-]?)=(\S+)")


class SourceEntry(Record):
    """One package source, whichever format it is written in (sources.list(5)).

    `options` holds every field besides the five, by its deb822 name: `{"Signed-By": "/etc/apt/…"}`.
    """

    types: tuple[str, ...]
    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...] = ()
    enabled: bool = True
    options: dict[str, str] = Field(default_factory=dict)


def format_of(path: str) -> Format:
    """Return the format that apt takes from a file's name."""
    return "deb822" if path.endswith(".sources") else "one-line"


def parse_sources(content: str, *, path: str) -> tuple[tuple[SourceEntry, ...], tuple[Finding, ...]]:
    """Return the sources that are written in `content`, in whichever format the name of `path`
    tells.
    """
    return (parse_deb822 if format_of(path) == "deb822" else parse_one_line)(content, path=path)


def parse_one_line(content: str, *, path: str) -> tuple[tuple[SourceEntry, ...], tuple[Finding, ...]]:
    """Return the entries `deb [options] uri suite components…`; a line that begins with `#` is none."""
    entries, findings = [], []
    for number, line in enumerate(content.split("\n"), start=1):
        bare = _without_comment(line).strip()
        if not bare:
            continue
        entry = _line_entry(bare)
        if isinstance(entry, SourceEntry):
            entries.append(entry)
        else:
            findings.append(Finding(f"{path}:{number}", entry, REMEDY))
    return tuple(entries), tuple(findings)


def parse_deb822(content: str, *, path: str) -> tuple[tuple[SourceEntry, ...], tuple[Finding, ...]]:
    """Return one entry for each stanza."""
    stanzas, malformed = parse_stanzas(content)
    entries = []
    findings = [Finding(f"{path}:{each.line}", each.reason, REMEDY) for each in malformed]
    for stanza in stanzas:
        entry = _stanza_entry(stanza)
        if isinstance(entry, SourceEntry):
            entries.append(entry)
        else:
            findings.append(Finding(f"{path}:{stanza.line}", entry, REMEDY))
    return tuple(entries), tuple(findings)


def signed_by_paths(entry: SourceEntry) -> tuple[str, ...]:
    """Return the keyring files an entry names; `Signed-By` may also hold fingerprints, or a key itself."""
    value = next((value for name, value in entry.options.items() if name.lower() == "signed-by"), "")
    return tuple(word for word in re.split(r"[\s,]+", value) if word.startswith("/"))


def _without_comment(line: str) -> str:
    """Cut a comment off as apt does: from the first `#` that is not in brackets."""
    depth = 0
    for place, letter in enumerate(line):
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "#" and depth <= 0:
            return line[:place]
    return line


def _line_entry(line: str) -> SourceEntry | str:
    """Return the entry of one line, or what is wrong with it."""
    kind, _, rest = line.replace("\t", " ").partition(" ")
    rest = rest.strip()
    options: dict[str, str] | None = {}
    if rest.startswith("["):
        inner, closed, rest = rest[1:].partition("]")
        options = _line_options(inner) if closed else None
    words = WORD.findall(rest)
    if options is None:
        return "options that are not understood"
    if kind not in TYPES or len(words) < 2 or WORD.sub("", rest).strip():
        return "not `deb [options] uri suite components…`"
    return _checked((kind,), (words[0],), (words[1],), tuple(words[2:]), True, options)


def _line_options(inner: str) -> dict[str, str] | None:
    options: dict[str, str] = {}
    for word in inner.split():
        found = OPTION.fullmatch(word)
        if not found:
            return None
        name = FIELDS.get(found[1].lower(), found[1].title()) + SUFFIXES[found[2]]
        value = found[3].replace(",", " ")
        options[name] = f"{options[name]} {value}" if name in options else value
    return options


def _stanza_entry(stanza: Stanza) -> SourceEntry | str:
    """Return the entry of one stanza, or what is wrong with it."""
    rest = {name: value for name, value in stanza.fields.items() if name.lower() not in DEB822_FIELDS}
    types, uris, suites, components = (
        tuple(stanza.get(name).split()) for name in ("Types", "URIs", "Suites", "Components")
    )
    if not types or any(kind not in TYPES for kind in types):
        return "Types is neither deb nor deb-src"
    return _checked(types, uris, suites, components, stanza.get("Enabled").lower() not in OFF, rest)


def _checked(
    types: tuple[str, ...],
    uris: tuple[str, ...],
    suites: tuple[str, ...],
    components: tuple[str, ...],
    enabled: bool,
    options: dict[str, str],
) -> SourceEntry | str:
    """Return the entry, or what apt would say of it: a suite that ends in `/` is flat, without components."""
    if not uris or not all(":" in uri for uri in uris):
        return "no URI"
    if not suites:
        return "no suite"
    if any(suite.endswith("/") == bool(components) for suite in suites):
        return "components belong to a suite, and none to a path that ends in /"
    if not _utf8((*types, *uris, *suites, *components, *options, *options.values())):
        return "not UTF-8"
    return SourceEntry(
        types=types,
        uris=uris,
        suites=suites,
        components=components,
        enabled=enabled,
        options=options,
    )


def _utf8(words: tuple[str, ...]) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for word in words for letter in word)
