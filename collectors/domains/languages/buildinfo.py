"""What does a program that Go built say of itself?

Sources: Go's `debug/buildinfo` (the blob that begins `\\xff Go buildinf:`, in the inline form that Go
writes since 1.18), elf(5). A program is large; only its section headers and the blob are read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from collectors.failure import Finding

MAGIC = b"\xff Go buildinf:"
INLINE = 2
FLAGS_AT = 15
STRINGS_AT = 32
MAX_BLOB_BYTES = 1024 * 1024
MAX_SECTIONS = 1000
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
ELF64_LITTLE = b"\x7fELF\x02\x01"
# Around the module text stand sixteen bytes on either side that let a debugger find it.
SENTINEL = 16

Part = Callable[[int, int], bytes]


@dataclass(frozen=True)
class BuildInfo:
    """What a Go program is built of: its package, that one's module and version, and the settings.

    `golang.org/x/tools/gopls`, `golang.org/x/tools/gopls`, `v0.15.3`. `replaced`: the module was taken from
    elsewhere than its name says.
    """

    package: str
    module: str
    version: str
    settings: tuple[tuple[str, str], ...] = ()
    replaced: str = ""

    def setting(self, key: str) -> str:
        """Return a setting, `vcs.revision`, "" where it is not told."""
        return dict(self.settings).get(key, "")


def read_blob(part: Part) -> bytes:
    """Return the build information in an ELF program, b"" where there is none.

    `part(start, size_bytes)` reads a piece of it.
    """
    for name, offset, size_bytes in _sections(part):
        if name == b".go.buildinfo":
            return part(offset, min(size_bytes, MAX_BLOB_BYTES))
    return b""


def parse_blob(blob: bytes) -> str:
    """Return the text of the modules in a blob, "" where it is none of the inline form."""
    if not blob.startswith(MAGIC) or len(blob) <= STRINGS_AT or not blob[FLAGS_AT] & INLINE:
        return ""
    _, rest = _string(blob[STRINGS_AT:])
    modules, _ = _string(rest)
    return modules[SENTINEL:-SENTINEL].decode(errors="surrogateescape")


def parse_modules(text: str, path: str) -> BuildInfo | Finding:
    """Return what the text of the modules says; `path` is that of the program, escaped.

    Words are parted by tabs. A line is `path <package>`, `mod <module> <version> <hash>`, `dep …`,
    `=> <module> …` for what replaces the one before, or `build <key>=<value>`.
    """
    package, module, version, replaced, settings = "", "", "", "", []
    before = ""
    for line in text.split("\n"):
        kind, *rest = line.split("\t")
        if kind == "path" and rest:
            package = rest[0]
        elif kind == "mod" and len(rest) >= 2:
            module, version = rest[:2]
        elif kind == "=>" and before == "mod" and rest:
            replaced = rest[0]
        elif kind == "build" and rest:
            key, _, value = rest[0].partition("=")
            settings.append((key, value))
        before = kind
    if not package:
        return Finding(path, "its build information names no package", "install it again")
    return BuildInfo(package, module, version, tuple(settings), replaced)


def _sections(part: Part) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, offset and size of each section of an ELF program of 64 bits."""
    header = part(0, HEADER.size)
    if len(header) < HEADER.size or not header.startswith(ELF64_LITTLE):
        return
    fields = HEADER.unpack(header)
    start, entry_bytes, count, names_at = fields[6], fields[11], fields[12], fields[13]
    if entry_bytes != SECTION.size or count > MAX_SECTIONS or names_at >= count:
        return
    raw = part(start, count * SECTION.size)
    if len(raw) < count * SECTION.size:
        return
    sections = [SECTION.unpack_from(raw, index * SECTION.size) for index in range(count)]
    names = part(sections[names_at][4], min(sections[names_at][5], MAX_BLOB_BYTES))
    for section in sections:
        yield names[section[0] :].partition(b"\0")[0], section[4], section[5]


def _string(data: bytes) -> tuple[bytes, bytes]:
    """Return the string that begins `data`, its length before it as a varint, and the rest."""
    length = 0
    for index, byte in enumerate(data[:10]):
        length |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            begin = index + 1
            return data[begin : begin + length], data[begin + length :]
    return b"", b""
