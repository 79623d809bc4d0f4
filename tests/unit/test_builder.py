"""Whole or nothing, guards, and command lines: the builder's parts that need no tools."""

from __future__ import annotations

import re
import shutil
import stat
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builder import timer
from builder.cli import app
from builder.history import commit_posture, known_hosts, last_posture
from builder.iso.author import boot_commands, volume_epoch
from builder.places import places
from builder.publish import is_rclone, publish, sha256_of
from builder.rehearse.rehearsal import received, rehearse
from builder.rehearse.vm import Vm, command_line
from builder.tools import PACKAGES, require, system_packages
from builder.whole import whole
from collectors.failure import Failure
from tests.postures import small_posture


def test_a_whole_file_has_its_final_name_only_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "x.iso"
    with whole(target) as aside:
        aside.write_text("half")
        assert not target.exists()
        written = aside.stat().st_ino
    assert target.read_text() == "half"
    assert target.stat().st_ino == written  # renamed, not copied
    assert list(target.parent.iterdir()) == [target]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "x.iso"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole(target) as aside:
        aside.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_directory_or_a_device_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="is a directory"), whole(tmp_path):
        pass
    with pytest.raises(Failure, match="is a device") as raised, whole(Path("/dev/null")):
        pass
    assert "rekindle flash" in raised.value.remedy


def test_a_whole_file_is_for_its_owners_eyes(tmp_path: Path) -> None:
    with whole(tmp_path / "x") as aside:
        aside.write_text("secret")
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600


def test_everything_missing_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(Failure) as raised:
        require(["no-such-a", "no-such-b", "sh"], {tmp_path / "not" / "yet": 2**62})
    assert "no-such-a is not installed; no-such-b is not installed; " in raised.value.message
    assert "MB are needed" in raised.value.message
    assert "apt install no-such-a no-such-b" in raised.value.remedy


def test_every_tool_has_its_package_in_the_list() -> None:
    assert set(PACKAGES.values()) <= set(system_packages())


def test_one_home_holds_all_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REKINDLE_HOME", str(tmp_path))
    assert {places().config.parent, places().state.parent, places().cache.parent} == {tmp_path}
    monkeypatch.delenv("REKINDLE_HOME")
    assert places().config_file == Path("/etc/rekindle/rekindle.yaml")


def test_a_posture_is_committed_once(tmp_path: Path) -> None:
    first = commit_posture(tmp_path, "ember", small_posture(), "system: +all")
    assert first
    assert commit_posture(tmp_path, "ember", small_posture(), "again") is None
    assert last_posture(tmp_path, "ember") == small_posture()
    second = commit_posture(tmp_path, "ember", small_posture(hostname="ash"), "system: ~hostname")
    assert second not in (None, first)
    assert known_hosts(tmp_path) == ["ember"]


def test_the_owners_git_settings_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ignore").write_text("*\n")
    (tmp_path / "home" / ".gitconfig").write_text(
        f"[core]\n excludesFile = {tmp_path}/home/ignore\n autocrlf = true\n[commit]\n gpgsign = true\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert commit_posture(tmp_path / "repo", "ember", small_posture(), "all")
    assert last_posture(tmp_path / "repo", "ember") == small_posture()


def test_a_swap_that_was_killed_is_finished(tmp_path: Path) -> None:
    commit_posture(tmp_path, "ember", small_posture(), "all")
    hosts = tmp_path / "hosts"
    shutil.copytree(hosts / "ember", hosts / ".ember.old")
    (hosts / "ember").rename(hosts / ".ember.new")
    assert last_posture(tmp_path, "ember") == small_posture()
    assert commit_posture(tmp_path, "ember", small_posture(), "again") is None


def test_what_git_refuses_is_one_line(tmp_path: Path) -> None:
    commit_posture(tmp_path, "ember", small_posture(), "all")
    (tmp_path / ".git" / "index.lock").touch()
    with pytest.raises(Failure, match=r"git: fatal: .*index\.lock") as raised:
        commit_posture(tmp_path, "ember", small_posture(hostname="ash"), "again")
    assert "\n" not in str(raised.value)


def test_there_is_no_posture_yet(tmp_path: Path) -> None:
    assert last_posture(tmp_path, "ember") is None
    assert known_hosts(tmp_path) == []


def test_remotes_are_told_from_folders() -> None:
    assert is_rclone("gdrive:rekindle")
    assert is_rclone("gdrive:")
    assert not is_rclone("/mnt/a:b")
    assert not is_rclone("./x")


def test_publishing_to_a_folder(tmp_path: Path) -> None:
    iso, said = tmp_path / "r.iso", []
    iso.write_bytes(b"iso" * 1000)
    for _ in range(2):
        publish(iso, (str(tmp_path / "out"),), host="ember", say=said.append)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["RECOVER.md", "SHA256SUMS", "rekindle-ember.iso"]
    assert [line.split(": ")[1] for line in said] == ["published", "already there"]
    assert "rekindle-ember.iso" in (tmp_path / "out" / "RECOVER.md").read_text()


def test_a_publication_that_was_cut_short_is_made_whole(tmp_path: Path) -> None:
    iso, folder, said = tmp_path / "r.iso", tmp_path / "out", []
    iso.write_bytes(b"old")
    publish(iso, (str(folder),), host="ember", say=said.append)
    iso.write_bytes(b"new")
    (folder / "rekindle-ember.iso").write_bytes(b"new")  # killed before the sums
    publish(iso, (str(folder),), host="ember", say=said.append)
    assert sha256_of(iso) in (folder / "SHA256SUMS").read_text()


def test_the_guides_commands_are_commands(tmp_path: Path) -> None:
    iso = tmp_path / "r.iso"
    iso.write_bytes(b"iso")
    publish(iso, (str(tmp_path / "out"),), host="ember", say=print)
    guide = (tmp_path / "out" / "RECOVER.md").read_text()
    [command] = re.findall(r"`rekindle (.*?)`", guide)
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 1, done.output
    assert "no such file" in done.output


def test_one_bad_remote_does_not_sink_the_others(tmp_path: Path) -> None:
    iso = tmp_path / "r.iso"
    iso.write_bytes(b"iso")
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="file"):
        publish(
            iso,
            (str(tmp_path / "file" / "x"), str(tmp_path / "good")),
            host="ember",
            say=lambda line: None,
        )
    assert (tmp_path / "good" / "rekindle-ember.iso").exists()


