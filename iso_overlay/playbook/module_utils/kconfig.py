r"""What becomes of a KConfig file with other settings in it? Stdlib only: the target has a bare python3.

All is bytes. A file is groups (`[A][B]`), each with lines `key[locale][$options]=value`; `\s`, `\t`, `\n`,
`\r`, `\\` and `\xNN` stand for what a name or a value cannot hold. Of several lines for one key the last one
counts. As in KDE, what follows a malformed group belongs to the group before it.
"""

from __future__ import annotations

import re

HEADER = re.compile(rb"\[([^\]]*)\]")
ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
PLAIN = {b"s": b" ", b"t": b"\t", b"n": b"\n", b"r": b"\r", b"\\": b"\\"}
LOCKED = b"$i"


def merged(content, settings):
    """Return a file's content with `settings`, pairs of a header and a line, and what they replaced.

    All else stays as it is, byte for byte; a header is `b""` for what stands before all groups. What was
    replaced is told by the numbers of the settings.
    """
    lines = content.splitlines(keepends=True)
    places, ends = _surveyed(lines)
    replaced, added = [], {}
    for number, (header, line) in enumerate(settings):
        group, setting = group_of(header), setting_of(line)
        at = places.get((group, *setting[:2]))
        if at is None:
            added.setdefault(group, (header, {}))[1][setting[:2]] = line
        elif setting_of(lines[at]) != setting:
            lines[at] = line + b"\n"
            replaced.append(number)
    return _with(lines, added, ends), replaced


def group_of(header):
    """Return the names of a header, without the mark of a locked one; () for none, None if malformed."""
    names, at = [], 0
    while header[at : at + 1] == b"[":
        part = HEADER.match(header, at)
        if part is None:
            return None
        names.append(part[1])
        at = part.end()
    if len(names) > 1 and names[-1] == LOCKED:
        names.pop()
    return tuple(map(decoded, names))


def setting_of(line):
    """Return the key, the locale, the sorted options and the value of a line, None where it is none."""
    key, _, value = (part.strip() for part in line.partition(b"="))
    locale, options = b"", b""
    while b"[" in key:
        key, _, rest = key.rpartition(b"[")
        inner = rest.partition(b"]")[0]
        if inner.startswith(b"$"):
            options += inner[1:]
        else:
            locale = inner
    if not key or key.startswith(b"#"):
        return None
    return decoded(key), locale, bytes(sorted({*options})), decoded(value)


def decoded(written):
    """Return what a name or a value stands for; what is no escape stays as it is."""
    return ESCAPE.sub(_letter, written)


def _letter(found):
    code = found[1]
    return bytes([int(code[1:], 16)]) if len(code) == 3 else PLAIN.get(code, found[0])


def _surveyed(lines):
    """Return where the last line of each key is, and where the lines of each group end."""
    group, places, ends = (), {}, {(): 0}
    for number, line in enumerate(map(bytes.strip, lines)):
        if line.startswith(b"["):
            found = group_of(line)
            if found is not None and found != (LOCKED,):
                group = found
                ends[group] = number + 1
            continue
        setting = setting_of(line)
        if setting is not None:
            places[(group, *setting[:2])] = number
            ends[group] = number + 1
    return places, ends


def _with(lines, added, ends):
    """Return the lines as one, with what is `added` to each group behind its last setting."""
    after = {}
    fresh = []
    for group, (header, settings) in added.items():
        new = [line + b"\n" for line in settings.values()]
        if group in ends:
            after[ends[group]] = new
        else:
            fresh.append(header + b"\n" + b"".join(new))
    written = list(after.get(0, ()))
    for number, line in enumerate(lines, 1):
        new = after.get(number, ())
        written += [line if line.endswith(b"\n") or not (new or fresh) else line + b"\n", *new]
    whole = b"".join(written)
    return b"\n".join(filter(None, (whole, *fresh)))
