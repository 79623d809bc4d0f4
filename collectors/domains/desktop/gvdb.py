"""What is in a GVDB file, such as dconf's database of one user?

Source: gvdb/gvdb-format.h of GLib. A header points to a hash table; each of its items has a hash, the number
of its parent, where its part of the name is, a type and where its value is. The name of a key is its parents'
names and its own: `/`, `org/`, `gnome/`, `font`. A value is a GVariant of the type `v`. The file is data from
a disk: each place that it names is looked up within its bytes alone, and a chain of parents has an end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURES = {b"GVariant": "<", b"raVGtnai": ">"}
HEADER = 24
ITEM = 24
NO_PARENT = 0xFFFFFFFF
MAX_DEPTH = 128


class MalformedError(ValueError):
    """The bytes are no such file, and why."""


@dataclass(frozen=True)
class Value:
    """The bytes of one key's GVariant of type `v`, and the order of its bytes (`<` or `>`)."""

    key: str
    content: bytes
    order: str


@dataclass(frozen=True)
class _Item:
    parent: int
    name: bytes
    kind: bytes
    content: bytes


def parse_gvdb(content: bytes) -> tuple[Value, ...]:
    """Return the values sorted by key; raises MalformedError.

    An item of another type than a value (a table or a list within) has none.
    """
    if not content:
        return ()
    order = SIGNATURES.get(content[:8])
    if order is None:
        raise MalformedError("no GVDB file")
    version, _, start, end = _numbers(content, 8, 4, order)
    if version != 0:
        raise MalformedError(f"version {version} of GVDB is not known")
    items = tuple(_items(content, _piece(content, start, end), order))
    values = (
        Value(_name(items, number), item.content, order)
        for number, item in enumerate(items)
        if item.kind == b"v"
    )
    return tuple(sorted(values, key=lambda value: value.key))


def _items(content: bytes, table: bytes, order: str) -> Iterator[_Item]:
    """Yield the items of a hash table: two numbers, the bloom filter, the buckets, the items."""
    if not table:
        return
    bloom, buckets = _numbers(table, 0, 2, order)
    first = 8 + 4 * ((bloom & 0x07FFFFFF) + buckets)
    if first > len(table) or (len(table) - first) % ITEM:
        raise MalformedError("a table that is cut off")
    for at in range(first, len(table), ITEM):
        _, parent, name, size, kind, start, end = struct.unpack_from(f"{order}IIIHcxII", table, at)
        value = _piece(content, start, end) if kind == b"v" else b""
        yield _Item(parent, _piece(content, name, name + size), kind, value)


def _name(items: tuple[_Item, ...], number: int) -> str:
    """Return the name of an item behind those of its parents."""
    parts: list[bytes] = []
    while number != NO_PARENT:
        if number >= len(items) or len(parts) >= MAX_DEPTH:
            raise MalformedError("a key without an end to its parents")
        parts.append(items[number].name)
        number = items[number].parent
    return b"".join(reversed(parts)).decode(errors="surrogateescape")


def _numbers(content: bytes, at: int, count: int, order: str) -> tuple[int, ...]:
    if at + 4 * count > len(content):
        raise MalformedError("cut off")
    return struct.unpack_from(f"{order}{count}I", content, at)


def _piece(content: bytes, start: int, end: int) -> bytes:
    if not start <= end <= len(content):
        raise MalformedError("a place outside of the file")
    return content[start:end]
