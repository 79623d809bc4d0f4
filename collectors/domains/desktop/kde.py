"""How is KDE Plasma set up?

Sources: the KDE UserBase and develop wikis on configuration files, KConfig, KWindowConfig, kglobalaccel. Most
of these files mix choices with churn, so they are told key by key; kde.yaml beside this module names the
files and the churn. Shortcuts are told where they differ from the program's own.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from collectors.collected import Cover
from collectors.domains.desktop.churn import is_churn, kde
from collectors.domains.desktop.kconfig import (
    Setting,
    decoded,
    effective,
    encoded,
    list_of,
    parse_kconfig,
    rendered,
)
from collectors.domains.desktop.panels import settled
from collectors.domains.desktop.part import Part, Trim, kept, kept_apart, trimmed
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Host
from collectors.judgement.capture import content_of
from collectors.judgement.knowledge import knowledge
from collectors.reading.places import expanded
from collectors.record import Thing, escaped, unescaped

CONFIG = ".config"
SHORTCUTS = "kglobalshortcutsrc"
LAYOUT = "plasma-org.kde.plasma.desktop-appletsrc"
KWRITE = "$(command -v kwriteconfig6 || echo kwriteconfig5)"
BY_KEY = "its settings, told key by key"
MADE = "made anew by KDE"


class KdeKey(Thing):
    r"""One setting of KDE: `FocusPolicy` in `[Windows]` of ~ada/.config/kwinrc.

    The names are escaped, `value` is written as in the file: one line, `\s`, `\t`, `\n`, `\\`, `\xNN` for
    what it cannot hold. `options` are those of the key: `e` with variables, `i` locked, `d` deleted. Of a
    shortcut, `value` is `active,default`, and `label` what the program calls it.
    """

    KIND: ClassVar[str] = "kde"
    FREE: ClassVar[frozenset[str]] = frozenset({"label"})

    user: str
    file: str
    group: tuple[str, ...]
    key: str
    value: str
    options: str = ""
    locale: str = ""
    label: str = ""

    def item_name(self) -> str:
        """Return `~ada/kwinrc/Windows/FocusPolicy`."""
        locale = f"[{self.locale}]" if self.locale else ""
        names = (each.replace("/", r"\x2f").replace("[", r"\x5b") for each in (*self.group, self.key))
        return "/".join((f"~{self.user}", self.file, *names)) + locale

    def by_hand(self) -> str:
        """Return how its owner sets it; kwriteconfig knows neither locales nor the other options."""
        if self.locale or self.options not in ("", "d"):
            return ""
        groups = (f"--group {shlex.quote(unescaped(each))}" for each in self.group)
        words = [f'"{KWRITE}"', "--file", shlex.quote(unescaped(self.file)), *groups]
        words += ["--key", shlex.quote(unescaped(self.key))]
        if "d" in self.options:
            return " ".join((*words, "--delete", "''"))
        value = f"{self.value},{self.label}" if self.is_shortcut else self.value
        return " ".join((*words, "--", shlex.quote(decoded(value))))

    @property
    def is_shortcut(self) -> bool:
        """Whether the file has the program's name for it behind the value."""
        return self.file == SHORTCUTS and bool(self.label)


@dataclass(frozen=True)
class Keys:
    """What the settings of one file come to."""

    things: tuple[KdeKey, ...]
    secrets: tuple[tuple[str, str], ...]


def collect_kde(host: Host, home: Home) -> Part[KdeKey]:
    """Return the settings of KDE in one home: keys, and the files that are told as such."""
    paths, unseen = expanded(host, home.within(CONFIG), kde().keys)
    keyed = [_keyed(host, home, path) for path in sorted(paths)]
    files, hidden = expanded(host, home.path, kde().trees)
    whole, denied = expanded(host, home.path, kde().whole)
    made, _ = expanded(host, home.path, kde().made)
    layouts = (outcome for path in whole for outcome in trimmed(host, path, _trim(path)))
    return Part(
        things=tuple(thing for part in keyed for thing in part.things),
        outcomes=(*(each for part in keyed for each in part.outcomes), *kept(host, *files), *layouts),
        findings=(*unseen, *hidden, *denied, *(each for part in keyed for each in part.findings)),
        covers=(*(Cover(path, BY_KEY) for path in paths), *(Cover(path, MADE) for path in made)),
    )


def keys_of(found: Iterable[Setting], user: str, file: str, path: str) -> Keys:
    """Return the settings of `file` that somebody chose, secrets apart with the reason of each."""
    things, secrets = [], []
    meant = [each for each in effective(found) if not is_churn(file, each)]
    suspect = _secret(path, *meant)
    for each in meant:
        thing = _thing(each, user, file)
        if thing and suspect and (why := _secret(path, each)):
            secrets.append(("/".join((*thing.group, thing.key)), why))
        elif thing:
            things.append(thing)
    return Keys(tuple(things), tuple(secrets))


def _keyed(host: Host, home: Home, path: str) -> Part[KdeKey]:
    content = _config(host, path)
    if isinstance(content, Finding):
        return Part(findings=(content,))
    found, odd = parse_kconfig(content, path=escaped(path))
    keys = keys_of(found, home.user, path.removeprefix(f"{home.within(CONFIG)}/"), path)
    return Part(keys.things, tuple(kept_apart(path, keys.secrets)), odd)


def _secret(path: str, *settings: Setting) -> str:
    """Return why one of `settings` must not be in the clear, or ""."""
    lines = "\n".join(f"{each.key}={each.value}" for each in settings)
    return knowledge().secret(path, lines.encode(errors="surrogateescape"))


def _config(host: Host, path: str) -> str | Finding:
    entry = host.look(path)
    if entry is None or entry.is_dir:
        return ""
    content = content_of(host, path)
    return content if isinstance(content, Finding) else content.decode(errors="surrogateescape")


def _thing(setting: Setting, user: str, file: str) -> KdeKey | None:
    """Return the record of a setting, None for a shortcut that is as the program made it."""
    value, label = setting.value, ""
    if file == SHORTCUTS:
        parts = _shortcut(value)
        if parts and parts[0] == parts[1]:
            return None
        value, label = (f"{parts[0]},{parts[1]}", parts[2]) if parts else (value, "")
    return KdeKey(
        user=user,
        file=escaped(file),
        group=tuple(map(escaped, setting.group)),
        key=escaped(setting.key),
        value=encoded(value),
        options="".join(sorted({*setting.options, *("i" if setting.locked else "")})),
        locale=escaped(setting.locale),
        label=encoded(label),
    )


def _shortcut(value: str) -> tuple[str, str, str] | None:
    """Return the active and the default keys of a shortcut and its name; None if it is no such."""
    parts = list_of(value)
    if len(parts) != 3:
        return None
    active, default, label = (part.replace("\\", "\\\\").replace(",", "\\,") for part in parts)
    return active, default, label


def _trim(path: str) -> Trim:
    return partial(without_churn, path=escaped(path), file=path.rpartition("/")[2])


def without_churn(text: str, *, path: str, file: str) -> tuple[str, tuple[Finding, ...]]:
    """Return what the owner means of the text of `file`, by its name, and the lines that are malformed."""
    found, odd = parse_kconfig(text, path=path)
    kept: Iterable[Setting] = (each for each in found if not is_churn(file, each))
    return rendered(settled(kept, kde().layout) if file == LAYOUT else kept), odd
