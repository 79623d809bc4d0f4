from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.collected import Collected, Cover
from collectors.domains import snap
from collectors.domains.snap import state
from collectors.domains.snap.things import Alias, Connection, Package, Setting
from collectors.failure import Finding
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import SAMPLES, sampled

test_state = sampled("snapd_state", lambda text, name: state.parse_state(text))
test_seed = sampled("snapd_seed", lambda text, name: state.parse_seed(text))

REAL = (SAMPLES / "snapd_state/ubuntu-24.04").read_text()


def desktop(tmp_path: Path, files: Mapping[str, str | bytes | None] | None = None) -> FakeHost:
    return machine(
        tmp_path,
        {
            "/etc/passwd": "ada:x:1000:1000::/home/ada:/bin/bash\n",
            "/home/ada/snap/code/common/.cache/x": "",
            state.STATE: REAL,
            state.SEED: (SAMPLES / "snapd_seed/ubuntu-24.04").read_text(),
            "/snap/README": "",
            "/snap/bin/code.url-handler": "-> /usr/bin/snap",
            "/snap/bin/vc": "-> code.url-handler",
            "/snap/bin/codetool": "-> code.tool",
            "/snap/bin/strange": "",
            "/snap/code/current": "-> 164",
            "/snap/mine/current": "-> x2",
            "/var/lib/snapd/snaps/code_160.snap": "",
            "/var/lib/snapd/snaps/mine_x2.snap": "",
            "/var/lib/snapd/snapshots/1_code.zip": "",
            "/var/lib/snapd/sequence/code.json": "",
            **(files or {}),
        },
    )


def bound(found: Collected[snap.Snap]) -> dict[str, str]:
    return {each.name: each.bound for each in found.section.snaps if each.bound}


def test_nothing_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert snap.collect(machine(tmp_path)) == Collected(snap.Snap())


def test_snaps_that_a_fresh_installation_brings_are_bound(tmp_path: Path) -> None:
    found = snap.collect(desktop(tmp_path))
    assert bound(found) == {"bare": state.NEEDED, "firefox": snap.SHIPPED}
    assert found.findings == ()


def test_secrets_stay_in_the_state(tmp_path: Path) -> None:
    found = snap.collect(desktop(tmp_path))
    assert [(each.path, each.reason) for each in found.section.left_out] == [
        (state.STATE, "settings that are secret: nextcloud:mail.smtp-password")
    ]
    assert "geheim" not in repr(found)


def test_a_setting_that_holds_a_key_is_secret_whatever_its_name(tmp_path: Path) -> None:
    held = {"data": {"config": {"x": {"pem": "-----BEGIN PRIVATE KEY-----\nx"}}}}
    found = snap.collect(machine(tmp_path, {state.STATE: json.dumps(held)}))
    assert (found.section.settings, len(found.section.left_out)) == ((), 1)


def test_what_is_private_is_no_key(tmp_path: Path) -> None:
    given = {"data": {"config": {"x": {"private": {"mode": "extra", "key": "geheim"}}}}}
    section = snap.collect(machine(tmp_path, {state.STATE: json.dumps(given)})).section
    assert [each.key for each in section.settings] == ["private.mode"]
    assert [each.reason for each in section.left_out] == ["settings that are secret: x:private.key"]


def test_a_sideloaded_snap_is_lost(tmp_path: Path) -> None:
    found = snap.collect(desktop(tmp_path))
    assert [(loss.kind, loss.subject) for loss in found.losses] == [("sourceless", "snap:mine")]


def test_what_comes_back_and_what_is_data(tmp_path: Path) -> None:
    found = snap.collect(desktop(tmp_path))
    covers = set(found.covers)
    assert {
        Cover("/snap/code", "snap:code"),
        Cover("/snap/bin/code.url-handler", "snap:code"),
        Cover("/snap/bin/codetool", "snap:code"),
        Cover("/snap/bin/vc", "snap-alias:vc"),
        Cover("/var/lib/snapd/snaps/code_160.snap", "snap:code"),
        Cover("/var/lib/snapd/sequence", snap.ANEW),
        Cover("/home/ada/snap/code/common/.cache", "made anew by code"),
    } <= covers
    paths = {cover.path for cover in covers}
    assert not paths & {
        "/snap/mine", "/snap/bin/strange", "/var/lib/snapd", "/var/lib/snapd/snaps",
        "/var/lib/snapd/snapshots", "/var/lib/snapd/snaps/mine_x2.snap", "/var/snap/code",
        "/home/ada/snap/code",
    }  # fmt: skip


def test_whoever_is_not_root_sees_what_is_mounted(tmp_path: Path) -> None:
    host = replace(desktop(tmp_path), failing={state.STATE: PermissionError(13, "no")})
    found = snap.collect(host)
    assert [(each.name, each.revision) for each in found.section.snaps] == [("code", "164"), ("mine", "x2")]
    assert found.findings == (Finding(state.STATE, "not readable", "run with sudo"),)


@pytest.mark.parametrize("path", [state.STATE, state.SEED])
def test_what_is_no_json_or_yaml_is_a_finding(tmp_path: Path, path: str) -> None:
    found = snap.collect(machine(tmp_path, {path: "{"}))
    assert [each.subject for each in found.findings] == [path]


def test_a_newer_revision_is_the_same_item_unless_it_is_held() -> None:
    old, new = Package(name="x", revision="1"), Package(name="x", revision="2")
    assert old.item("snap") == new.item("snap")
    assert old.model_copy(update={"held": "1"}).item("snap") != new.model_copy(update={"held": "2"}).item(
        "snap"
    )


@pytest.mark.parametrize(
    ("thing", "command"),
    [
        (
            Package(name="code", channel="latest/stable", held="7", classic=True),
            "snap install --classic --channel=latest/stable --revision=7 code",
        ),
        (Connection(plug="a:camera", slot=":camera"), "snap connect a:camera :camera"),
        (Connection(plug="a:camera", slot=":camera", removed=True), "snap disconnect a:camera :camera"),
        (Alias(name="vc", command="code.url-handler"), "snap alias code.url-handler vc"),
        (Setting(snap="x", key="a.b", value="[1, 2]"), "snap set -t x 'a.b=[1, 2]'"),
    ],
)
def test_by_hand(thing: Any, command: str) -> None:
    assert thing.by_hand() == command


def test_ids_are_unique_and_one_line(tmp_path: Path) -> None:
    for name in ("ubuntu-24.04", "odd"):
        content = (SAMPLES / "snapd_state" / name).read_bytes()
        found = snap.collect(machine(tmp_path / name, {state.STATE: content}))
        ids = [item.id for item in found.section.items()]
        assert len(ids) == len(set(ids)) > 1
        assert all(each.encode().decode().splitlines() == [each] for each in ids)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=9,
)
PARTS = ("snaps", "conns", "config", "snaps-hold")


@given(
    st.dictionaries(st.sampled_from(PARTS), PLAIN), st.dictionaries(st.text(max_size=5), PLAIN, max_size=3)
)
def test_a_state_may_be_anything(data: dict[str, Any], snaps: dict[str, Any]) -> None:
    whole = {"data": {**data, "snaps": {**snaps, "x": {"current": "1"}}}}
    found, findings = state.parse_state(json.dumps(whole))
    assert len(found.snaps) + len(findings) >= len(whole["data"]["snaps"])


@given(st.text(max_size=80))
def test_any_text_is_a_state_and_a_seed_or_a_finding(text: str) -> None:
    state.parse_state(text)
    state.parse_seed(text)
