"""Sources come back byte for byte, and on another release those that name the old one move, or are off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from builder.restore.report import Outcome
from builder.restore.steps.sources import Move, SourceStep, parts, source, switched_off
from builder.restore.steps.step import Target
from collectors.debian.sources import format_of, parse_sources
from collectors.domains.apt import SourceFile
from collectors.domains.system import Release
from collectors.posture import Posture
from collectors.record import sha256
from tests.postures import small_posture
from tests.unit.restore.playbook import library, shared

module = library("rekindle_sources")
PARTS = "/etc/apt/sources.list.d"
JAMMY = Release(distribution="ubuntu", version="22.04", codename="jammy", architecture="amd64")
NOBLE = Release(distribution="ubuntu", version="24.04", codename="noble", architecture="amd64")
WHEEZY = Release(distribution="debian", version="7", codename="wheezy", architecture="amd64")
JESSIE = Release(distribution="debian", version="8", codename="jessie", architecture="amd64")
OWN = "deb http://de.archive.ubuntu.com/ubuntu jammy main universe\n"
MIRROR = "deb http://mirror.invalid/ubuntu jammy main\ndeb http://mirror.invalid/ubuntu jammy-updates main\n"
VENDOR = "deb [signed-by=/k/jammy.gpg] https://vendor.invalid/ubuntu jammy main # jammy\n"
STABLE = "deb https://stable.invalid stable main\n"
STANZA = (
    "# jammy\nTypes: deb\nURIs: https://vendor.invalid/u\nSuites: jammy\nComponents: main\nEnabled: yes\n"
    "Signed-By: /k.gpg\n"
)


def posture_of(texts: dict[str, str], release: Release) -> Posture:
    files = tuple(
        SourceFile(
            path=path,
            format=format_of(path),
            sha256=sha256(text.encode()),
            entries=parse_sources(text, path=path)[0],
        )
        for path, text in texts.items()
    )
    posture = small_posture(release=release)
    contents = {path: text.encode() for path, text in texts.items()}
    return replace(posture, apt=posture.apt.model_copy(update={"sources": files}), contents=contents)


def made(
    text: str, path: str = f"{PARTS}/x.list", now: Release = NOBLE, there: str = "", then: Release = JAMMY
) -> SourceStep | Outcome:
    """Return what becomes of a file of sources; `there` is what this machine has at its path."""
    posture = posture_of({path: text}, then)
    here = posture_of({path: there} if there else {}, now)
    (thing,) = posture.apt.sources
    return source(thing, Target(posture, here, PurePosixPath("posture"), frozenset()))


def written(step: SourceStep | Outcome, answered: dict[str, str], base: Path = Path("/")) -> str:
    """Return what the module writes for a step, where vendors answered so."""
    assert isinstance(step, SourceStep)
    content: bytes = module.content_of(step.model_dump(mode="json"), str(base), answered)
    return content.decode(errors="surrogateescape")


def test_on_the_same_release_a_file_is_not_read() -> None:
    step = made(VENDOR + OWN, now=JAMMY)
    assert isinstance(step, SourceStep)
    assert (step.blocks, step.content) == ((), f"posture/files{PARTS}/x.list")


def test_what_names_the_old_release_is_written_for_the_new_one() -> None:
    step = made(f"# löw jammy\n{VENDOR}{STABLE}")
    assert isinstance(step, SourceStep)
    asked = [folder for block in step.blocks for folder in block.asked]
    assert asked == ["https://vendor.invalid/ubuntu/dists/noble/"]
    moved = VENDOR.replace("ubuntu jammy", "ubuntu noble")
    assert written(step, {}).startswith(f"# löw jammy\n{moved.partition(' #')[0]}")
    assert written(step, {}).endswith(STABLE)
    assert "/k/jammy.gpg" in written(step, {})
    off = written(step, dict.fromkeys(asked, "404"))
    assert off.startswith("# löw jammy\n# deb [signed-by=/k/jammy.gpg] https://vendor.invalid/ubuntu noble")
    assert off.endswith(f"\n{STABLE}")


def test_a_stanza_is_switched_off_by_its_field() -> None:
    step = made(f"{STANZA}\n{STANZA.replace('yes', 'no')}", path=f"{PARTS}/x.sources")
    off = written(step, {"https://vendor.invalid/u/dists/noble/": "404"})
    entries, findings = parse_sources(off, path="x.sources")
    assert (len(entries), findings) == (2, ())
    assert not any(entry.enabled for entry in entries)
    assert [entry.suites for entry in entries] == [("noble",), ("jammy",)]
    on, _ = parse_sources(written(step, {}), path="x.sources")
    assert [entry.enabled for entry in on] == [True, False]


@pytest.mark.parametrize("text", [OWN, MIRROR, "deb cdrom:[Ubuntu 22.04]/ jammy main\n"])
def test_the_distributions_own_sources_are_the_machines(text: str) -> None:
    told = made(text, path="/etc/apt/sources.list", there="deb http://archive.ubuntu.com/ubuntu noble main\n")
    assert isinstance(told, Outcome)
    assert (told.state, "of noble are in force" in told.reason) == ("substituted", True)
    assert ("add universe" in told.remedy) == (text == OWN)


def test_a_vendors_line_among_them_goes_beside_them() -> None:
    there = "deb http://archive.ubuntu.com/ubuntu noble main\n"
    step = made(OWN + VENDOR, path="/etc/apt/sources.list", there=there)
    assert isinstance(step, SourceStep)
    assert step.path == f"{PARTS}/sources-rekindle.list"
    assert [block.text[:6] for block in step.blocks] == ["# deb ", "deb [s"]
    alone = made(OWN + VENDOR, path="/etc/apt/sources.list")
    assert isinstance(alone, SourceStep)
    assert alone.path == "/etc/apt/sources.list"


@pytest.mark.parametrize(
    ("move", "old", "new"),
    [
        (Move(JAMMY, NOBLE), "jammy", "noble"),
        (Move(JAMMY, NOBLE), "cloud-sdk-jammy", "cloud-sdk-noble"),
        (Move(JAMMY, NOBLE), "jammy-pgdg", "noble-pgdg"),
        (Move(JAMMY, NOBLE), "jammyx", "jammyx"),
        (Move(JAMMY, NOBLE), "https://x.invalid/ubuntu/22.04/prod", "https://x.invalid/ubuntu/24.04/prod"),
        (Move(JAMMY, NOBLE), "https://x.invalid/xUbuntu_22.04/", "https://x.invalid/xUbuntu_24.04/"),
        (
            Move(JAMMY, NOBLE),
            "https://x.invalid/repos/ubuntu2204/x86",
            "https://x.invalid/repos/ubuntu2404/x86",
        ),
        (Move(JAMMY, NOBLE), "https://x.invalid/v22.04.1/", "https://x.invalid/v22.04.1/"),
        (Move(WHEEZY, JESSIE), "https://x.invalid/Debian_7/", "https://x.invalid/Debian_8/"),
        (Move(WHEEZY, JESSIE), "https://x.invalid/node_7.x/", "https://x.invalid/node_7.x/"),
        (Move(WHEEZY, JESSIE), "https://x.invalid/debian/7/", "https://x.invalid/debian/8/"),
    ],
)
def test_a_word_of_the_old_release(move: Move, old: str, new: str) -> None:
    assert move.word(old) == new


@pytest.mark.parametrize(
    "text", ["", "\n", "a\n\n\nb\n c\n", "a", " \n\t\na: b\n\n", STANZA + "\n\n" + STANZA]
)
@pytest.mark.parametrize("path", ["x.list", "x.sources"])
def test_nothing_of_a_file_is_lost(text: str, path: str) -> None:
    assert "".join(parts(text, path)) == text


def test_what_is_off_is_read_as_off() -> None:
    assert parse_sources(switched_off(VENDOR, "x.list"), path="x.list") == ((), ())
    (entry,), _ = parse_sources(switched_off(STANZA, "x.sources"), path="x.sources")
    assert not entry.enabled


def test_odd_bytes_arrive_as_they_were(tmp_path: Path) -> None:
    text = b"# caf\xe9 \\x41 {{ 1 }}\n" + VENDOR.encode()
    path = f"{PARTS}/x.list"
    posture = replace(posture_of({path: VENDOR}, JAMMY), contents={path: text})
    (thing,) = posture.apt.sources
    step = source(thing, Target(posture, small_posture(), PurePosixPath("posture"), frozenset()))
    assert written(step, {}).encode(errors="surrogateescape").startswith(b"# caf\xe9 \\x41 {{ 1 }}\n")


STEP = {
    "id": "apt-source:x",
    "path": f"{PARTS}/x.list",
    "content": "",
    "blocks": [{"text": "a", "moved": "b", "off": "# b", "asked": ["http://x/dists/noble/"]}],
    "release": "noble",
    "uris": [],
    "replaced": "",
}


@pytest.mark.parametrize(
    ("answered", "has_route", "state", "until"),
    [
        ({}, True, "substituted", ""),
        ({"http://x/dists/noble/": "404  Not Found"}, False, "deferred", ""),
        ({"http://x/dists/noble/": "Could not resolve 'x'"}, True, "deferred", ""),
        ({"http://x/dists/noble/": "Could not resolve 'x'"}, False, "deferred", "network"),
    ],
)
def test_what_became_of_a_source(
    answered: dict[str, str], has_route: bool, state: str, until: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "has_route", lambda: has_route)
    told = module.judged(STEP, answered, "restored")
    assert (told["state"], told["until"]) == (state, until)
    assert bool(told["remedy"]) == (state == "deferred")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", f"{PARTS}/../x", f"{PARTS}/a/b", "etc/apt/sources.list", f"{PARTS}/"]
)
def test_nothing_is_written_elsewhere(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "write_whole", lambda *words: pytest.fail("written"))
    told = module.brought_back({**STEP, "path": path}, "/", {}, False)
    assert told["state"] == "failed"


def test_a_vendor_is_asked_for_both_kinds_of_index(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refusal(argv: list[str]) -> str:
        asked.append(argv[-2])
        return "E: Failed to fetch x  404  Not Found" if asked[-1].endswith("InRelease") else ""

    monkeypatch.setattr(module, "refusal", refusal)
    assert module.served(["http://x/"], "") == {"http://x/": ""}
    assert asked == ["http://x/InRelease", "http://x/Release"]


def test_one_that_does_not_answer_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(module, "refusal", lambda argv: (asked.append(argv), "E: Connection failed")[1])
    assert module.lacking("http://x/") == "E: Connection failed"
    assert len(asked) == 1


def test_what_is_there_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "x.list"
    place.write_text("text")
    monkeypatch.setattr(module, "PLACE", shared().re.compile(rb".*"))
    step = {**STEP, "path": str(place), "blocks": [], "content": "x.list"}
    monkeypatch.setattr(module, "write_whole", lambda *words: pytest.fail("written"))
    assert module.brought_back(step, str(tmp_path), {}, False)["state"] == "already"
