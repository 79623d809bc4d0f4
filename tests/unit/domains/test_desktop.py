from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.collected import Collected, Cover
from collectors.domains import desktop
from collectors.domains.desktop import Desktop, fonts, trees
from collectors.domains.desktop.kde import KdeKey
from collectors.domains.desktop.look import Bundle
from collectors.failure import Finding
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import SAMPLES

PASSWD = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
HOME = "/home/ada"
CONFIG = f"{HOME}/.config"
SHARE = f"{HOME}/.local/share"
APPLETS = f"{CONFIG}/plasma-org.kde.plasma.desktop-appletsrc"
LAYOUT = (SAMPLES / "plasma_layout/plasma-5").read_text("utf-8")
DATABASE = (SAMPLES / "dconf/dconf-compile").read_bytes()
REGISTRY = (SAMPLES / "knsregistry/plasma-themes").read_text("utf-8")
SWEET = '{"KPlugin": {"Name": "Sweet", "Version": "1"}}'
LARGE = b"\1" * (trees.SMALL_BYTES + 1)


def host_with(tmp_path: Path, files: Mapping[str, str | bytes | None]) -> FakeHost:
    return machine(tmp_path, {"/etc/passwd": PASSWD, f"{HOME}": None, "/root": None, **files})


def collected(tmp_path: Path, files: Mapping[str, str | bytes | None]) -> Collected[Desktop]:
    found = desktop.collect(host_with(tmp_path, files))
    ids = [item.id for item in found.section.items()]
    assert len(ids) == len(set(ids))
    assert all(item.encode().decode().isprintable() for item in ids)
    return found


def ids(found: Collected[Desktop]) -> list[str]:
    return [item.id for item in found.section.items()]


def covers(found: Collected[Desktop]) -> dict[str, str]:
    return {cover.path: cover.by for cover in found.covers}


def left_out(found: Collected[Desktop]) -> dict[str, str]:
    return {each.path: each.reason for each in found.section.left_out}


def key(found: Collected[Desktop], name: str) -> KdeKey:
    return next(each for each in found.section.kde if each.item_id() == f"kde:~ada/{name}")


def test_a_machine_without_a_desktop_has_nothing_to_tell(tmp_path: Path) -> None:
    assert collected(tmp_path, {}) == Collected(Desktop())


def test_nobody_at_home_is_no_failure(tmp_path: Path) -> None:
    assert desktop.collect(machine(tmp_path)) == Collected(Desktop())


def test_an_unreadable_home_is_a_finding(tmp_path: Path) -> None:
    host = host_with(tmp_path, {f"{CONFIG}/kwinrc": "[Windows]\nFocusPolicy=x\n"})
    closed = replace(host, failing={CONFIG: PermissionError(13, "no")})
    assert Finding(CONFIG, "not readable", "run with sudo") in desktop.collect(closed).findings


# KDE


def test_settings_of_kde_are_keys(tmp_path: Path) -> None:
    found = collected(tmp_path, {f"{CONFIG}/kwinrc": "[Windows]\nFocusPolicy=FocusFollowsMouse\n"})
    assert found.section.kde == (
        KdeKey(user="ada", file="kwinrc", group=("Windows",), key="FocusPolicy", value="FocusFollowsMouse"),
    )
    assert ids(found) == ["kde:~ada/kwinrc/Windows/FocusPolicy"]
    assert found.section.kde[0].by_hand() == (
        '"$(command -v kwriteconfig6 || echo kwriteconfig5)" --file kwinrc --group Windows'
        " --key FocusPolicy -- FocusFollowsMouse"
    )
    assert covers(found)[f"{CONFIG}/kwinrc"] == "its settings, told key by key"
    assert found.findings == found.losses == ()


def test_root_has_settings_too(tmp_path: Path) -> None:
    found = collected(tmp_path, {"/root/.config/kdeglobals": "[General]\nColorScheme=Dark\n"})
    assert ids(found) == ["kde:~root/kdeglobals/General/ColorScheme"]


