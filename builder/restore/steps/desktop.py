"""Which steps bring the look and the behaviour of a desktop back?

Keys of KDE and of dconf come by the hundred, so a module of their own brings them. What is too large for a
posture, only its owner can fetch, from the page that it came from.
"""

from __future__ import annotations

import re
import shlex
from typing import Any, ClassVar

from builder.restore.report import Outcome, State
from builder.restore.steps.commands import step_of, untold
from builder.restore.steps.step import Step, Steps, Target
from collectors.domains.desktop import Desktop
from collectors.domains.desktop.fonts import Font
from collectors.domains.desktop.gnome import EXTENSIONS, DconfKey, Extension
from collectors.domains.desktop.kconfig import decoded, encoded, list_of
from collectors.domains.desktop.kde import SHORTCUTS, KdeKey
from collectors.domains.desktop.look import Bundle
from collectors.record import File, Thing, unescaped, word

# Those have their keys as `active` alone.
LAUNCHERS = "services"
LOCALE = re.compile(r"[\w.@-]*", re.ASCII)
OPTIONS = re.compile(r"[a-z]*")


class KdeStep(Step):
    r"""A key of KDE as its `file` below ~/.config has it: `[Windows]`, `FocusPolicy=ClickToFocus`.

    `header` is "" for what stands before all groups; `file` is escaped.
    """

    PART: ClassVar[str] = "kde"

    user: str
    file: str
    header: str
    line: str
    by_hand: str


class DconfStep(Step):
    """A key of a person's dconf, escaped, and its value in GVariant text format."""

    PART: ClassVar[str] = "dconf"

    user: str
    key: str
    value: str
    by_hand: str


def steps(to: Target) -> Steps:
    """Yield the steps of the section desktop."""
    here = frozenset(file.path for file in to.posture.desktop.files)
    for thing in to.things(Desktop.NAME):
        if not isinstance(thing, File):
            try:
                yield _made(thing, here)
            except ValueError as odd:
                yield _outcome(thing, "failed", str(odd), "mend the posture")


def _made(thing: Thing, files: frozenset[str]) -> Step | Outcome:
    if isinstance(thing, KdeKey):
        return kde(thing)
    if isinstance(thing, DconfKey):
        about = {"id": thing.item_id(), "section": Desktop.NAME, "by_hand": thing.by_hand()}
        return DconfStep(**about, user=thing.user, key=thing.key, value=thing.value)
    if isinstance(thing, Extension):
        return extension(thing, files)
    if isinstance(thing, Bundle | Font):
        return too_large(thing)
    return untold(thing)


def kde(thing: KdeKey) -> KdeStep:
    """Return the step of a key; raises ValueError for one that a file of KDE could not hold."""
    told = LOCALE.fullmatch(thing.locale) and OPTIONS.fullmatch(thing.options)
    if not (thing.key and all(thing.group) and told):
        raise ValueError("not a key that a file of KDE can hold")
    return KdeStep(
        id=thing.item_id(),
        section=Desktop.NAME,
        user=thing.user,
        file=thing.file,
        header="".join(f"[{_name(each)}]" for each in thing.group),
        line=line(thing),
        by_hand=thing.by_hand() or "edit the file",
    )


def line(thing: KdeKey) -> str:
    r"""Return the line of a key as KConfig writes it: `Font[de][$e]=a\tb`, `Font[$d]`."""
    locale = f"[{thing.locale}]" if thing.locale else ""
    options = f"[${thing.options}]" if thing.options else ""
    key = _name(thing.key).replace("=", r"\x3d")
    key = rf"\x23{key[1:]}" if key.startswith("#") else key
    deleted = "d" in thing.options
    return f"{key}{locale}{options}" + ("" if deleted else f"={encoded(decoded(_value(thing)))}")


def _value(thing: KdeKey) -> str:
    """Return what stands behind a key; of a shortcut that is `active,default,label`, whatever the label."""
    is_shortcut = thing.file == SHORTCUTS and thing.group[:1] != (LAUNCHERS,)
    if thing.label or (is_shortcut and len(list_of(decoded(thing.value))) == 2):
        return f"{thing.value},{thing.label}"
    return thing.value


def _name(escaped_name: str) -> str:
    """Return a group or a key as KConfig writes it."""
    shown = encoded(unescaped(escaped_name)).replace("[", r"\x5b").replace("]", r"\x5d")
    return r"\x24i" if shown == "$i" else shown


def extension(thing: Extension, files: frozenset[str]) -> Step | Outcome:
    """Return what becomes of an extension: it has come with its files, or GNOME Shell asks for it."""
    if thing.from_site:
        return _until_login(thing, "GNOME Shell fetches it and asks its owner", thing.by_hand())
    folder = f"{EXTENSIONS}/{thing.uuid}/"
    if not any(f"/{folder}" in path for path in files):
        reason = "too large for a posture, and its site does not have it"
        return _outcome(
            thing, "unavailable", reason, f"copy it to ~/{folder}, or see {thing.url or 'where it is from'}"
        )
    metadata = word(f"{folder}metadata.json")
    complaint = shlex.quote("its files did not come back")
    return step_of(
        Desktop.NAME,
        thing,
        command=f"test -f {metadata} || {{ echo {complaint}; exit 1; }}",
        by_hand=f"see what became of the files in ~/{folder}",
    )


def too_large(thing: Bundle | Font) -> Outcome:
    """Return what becomes of a theme or a font that a posture does not hold."""
    if thing.page:
        return _until_login(thing, "too large for a posture; its page has it", thing.by_hand())
    reason = "too large for a posture, and its page is not known"
    return _outcome(thing, "unavailable", reason, f"copy it to {thing.name}")


def _until_login(thing: Thing, reason: str, command: str) -> Outcome:
    return _outcome(thing, "deferred", reason, f"log in, then `{command}`", until="login")


def _outcome(thing: Thing, state: State, reason: str, remedy: str, **more: Any) -> Outcome:
    return Outcome(id=thing.item_id(), state=state, reason=reason, remedy=remedy, **more)