def test_nothing_to_publish_and_nowhere_to(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="nowhere"):
        publish(tmp_path / "r.iso", (), host="ember", say=print)
    with pytest.raises(Failure, match="no such file"):
        publish(tmp_path / "r.iso", (str(tmp_path),), host="ember", say=print)


def test_units_run_weekly_and_catch_up() -> None:
    texts = timer.unit_texts("/usr/bin/rekindle", "weekly", None)
    assert "OnCalendar=weekly\nPersistent=true\n" in texts["rekindle.timer"]
    assert 'ExecStart="/usr/bin/rekindle" refresh\n' in texts["rekindle.service"]
    assert "REKINDLE_HOME" not in texts["rekindle.service"]
    assert (
        'Environment="REKINDLE_HOME=/a b/100%%"\n'
        in timer.unit_texts("/r", "weekly", "/a b/100%")["rekindle.service"]
    )


def vm(**facts: object) -> Vm:
    return Vm(**{"folder": Path("/f"), "firmware": "bios", "disk": Path("/d.qcow2"), **facts})


def test_the_guest_never_writes_the_medium() -> None:
    for slot in ("stick", "cd"):
        words = " ".join(command_line(vm(medium=Path("/r.iso"), slot=slot), kvm=False))
        assert "file=/r.iso,format=raw,readonly=on" in words
        assert "bootindex=1" in words


def test_a_machine_without_its_medium_has_none() -> None:
    assert not any("medium" in word for word in command_line(vm(), kvm=False))


def test_secure_boot_is_enforced_by_the_firmware() -> None:
    words = command_line(vm(firmware="secure-boot"), kvm=False)
    assert "driver=cfi.pflash01,property=secure,value=on" in words
    assert any("OVMF_CODE_4M.secboot.fd" in word for word in words)


def test_kvm_is_used_where_it_works_and_new_kernels_get_one_processor_without() -> None:
    assert "host" in command_line(vm(), kvm=True)
    assert "Westmere,-cx16" in command_line(vm(conservative=True), kvm=False)


def test_the_guest_reports_through_the_named_port() -> None:
    assert "virtserialport,chardev=report,name=org.rekindle.report" in command_line(vm(), kvm=False)


def test_no_qemu_is_said_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.tools.found", lambda tool: False)
    monkeypatch.setattr("builder.rehearse.rehearsal.DISK_GIB", 0)
    with pytest.raises(Failure, match="qemu-system-x86_64 is not installed; qemu-img") as raised:
        rehearse(tmp_path / "r.iso", folder=tmp_path / "work", firmware="bios", slot="cd", say=print)
    assert raised.value.remedy == "apt install qemu-system-x86 qemu-utils"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["{}/out", "../../../../../../../../..{}/out", "link"])
def test_a_guest_cannot_reach_out_of_its_report(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "report.tar", "w") as tar:
        header = tarfile.TarInfo(name.format(tmp_path))
        header.type = tarfile.SYMTYPE if name == "link" else tarfile.REGTYPE
        header.linkname = str(tmp_path)
        tar.addfile(header)
    with pytest.raises(Failure, match="is no plain file inside it"):
        received(tmp_path / "report.tar")
    assert not (tmp_path / "out").exists()


def test_a_report_that_was_cut_short_is_none(tmp_path: Path) -> None:
    (tmp_path / "report.tar").write_bytes(b"")
    with pytest.raises(Failure, match="no whole report"):
        received(tmp_path / "report.tar")


def test_the_appended_partition_is_named_not_placed() -> None:
    esp = "--interval:appended_partition_2_start_15714s_size_8192d:all::"
    report = f"Drive current: x\n-boot_image any efi_path='{esp}'\n"
    assert boot_commands(report) == [
        "-boot_image",
        "any",
        "efi_path=--interval:appended_partition_2:all::",
    ]


def test_a_volume_date_is_utc() -> None:
    assert volume_epoch("1970010200000000") == 86400