def test_hard_names_of_groups_and_keys_are_told_apart(tmp_path: Path) -> None:
    text = (
        "[A][B]\nk=1\n[A/B]\nk=2\n[C\\x5d\\n]\nü[$e]=$HOME\nn=1\nn[de]=2\nx\\x5bde\\x5d=3\nd[$d]\n"
        "\\xffk=\\xfe\\t\\s\n[L][$i]\nk=1\n"
    )
    found = collected(tmp_path, {f"{CONFIG}/kwinrc": text})
    assert ids(found) == [
        "kde:~ada/kwinrc/A/B/k",
        r"kde:~ada/kwinrc/A\x2fB/k",
        r"kde:~ada/kwinrc/C]\x0a/ü",
        r"kde:~ada/kwinrc/C]\x0a/n",
        r"kde:~ada/kwinrc/C]\x0a/n[de]",
        r"kde:~ada/kwinrc/C]\x0a/x\x5bde]",
        r"kde:~ada/kwinrc/C]\x0a/d",
        r"kde:~ada/kwinrc/C]\x0a/\xffk",
        "kde:~ada/kwinrc/L/k",
    ]
    values = [(each.value, each.options, each.locale) for each in found.section.kde]
    assert values[2:] == [
        ("$HOME", "e", ""), ("1", "", ""), ("2", "", "de"), ("3", "", ""), ("", "d", ""),
        (r"\xfe\t\s", "", ""), ("1", "i", ""),
    ]  # fmt: skip
    assert found.section.kde[6].by_hand().endswith("--key d --delete ''")
    assert [each.by_hand() != "" for each in found.section.kde] == [
        not (each.locale or each.options in ("e", "i")) for each in found.section.kde
    ]


def test_the_last_of_two_lines_counts(tmp_path: Path) -> None:
    found = collected(tmp_path, {f"{CONFIG}/kwinrc": "[A]\nk=1\nk=2\n"})
    assert [each.value for each in found.section.kde] == ["2"]


def test_a_malformed_line_is_a_finding_and_the_rest_is_told(tmp_path: Path) -> None:
    found = collected(tmp_path, {f"{CONFIG}/kwinrc": "[A]\nnonsense\nk=1\n"})
    assert [each.subject for each in found.findings] == [f"{CONFIG}/kwinrc:2"]
    assert ids(found) == ["kde:~ada/kwinrc/A/k"]


def test_an_unreadable_file_is_a_finding_and_the_rest_is_told(tmp_path: Path) -> None:
    host = host_with(tmp_path, {f"{CONFIG}/kwinrc": "[A]\nk=1\n", f"{CONFIG}/dolphinrc": "[A]\nk=1\n"})
    found = desktop.collect(replace(host, failing={f"{CONFIG}/kwinrc": PermissionError(13, "no")}))
    assert [each.subject for each in found.findings] == [f"{CONFIG}/kwinrc"]
    assert ids(found) == ["kde:~ada/dolphinrc/A/k"]


def test_secrets_among_settings_are_left_out(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        f"{CONFIG}/mailtransports": "[Transport 1]\nhost=mail.example.org\npassword=hunter22\n",
        f"{CONFIG}/krfbrc": "[Security]\ndesktopPassword=hunter22\n",
        f"{SHARE}/kwalletd/kdewallet.kwl": "hunter22",
        f"{CONFIG}/kdeconnect/privateKey.pem": "hunter22",
        f"{CONFIG}/kdeconnect/trusted_devices": "[abc]\ncertificate=x\n",
        f"{CONFIG}/kdeconnect/config": "[General]\nname=desk\n",
    }
    found = collected(tmp_path, files)
    assert [each.item_id() for each in found.section.kde] == [
        "kde:~ada/kdeconnect/config/General/name",
        "kde:~ada/mailtransports/Transport 1/host",
    ]
    assert left_out(found) == {
        f"{CONFIG}/krfbrc": "holds what looks like a password: Security/desktopPassword",
        f"{CONFIG}/mailtransports": "holds what looks like a password: Transport 1/password",
        f"{SHARE}/kwalletd": "a wallet of passwords",
        f"{CONFIG}/kdeconnect/privateKey.pem": "the key of this device (KDE Connect)",
        f"{CONFIG}/kdeconnect/trusted_devices": (
            "belongs to the key of this device, which KDE Connect makes anew; pair again"
        ),
    }
    assert "hunter22" not in repr(found)


