"""Areas of any place and length, contents of any length in any blocks: nothing else is written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.iso import fill as filling
from builder.iso.areas import MD5SUMS, Area, BaseSaid, Layout
from builder.iso.fill import Content, Sink, digest_of, fill
from collectors.failure import Failure

BASE = BaseSaid(info="Ubuntu", sha256="", verified="")
NAMES = ("autoinstall.yaml", "rekindle/payload.tar")
FILLER = b"\xa5"
SUMS = "".join(f"{'0' * 32}  ./{name}\n" for name in ("casper/vmlinuz", *NAMES)).encode()

# Blocks as whoever makes a content writes them; areas are a few blocks of the fill's own long.
BLOCKS = st.lists(st.binary(max_size=40), max_size=6)
LENGTHS = st.integers(min_value=1, max_value=100)


@pytest.fixture(autouse=True, scope="module")
def _small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling, "BLOCK_BYTES", 16)
        yield


def laid_out(gaps: tuple[int, int, int], capacities: tuple[int, int]) -> Layout:
    areas, at = [], 0
    for name, gap, capacity in zip((*NAMES, MD5SUMS), gaps, (*capacities, len(SUMS)), strict=True):
        areas.append(Area(name=name, offset=at + gap, capacity=capacity))
        at += gap + capacity
    return Layout(key="", base=BASE, areas=tuple(areas))


def fresh(path: Path, layout: Layout) -> Path:
    image = bytearray(FILLER * (layout.area(MD5SUMS).offset + len(SUMS) + 7))
    at = layout.area(MD5SUMS).offset
    image[at : at + len(SUMS)] = SUMS
    path.write_bytes(image)
    return path


def poured(blocks: list[bytes]) -> Content:
    def write(sink: Sink) -> None:
        for block in blocks:
            assert sink.write(block) == len(block)

    return write


def expected(image: bytes, layout: Layout, contents: dict[str, bytes]) -> bytes:
    held = bytearray(image)
    sums = SUMS.decode()
    for name, content in contents.items():
        area = layout.area(name)
        whole = content.ljust(area.capacity, area.padding)
        held[area.offset : area.offset + area.capacity] = whole
        sums = sums.replace(f"{'0' * 32}  ./{name}\n", f"{hashlib.md5(whole).hexdigest()}  ./{name}\n")
    at = layout.area(MD5SUMS).offset
    held[at : at + len(SUMS)] = sums.encode()
    return bytes(held)


@given(
    gaps=st.tuples(*[st.integers(0, 40)] * 3),
    capacities=st.tuples(LENGTHS, LENGTHS),
    first=st.tuples(BLOCKS, BLOCKS),
    then=st.tuples(BLOCKS, BLOCKS),
    known=st.booleans(),
)
def test_an_area_holds_its_content_and_nothing_else_changes(
    tmp_path_factory: pytest.TempPathFactory, gaps, capacities, first, then, known: bool
) -> None:
    layout = laid_out(gaps, capacities)
    image = fresh(tmp_path_factory.getbasetemp() / "image", layout)
    before, held_bytes = image.read_bytes(), None
    for blocks in (first, then):
        contents = {name: b"".join(each) for name, each in zip(NAMES, blocks, strict=True)}
        if any(len(content) > layout.area(name).capacity for name, content in contents.items()):
            with pytest.raises(Failure, match="its area holds"):
                fill(image, layout, dict(zip(NAMES, map(poured, blocks), strict=True)))
            outside_is_untouched(before, image.read_bytes(), layout)
            return
        fill(image, layout, dict(zip(NAMES, map(poured, blocks), strict=True)), held_bytes=held_bytes)
        assert image.read_bytes() == expected(before, layout, contents)
        held_bytes = {name: len(content) for name, content in contents.items()} if known else None


def outside_is_untouched(before: bytes, after: bytes, layout: Layout) -> None:
    assert len(after) == len(before)
    at = 0
    for area in layout.areas:
        assert after[at : area.offset] == before[at : area.offset]
        at = area.offset + area.capacity
    assert after[at:] == before[at:]


def test_what_is_there_already_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = laid_out((3, 5, 7), (100, 90))
    image = fresh(tmp_path / "image", layout)
    contents: dict[str, Content] = {NAMES[0]: b"version: 1\n", NAMES[1]: bytes(range(80))}
    assert fill(image, layout, contents) > 100
    changed = bytearray(range(80))
    changed[40] = 0
    # One block of the content, and the blocks of md5sum.txt that its new digest is in.
    assert 16 < fill(image, layout, {**contents, NAMES[1]: bytes(changed)}) <= 16 + 3 * 16
    monkeypatch.setattr(os, "pwrite", None)
    assert fill(image, layout, {**contents, NAMES[1]: bytes(changed)}) == 0


def test_padding_that_is_known_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = laid_out((0, 0, 0), (16, 2**20))
    image = fresh(tmp_path / "image", layout)
    fill(image, layout, {NAMES[1]: b"x" * 100})
    read: list[int] = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda file, size, at: read.append(size) or real(file, size, at))
    fill(image, layout, {NAMES[1]: b"y" * 50}, held_bytes={NAMES[1]: 100})
    assert sum(read) < 100 + 2 * 16 + len(SUMS)
    assert image.read_bytes()[16:][: 2**20] == b"y" * 50 + bytes(2**20 - 50)


def test_a_content_is_known_by_its_length_and_hash() -> None:
    assert (
        digest_of(poured([b"a", b"", b"bc"])) == digest_of(b"abc") == (3, hashlib.sha256(b"abc").hexdigest())
    )
