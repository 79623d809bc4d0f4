"""What does dpkg know about this machine?

All of it is read from its database under /var/lib/dpkg and from apt's extended states: no command
is run, so it works on a system that is not booted. Sources: dpkg(1), deb-conffiles(5),
dpkg-divert(1), apt-mark(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from collectors.debian.stanzas import Malformed, Stanza, parse_stanzas
from collectors.failure import Failure, Finding
from collectors.host import Host, remembered, text
from collectors.record import escaped

STATUS = "/var/lib/dpkg/status"
DIVERSIONS = "/var/lib/dpkg/diversions"
LISTS = "/var/lib/dpkg/info"
EXTENDED_STATES = "/var/lib/apt/extended_states"
ARCHITECTURES = "/var/lib/dpkg/arch"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*:[a-z0-9-]+")
FLAGS = ("obsolete", "remove-on-upgrade")
NOT_INSTALLED = ("not-installed", "config-files", "half-installed")


@dataclass(frozen=True)
class Conffile:
    """A file that its package installs as configuration; `md5` is "" while it was never configured."""

    path: str
    md5: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Package:
    """One stanza of the status file.

    `want` and `state` are the first and the last word of its Status, `needs` the names it depends
    on.
    """

    name: str
    architecture: str
    want: str
    state: str
    essential: bool = False
    priority: str = ""
    section: str = ""
    needs: tuple[str, ...] = ()
    conffiles: tuple[Conffile, ...] = ()
    version: str = ""

    @property
    def installed(self) -> bool:
        """Whether its files are on the disk."""
        return self.state not in NOT_INSTALLED


@dataclass(frozen=True)
class Diversion:
    """Whatever other packages install at `path` lies at `to`; `package` is "" for a local diversion."""

    path: str
    to: str
    package: str


@dataclass(frozen=True)
class Database:
    """What dpkg and apt recorded; `automatic` holds the (name, architecture) nobody asked for."""

    packages: tuple[Package, ...]
    diversions: tuple[Diversion, ...] = ()
    automatic: frozenset[tuple[str, str]] = frozenset()
    findings: tuple[Finding, ...] = ()

    @property
    def architecture(self) -> str:
        """The machine's own architecture: dpkg's."""
        return next((each.architecture for each in self.packages if each.name == "dpkg"), "")

    @property
    def installed(self) -> Iterator[Package]:
        """The packages whose files are on the disk."""
        return (package for package in self.packages if package.installed)


@remembered
def read(host: Host) -> Database:
    """Read the database of `host`; raises Failure where there is none."""
    try:
        status = host.read(STATUS).decode(errors="surrogateescape")
    except FileNotFoundError:
        raise Failure(f"{STATUS} is missing", remedy="name the root of a Debian or Ubuntu") from None
    packages, broken = parse_status(status)
    diversions, odd = parse_diversions(text(host, DIVERSIONS))
    automatic, lost = parse_extended_states(text(host, EXTENDED_STATES))
    return Database(packages, diversions, automatic, (*broken, *odd, *lost))


def parse_status(content: str) -> tuple[tuple[Package, ...], tuple[Finding, ...]]:
    """Return the packages of a status file, and its lines that are not understood."""
    stanzas, malformed = parse_stanzas(content)
    findings = [_finding(STATUS, each) for each in malformed]
    packages = []
    for stanza in stanzas:
        words = stanza.get("Status").split()
        if not NAME.fullmatch(f"{stanza.get('Package')}:{stanza.get('Architecture')}"):
            findings.append(_finding(STATUS, Malformed(stanza.line, "no Package and Architecture")))
            continue
        if len(words) != 3:
            findings.append(_finding(STATUS, Malformed(stanza.line, "no Status of three words")))
            continue
        conffiles, odd = parse_conffiles(stanza.get("Conffiles"))
        findings.extend(
            _finding(STATUS, Malformed(stanza.line, f"Conffiles: {escaped(line)}")) for line in odd
        )
        packages.append(_package(stanza, words, conffiles))
    return tuple(packages), tuple(findings)


def parse_conffiles(value: str) -> tuple[tuple[Conffile, ...], tuple[str, ...]]:
    """Return the conffiles of a `Conffiles` field, and its lines that are none.

    A line is `/path md5 [obsolete] [remove-on-upgrade]`, `newconffile` in place of an md5 that is
    not known yet. The path may have blanks in it: a line is read from its end.
    """
    conffiles, odd = [], []
    for line in filter(str.strip, value.split("\n")):
        flags = []
        rest = line.strip()
        while rest.endswith(tuple(f" {flag}" for flag in FLAGS)):
            rest, _, flag = rest.rpartition(" ")
            flags.append(flag)
        path, _, md5 = rest.rpartition(" ")
        if not path.startswith("/") or not _known_md5(md5):
            odd.append(line)
            continue
        conffiles.append(Conffile(path, "" if md5 == "newconffile" else md5, tuple(sorted(flags))))
    return tuple(conffiles), tuple(odd)


def parse_relations(value: str) -> tuple[str, ...]:
    """Return the names in a field such as `libc6 (>= 2.36), awk | gawk:any`, each alternative too."""
    words = (part.split("(")[0].split("[")[0].strip() for part in re.split(r"[,|]", value))
    return tuple(sorted({word.partition(":")[0] for word in words if word}))


def with_needs(packages: Iterable[str], database: Database) -> frozenset[str]:
    """Return the names of `packages` and of all installed packages that these need."""
    installed = {package.name: package for package in database.installed}
    reached: set[str] = set()
    ahead = [name for name in packages if name in installed]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead.extend(need for need in installed[name].needs if need in installed)
    return frozenset(reached)


def parse_diversions(content: str) -> tuple[tuple[Diversion, ...], tuple[Finding, ...]]:
    """Return the diversions: three lines each, the path, where it lies, and who asked (`:` the owner)."""
    lines = content.split("\n")[:-1] if content.endswith("\n") else content.split("\n")
    if not content:
        return (), ()
    whole = len(lines) - len(lines) % 3
    triples = zip(lines[0:whole:3], lines[1:whole:3], lines[2:whole:3], strict=True)
    diversions = tuple(Diversion(path, to, "" if by == ":" else by) for path, to, by in triples)
    if whole == len(lines):
        return diversions, ()
    return diversions, (_finding(DIVERSIONS, Malformed(whole + 1, "not three lines to a diversion")),)


def parse_extended_states(
    content: str,
) -> tuple[frozenset[tuple[str, str]], tuple[Finding, ...]]:
    """Return the (name, architecture) of each package that was installed for another one's sake."""
    stanzas, malformed = parse_stanzas(content)
    automatic = frozenset(
        (stanza.get("Package"), stanza.get("Architecture"))
        for stanza in stanzas
        if stanza.get("Auto-Installed") == "1"
    )
    return automatic, tuple(_finding(EXTENDED_STATES, each) for each in malformed)