SHORTCUTS = r"""[kwin]
_k_friendly_name=KWin
Overview=Meta+W,Meta+W,Toggle Overview
Window Close=Alt+F4\tMeta+Q,Alt+F4,Close Window
Odd=Meta+\\,,none,Comma\\, and more
Off=none,Meta+X,Off

[services][org.kde.konsole.desktop]
_launch=Ctrl+Alt+T
"""


def test_shortcuts_are_told_where_they_differ_from_the_programs(tmp_path: Path) -> None:
    found = collected(tmp_path, {f"{CONFIG}/kglobalshortcutsrc": SHORTCUTS})
    assert {each.item_name(): (each.value, each.label) for each in found.section.kde} == {
        "~ada/kglobalshortcutsrc/kwin/Window Close": (r"Alt+F4\tMeta+Q,Alt+F4", "Close Window"),
        "~ada/kglobalshortcutsrc/kwin/Odd": (r"Meta+\\,,none", r"Comma\\, and more"),
        "~ada/kglobalshortcutsrc/kwin/Off": ("none,Meta+X", "Off"),
        "~ada/kglobalshortcutsrc/services/org.kde.konsole.desktop/_launch": ("Ctrl+Alt+T", ""),
    }
    assert (
        key(found, "kglobalshortcutsrc/kwin/Odd")
        .by_hand()
        .endswith(r"--key Odd -- 'Meta+\,,none,Comma\, and more'")
    )


def test_what_a_program_calls_a_shortcut_may_differ_after_a_restore(tmp_path: Path) -> None:
    files = {f"{CONFIG}/kglobalshortcutsrc": SHORTCUTS}
    before = list(collected(tmp_path / "a", files).section.items())
    files = {f"{CONFIG}/kglobalshortcutsrc": SHORTCUTS.replace("Close Window", "Fenster schließen")}
    assert list(collected(tmp_path / "b", files).section.items()) == before


def test_a_layout_comes_back_whole_without_its_churn(tmp_path: Path) -> None:
    found = collected(tmp_path, {APPLETS: LAYOUT})
    assert ids(found) == [f"file:{APPLETS}"]
    content = found.contents[APPLETS]
    assert b"AppletOrder=3;4" in content and b"SystrayContainmentId=8" in content
    assert b"1920x1080" not in content
    assert found.section.files[0].sha256 == hashlib.sha256(content).hexdigest()
    again = collected(tmp_path / "again", {APPLETS: content})
    assert again.section == found.section


# What KDE writes though nobody chose anything


