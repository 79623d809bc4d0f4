"""What a stick is written, and how its lies are found out: on sticks in memory."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from builder.stick.image import BLOCK_BYTES, Image, Span
from builder.stick.write import PIECE_BYTES, Moment, Tally, write
from collectors.failure import Failure
from tests.sticks import Flipping, Stick, Wrapping

MIB = 2**20
STICK_BYTES, HEAD_BYTES, TAIL_BYTES = 16 * MIB, 32 * 2**10, 31 * 2**10
ISO_BYTES = 9 * MIB + 2048


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stick")
    (folder / "iso").write_bytes(random.Random(1).randbytes(ISO_BYTES))
    (folder / "table").write_bytes(random.Random(2).randbytes(HEAD_BYTES + TAIL_BYTES))
    return folder


@pytest.fixture
def image(files: Path) -> Image:
    body = Span(HEAD_BYTES, ISO_BYTES - HEAD_BYTES, files / "iso", HEAD_BYTES)
    tail = Span(STICK_BYTES - TAIL_BYTES, TAIL_BYTES, files / "table", HEAD_BYTES)
    return Image((body, tail, Span(0, HEAD_BYTES, files / "table", 0)), tail)


def flashed(stick: Stick, image: Image, believed: bool = False, told: list[str] | None = None) -> Tally:
    said = told.append if told is not None else print
    return write(
        stick, image, lambda block: not believed, name="/dev/sdz", watch=lambda moment: None, say=said
    )


def held(stick: Stick, image: Image) -> bool:
    return all(stick.read(span.offset, span.size_bytes) == span.read() for span in image.spans[1:]) and (
        stick.content[HEAD_BYTES:ISO_BYTES] == image.spans[0].read()
    )


def test_a_stick_holds_what_it_must_and_the_rest_is_nobodys(image: Image) -> None:
    stick = Stick(STICK_BYTES)
    tally = flashed(stick, image)
    assert held(stick, image)
    assert set(stick.content[ISO_BYTES : STICK_BYTES - TAIL_BYTES]) == {0xFF}
    assert tally.written_bytes == stick.written_bytes == image.size_bytes
    assert tally.read_back_bytes == image.size_bytes


def test_the_head_comes_last_when_all_else_is_on_the_stick(image: Image) -> None:
    stick = Stick(STICK_BYTES)
    flashed(stick, image)
    assert stick.written[-3:] == [(-1, 0), (0, HEAD_BYTES), (-1, 0)]
    assert all(offset for offset, _ in stick.written[:-2])


def test_nothing_is_written_twice(image: Image) -> None:
    stick = Stick(STICK_BYTES)
    flashed(stick, image)
    stick.written.clear()
    tally = flashed(stick, image)
    assert stick.written_bytes == 0
    assert (tally.written_bytes, tally.repaired_bytes) == (0, 0)


def test_of_a_block_that_differs_the_pieces_are_written_that_differ(image: Image) -> None:
    stick = Stick(STICK_BYTES)
    flashed(stick, image)
    stick.written.clear()
    at = BLOCK_BYTES
    for piece in (3, 4, 9):
        stick.content[at + piece * PIECE_BYTES + 5] ^= 1
    stick.content[ISO_BYTES - 1] ^= 1
    flashed(stick, image)
    tail = (ISO_BYTES - 1 - 2 * BLOCK_BYTES) // PIECE_BYTES * PIECE_BYTES + 2 * BLOCK_BYTES
    assert [each for each in stick.written if each[1]] == [
        (at + 3 * PIECE_BYTES, 2 * PIECE_BYTES),
        (at + 9 * PIECE_BYTES, PIECE_BYTES),
        (tail, ISO_BYTES - tail),
    ]
    assert held(stick, image)


def test_what_changed_behind_our_back_is_repaired_once_and_told(image: Image) -> None:
    stick, told = Stick(STICK_BYTES), list[str]()
    flashed(stick, image)
    stick.content[5 * MIB] ^= 1
    tally = flashed(stick, image, believed=True, told=told)
    assert held(stick, image)
    assert (tally.compared_bytes, tally.repaired_bytes) == (0, PIECE_BYTES)
    assert tally.read_back_bytes == 2 * image.size_bytes
    assert [f"{PIECE_BYTES} bytes had changed" in line for line in told] == [True]


@pytest.mark.parametrize("believed", [False, True])
def test_a_bit_that_flips_is_found_and_where(image: Image, believed: bool) -> None:
    stick = Flipping(STICK_BYTES, 7 * MIB + 77)
    with pytest.raises(
        Failure, match=f"other bytes back than were written, first at byte {7 * MIB + 77};"
    ) as lie:
        flashed(stick, image, believed)
    assert lie.value.remedy == "take another stick"
    assert stick.written_bytes == image.size_bytes  # what it lost once is not tried again


def test_a_stick_that_errs_once_is_no_good_either(image: Image) -> None:
    with pytest.raises(Failure, match=f"from byte {BLOCK_BYTES} on, and the right ones when asked again"):
        flashed(Flipping(STICK_BYTES, 7 * MIB, times=1), image)


@pytest.mark.parametrize("believed", [False, True])
@pytest.mark.parametrize("real", [4 * MIB, 8 * MIB])
def test_a_stick_that_wraps_within_the_iso_is_called_smaller(image: Image, real: int, believed: bool) -> None:
    with pytest.raises(
        Failure, match=r"gives other bytes back .* smaller than it claims, and holds no more"
    ) as lie:
        flashed(Wrapping(STICK_BYTES, real), image, believed)
    assert float(lie.value.message.split()[-2]) * 1e9 >= 0.99 * real
    assert float(lie.value.message.split()[-2]) < STICK_BYTES / 1e9


def test_a_stick_that_wraps_behind_the_iso_is_called_smaller(image: Image) -> None:
    short = replace(image, spans=(image.spans[0].part(HEAD_BYTES, 3 * MIB), *image.spans[1:]))
    with pytest.raises(
        Failure, match=r"^/dev/sdz is smaller than it claims, and holds no more than 0.00839 GB"
    ):
        flashed(Wrapping(STICK_BYTES, 8 * MIB), short)


def test_a_stick_full_of_zeros_is_not_called_smaller(image: Image, tmp_path: Path) -> None:
    class Forgetting(Stick):
        def write(self, offset: int, block: bytes) -> None:
            super().write(offset, bytes(len(block)))

    (tmp_path / "zeros").write_bytes(bytes(ISO_BYTES))
    body = replace(image.spans[0], source=tmp_path / "zeros")
    with pytest.raises(Failure, match="first at byte 0;"):
        flashed(Forgetting(STICK_BYTES), replace(image, spans=(body, *image.spans[1:])))


def test_progress_reaches_its_end_and_tells_what_is_skipped(image: Image) -> None:
    stick, moments = Stick(STICK_BYTES), list[Moment]()
    flashed(stick, image)
    write(stick, image, lambda block: True, name="x", watch=moments.append, say=print)
    by_step = {moment.what: moment for moment in moments}
    assert list(by_step) == ["writing what differs", "reading back"]
    assert all(moment.done == moment.total == image.size_bytes for moment in by_step.values())
    assert by_step["writing what differs"].written == 0


def test_an_iso_that_cannot_be_read_is_no_fault_of_the_stick(image: Image, tmp_path: Path) -> None:
    span = image.spans[0]
    (tmp_path / "short").write_bytes(b"x" * 1000)
    with pytest.raises(Failure, match="short got shorter"):
        replace(span, source=tmp_path / "short").read()
    with pytest.raises(Failure, match="gone: No such file"):
        replace(span, source=tmp_path / "gone").read()
