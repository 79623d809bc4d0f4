"""The boot menu: ours first, the vendor's below, every argument as the kernel must see it."""

from __future__ import annotations

import re
import subprocess

import pytest

from builder.iso.checksums import with_digests
from builder.iso.menu import (
    LIVE_ARGUMENTS,
    SCRIPTS,
    TITLE,
    TITLE_COLUMNS,
    machine_cfg,
    quoted,
    with_recovery,
)
from builder.iso.prepare import CARRIED
from collectors.failure import Failure
from tests.synthetic import DESKTOP_GRUB_CFG, GRUB_CFG, LOOPBACK_CFG


def recovery(vendor: str, *arguments: str) -> str:
    return with_recovery(vendor, name="grub.cfg", arguments=arguments or ("autoinstall",))


def entries(menu: str) -> list[str]:
    return re.findall(r'menuentry ["\'](.*?)["\']', menu)


def lines_of(menu: str, entry: str) -> list[str]:
    """Return the lines in the braces of the entry of that id."""
    return menu.partition(f"--id=rekindle-{entry} {{\n")[2].partition("\n}")[0].splitlines()


def test_ours_comes_first_and_the_vendors_stay() -> None:
    menu = recovery(GRUB_CFG)
    before, _, rest = GRUB_CFG.partition("menuentry")
    assert menu.startswith(before)
    assert menu.endswith("menuentry" + rest)
    assert [title[:4] for title in entries(menu)[:7]] == [
        "[b] ",
        "[r] ",
        "[g] ",
        "[o] ",
        "[s] ",
        "[m] ",
        "    ",
    ]
    assert entries(menu)[7:] == entries(GRUB_CFG)


def test_ours_are_there_for_a_filled_medium_only() -> None:
    ours = recovery(GRUB_CFG).removeprefix(GRUB_CFG.partition("menuentry")[0])
    told, _, rest = ours.partition('if [ -n "$rekindle_id" ]; then\n')
    assert told.endswith("source /rekindle/machine.cfg\n")
    assert "menuentry" not in told
    assert "default" not in told
    assert rest.partition("\nfi\n\n")[2] == "menuentry" + GRUB_CFG.partition("menuentry")[2]


@pytest.mark.parametrize(("entry", "extra"), [("recover", []), ("safe", ["nomodeset"])])
def test_a_recovery_goes_on_by_itself(entry: str, extra: list[str]) -> None:
    [line] = [text for text in lines_of(recovery(DESKTOP_GRUB_CFG), entry) if text.startswith("\tlinux")]
    live, kept = line.split("---")
    assert live.split()[:2] == ["linux", "/casper/vmlinuz"]
    assert live.split()[2:] == [*LIVE_ARGUMENTS, *extra, "autoinstall", "$rekindle_again"]
    assert kept.split() == ["quiet", "splash"]


@pytest.mark.parametrize(("entry", "script"), [(name, f"{name}.py") for _, name, _ in SCRIPTS])
def test_what_is_no_installation_runs_a_script_of_the_medium(entry: str, script: str) -> None:
    [line] = [text for text in lines_of(recovery(DESKTOP_GRUB_CFG), entry) if text.startswith("\tlinux")]
    words = line.split()
    assert f"systemd.run=/cdrom/rekindle/live/{script}" in words
    assert f"live/{script}" in CARRIED
    assert set(LIVE_ARGUMENTS) <= set(words)
    assert not {"autoinstall", "---", "splash"} & set(words)


def test_the_restored_system_is_the_default_where_there_is_one() -> None:
    menu = recovery(GRUB_CFG)
    guard = menu.partition("if search --no-floppy --file --set=rekindle_marked")[2].partition("\nfi\n")[0]
    assert "set default=rekindle-restored" in guard
    assert "set rekindle_again=rekindle.again" in guard
    assert "linux" not in guard
    assert menu.index("set default=rekindle-recover\n") < menu.index("set default=rekindle-restored\n")


def test_the_settings_of_the_firmware_are_offered_once() -> None:
    for vendor in (GRUB_CFG, DESKTOP_GRUB_CFG, LOOPBACK_CFG):
        assert recovery(vendor).count("\tfwsetup\n") == 1


def test_loopback_keeps_how_the_iso_is_found() -> None:
    lines = [text for text in recovery(LOOPBACK_CFG).splitlines() if text.startswith("\tlinux")]
    assert len(lines) == 6
    assert all(" iso-scan/filename=${iso_path} " in line for line in lines)


def test_a_semicolon_is_quoted_for_grub() -> None:
    assert "'ds=nocloud;s=/cdrom/nocloud/'" in recovery(
        GRUB_CFG, "autoinstall", "ds=nocloud;s=/cdrom/nocloud/"
    )


def told(host: str, disk: str = "the only internal disk") -> str:
    return machine_cfg(medium_id="0f", host=host, date="2026-11-25", disk=disk, countdown_seconds=7)


def test_a_machine_is_named_with_its_date_and_its_disk() -> None:
    cfg = told("it's")
    assert "set rekindle_id=0f\n" in cfg
    assert "set rekindle_machine='it'\\''s as of 2026-11-25'\n" in cfg
    assert "set rekindle_disk='the only internal disk'\n" in cfg
    assert "set timeout=7\n" in cfg


@pytest.mark.parametrize(
    ("host", "disk"),
    [
        ("ember", "the only internal disk"),
        ("h" * 63, "the only internal disk"),
        ("ember", "the disk with serial " + "S" * 60),
        ("h" * 63, "the disk with serial " + "S" * 60),
    ],
)
def test_a_title_fits_the_screen_and_names_both(host: str, disk: str) -> None:
    cfg = told(host, disk)
    words = dict(line.split(" ", 1)[1].split("=", 1) for line in cfg.splitlines() if " " in line)
    machine, named = words["rekindle_machine"].strip("'"), words["rekindle_disk"].strip("'")
    title = TITLE.format(machine=machine, disk=named)
    assert len(title) <= TITLE_COLUMNS
    assert machine.endswith(" as of 2026-11-25")
    assert machine.startswith(host[:5])
    assert named.startswith(disk[:12])
    assert named[-5:] == disk[-5:]
    assert (named == disk) == (len(disk) < 30)


@pytest.mark.parametrize("word", ["a b", "it's", "$(id)", "ü;x", "{{ 1 }}", ""])
def test_a_quoted_word_is_one_word(word: str) -> None:
    said = subprocess.run(["sh", "-c", f"printf %s {quoted(word)}"], capture_output=True, check=True)
    assert said.stdout.decode() == word


@pytest.mark.parametrize("vendor", ["", "menuentry 'x' {\n}\n", "linux /casper/vmlinuz ---\n"])
def test_a_menu_without_an_installer_is_refused(vendor: str) -> None:
    with pytest.raises(Failure, match=r"grub\.cfg"):
        recovery(vendor)


def test_md5sums_are_replaced_in_place_and_new_ones_come_last() -> None:
    vendor = "0" * 32 + "  ./a\n" + "1" * 32 + "  ./b\n"
    lines = with_digests(vendor, {"b": "2" * 32, "new/c": "3" * 32}).splitlines()
    assert lines == ["0" * 32 + "  ./a", "2" * 32 + "  ./b", "3" * 32 + "  ./new/c"]