BEFORE: dict[str, str] = {
    f"{CONFIG}/kdeglobals": "[General]\nColorScheme=BreezeDark\n",
    f"{CONFIG}/kwinrc": "[Windows]\nFocusPolicy=FocusFollowsMouse\n",
    f"{CONFIG}/dolphinrc": "[IconsMode]\nPreviewSize=48\n",
    f"{CONFIG}/katerc": "[KTextEditor Document]\nTab Width=4\n",
    f"{CONFIG}/konsolerc": "[Desktop Entry]\nDefaultProfile=Ada.profile\n",
    f"{CONFIG}/plasmashellrc": "[PlasmaViews][Panel 2][Defaults]\nthickness=44\n",
    f"{CONFIG}/plasmanotifyrc": "[Applications][vlc]\nShowPopups=false\n",
    f"{CONFIG}/ksmserverrc": "[General]\nloginMode=emptySession\n",
    f"{CONFIG}/krunnerrc": "[Plugins]\nbaloosearchEnabled=false\n",
    f"{CONFIG}/qt5ct/qt5ct.conf": "[Appearance]\nstyle=Breeze\n",
    f"{SHARE}/dolphin/view_properties/global/.directory": "[Settings]\nHiddenFilesShown=true\n",
    APPLETS: LAYOUT,
}
WINDOW = """
[MainWindow]
1920x1080 screen: Height=550
1920x1080 screen: Window-Maximized=true
2 screens: XPosition=416
DP-1 eDP-1 Width 1920x1080=1118
DisplayPort-0 Height 1280x1024=480
eDP1 YPosition 1920x1080=85
Height 1080=663
RestorePositionForNextInstance=false
State=AAAA/wAAAAD9AAAAAAAABOsAAAJ+AAAABAAAAAQAAAAIAAAACPwAAAAA
ToolBarsMovable=Disabled
Width 1920=1259

[KPropertiesDialog]
eDP-1 Height 1920x1080=480

[SettingsDialog]
1920x1080 screen: Height=620
"""
DIALOG = """
[KFileDialog Settings]
Allow Expansion=false
Automatically select filename extension=true
Breadcrumb Navigation=true
Decoration position=2
LocationCombo Completionmode=5
PathCombo Completionmode=5
Places Icons Auto-resize=false
Places Icons Static Size=22
Recent Files[$e]=a.png,file:$HOME/a.png
Recent URLs[$e]=file:$HOME/Pictures/
Show Bookmarks=false
Show Full Path=false
Show Inline Previews=true
Show Preview=false
Show Speedbar=true
Show hidden files=false
Sort by=Name
Sort directories first=true
Sort hidden files last=false
Sort reversed=false
Speedbar Width=140
View Style=DetailTree
detailViewIconSize=16

[DirSelect Dialog]
DirSelectDialog Size[$d]
History Items[$e]=file:$HOME

[FileDialogSize]
Height 1080=600
"""
SCREEN = """
[ScreenConnectors]
0=eDP-1
1=HDMI-A-1

[PlasmaViews][Panel 2][Horizontal2560]
thickness=44

[DrmOutputs][ac781483bf]
Scale=1

[Tiling][8a6a4d4b-0000-4000-8000-000000000002]
tiles={"layoutDirection":"horizontal","tiles":[{"width":0.5},{"width":0.5}]}

[KScreen]
ScreenScaleFactors=eDP-1=1.25;HDMI-A-1=1;
"""
SECOND = """
[Containments][41]
ItemGeometries-2560x1440=
ItemGeometriesHorizontal=
activityId=aaaaaaaa-0000-4000-8000-000000000001
formfactor=0
immutability=1
lastScreen=2
location=0
plugin=org.kde.plasma.folder
wallpaperplugin=org.kde.image

[Containments][41][Wallpaper][org.kde.image][General]
SlidePaths=/usr/share/wallpapers/
"""
LOGOUT = """
[General]
Config Revision=10
Last Session=
Version=202
ViewPropsTimestamp=2024,9,23,7,53,55.615
screenCount=2

[Session: saved at previous logout]
clientId1=10d0
count=1

[$Version]
update_info=kwin.upd:a

[Recent Files]
File1[$e]=$HOME/a.txt
Name1[$e]=a.txt

[KTextEditor::Search]
Search History=install

[PlasmaRunnerManager]
LaunchCounts=14 services_keepassxc.desktop

[Applications][firefox]
Seen=true

[DoNotDisturb]
Until=2026,1,2,3,4,5.6

[SettingsWindow]
geometry="@ByteArray(\\x1\\xd9\\xd0\\xcb)"
"""


def everywhere(text: str) -> dict[str, str | bytes | None]:
    return {path: f"{before}{text}" for path, before in BEFORE.items()}


MOVED = LAYOUT.replace("popupHeight=514", "popupHeight=700").replace("PreloadWeight=42", "PreloadWeight=57")
SWAPPED = (
    LAYOUT.replace("lastScreen=1", "lastScreen=9")
    .replace("lastScreen[$i]=1", "lastScreen[$i]=9")
    .replace("lastScreen=0", "lastScreen=1")
)


