from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.collected import Collected
from collectors.domains import snapshots
from collectors.domains.snapshots import Snapshots, subvolumes
from collectors.domains.snapshots.known import known
from collectors.domains.snapshots.timeshift import PLACES, timeshift
from collectors.failure import Finding
from collectors.host import Mount
from collectors.judgement.knowledge import knowledge
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import SAMPLES, sampled

PASSWD = "root:x:0:0::/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
FSTAB = """\
UUID=1 / btrfs defaults,subvol=@,compress=zstd:1 0 0
UUID=1 /home btrfs noatime,subvol=@home,subvolid=257 0 0
UUID=2 /srv/data btrfs subvol=/@home 0 0
UUID=3 /boot ext4 defaults 0 0
"""

test_timeshift = sampled("timeshift", lambda text, name: [timeshift(json.loads(text))])


def host_with(tmp_path: Path, files: dict[str, str | bytes | None]) -> FakeHost:
    return machine(tmp_path, {"/etc/passwd": PASSWD, "/home/ada": None, **files})


def ids(found: Collected[Snapshots]) -> list[str]:
    return [thing.item_id() for thing in found.section.things()]


def test_nothing_there_is_nothing_told(tmp_path: Path) -> None:
    assert snapshots.collect(host_with(tmp_path, {})) == Collected(Snapshots())


@pytest.mark.parametrize("path", PLACES)
def test_timeshift_is_told_wherever_it_keeps_its_settings(tmp_path: Path, path: str) -> None:
    text = (SAMPLES / "timeshift/timeshift-22.json").read_text("utf-8")
    found = snapshots.collect(host_with(tmp_path, {path: text}))
    assert ids(found) == ["timeshift:schedule"]


def test_another_disk_and_more_snapshots_are_no_change() -> None:
    said = json.loads((SAMPLES / "timeshift/timeshift-22.json").read_text("utf-8"))
    prints = {
        found.item("snapshots").fingerprint
        for change in ({}, {"backup_device_uuid": "other"}, {"snapshot_count": "99"}, {"count_daily": "6"})
        if (found := timeshift({**said, **change}))
    }
    assert len(prints) == 2


def test_subvolumes_of_a_system_that_is_not_booted_are_in_fstab(tmp_path: Path) -> None:
    found = snapshots.collect(host_with(tmp_path, {"/etc/fstab": FSTAB}))
    assert [(each.item_id(), each.paths, each.options, each.bound) for each in found.section.subvolumes] == [
        ("subvolume:@", ("/",), ("compress=zstd:1",), ""),
        ("subvolume:@home", ("/home",), ("noatime",), ""),
        ("subvolume:@home on /srv/data", ("/srv/data",), (), subvolumes.OTHER_DISK),
    ]
    assert found.section.subvolumes[1].by_hand() == "btrfs subvolume create /mnt/@home"


def test_subvolumes_of_a_booted_system_are_what_is_mounted(tmp_path: Path) -> None:
    options = "rw,relatime,compress=zstd:3,ssd,space_cache=v2,subvolid=256,subvol=/@"
    mounts = {
        "/": Mount("/", "btrfs", "/dev/vda2", options),
        "/mnt": Mount("/mnt", "btrfs", "/dev/vda2", options),
        "/top": Mount("/top", "btrfs", "/dev/vda2", "rw,subvolid=5,subvol=/"),
        "/boot": Mount("/boot", "ext4", "/dev/vda1", "rw"),
    }
    host = replace(host_with(tmp_path, {"/etc/fstab": FSTAB}), booted=True, mounts=mounts)
    assert [
        (each.item_id(), each.paths, each.options) for each in snapshots.collect(host).section.subvolumes
    ] == [
        ("subvolume:@", ("/", "/mnt"), ("compress=zstd:3",)),
        ("subvolume:top", ("/top",), ()),
    ]


def test_settings_of_programs_are_files_and_keys_are_told(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "/etc/snapper/configs/root": 'SUBVOLUME="/"\nTIMELINE_CREATE="yes"\n',
        "/etc/btrbk/btrbk.conf": "snapshot_preserve 14d\n",
        "/etc/borgmatic/config.yaml": "encryption_passphrase: correct horse\n",
        "/home/ada/.config/borgmatic/config.yaml": "repositories: []\n",
        "/home/ada/.config/borg/keys/nas": "BORG_KEY x\n",
    }
    found = snapshots.collect(host_with(tmp_path, files))
    assert [file.path for file in found.section.files] == [
        "/etc/btrbk/btrbk.conf", "/etc/snapper/configs/root", "/home/ada/.config/borgmatic/config.yaml",
    ]  # fmt: skip
    assert [each.path for each in found.section.left_out] == [
        "/home/ada/.config/borg/keys", "/etc/borgmatic/config.yaml",
    ]  # fmt: skip
    assert found.findings == ()


def test_no_other_section_need_have_what_is_told_here() -> None:
    own = (f"/home/ada/{path}" for path in (*known().own_settings, *known().own_secrets))
    for path in (*known().settings, *PLACES, *own):
        rule = knowledge().by_name(path, "file")
        assert rule and rule.verdict == "elsewhere", path


def test_what_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    host = host_with(tmp_path, {PLACES[0]: "x", PLACES[1]: "{", "/etc/fstab": FSTAB})
    found = snapshots.collect(replace(host, failing={PLACES[0]: PermissionError(13, "no")}))
    assert len(found.section.subvolumes) == 3
    assert found.findings == (
        Finding(PLACES[0], "not readable", "run with sudo"),
        Finding(PLACES[1], "not JSON", "look at it by hand"),
    )


KEYS = st.sampled_from(
    ["schedule_daily", "count_daily", "exclude", "btrfs_mode", "do_first_run", "backup_device_uuid"]
)


@given(
    st.dictionaries(
        KEYS, st.none() | st.integers() | st.text(max_size=5) | st.just("true") | st.lists(st.text())
    )
)
def test_no_json_crashes_timeshift(value: dict[str, Any]) -> None:
    found = timeshift(value)
    assert (found is None) == (not value or value.get("do_first_run") == "true")
    if found:
        found.model_dump_json()


@given(
    st.lists(
        st.tuples(st.text(max_size=4), st.sampled_from("ab"), st.sampled_from(["subvol=@", "subvol=", ""]))
    )
)
def test_each_mount_is_in_one_subvolume(rows: list[tuple[str, str, str]]) -> None:
    mounts = [subvolumes.Mounted(f"/{path}", source, (option,)) for path, source, option in rows]
    found = list(subvolumes.subvolumes(mounts))
    assert sum(len(each.paths) for each in found) == len(mounts)
