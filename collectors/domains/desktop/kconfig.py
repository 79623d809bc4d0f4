r"""What does a KConfig file say?

Sources: KConfigIniBackend of KDE Frameworks, and the "KDE System Administration" chapter on configuration
files. A file is groups (`[A][B]`), each with lines `key[options]=value`; a value is written with the escapes
`\s` (space), `\t`, `\n`, `\r`, `\\` and `\xNN`. Options are `[$i]` (locked), `[$e]` (with variables),
`[$d]` (deleted: the system's value does not shine through), or a locale (`[de]`). Desktop entries, the
settings of Qt and index.theme files are written in nearly the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from collectors.failure import Finding

HEADER = re.compile(r"\[([^\]]*)\]")
ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
PLAIN = {"s": " ", "t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
WRITTEN = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
UNWRITABLE = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Setting:
    r"""One line of a file: `Font[$e]=a\tb` in `[General]`, its value decoded.

    `options` are the sorted letters behind `$`, `locked` says that its whole group or file is. `header` and
    `line` are as written.
    """

    group: tuple[str, ...]
    key: str
    value: str
    options: str = ""
    locale: str = ""
    locked: bool = False
    header: str = ""
    line: str = ""


def parse_kconfig(text: str, *, path: str) -> tuple[tuple[Setting, ...], tuple[Finding, ...]]:
    """Return the settings in the order of the file, and the lines that are neither that nor a group.

    As in KDE, what follows a malformed group belongs to the group before it.
    """
    group: tuple[str, ...] = ()
    header, locked, all_locked = "", False, False
    found, findings = [], []
    for number, line in enumerate((each.strip() for each in text.split("\n")), start=1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            names = _group(line)
            if names is None:
                findings.append(_finding(path, number))
            elif names == ("$i",):
                all_locked = True
            else:
                locked = names[-1] == "$i" and len(names) > 1
                group, header = tuple(map(decoded, names[:-1] if locked else names)), line
            continue
        setting = _setting(line, group, header, locked or all_locked)
        if setting is None:
            findings.append(_finding(path, number))
        else:
            found.append(setting)
    return tuple(found), tuple(findings)


def effective(settings: Iterable[Setting]) -> tuple[Setting, ...]:
    """Return the settings that count: of several lines for one key the last."""
    return tuple({(each.group, each.key, each.locale): each for each in settings}.values())


def rendered(settings: Iterable[Setting]) -> str:
    """Write settings under their groups, line for line as they were; a group without any is not written."""
    written: list[str] = []
    header = ""
    for each in settings:
        if each.header != header:
            header = each.header
            written += ["", header] if written else [header]
        written.append(each.line)
    return "".join(f"{line}\n" for line in written)


def decoded(written: str) -> str:
    r"""Return what a value in a file stands for: `a\sb` is `a b`; what is no escape stays as it is."""
    if "\\" not in written:
        return written
    raw = ESCAPE.sub(_letter, written)
    return raw.encode(errors="surrogateescape").decode(errors="surrogateescape")


def encoded(value: str) -> str:
    r"""Write a value as KConfig does, in one line of UTF-8: `decoded` gives it back."""
    shown = UNWRITABLE.sub(lambda found: WRITTEN.get(found[0]) or _bytes(found[0]), value)
    begin = "\\s" if shown.startswith(" ") else shown[:1]
    end = "\\s" if shown.endswith(" ") and len(shown) > 1 else shown[1:][-1:]
    return begin + shown[1:-1] + end


def list_of(value: str) -> list[str]:
    r"""Return the parts of a decoded list, `a,b\,c` giving `a` and `b,c`."""
    parts, part, letters = [], "", iter(value)
    for letter in letters:
        if letter == ",":
            parts.append(part)
            part = ""
        else:
            part += next(letters, letter) if letter == "\\" else letter
    return [*parts, part]


def _group(line: str) -> tuple[str, ...] | None:
    """Return the names in a header `[A][B]`; text behind the last bracket counts for nothing."""
    names, at = [], 0
    while at < len(line) and line[at] == "[":
        part = HEADER.match(line, at)
        if part is None:
            return None
        names.append(part[1])
        at = part.end()
    return tuple(names)


def _setting(line: str, group: tuple[str, ...], header: str, locked: bool) -> Setting | None:
    """Return the setting of a line, None where it has no key, no `=`, an open bracket or two locales."""
    key, equals, value = (part.strip() for part in line.partition("="))
    options, locale, seen = "", "", False
    while "[" in key:
        key, _, rest = key.rpartition("[")
        inner, closed, _ = rest.partition("]")
        if not closed or (seen and not inner.startswith("$")):
            return None
        if inner.startswith("$"):
            options += inner[1:]
        else:
            locale, seen = inner, True
    if not key or not (equals or "d" in options):
        return None
    letters = "".join(sorted(set(options)))
    return Setting(group, decoded(key), decoded(value), letters, locale, locked, header, line)


def _letter(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) == 3:
        number = int(code[1:], 16)
        return chr(number) if number < 0x80 else chr(0xDC00 + number)
    return PLAIN.get(code, found[0])


def _bytes(letter: str) -> str:
    raw = letter.encode(errors="surrogateescape") if "\udc80" <= letter <= "\udcff" else _utf8(letter)
    return "".join(f"\\x{byte:02x}" for byte in raw)


def _utf8(letter: str) -> bytes:
    return letter.encode(errors="surrogatepass")


def _finding(path: str, number: int) -> Finding:
    return Finding(f"{path}:{number}", "not a line that is understood here", "mend it, or remove the line")