@pytest.mark.parametrize(
    "after",
    [
        everywhere(WINDOW),
        everywhere(DIALOG),
        everywhere(SCREEN),
        everywhere(LOGOUT),
        {**BEFORE, APPLETS: MOVED},
        {**BEFORE, APPLETS: SWAPPED},
        {**BEFORE, APPLETS: LAYOUT + SECOND},
        {**BEFORE, APPLETS: LAYOUT.replace("1920x1080", "2560x1440").replace("height=1080", "height=1440")},
    ],
    ids=["window", "dialog", "screen", "logout", "popup", "swapped", "second screen", "resolution"],
)
def test_who_only_uses_the_desktop_changes_nothing(
    tmp_path: Path, after: dict[str, str | bytes | None]
) -> None:
    before = collected(tmp_path / "before", BEFORE)
    found = collected(tmp_path / "after", after)
    assert found.section == before.section
    assert found.contents == before.contents


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{CONFIG}/katerc", "[KTextEditor Document]\nTab Width=8\nIndentation Width=2\n"),
        (f"{CONFIG}/katerc", "[KTextEditor View]\nScroll Bar Mini Map Width=60\n"),
        (f"{CONFIG}/dolphinrc", "[DetailsMode]\nIconSize=22\nFontSize=10\n"),
        (f"{CONFIG}/dolphinrc", "[KFileDialog Settings]\nShow hidden files=true\n"),
        (f"{CONFIG}/dolphinrc", "[KFileDialog Settings]\nSort by=Date\n"),
        (f"{CONFIG}/konsolerc", "[KonsoleWindow]\nShowMenuBarByDefault=false\nRememberWindowSize=false\n"),
        (
            f"{CONFIG}/kwinrc",
            "[Windows]\nGeometryTip=true\n[Desktops]\nNumber=4\nName_1=Mail\nId_1=3fe84ea5\n",
        ),
        (f"{CONFIG}/kwinrc", "[Plugins]\nwindowgeometryEnabled=true\n"),
        (f"{CONFIG}/plasmashellrc", "[PlasmaViews][Panel 2]\nfloating=1\n"),
        (f"{CONFIG}/kdeglobals", "[KDE]\nSingleClick=false\n[KScreen]\nScaleFactor=1.25\n"),
        (f"{CONFIG}/ksmserverrc", "[General]\nconfirmLogout=false\n"),
        (APPLETS, "[Containments][2][General]\nAppletOrder=4;3\n"),
        (APPLETS, "[Containments][9]\nplugin=org.kde.plasma.folder\nwallpaperplugin=org.kde.slideshow\n"),
    ],
)
def test_what_somebody_chose_is_told(tmp_path: Path, path: str, text: str) -> None:
    found = collected(tmp_path, {path: text})
    settings = [line for line in text.split("\n") if line and not line.startswith("[")]
    if path == APPLETS:
        assert found.contents[APPLETS].decode() == text
    else:
        told = {f"{each.key}={each.value}" for each in found.section.kde}
        assert told == set(settings)


# GNOME


def test_dconf_keys_are_items(tmp_path: Path) -> None:
    found = collected(tmp_path, {f"{CONFIG}/dconf/user": DATABASE})
    values = {each.item_id(): each for each in found.section.dconf}
    theme = values["dconf:~ada/org/gnome/desktop/interface/gtk-theme"]
    assert theme.value == "'Adwaita-dark'"
    assert (
        theme.by_hand() == "dconf write /org/gnome/desktop/interface/gtk-theme ''\"'\"'Adwaita-dark'\"'\"''"
    )
    assert "dconf:~ada/org/gnome/shell/app-picker-layout" not in values
    assert covers(found) == {f"{CONFIG}/dconf/user": "its keys, told one by one"}


def test_a_secret_in_dconf_is_left_out(tmp_path: Path) -> None:
    content = DATABASE.replace(b"gtk-theme", b"api-token")
    found = collected(tmp_path, {f"{CONFIG}/dconf/user": content})
    assert left_out(found) == {
        f"{CONFIG}/dconf/user": ("holds what looks like a password: /org/gnome/desktop/interface/api-token")
    }
    assert "Adwaita" not in repr(found)


def test_a_broken_database_is_a_finding(tmp_path: Path) -> None:
    found = collected(tmp_path, {f"{CONFIG}/dconf/user": "x" * 40})
    assert [(each.subject, each.reason) for each in found.findings] == [
        (f"{CONFIG}/dconf/user", "no GVDB file")
    ]


def test_extensions_come_from_the_site_or_as_files(tmp_path: Path) -> None:
    folder = f"{SHARE}/gnome-shell/extensions"
    own = {"uuid": "own@ada", "name": "Own", "version": 3}
    found = collected(
        tmp_path,
        {
            f"{folder}/dash@example.org/metadata.json": (
                SAMPLES / "gnome_extension/dash@example.org"
            ).read_bytes(),
            f"{folder}/dash@example.org/extension.js": "x",
            f"{folder}/own@ada/metadata.json": json.dumps(own),
            f"{folder}/own@ada/extension.js": "mine",
            f"{folder}/broken/metadata.json": "[",
            f"{folder}/empty": None,
        },
    )
    assert [each.item_id() for each in found.section.extensions] == [
        "gnome-extension:~ada/dash@example.org",
        "gnome-extension:~ada/own@ada",
    ]
    assert found.section.extensions[0].by_hand().endswith("InstallRemoteExtension dash@example.org")
    assert found.section.extensions[1].by_hand() == ""
    assert found.covers == (Cover(f"{folder}/dash@example.org", "gnome-extension:~ada/dash@example.org"),)
    assert [file.path for file in found.section.files] == [
        f"{folder}/own@ada/extension.js",
        f"{folder}/own@ada/metadata.json",
    ]
    assert [each.subject for each in found.findings] == [f"{folder}/broken/metadata.json"]


