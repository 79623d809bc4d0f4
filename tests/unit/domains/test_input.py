from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from collectors.collected import Collected
from collectors.domains import desktop, files
from collectors.domains import input as module
from collectors.domains.input import Input
from collectors.failure import Finding
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import sampled

PEOPLE = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n",
    "/home/ada": None,
    "/root": None,
}
XKB = "/usr/share/X11/xkb"
WANTS = "/etc/systemd/system/multi-user.target.wants/keyd.service"

test_md5sums = sampled("md5sums", lambda text, name: module.parse_md5sums(text))


def host_with(tmp_path: Path, files: dict[str, str | bytes | None]) -> FakeHost:
    return machine(tmp_path, {**PEOPLE, **files})


def paths(found: Collected[Input]) -> list[str]:
    return [file.path for file in found.section.files]


def test_a_plain_machine_has_nothing_to_tell(tmp_path: Path) -> None:
    assert module.collect(host_with(tmp_path, {})) == Collected(Input())


SHORTCUTS = """[services][dictate.desktop]
_launch=F13

[kwin]
Overview=Meta+W,Meta+W,Toggle Overview
"""


def test_a_dictation_key_comes_back(tmp_path: Path) -> None:
    keyd = "[ids]\n046d:c52b\n[main]\nrightcontrol = f13\n"
    hwdb = "evdev:input:b0003v046DpC52B*\n KEYBOARD_KEY_700e4=f13\n"
    host = host_with(
        tmp_path,
        {
            "/etc/keyd/default.conf": keyd,
            "/etc/udev/hwdb.d/90-dictation.hwdb": hwdb,
            "/etc/udev/rules.d/90-keyboard.rules": 'KERNEL=="event*", TAG+="x"\n',
            "/home/ada/.config/kcminputrc": "[Keyboard]\nNumLock=0\n",
            "/home/ada/.config/kglobalshortcutsrc": SHORTCUTS,
            WANTS: "-> /lib/systemd/system/keyd.service",
        },
    )
    found = module.collect(host)
    assert paths(found) == [
        "/etc/keyd/default.conf",
        "/etc/udev/hwdb.d/90-dictation.hwdb",
        "/home/ada/.config/kcminputrc",
    ]
    assert found.contents["/etc/keyd/default.conf"] == keyd.encode()
    assert found.contents["/etc/udev/hwdb.d/90-dictation.hwdb"] == hwdb.encode()
    rest = [file.path for file in files.collect(host).section.files]
    assert {WANTS, "/etc/udev/rules.d/90-keyboard.rules"} <= set(rest)
    assert not set(paths(found)) & set(rest)
    shortcuts = [thing.item_id() for thing in desktop.collect(host).section.things()]
    assert [name for name in shortcuts if "dictate.desktop" in name]


def test_settings_of_each_home(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        {
            "/home/ada/.Xmodmap": "keycode 66 = F13\n",
            "/home/ada/.config/input-remapper-2/presets/Key\nboard/caps.json": "[]",
            "/home/ada/.config/input-remapper-2/xmodmap.json": "{}",
            "/home/ada/.config/xkb/symbols/mine": "xkb_symbols {}",
            "/root/.config/sxhkd/sxhkdrc": "F13\n  dictate\n",
        },
    )
    assert paths(module.collect(host)) == [
        "/home/ada/.Xmodmap",
        r"/home/ada/.config/input-remapper-2/presets/Key\x0aboard/caps.json",
        "/home/ada/.config/xkb/symbols/mine",
        "/root/.config/sxhkd/sxhkdrc",
    ]


def test_of_the_x_servers_files_those_for_input_are_taken(tmp_path: Path) -> None:
    folder = "/etc/X11/xorg.conf.d"
    host = host_with(tmp_path, {f"{folder}/00-keyboard.conf": "x", f"{folder}/20-screen.conf": "x"})
    assert paths(module.collect(host)) == [f"{folder}/00-keyboard.conf"]
    assert f"{folder}/20-screen.conf" in [file.path for file in files.collect(host).section.files]


