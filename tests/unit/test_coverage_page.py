"""The page of coverage shows all, needs nothing, and takes any name."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.coverage.page import CELLS_AT_MOST, MAP, SHOWN_AT_ONCE, cells, day_text, page, size_text
from builder.coverage.treemap import Rectangle, squarified
from collectors.collected import Loss
from collectors.coverage.clouds import Kept
from collectors.coverage.coverage import Coverage, Totals
from collectors.coverage.ground import Unseen
from collectors.coverage.programs import Program

HOSTILE = "</script><script>alert(1)</script>\"'<b>&{{ 7*7 }}"


def coverage(*losses: Loss, programs: tuple[Program, ...] = ()) -> Coverage:
    return Coverage(
        losses,
        programs,
        (Kept("/home/ada/Nextcloud", "Nextcloud"),),
        (Unseen("/mnt/nas", "a network or FUSE mount (nfs4)"),),
        Totals(packaged_files=104742, items=216, left_out=3, lost_files=7, lost_bytes=1234567),
    )


def loss(subject: str, size: int = 10, kind: str = "unowned") -> Loss:
    return Loss(
        kind, subject, "no package owns it", f"rclone copyto {subject} REMOTE:x", size, 2, 1_700_000_000
    )


class Seen(HTMLParser):
    """The tags, the attributes and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_all_is_shown() -> None:
    program = Program("/usr/bin/git", "apt", "git", "https://example.org/debian bookworm/main", "certain")
    text = Seen(page(coverage(loss("/opt/mine"), programs=(program,)), "tower")).text
    for word in (
        *("tower", "/opt/mine", "no package owns it", "rclone copyto /opt/mine REMOTE:x", "2023-11-14"),
        *("Files that belong to no package", "1.2 MB", "104,742", "/home/ada/Nextcloud", "Nextcloud"),
        *("/mnt/nas", "nfs4", "/usr/bin/git", "bookworm/main", "certain"),
    ):
        assert word in text, word


def test_nothing_else_is_needed() -> None:
    html = page(coverage(loss("/opt/mine")), "tower")
    assert Seen(html).links == []
    assert not re.search(r"url\(|@import|fetch\(|XMLHttp", html)


def test_hostile_names_are_text() -> None:
    program = Program(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    plain = Seen(page(coverage(loss("x"), programs=(Program("x"),)), "x"))
    hostile = Seen(page(coverage(loss(HOSTILE), programs=(program,)), HOSTILE))
    assert hostile.tags == plain.tags
    assert HOSTILE in hostile.text


def test_only_its_own_script_may_run() -> None:
    html = page(coverage(), "tower")
    assert re.search(r"default-src 'none'; .*script-src 'sha256-[A-Za-z0-9+/=]{44}';", html)


def test_a_name_that_is_no_text_is_shown() -> None:
    assert "\\udcff" in page(coverage(loss("/x\udcff")), "tower")


def test_a_machine_without_losses_hears_so() -> None:
    assert "All that is on the disk comes back." in page(coverage(), "tower")


def test_many_losses_of_a_kind_are_folded() -> None:
    html = page(coverage(*(loss(f"/opt/{n}") for n in range(SHOWN_AT_ONCE + 30))), "tower")
    assert "<summary>30 more</summary>" in html


def test_the_same_twice() -> None:
    assert page(coverage(loss("/a"), loss("/b")), "x") == page(coverage(loss("/a"), loss("/b")), "x")


def test_the_map_has_the_largest_and_the_rest_by_rank() -> None:
    found = cells([loss(f"/opt/{n:03}", 1000 - n) for n in range(CELLS_AT_MOST + 5)] + [loss("/none", 0)])
    assert len(found) == CELLS_AT_MOST + 1
    assert [cell.title.partition("\n")[0] for cell in found if "more" in cell.title] == ["5 more"]
    assert sum(cell.place.width * cell.place.height for cell in found) == pytest.approx(
        MAP.width * MAP.height
    )


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=40))
def test_rectangles_fill_the_whole_and_are_as_large_as_their_shares(sizes: list[int]) -> None:
    whole = Rectangle(0, 0, 1000, 420)
    sizes.sort(reverse=True)
    found = squarified(sizes, whole)
    scale = whole.width * whole.height / sum(sizes)
    for size, place in zip(sizes, found, strict=True):
        assert place.width * place.height == pytest.approx(size * scale, rel=1e-6, abs=1e-6)
        assert place.x >= 0 and place.y >= 0
        assert place.x + place.width <= whole.width + 0.01
        assert place.y + place.height <= whole.height + 0.01


def test_equal_shares_are_nearly_squares() -> None:
    for place in squarified([1.0] * 12, Rectangle(0, 0, 400, 300)):
        assert 0.5 <= place.width / place.height <= 2


def test_no_shares_are_no_rectangles() -> None:
    assert squarified([], Rectangle(0, 0, 1, 1)) == []


def test_sizes_and_days_are_for_a_person() -> None:
    assert [size_text(n) for n in (0, 999, 1500, 15_000, 4_100_000_000)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "15 kB",
        "4.1 GB",
    ]
    assert [day_text(n) for n in (0, 1_700_000_000, 10**30)] == ["", "2023-11-14", ""]