def test_settings_of_xfce_are_files_without_where_windows_were(tmp_path: Path) -> None:
    folder = f"{CONFIG}/xfce4/xfconf/xfce-perchannel-xml"
    mine = '  <property name="misc-single-click" type="bool" value="true"/>\n'
    churn = '  <property name="last-window-width" type="int" value="640"/>\n'
    found = collected(tmp_path, {f"{folder}/thunar.xml": mine + churn, f"{folder}/displays.xml": "x"})
    assert found.contents == {f"{folder}/thunar.xml": mine.encode()}
    assert list(left_out(found)) == [f"{folder}/displays.xml"]


def test_screens_are_bound_to_the_machine_and_keyrings_secret(tmp_path: Path) -> None:
    files = dict.fromkeys(
        (f"{CONFIG}/monitors.xml", f"{SHARE}/kscreen/abc", f"{SHARE}/keyrings/login.keyring"), "x"
    )
    found = collected(tmp_path, files)
    assert ids(found) == [
        f"left-out:{CONFIG}/monitors.xml", f"left-out:{SHARE}/keyrings", f"left-out:{SHARE}/kscreen"
    ]  # fmt: skip
    assert not found.contents


# Looks


def test_small_bundles_are_files_and_large_ones_items(tmp_path: Path) -> None:
    found = collected(
        tmp_path,
        {
            f"{SHARE}/kwin/scripts/tile/metadata.json": "{}",
            f"{SHARE}/kwin/scripts/tile/contents/code/main.js": "x",
            f"{SHARE}/icons/Pap\nirus/index.theme": "[Icon Theme]\nName=Papirus\n",
            f"{SHARE}/icons/Pap\nirus/a.svg": LARGE,
            f"{SHARE}/plasma/desktoptheme/Sweet/metadata.json": SWEET,
            f"{SHARE}/plasma/desktoptheme/Sweet/a.svg": LARGE,
            f"{SHARE}/knewstuff3/plasma-themes.knsregistry": REGISTRY,
            f"{HOME}/.themes/Cloned/.git/HEAD": "x",
            f"{HOME}/.themes/Cloned/a.css": LARGE,
        },
    )
    assert [file.path for file in found.section.files] == [
        f"{SHARE}/kwin/scripts/tile/contents/code/main.js",
        f"{SHARE}/kwin/scripts/tile/metadata.json",
    ]
    icons, sweet = found.section.bundles
    assert (icons.item_id(), icons.title, icons.by_hand()) == (
        r"look:~ada/.local/share/icons/Pap\x0airus", "Papirus", ""
    )  # fmt: skip
    assert sweet == Bundle(
        name="~ada/.local/share/plasma/desktoptheme/Sweet",
        kind="plasma-theme",
        title="Sweet",
        version="1.2",
        store_id="1294174",
        page="https://store.example.org/p/1294174",
        files=2,
        size_bytes=len(LARGE) + len(SWEET),
        tree=sweet.tree,
    )
    assert sweet.by_hand() == "xdg-open https://store.example.org/p/1294174"
    assert covers(found)[f"{SHARE}/plasma/desktoptheme/Sweet"] == sweet.item_id()
    assert [(each.kind, each.subject, each.files) for each in found.losses] == [
        ("uncovered", rf"{SHARE}/icons/Pap\x0airus", 2)
    ]
    assert "Papirus: no package" in found.losses[0].reason


