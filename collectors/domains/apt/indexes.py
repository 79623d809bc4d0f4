"""How are apt's indexes read without parsing what nobody asks for?

An index (`Packages`, debconf's `templates.dat`) has tens of thousands of stanzas in tens of megabytes, of
which a few hundred count: they are found by one search for the field that names them. Sources: deb822(5),
https://wiki.debian.org/DebianRepository/Format.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Container, Iterator, Mapping
from functools import cache

from collectors.failure import Failure, Finding
from collectors.host import Host
from collectors.judgement.capture import unread
from collectors.record import escaped

# apt's own reader is asked for what the standard library cannot read.
CAT_FILE = ("/usr/lib/apt/apt-helper", "cat-file", "{}")
OPENERS: Mapping[str, Callable[[bytes], bytes]] = {
    "": lambda content: content,
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".lzma": lzma.decompress,
}
BY_APT = (".lz4", ".zst")
ENDINGS = (*OPENERS, *BY_APT)


def stanzas_named(content: bytes, field: str, wanted: Container[bytes]) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each stanza whose `field` (`Package`) is in `wanted`."""
    for found in _field(field).finditer(content):
        if found[1] in wanted and _begins_a_line(content, found.start()):
            before = content.rfind(b"\n\n", 0, found.start())
            end = content.find(b"\n\n", found.end())
            stanza = content[0 if before < 0 else before + 2 : None if end < 0 else end]
            yield _text(found[1]), _text(stanza)


def value(stanza: str, field: str) -> str:
    """Return the first line of a field's value in a stanza, or ""."""
    _, found, rest = f"\n{stanza}".partition(f"\n{field}:")
    return rest.partition("\n")[0].strip() if found else ""


def read_index(host: Host, path: str) -> bytes | Finding:
    """Return an index unpacked as the ending of its name says, or the finding of why it cannot be."""
    ending = next((each for each in ENDINGS if each and path.endswith(each)), "")
    try:
        if ending in BY_APT:
            return host.examined(CAT_FILE, path, env={})
        return OPENERS[ending](host.read(path))
    except Failure as error:
        return Finding(escaped(path), f"not unpacked: {escaped(error.message)}", "install lz4 and apt")
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError):
        return Finding(escaped(path), f"not a whole {ending} file", "apt update")
    except OSError as error:
        return unread(path, error)


@cache
def _field(name: str) -> re.Pattern[bytes]:
    """Return what finds a field, anywhere in a line: plain bytes are searched ten times as fast as `^`."""
    return re.compile(rb"%s: ([^\n]+)" % re.escape(name.encode()))


def _begins_a_line(content: bytes, place: int) -> bool:
    return place == 0 or content[place - 1 : place] == b"\n"


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")
