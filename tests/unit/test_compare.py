from __future__ import annotations

from collections.abc import Mapping

from collectors.compare import Score, changes, message, score
from collectors.domains.apt import Apt, Package
from collectors.domains.files import Files
from collectors.domains.system import Keyboard, Release, System
from collectors.posture import Posture
from collectors.record import File, LeftOut

SYSTEM = System(
    release=Release(distribution="debian", version="12", codename="bookworm", architecture="amd64"),
    machine="physical",
    firmware="uefi",
    hostname="",
    locale="",
    timezone="",
    keyboard=Keyboard(),
)


def posture(
    *packages: str,
    shipped: tuple[str, ...] = (),
    files: Mapping[str, str] | None = None,
    left_out: tuple[LeftOut, ...] = (),
) -> Posture:
    records = tuple(
        File(
            path=path, kind="file", origin="unowned", owner="root", group="root", mode="0644", sha256=content
        )
        for path, content in (files or {}).items()
    )
    return Posture(
        system=SYSTEM,
        apt=Apt(
            baseline="priority", packages=tuple(Package(name=name) for name in packages), shipped=shipped
        ),
        files=Files(files=records, left_out=left_out),
    )


def test_the_same_posture_scores_all_of_it() -> None:
    old = posture("htop", "vim", files={"/etc/x": "1"})
    assert score(old, old).percent == 100.0
    assert (score(old, old).eligible, score(old, old).found) == (3, 3)


def test_missing_and_changed_items_are_named() -> None:
    old = posture("htop", "vim", files={"/etc/x": "1", "/etc/y": "1"})
    new = posture("vim", "more", files={"/etc/x": "2", "/etc/y": "1"})
    found = score(old, new)
    assert found.missing == ("apt:htop",)
    assert found.changed == ("file:/etc/x",)
    assert (found.eligible, found.found, found.percent) == (4, 2, 50.0)


def test_what_is_bound_is_excluded_with_its_reason() -> None:
    left = (LeftOut(path="/etc/fstab", reason="disks"),)
    found = score(posture("htop", shipped=("bash",), left_out=left), posture("htop"))
    assert (found.eligible, found.percent) == (1, 100.0)
    reasons = {each.id: each.reason for each in found.excluded}
    assert reasons["left-out:/etc/fstab"] == "disks"
    assert reasons["apt:bash"] == "part of a fresh installation"
    assert reasons["system:hostname"] == "not set on that machine"


def test_what_the_new_machine_calls_shipped_is_found() -> None:
    assert score(posture("htop"), posture(shipped=("htop",))).percent == 100.0


def test_nothing_eligible_is_no_success() -> None:
    assert score(posture(), posture()).percent == 0.0


def test_almost_all_is_not_all() -> None:
    names = tuple(f"p{number:04}" for number in range(3000))
    assert score(posture(*names), posture(*names[1:])).percent == 99.9


def test_a_score_reads_back_from_json() -> None:
    found = score(posture("a", "b"), posture("a"))
    assert Score.model_validate_json(found.model_dump_json()) == found


def test_no_change_has_nothing_to_say() -> None:
    assert changes(posture("a"), posture("a")) == ()


def test_changes_make_a_commit_message() -> None:
    old = posture("foo", files={"/etc/x": "1", "/etc/gone": "1"})
    new = posture("obs-studio", files={"/etc/x": "2", "/etc/new": "1"})
    told = message(changes(old, new))
    assert told == "apt: -foo, +obs-studio, files: -/etc/gone, +/etc/new, ~/etc/x"


def test_a_package_that_became_the_owners_is_a_change() -> None:
    assert message(changes(posture(shipped=("a",)), posture("a"))) == "apt: ~a"


def test_other_kinds_are_named() -> None:
    left = (LeftOut(path="/etc/fstab", reason="disks"),)
    assert message(changes(posture(), posture(left_out=left))) == "files: +left-out /etc/fstab"


def test_many_changes_are_counted_first_and_told_below() -> None:
    names = tuple(f"package-{number}" for number in range(30))
    told = message(changes(posture(), posture(*names, files={"/etc/x": "1"})))
    subject, empty, *body = told.split("\n")
    assert subject == "apt: 30 changes, files: +/etc/x"
    assert empty == ""
    assert body[0] == "apt:" and body[-1] == "  +/etc/x" and len(body) == 33


def test_the_first_posture_is_all_new() -> None:
    found = changes(None, posture("a"))
    assert {change.sign for change in found} == {"+"}
    assert message(found).startswith("system: 7 changes, apt: +a")


def test_a_change_that_no_item_tells_still_has_a_message() -> None:
    assert message(()) == "details that no item tells"