def test_a_newer_version_from_the_store_is_the_same_theme(tmp_path: Path) -> None:
    def items(where: Path, text: bytes, version: str) -> list[object]:
        theme = f"{SHARE}/plasma/desktoptheme/Sweet/a.svg"
        registry = REGISTRY.replace("<version>1.2<", f"<version>{version}<")
        files = {theme: text, f"{SHARE}/knewstuff3/plasma-themes.knsregistry": registry}
        return list(collected(where, files).section.items())

    assert items(tmp_path / "a", LARGE, "1.2") == items(tmp_path / "b", LARGE + b"x", "1.3")


def test_a_broken_registry_is_a_finding(tmp_path: Path) -> None:
    path = f"{SHARE}/knewstuff3/x.knsregistry"
    found = collected(tmp_path, {path: "<x"})
    assert [each.subject for each in found.findings] == [path]


def test_fonts_are_files_or_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "MAX_CAPTURED_BYTES", 10)
    found = collected(
        tmp_path,
        {
            f"{SHARE}/fonts/small/A.ttf": "OTTO5678",
            f"{SHARE}/fonts/small/B.OTF": "12345678",
            f"{SHARE}/fonts/small/LICENSE": "x",
            f"{SHARE}/fonts/large/C.ttf": LARGE,
            "/usr/local/share/fonts/D.ttf": "1234",
        },
    )
    assert [file.path for file in found.section.files] == [
        f"{SHARE}/fonts/small/A.ttf", "/usr/local/share/fonts/D.ttf"
    ]  # fmt: skip
    assert [(each.item_id(), each.sha256) for each in found.section.fonts] == [
        ("font:~ada/.local/share/fonts/large/C.ttf", hashlib.sha256(LARGE).hexdigest()),
        ("font:~ada/.local/share/fonts/small/B.OTF", hashlib.sha256(b"12345678").hexdigest()),
    ]
    assert covers(found) == {f"{SHARE}/fonts/small/LICENSE": "laid beside a font, and no font"}
    assert [(each.kind, each.subject, each.files) for each in found.losses] == [
        ("uncovered", f"{SHARE}/fonts/large", 1),
        ("uncovered", f"{SHARE}/fonts/small", 1),
    ]


def test_a_secret_in_the_guise_of_a_font_is_left_out(tmp_path: Path) -> None:
    path = f"{SHARE}/fonts/A.ttf"
    found = collected(tmp_path, {path: "password=hunter22\n"})
    assert left_out(found) == {path: "holds what looks like a password"}
    assert not found.contents


def test_an_unreadable_font_is_a_finding(tmp_path: Path) -> None:
    path = f"{SHARE}/fonts/C.ttf"
    host = host_with(tmp_path, {path: LARGE})
    found = desktop.collect(replace(host, failing={path: PermissionError(13, "no")}))
    assert found.findings == (Finding(path, "not readable", "run with sudo"),)
    assert found.section.fonts == ()


def test_a_wallpaper_comes_back(tmp_path: Path) -> None:
    seen = f"{HOME}/Pictures/sea%side ü.png"
    hidden = f"{HOME}/.hidden/large.png"
    applets = "[Containments][1][Wallpaper][org.kde.image][General]\nImage="
    lock = f"[Greeter][Wallpaper][org.kde.image][General]\nImage={hidden}\n"
    found = collected(
        tmp_path,
        {
            seen: "png",
            hidden: LARGE,
            f"{HOME}/Pictures/other.png": "png",
            APPLETS: f"{applets}file://{HOME}/Pictures/sea%25side%20%C3%BC.png\n",
            f"{CONFIG}/kscreenlockerrc": lock,
        },
    )
    assert [file.path for file in found.section.files] == [APPLETS, seen]
    assert [each.subject for each in found.losses] == [hidden]


# Associations


