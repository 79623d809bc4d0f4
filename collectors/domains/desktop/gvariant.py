"""What does a serialised GVariant say, in GVariant text format?

Sources: the GVariant specification (serialisation) and "GVariant Text Format" of the GLib manual; the text is
that of `g_variant_print` with types, as `dconf dump` shows it. Only the normal form is read: what leads
outside of its container, overlaps or nests too deeply is malformed. Children never overlap, so the work is
bounded by the size.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from collectors.domains.desktop.gvdb import MalformedError

MAX_DEPTH = 64
FIXED = {"b": 1, "y": 1, "n": 2, "q": 2, "i": 4, "u": 4, "h": 4, "x": 8, "t": 8, "d": 8}
STRINGS = {"s": "", "o": "objectpath ", "g": "signature "}
# How a number is unpacked, and the word that tells its type.
NUMBERS = {
    "n": ("h", "int16 "),
    "q": ("H", "uint16 "),
    "i": ("i", ""),
    "u": ("I", "uint32 "),
    "h": ("i", "handle "),
    "x": ("q", "int64 "),
    "t": ("Q", "uint64 "),
}
ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
OCTAL = {8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


def variant_text(content: bytes, order: str = "<") -> str:
    """Return the text of what is in a GVariant of type `v`, `uint32 5`; raises MalformedError."""
    kind, inner = _unpacked(content)
    return _text(kind, inner, order, typed=True, depth=0)


def types_of(text: str) -> list[str]:
    """Return the complete types in a type string, `sa{sv}` giving `s` and `a{sv}`; raises MalformedError."""
    found, at = [], 0
    while at < len(text):
        end = _end(text, at, 0)
        found.append(text[at:end])
        at = end
    return found


def _text(kind: str, content: bytes, order: str, *, typed: bool, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise MalformedError("nested too deeply")
    if kind in STRINGS:
        return (STRINGS[kind] if typed else "") + _quoted(_string(content))
    if kind in FIXED:
        return _number(kind, _sized(content, FIXED[kind]), order, typed)
    if kind == "v":
        inner, value = _unpacked(content)
        return f"<{_text(inner, value, order, typed=True, depth=depth + 1)}>"
    if kind[0] == "a":
        return _array(kind, content, order, typed, depth)
    if kind[0] == "m":
        return _maybe(kind, content, order, typed, depth)
    parts = _members(kind, content, order, depth, typed=typed)
    if kind[0] == "{":
        return "{" + ", ".join(parts) + "}"
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


def _number(kind: str, content: bytes, order: str, typed: bool) -> str:
    if kind == "b":
        return "true" if content[0] else "false"
    if kind == "y":
        return f"{'byte ' if typed else ''}0x{content[0]:02x}"
    if kind == "d":
        shown = f"{struct.unpack(f'{order}d', content)[0]:.17g}"
        return shown if set(".en") & set(shown) else f"{shown}.0"
    code, word = NUMBERS[kind]
    return f"{word if typed else ''}{struct.unpack(order + code, content)[0]}"


def _array(kind: str, content: bytes, order: str, typed: bool, depth: int) -> str:
    element = kind[1:]
    if element == "y" and content.endswith(b"\0") and content.count(b"\0") == 1:
        return _bytestring(content[:-1])
    begin, end = ("{", "}") if element[0] == "{" else ("[", "]")
    shown: list[str] = []
    for piece in _elements(element, content, order):
        typed_here = typed and not shown
        if element[0] == "{":
            shown.append(": ".join(_members(element, piece, order, depth + 1, typed=typed_here)))
        else:
            shown.append(_text(element, piece, order, typed=typed_here, depth=depth + 1))
    prefix = f"@{kind} " if typed and not shown else ""
    return f"{prefix}{begin}{', '.join(shown)}{end}"


def _maybe(kind: str, content: bytes, order: str, typed: bool, depth: int) -> str:
    """Return the text of a maybe: its value, or `nothing` behind a `just` for each one around it."""
    prefix, justs = f"@{kind} " if typed else "", ""
    while kind[0] == "m":
        if not content:
            return f"{prefix}{justs}nothing"
        size = _size(kind[1:])
        content = _sized(content, size) if size else content[:-1]
        kind, justs = kind[1:], f"{justs}just "
    return prefix + _text(kind, content, order, typed=False, depth=depth + 1)


def _elements(element: str, content: bytes, order: str) -> Iterator[bytes]:
    """Yield the bytes of each element: of fixed size, or ended by the offsets at the container's end."""
    size = _size(element)
    if size:
        if len(content) % size:
            raise MalformedError("an array that is cut off")
        yield from (content[at : at + size] for at in range(0, len(content), size))
        return
    if not content:
        return
    width = _width(len(content))
    ends_at = _offset(content, len(content) - width, width)
    if ends_at > len(content) or (len(content) - ends_at) % width or ends_at == len(content):
        raise MalformedError("an array whose offsets lead outside of it")
    start = 0
    for at in range(ends_at, len(content), width):
        end = _offset(content, at, width)
        yield _within(content, _aligned(start, _alignment(element)) if start else 0, end, ends_at)
        start = end


