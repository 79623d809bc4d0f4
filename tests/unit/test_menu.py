"""The boot menu: ours first, the vendor's below, every argument as the kernel must see it."""

from __future__ import annotations

import subprocess

import pytest

from builder.iso.checksums import updated
from builder.iso.menu import quoted, with_recovery
from collectors.failure import Failure
from tests.synthetic import GRUB_CFG, LOOPBACK_CFG


def recovery(vendor: str, *arguments: str) -> str:
    return with_recovery(
        vendor,
        name="grub.cfg",
        host="ember",
        arguments=arguments or ("autoinstall",),
        countdown_seconds=7,
    )


def test_ours_comes_first_and_the_vendors_stay() -> None:
    menu = recovery(GRUB_CFG)
    before, _, rest = GRUB_CFG.partition("menuentry")
    assert menu.startswith(before)
    assert menu.endswith("menuentry" + rest)
    assert menu.index("Recover ") < menu.index("Try or Install")
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


def test_the_default_and_the_countdown_are_set_before_the_entries() -> None:
    menu = recovery(GRUB_CFG)
    assert menu.index("set timeout=7") < menu.index("menuentry")
    assert menu.index("set default=0") < menu.index("menuentry")


@pytest.mark.parametrize("word", ["a b", "it's", "$(id)", "ü;x", "{{ 1 }}", ""])
def test_a_quoted_word_is_one_word(word: str) -> None:
    said = subprocess.run(["sh", "-c", f"printf %s {quoted(word)}"], capture_output=True, check=True)
    assert said.stdout.decode() == word


@pytest.mark.parametrize("vendor", ["", "menuentry 'x' {\n}\n", "linux /casper/vmlinuz ---\n"])
def test_a_menu_without_an_installer_is_refused(vendor: str) -> None:
    with pytest.raises(Failure, match=r"grub\.cfg"):
        recovery(vendor)


def test_md5sums_are_replaced_in_place_and_new_ones_come_last(tmp_path) -> None:
    (tmp_path / "b").write_bytes(b"b")
    vendor = "0" * 32 + "  ./a\n" + "1" * 32 + "  ./b\n"
    lines = updated(vendor, {"b": tmp_path / "b", "new/c": tmp_path / "b"}).splitlines()
    assert lines[0] == "0" * 32 + "  ./a"
    assert lines[1] == "92eb5ffee6ae2fec3ad71c777531578f  ./b"
    assert lines[2].endswith("  ./new/c")
    assert len(lines) == 3