def test_launchers_that_programs_make_come_back_with_them(tmp_path: Path) -> None:
    folder, icons = f"{SHARE}/applications", f"{SHARE}/icons/hicolor/48x48/apps"
    game = "[Desktop Entry]\nExec=steam steam://rungameid/220\n"
    files: dict[str, str | bytes | None] = {
        f"{folder}/mine.desktop": "[Desktop Entry]\nExec=/home/ada/bin/tool %f\n",
        f"{folder}/Half-Life 2.desktop": game,
        f"{folder}/wine/Programs/x.desktop": "[Desktop Entry]\nExec=wine x.exe\n",
        f"{folder}/chrome-abc-Default.desktop": "[Desktop Entry]\n",
        f"{folder}/jetbrains-idea.desktop": "[Desktop Entry]\n",
        f"{folder}/mimeinfo.cache": "x",
        f"{icons}/steam_icon_220.png": "x",
        f"{icons}/mine.png": "x",
        f"{CONFIG}/mimeapps.list": "[Default Applications]\ntext/plain=mine.desktop\n",
        f"{CONFIG}/autostart/mine.desktop": "[Desktop Entry]\n",
        f"{SHARE}/mime/packages/ada.xml": "<mime-info/>",
        f"{SHARE}/mime/globs2": "made",
    }
    found = collected(tmp_path, files)
    assert [file.path for file in found.section.files] == sorted(
        (
            f"{CONFIG}/autostart/mine.desktop",
            f"{CONFIG}/mimeapps.list",
            f"{folder}/mine.desktop",
            f"{icons}/mine.png",
            f"{SHARE}/mime/packages/ada.xml",
        )
    )
    by = covers(found)
    assert by[f"{folder}/Half-Life 2.desktop"] == "made anew by Steam, once the game is installed"
    assert by[f"{icons}/steam_icon_220.png"] == "made anew by Steam, once the game is installed"
    assert {path.removeprefix(f"{SHARE}/") for path in by} == {
        "applications/Half-Life 2.desktop",
        "applications/wine/Programs/x.desktop",
        "applications/chrome-abc-Default.desktop",
        "applications/jetbrains-idea.desktop",
        "applications/mimeinfo.cache",
        "icons/hicolor/48x48/apps/steam_icon_220.png",
        "mime/globs2",
    }
    assert found.findings == found.losses == ()


def test_names_are_bytes(tmp_path: Path) -> None:
    names = ["new\nline.desktop", "ümläut.desktop", "\udcff.desktop", "back\\slash.desktop", " .desktop"]
    found = collected(tmp_path, {f"{SHARE}/applications/{name}": "[Desktop Entry]\n" for name in names})
    assert len(found.section.files) == len(found.contents) == len(names)


PLACES = """<?xml version="1.0" encoding="UTF-8"?>
<xbel>
 <bookmark href="file:///home/ada">
  <title>Home</title>
 </bookmark>
{device} <bookmark href="sftp://nas/music">
  <title>Music</title>
 </bookmark>
</xbel>
"""
DEVICE = """ <bookmark>
  <info><metadata owner="http://www.kde.org"><UDI>/org/freedesktop/UDisks2/sda1</UDI></metadata></info>
 </bookmark>
"""


def test_a_stick_that_is_plugged_in_changes_no_places(tmp_path: Path) -> None:
    path = f"{SHARE}/user-places.xbel"
    before = collected(tmp_path / "a", {path: PLACES.format(device="")})
    assert before.contents[path] == PLACES.format(device="").encode()
    assert collected(tmp_path / "b", {path: PLACES.format(device=DEVICE)}).section == before.section


def test_the_same_twice(tmp_path: Path) -> None:
    host = host_with(tmp_path, {**BEFORE, f"{CONFIG}/dconf/user": DATABASE, f"{SHARE}/icons/A/a": LARGE})
    assert desktop.collect(host) == desktop.collect(replace(host, memory={}))


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    found = collected(tmp_path, {f"{HOME}/.icons": "-> .local/share/icons", f"{SHARE}/icons/A/a": "x"})
    kinds = {file.path: (file.kind, file.target) for file in found.section.files}
    assert kinds == {
        f"{HOME}/.icons": ("symlink", ".local/share/icons"),
        f"{SHARE}/icons/A/a": ("file", ""),
    }


def test_a_folder_in_place_of_a_file_is_no_failure(tmp_path: Path) -> None:
    files = dict.fromkeys((f"{CONFIG}/kwinrc", f"{CONFIG}/dconf/user", APPLETS, f"{CONFIG}/mimeapps.list"))
    found = collected(tmp_path, files)
    assert found.section.kde == found.section.dconf == ()


def test_a_pipe_in_place_of_a_file_is_not_opened(tmp_path: Path) -> None:
    host = host_with(tmp_path, {CONFIG: None})
    os.mkfifo(tmp_path / CONFIG.lstrip("/") / "kwinrc")
    found = desktop.collect(host)
    assert [each.subject for each in found.findings] == [f"{CONFIG}/kwinrc"]
