"""The boot menu: ours first, the vendor's below, every argument as the kernel must see it."""

from __future__ import annotations

import subprocess

import pytest

from builder.iso.checksums import with_digests
from builder.iso.menu import machine_cfg, quoted, with_recovery
from collectors.failure import Failure
from tests.synthetic import GRUB_CFG, LOOPBACK_CFG


def recovery(vendor: str, *arguments: str) -> str:
    return with_recovery(vendor, name="grub.cfg", arguments=arguments or ("autoinstall",))


def test_ours_comes_first_and_the_vendors_stay() -> None:
    menu = recovery(GRUB_CFG)
    before, _, rest = GRUB_CFG.partition("menuentry")
    assert menu.startswith(before)
    assert menu.endswith("menuentry" + rest)
    assert menu.index("$rekindle_title") < menu.index("Try or Install")
    assert menu.count("menuentry ") == GRUB_CFG.count("menuentry ") + 1


def test_the_kernel_line_has_autoinstall_before_the_dashes() -> None:
    [line] = [text for text in recovery(GRUB_CFG).splitlines() if "autoinstall" in text]
    live, kept = line.split("---")
    assert live.split()[:2] == ["linux", "/casper/vmlinuz"]
    assert "autoinstall" in live.split()
    assert kept == ""


def test_loopback_keeps_how_the_iso_is_found() -> None:
    [line] = [text for text in recovery(LOOPBACK_CFG).splitlines() if "autoinstall" in text]
    assert "iso-scan/filename=${iso_path}" in line


def test_a_semicolon_is_quoted_for_grub() -> None:
    assert "'ds=nocloud;s=/cdrom/nocloud/'" in recovery(
        GRUB_CFG, "autoinstall", "ds=nocloud;s=/cdrom/nocloud/"
    )


def test_the_machine_is_told_before_the_entries() -> None:
    menu = recovery(GRUB_CFG)
    assert menu.index("source /rekindle/machine.cfg") < menu.index("menuentry")


def test_a_machine_is_named_with_its_date_and_its_disk() -> None:
    disk = "the only internal disk"
    told = machine_cfg(medium_id="0f", host="it's", date="2026-11-25", disk=disk, countdown_seconds=7)
    assert "set rekindle_title='Recover it'\\''s as of 2026-11-25: erases the only internal disk'" in told
    assert "set timeout=7" in told


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
