"""The page says what is missing and what to do, and takes no value for markup."""

from __future__ import annotations

import re
from pathlib import Path

from builder.restore.page import differing, groups, leave, marked, page, sections
from builder.restore.report import Outcome, Report, merged
from collectors.compare import Score

HOSTILE = "<script>alert('{{ 1 + 1 }}')</script>"
ITEMS = (
    Outcome(id="apt:htop", section="apt", state="restored"),
    Outcome(
        id="apt:gone", section="apt", state="unavailable", reason="no source", remedy="`apt search gone`"
    ),
    Outcome(
        id="apt:gone2", section="apt", state="unavailable", reason="no source", remedy="`apt search gone`"
    ),
    Outcome(id="repo:x", section="repos", state="deferred", reason="a key", remedy="unlock", until="secret"),
    Outcome(id="apt:old", section="apt", state="substituted", reason="here it is new"),
    Outcome(id="fstab:/x", section="services", state="excluded", reason="another disk"),
    Outcome(id=f"file:/{HOSTILE}", section="files", state="failed", reason=HOSTILE, remedy=f"`{HOSTILE}`"),
    Outcome(id="file:/etc/x", section="files", state="restored"),
)
SCORE = Score(eligible=7, found=3, percent=42.8, missing=("apt:gone", "apt:gone2"), changed=("file:/etc/x",))
REPORT = Report(host="ember", items=ITEMS, score=SCORE)


def test_the_page_tells_score_gaps_and_commands() -> None:
    text = page(REPORT)
    for told in ("42.8 %", "no source", "<code>apt search gone</code>", "here it is new", "another disk"):
        assert told in text
    assert text.count("no source") == 1
    assert "sudo rekindle secrets unlock" in text
    assert re.search(r"Not as it was.*?file:/etc/x", text, re.DOTALL)
    assert "Nothing is missing" not in text


def test_values_are_no_markup_and_nothing_is_loaded_or_run() -> None:
    text = page(REPORT)
    assert "<script" not in text
    assert "{{ 1 + 1 }}" in text
    assert "default-src 'none'" in text
    assert not re.search(r"""(?:src|href)=["']?(?!data:)""", text)
    assert marked("run `<b>` <i>") == "run <code>&lt;b&gt;</code> &lt;i&gt;"


def test_a_whole_machine_has_nothing_to_do() -> None:
    text = page(Report(host="ember", items=ITEMS[:1], score=Score(eligible=1, found=1, percent=100.0)))
    assert "100.0 %" in text
    assert "There is nothing for you to do" in text
    assert "What is missing" not in text


def test_one_thing_is_no_things() -> None:
    assert "is back, but for 1 thing</h1>" in page(Report(host="ember", items=ITEMS[1:2]))


def test_items_of_one_fate_are_one_group() -> None:
    found = groups(ITEMS)
    assert [group.ids for group in found[:2]] == [("apt:htop", "file:/etc/x"), ("apt:gone", "apt:gone2")]
    assert sum(len(group.ids) for group in found) == len(ITEMS)
    assert {name: (back, of) for name, back, of in sections(REPORT)} == {
        "apt": (2, 4),
        "repos": (0, 1),
        "files": (1, 2),
    }
    assert differing(REPORT) == ("file:/etc/x",)


def test_it_is_left_whole_for_people_and_programs(tmp_path: Path) -> None:
    leave(REPORT, tmp_path)
    assert Report.model_validate_json((tmp_path / "restore-report.json").read_text()) == REPORT
    assert (tmp_path / "report.html").read_text() == page(REPORT)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_done_again_changes_its_part_of_the_report() -> None:
    again = (ITEMS[3].model_copy(update={"state": "restored"}),)
    score = SCORE.model_copy(update={"found": 2, "missing": (*SCORE.missing, "repo:x")})
    now = Report(host="ember", items=again, score=Score(eligible=1, found=1, percent=100.0))
    found = merged(REPORT.model_copy(update={"score": score}), now)
    assert [each.state for each in found.items if each.id == "repo:x"] == ["restored"]
    assert found.score is not None
    assert (found.score.found, found.score.missing) == (4, SCORE.missing)
    assert len(found.items) == len(ITEMS)