def test_what_was_altered_in_the_descriptions_of_keyboards(tmp_path: Path) -> None:
    made = hashlib.md5(b"made").hexdigest()
    host = host_with(
        tmp_path,
        {
            module.MADE: "".join(f"{made}  {XKB[1:]}/symbols/{name}\n" for name in ("de", "us")),
            f"{XKB}/symbols/de": "mine",
            f"{XKB}/symbols/us": "made",
            f"{XKB}/rules/mine": "x",
        },
    )
    found = module.collect(host)
    assert paths(found) == [f"{XKB}/rules/mine", f"{XKB}/symbols/de"]
    assert found.contents[f"{XKB}/symbols/de"] == b"mine"


def test_descriptions_may_be_at_their_new_place(tmp_path: Path) -> None:
    made = hashlib.md5(b"made").hexdigest()
    new = "/usr/share/xkeyboard-config-2"
    host = host_with(
        tmp_path,
        {
            module.MADE: "".join(f"{made}  {new[1:]}/symbols/{name}\n" for name in ("de", "us")),
            f"{new}/symbols/de": "mine",
            f"{new}/symbols/us": "made",
            XKB: f"-> {new}",
        },
    )
    assert paths(module.collect(host)) == [f"{new}/symbols/de"]


def test_descriptions_that_no_package_tells_are_not_told(tmp_path: Path) -> None:
    assert paths(module.collect(host_with(tmp_path, {f"{XKB}/symbols/de": "x"}))) == []


def test_a_secret_is_left_out(tmp_path: Path) -> None:
    found = module.collect(host_with(tmp_path, {"/etc/keyd/x.conf": "api_token = abcdef123456\n"}))
    assert (paths(found), [each.path for each in found.section.left_out]) == ([], ["/etc/keyd/x.conf"])


def test_what_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    made = f"0  {XKB[1:]}/symbols/de\nnonsense\n"
    host = host_with(
        tmp_path,
        {
            "/etc/keyd/a.conf": "x",
            "/etc/keyd/b.conf": "x",
            "/home/ada/.Xmodmap": "x",
            "/root/.Xmodmap": "x",
            module.MADE: made,
            f"{XKB}/symbols/de": "x",
            f"{XKB}/rules/x": "x",
        },
    )
    closed = ("/etc/keyd/a.conf", "/home/ada", f"{XKB}/symbols/de", f"{XKB}/rules")
    found = module.collect(replace(host, failing={path: PermissionError(13, "no") for path in closed}))
    assert paths(found) == ["/etc/keyd/b.conf", "/root/.Xmodmap"]
    assert found.findings == (
        Finding("/etc/keyd/a.conf", "not readable", "run with sudo"),
        Finding("/home/ada", "not readable", "run with sudo"),
        Finding(f"{XKB}/rules", "not readable", "run with sudo"),
        Finding(f"{XKB}/symbols/de", "not readable", "run with sudo"),
        Finding(f"{module.MADE}:2", "not `md5  path`", "apt install --reinstall xkb-data"),
    )


def test_ids_are_unique_and_the_same_twice(tmp_path: Path) -> None:
    host = host_with(tmp_path, dict.fromkeys(("/etc/keyd/a", "/etc/keyd/\udcff", "/home/ada/.xkb/a"), "x"))
    found = module.collect(host)
    ids = [item.id for item in found.section.items()]
    assert len(ids) == len(set(ids)) == 3
    assert module.collect(host) == found


def test_a_pipe_is_left_out(tmp_path: Path) -> None:
    host = host_with(tmp_path, {"/etc/keyd": None})
    os.mkfifo(tmp_path / "etc/keyd/pipe")
    assert [each.path for each in module.collect(host).section.left_out] == ["/etc/keyd/pipe"]


@given(st.binary(max_size=200).map(lambda raw: raw.decode(errors="surrogateescape")))
def test_each_line_of_md5sums_is_a_file_or_a_finding(text: str) -> None:
    made, findings = module.parse_md5sums(text)
    lines = [line for line in text.split("\n") if line.strip()]
    assert len(made) <= len(lines) == len(findings) + len([line for line in lines if line.partition("  ")[2]])
