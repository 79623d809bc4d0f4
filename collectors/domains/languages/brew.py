"""What did Homebrew install because somebody asked, and from which taps?

Sources: `INSTALL_RECEIPT.json` of each keg (the formula's cookbook calls it the tab), and the folders
`Cellar`, `Caskroom` and `Library/Taps` of its prefix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from collectors.collected import Cover, Loss
from collectors.domains.languages.package import Package, command, launchers, secrets_left_out, shown
from collectors.domains.languages.reading import (
    content,
    folders,
    json_table,
    name_of,
    open_homes,
    word,
    words,
)
from collectors.failure import Finding
from collectors.host import Entry, Host
from collectors.reading.looking import Outcome, entry_at, mapping
from collectors.record import escaped

SHARED = "/home/linuxbrew/.linuxbrew"
USUAL_TAPS = ("homebrew/core", "homebrew/cask")
TAPS = ("Homebrew/Library/Taps", "Library/Taps")
# Where brew links what is in kegs.
LINKED = ("include", "lib", "share", "var/homebrew")
FOR_ANOTHER = "made anew by brew for a formula that needs it"


class Formula(Package):
    """A formula that was asked for; `tap` is where it is from, "" for Homebrew's own."""

    KIND: ClassVar[str] = "brew"

    tap: str = ""
    options: tuple[str, ...] = ()
    pinned: bool = False

    def by_hand(self) -> str:
        """Return how brew installs it."""
        name = f"{self.tap}/{self.name}" if self.tap else self.name
        asked = brew(self.user, "install", *self.options, name)
        return f"{asked} && {brew(self.user, 'pin', self.name)}" if self.pinned else asked


class Cask(Package):
    """A cask."""

    KIND: ClassVar[str] = "brew-cask"

    def by_hand(self) -> str:
        """Return how brew installs it."""
        return brew(self.user, "install", "--cask", self.name)


class Tap(Package):
    """A repository of formulae that was added, `ada/tools`; `url` is where it is cloned from."""

    KIND: ClassVar[str] = "brew-tap"

    url: str = ""

    def by_hand(self) -> str:
        """Return how brew adds it, "" where it has no remote."""
        return brew(self.user, "tap", self.name, self.url) if self.url else ""


def brew(user: str, *words: str) -> str:
    """Return the words as a command of a person's brew, or of the machine's, which never runs as root."""
    if user:
        return command("brew", *words)
    return f'sudo -iu "$(stat -c %U {SHARED})" {command(f"{SHARED}/bin/brew", *words)}'


@dataclass(frozen=True)
class Tab:
    """What a keg's receipt says."""

    on_request: bool
    tap: str = ""
    options: tuple[str, ...] = ()


def found(host: Host) -> Iterator[Outcome]:
    """Yield what each Homebrew installed: the machine's, and that of a person."""
    prefixes = [("", SHARED)]
    prefixes += [
        (home.user, home.within(".linuxbrew")) for home in open_homes(host) if home.path != "/home/linuxbrew"
    ]
    for user, prefix in prefixes:
        told = (*formulae(host, prefix, user), *casks(host, prefix, user), *taps(host, prefix, user))
        yield from told
        if told:
            yield from (Cover(f"{prefix}/{folder}", "made anew by brew") for folder in LINKED)
        covers = [each for each in told if isinstance(each, Cover)]
        yield from launchers(host, (f"{prefix}/bin", f"{prefix}/sbin", f"{prefix}/opt"), covers)


def formulae(host: Host, prefix: str, user: str) -> Iterator[Outcome]:
    """Yield what comes of each formula: the newest version that is there counts."""
    for rack in folders(host, f"{prefix}/Cellar"):
        if isinstance(rack, Finding):
            yield rack
            continue
        kegs = list(folders(host, rack.path))
        yield from (each for each in kegs if isinstance(each, Finding))
        newest = max(
            (each for each in kegs if isinstance(each, Entry)), key=lambda each: each.mtime_ns, default=None
        )
        if newest:
            yield from _formula(host, prefix, user, rack, newest)


def _formula(host: Host, prefix: str, user: str, rack: Entry, keg: Entry) -> Iterator[Outcome]:
    path = f"{keg.path}/INSTALL_RECEIPT.json"
    text = content(host, path)
    tab = parse_tab(text, escaped(path)) if isinstance(text, str) else text
    if not isinstance(tab, Tab):
        yield tab or Finding(escaped(keg.path), "no INSTALL_RECEIPT.json", "brew reinstall it")
        return
    by = FOR_ANOTHER
    if tab.on_request:
        formula = Formula(
            user=escaped(user),
            name=escaped(name_of(rack)),
            version=escaped(name_of(keg)),
            tap="" if tab.tap in USUAL_TAPS else shown(tab.tap),
            options=tuple(map(shown, tab.options)),
            pinned=entry_at(host, f"{prefix}/var/homebrew/pinned/{name_of(rack)}")[0] is not None,
        )
        yield formula
        by = formula.item_id()
    yield Cover(rack.path, by)


def casks(host: Host, prefix: str, user: str) -> Iterator[Outcome]:
    """Yield what comes of each cask; its versions are folders beside `.metadata`."""
    for folder in folders(host, f"{prefix}/Caskroom"):
        if isinstance(folder, Finding):
            yield folder
            continue
        inside = [name_of(each) for each in folders(host, folder.path) if isinstance(each, Entry)]
        version = max((name for name in inside if not name.startswith(".")), default="")
        cask = Cask(user=escaped(user), name=escaped(name_of(folder)), version=escaped(version))
        yield cask
        yield Cover(folder.path, cask.item_id())


def taps(host: Host, prefix: str, user: str) -> Iterator[Outcome]:
    """Yield what comes of each tap: a folder `ada/homebrew-tools` is the tap `ada/tools`."""
    for top in TAPS:
        for owner in folders(host, f"{prefix}/{top}"):
            for clone in (owner,) if isinstance(owner, Finding) else folders(host, owner.path):
                if isinstance(clone, Finding):
                    yield clone
                elif isinstance(owner, Entry):
                    yield from _tap(host, user, name_of(owner), clone)


def _tap(host: Host, user: str, owner: str, clone: Entry) -> Iterator[Outcome]:
    name = f"{owner}/{name_of(clone).removeprefix('homebrew-')}"
    text = content(host, f"{clone.path}/.git/config")
    if isinstance(text, Finding):
        yield text
    if name in USUAL_TAPS:
        yield Cover(clone.path, "made anew by brew")
        return
    url = parse_origin(text) if isinstance(text, str) else ""
    tap = Tap(user=escaped(user), name=escaped(name), url=shown(url))
    yield tap
    yield from secrets_left_out(f"{clone.path}/.git/config", url)
    yield Cover(clone.path, tap.item_id())
    if not tap.url:
        remedy = "push it to a remote"
        yield Loss("no-remote", tap.item_id(), "a tap of Homebrew that is on this machine alone", remedy)


def parse_tab(text: str, path: str) -> Tab | Finding:
    """Return what an INSTALL_RECEIPT.json says."""
    data = json_table(text, path)
    if isinstance(data, Finding):
        return data
    on_request = data.get("installed_on_request") is True or "installed_on_request" not in data
    return Tab(on_request, word(mapping(data.get("source")).get("tap")), words(data.get("used_options")))


def parse_origin(text: str) -> str:
    """Return the address of the remote `origin` in a git config, "" where there is none."""
    section = ""
    for line in text.split("\n"):
        key, _, value = line.partition("=")
        if line.strip().startswith("["):
            section = line.strip()
        elif section == '[remote "origin"]' and key.strip() == "url":
            return value.strip()
    return ""
