"""Are the files of a medium where its directories say, and as they were?"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress

from builder.iso import boot, structures
from builder.iso.areas import AREAS, MD5SUMS, Extent
from builder.iso.boot import SECTOR_BYTES, Wrong
from builder.iso.checksums import digests_of
from builder.look.checks import Untold
from builder.look.seen import Seen

Moved = Callable[[int, int | None], None]

SHOWN, SHOWN_LETTERS = 3, 60


def directories(medium: Seen) -> str:
    """Hold the two directory trees against each other, and against what they were."""
    for tree in medium.trees:
        if tree.problem:
            raise Wrong(f"the tree at sector {tree.first_sector} does not read")
    if len(medium.trees) > 1:
        other = [name for name in medium.names if len(medium.extents(name)) > 1 or not _in_all(medium, name)]
        if other:
            raise Wrong(f"the trees of the disk and of its partition differ: {some(other)}")
    known = medium.structure(structures.DIRECTORIES)
    if known and structures.digest(medium.stream, Extent(known.offset, known.size_bytes)) != known.sha256:
        raise Wrong("they are not as they were prepared")
    return f"{len(medium.names)} files in {'both trees' if len(medium.trees) > 1 else 'one tree'}"


def areas_lie(medium: Seen) -> str:
    """Hold areas.json against md5sum.txt, and the areas that it lists against the directories."""
    if AREAS not in medium.names:
        raise Untold("none: nothing of Rekindle is on it")
    if medium.layout is None:
        raise Wrong(f"{AREAS} does not parse")
    if not medium.believes_layout:
        raise Wrong(f"{AREAS} was changed")
    for area in medium.layout.areas:
        if Extent(area.offset, area.capacity) not in medium.extents(area.name):
            raise Wrong(f"{area.name} does not lie where {AREAS} says")
    return f"{len(medium.layout.areas)} where {AREAS} says"


def md5sums(medium: Seen, known_bad: Collection[str], moved: Moved) -> str:
    """Hold every file against md5sum.txt, but for those that other checks found damaged."""
    text = next((medium.read(at) for at in medium.extents(MD5SUMS)), b"")
    listed, odd = digests_of(text.decode(errors="surrogateescape"))
    if odd:
        raise Wrong(f"a line of it does not parse: {odd[0][:SHOWN_LETTERS]!r}")
    bad = _changed(medium, listed, known_bad, moved)
    if bad:
        raise Wrong(f"{len(bad)} of {len(listed)} files differ: {some(bad)}")
    there = {name for name in medium.names if _in_all(medium, name)}
    unlisted = there - set(listed) - {MD5SUMS} - _placeless(medium)
    if unlisted and medium.layout:
        raise Wrong(f"it does not list {some(unlisted)}")
    return f"{len(listed) - len(known_bad)} files are as it says"


def _changed(medium: Seen, listed: dict[str, str], known_bad: Collection[str], moved: Moved) -> list[str]:
    """Return the names that are not as listed; read in the order in which they lie."""
    places = {name: medium.extents(name) for name in listed if name not in known_bad}
    order = sorted(places, key=lambda name: [at.offset for at in places[name]])
    total, done, bad = sum(at.size_bytes for extents in places.values() for at in extents), 0, []
    for name in order:
        if not any(medium.md5(at) == listed[name] for at in places[name]):
            bad.append(name)
        done += sum(at.size_bytes for at in places[name])
        moved(done, total)
    return bad


def _placeless(medium: Seen) -> set[str]:
    """Return the files that hold places on the medium, which no md5sum.txt lists: catalogue, BIOS image."""
    known = map(medium.structure, (structures.CATALOGUE, structures.BIOS_IMAGE))
    offsets = {structure.offset for structure in known if structure}
    with suppress(Wrong):
        at, images = boot.read_catalogue(medium.stream)
        offsets |= {sector * SECTOR_BYTES for sector in (at, *(image.sector for image in images))}
    return {name for name in medium.names if any(at.offset in offsets for at in medium.extents(name))}


def _in_all(medium: Seen, name: str) -> bool:
    return all(name in tree.files for tree in medium.trees)


def some(names: Collection[str]) -> str:
    """Name the first few of many."""
    shown = ", ".join(sorted(names)[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