def _members(kind: str, content: bytes, order: str, depth: int, *, typed: bool) -> list[str]:
    """Return the text of each member of a tuple or of a dictionary entry."""
    kinds = types_of(kind[1:-1])
    fixed = _size(kind)
    width = 0 if fixed else _width(len(content))
    if fixed:
        _sized(content, fixed)
    shown, start, limit = [], 0, len(content)
    for number, each in enumerate(kinds):
        start = _aligned(start, _alignment(each))
        size = _size(each)
        if size:
            end = start + size
        elif number == len(kinds) - 1:
            end = limit
        else:
            limit -= width
            end = _offset(content, limit, width)
        shown.append(_text(each, _within(content, start, end, limit), order, typed=typed, depth=depth + 1))
        start = end
    return shown


def _unpacked(content: bytes) -> tuple[str, bytes]:
    """Return the type and the value of a variant: value, NUL, type string."""
    value, separator, kind = content.rpartition(b"\0")
    if not separator:
        raise MalformedError("a variant without its type")
    text = kind.decode("ascii", errors="replace")
    if len(types_of(text)) != 1:
        raise MalformedError("a variant of no type that is known")
    return text, value


def _end(text: str, at: int, depth: int) -> int:
    """Return where the type that begins at `at` ends."""
    if at >= len(text) or depth > MAX_DEPTH:
        raise MalformedError("a type that has no end")
    letter = text[at]
    if letter in FIXED or letter in STRINGS or letter == "v":
        return at + 1
    if letter in "am":
        return _end(text, at + 1, depth + 1)
    if letter == "{":
        if text[at + 1 : at + 2] not in {*FIXED, *STRINGS}:
            raise MalformedError("a dictionary by no plain key")
        end = _end(text, at + 2, depth + 1)
        if text[end : end + 1] != "}":
            raise MalformedError("a dictionary entry of more than two")
        return end + 1
    if letter == "(":
        at += 1
        while text[at : at + 1] != ")":
            at = _end(text, at, depth + 1)
        return at + 1
    raise MalformedError("a type that is not known")


@lru_cache(maxsize=1024)
def _alignment(kind: str) -> int:
    if kind[0] in FIXED:
        return FIXED[kind[0]]
    if kind[0] in STRINGS:
        return 1
    if kind[0] == "v":
        return 8
    if kind[0] in "am":
        return _alignment(kind[1:])
    return max(map(_alignment, types_of(kind[1:-1])), default=1)


@lru_cache(maxsize=1024)
def _size(kind: str) -> int:
    """Return the size of a type whose values all have the same one, else 0; the empty tuple takes a byte."""
    if kind[0] in FIXED:
        return FIXED[kind[0]]
    if kind[0] not in "({":
        return 0
    end = 0
    for each in types_of(kind[1:-1]):
        if not _size(each):
            return 0
        end = _aligned(end, _alignment(each)) + _size(each)
    return _aligned(end, _alignment(kind)) or 1


def _width(size: int) -> int:
    """Return how many bytes an offset into a container of `size` bytes has."""
    return 1 if size <= 0xFF else 2 if size <= 0xFFFF else 4 if size <= 0xFFFFFFFF else 8


def _offset(content: bytes, at: int, width: int) -> int:
    if at < 0:
        raise MalformedError("a container without room for its offsets")
    return int.from_bytes(content[at : at + width], "little")


def _aligned(at: int, alignment: int) -> int:
    return at + -at % alignment


def _within(content: bytes, start: int, end: int, limit: int) -> bytes:
    if not start <= end <= limit:
        raise MalformedError("a value outside of its container")
    return content[start:end]


def _sized(content: bytes, size: int) -> bytes:
    if len(content) != size:
        raise MalformedError("a value of another size than its type's")
    return content


def _string(content: bytes) -> str:
    if not content.endswith(b"\0") or b"\0" in content[:-1]:
        raise MalformedError("a text that does not end in one NUL")
    try:
        return content[:-1].decode()
    except UnicodeDecodeError:
        raise MalformedError("a text that is not UTF-8") from None


def _quoted(text: str) -> str:
    quote = '"' if "'" in text else "'"
    return quote + "".join(_letter(letter, quote) for letter in text) + quote


def _letter(letter: str, quote: str) -> str:
    if letter in (quote, "\\"):
        return f"\\{letter}"
    if unicodedata.category(letter) not in ("Cc", "Cf"):
        return letter
    code = f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
    return ESCAPES.get(letter, code)


def _bytestring(content: bytes) -> str:
    """Write bytes as g_strescape does, between double quotes only where a single one is in them."""
    shown = "".join(
        OCTAL.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in content
    )
    return f'b"{shown}"' if b"'" in content else f"b'{shown}'"