def foreign_architectures(host: Host, database: Database) -> tuple[str, ...]:
    """Return the architectures that were added to the machine's own (dpkg --add-architecture), sorted."""
    return tuple(sorted({*map(escaped, text(host, ARCHITECTURES).split())} - {database.architecture, "all"}))


def owners(host: Host, database: Database, under: tuple[str, ...]) -> Mapping[str, str]:
    """Return the package that put each path there, for the paths that begin with one of `under`."""
    diverted = {diversion.path: diversion for diversion in database.diversions}
    found = {}
    for name, content in lists(host).items():
        package = name.partition(":")[0]
        for path in paths_under(content, under):
            found[_place(path, package, diverted)] = package
    return found


@remembered
def lists(host: Host) -> Mapping[str, str]:
    """Return what dpkg lists as brought by each package, by its name (`libc6:amd64`): one path in a line."""
    names = [name.removesuffix(".list") for name in host.list(LISTS) if name.endswith(".list")]
    return {name: text(host, f"{LISTS}/{name}.list") for name in names}


def placed_conffiles(packages: Iterable[Package], database: Database) -> Iterator[tuple[Conffile, Package]]:
    """Yield each conffile with its package, at the path where diversions let it lie."""
    diverted = {diversion.path: diversion for diversion in database.diversions}
    for package in packages:
        for conffile in package.conffiles:
            path = _place(conffile.path, package.name, diverted)
            yield Conffile(path, conffile.md5, conffile.flags), package


def paths_under(content: str, under: tuple[str, ...]) -> list[str]:
    """Return the paths of a `.list` file that begin with one of `under`."""
    if not any(content.startswith(each) or f"\n{each}" in content for each in under):
        return []
    return [line for line in content.split("\n") if line.startswith(under)]


def _place(path: str, package: str, diverted: Mapping[str, Diversion]) -> str:
    diversion = diverted.get(path)
    return diversion.to if diversion and diversion.package != package else path


def _package(stanza: Stanza, words: list[str], conffiles: tuple[Conffile, ...]) -> Package:
    return Package(
        name=stanza.get("Package"),
        architecture=stanza.get("Architecture"),
        want=words[0],
        state=words[2],
        essential=stanza.get("Essential") == "yes",
        priority=stanza.get("Priority"),
        section=stanza.get("Section"),
        needs=parse_relations(f"{stanza.get('Pre-Depends')}, {stanza.get('Depends')}"),
        conffiles=conffiles,
        version=escaped(stanza.get("Version")),
    )


def _known_md5(word: str) -> bool:
    return word == "newconffile" or (len(word) == 32 and all(c in "0123456789abcdef" for c in word))


def _finding(path: str, malformed: Malformed) -> Finding:
    return Finding(f"{path}:{malformed.line}", malformed.reason, "run `dpkg --audit`")
