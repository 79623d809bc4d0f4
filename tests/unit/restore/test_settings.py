"""How do settings of desktops come back?"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest

from builder.restore.plan import planned
from builder.restore.report import Outcome
from builder.restore.steps.commands import CommandStep
from builder.restore.steps.desktop import DconfStep, KdeStep, line, steps
from builder.restore.steps.step import Target
from collectors.domains.desktop import Desktop
from collectors.domains.desktop.fonts import Font
from collectors.domains.desktop.gnome import DconfKey, Extension, parse_dconf
from collectors.domains.desktop.kconfig import decoded, parse_kconfig
from collectors.domains.desktop.kde import KdeKey, keys_of
from collectors.domains.desktop.look import Bundle
from collectors.posture import Posture
from collectors.record import File, unescaped
from tests.postures import small_posture
from tests.unit.restore.playbook import library, shared

kconfig = shared("kconfig")
settings = library("rekindle_settings")

ME = pwd.getpwuid(os.getuid())
needs_dconf = pytest.mark.skipif(not shutil.which("dconf"), reason="dconf is not installed")


@pytest.fixture(params=["served", "unserved"])
def bus(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[bool]:
    """Whether the person has a session with dconf's service."""
    if request.param == "unserved":
        monkeypatch.setattr(settings, "SERVICE", "/nonexistent")
        yield False
        return
    if not (shutil.which("dbus-daemon") and Path(settings.SERVICE).exists()):
        pytest.skip("no bus, or no service of dconf")
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    home = tmp_path / "home"
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(runtime)}
    words = ["dbus-daemon", "--session", "--nofork", f"--address=unix:path={runtime}/bus", "--print-address"]
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as daemon:
        assert daemon.stdout is not None
        daemon.stdout.readline()
        address = {"XDG_RUNTIME_DIR": str(runtime), "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}
        monkeypatch.setattr(settings, "served", lambda: settings.Served(address))
        yield True
        daemon.terminate()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home that the module takes for ours."""
    place = tmp_path / "home"
    place.mkdir()
    entry = SimpleNamespace(pw_name=ME.pw_name, pw_uid=ME.pw_uid, pw_gid=ME.pw_gid, pw_dir=str(place))
    monkeypatch.setattr(settings.pwd, "getpwuid", lambda uid: entry)
    return place


def key(**fields: Any) -> KdeKey:
    return KdeKey(
        **{"user": ME.pw_name, "file": "kwinrc", "group": ("Windows",), "key": "k", "value": "v", **fields}
    )


def with_desktop(**fields: Any) -> Posture:
    return replace(small_posture(), desktop=Desktop(**fields))


def made(*things: Any) -> list[Any]:
    """Return what the maker makes of things, each the only one of its kind's field."""
    fields: dict[str, tuple[Any, ...]] = {}
    names = {
        KdeKey: "kde",
        DconfKey: "dconf",
        Extension: "extensions",
        Bundle: "bundles",
        Font: "fonts",
        File: "files",
    }
    for thing in things:
        name = names[type(thing)]
        fields[name] = (*fields.get(name, ()), thing)
    whole = with_desktop(**fields)
    wanted = frozenset(thing.item_id() for thing in things)
    return list(steps(Target(whole, whole, PurePosixPath("p"), wanted)))


def brought_back(*things: Any, check: bool = False) -> list[dict[str, str]]:
    """Bring keys back as their own process does; return what became of each."""
    done = []
    for kind, work in ((KdeStep, settings.kde), (DconfStep, settings.dconf)):
        for user, some in settings.by_user(
            [step.model_dump() for step in made(*things) if isinstance(step, kind)]
        ).items():
            done += settings.theirs(user, some, work, check)
    return done


def collected(home: Path, file: str = "kwinrc") -> tuple[KdeKey, ...]:
    text = (home / ".config" / file).read_bytes().decode(errors="surrogateescape")
    found, odd = parse_kconfig(text, path=file)
    assert odd == ()
    return keys_of(found, ME.pw_name, file, f"/x/{file}").things


KEYS = (
    key(key="FocusPolicy", value="FocusFollowsMouse"),
    key(key="Sort by", value=r"\stwo words\tand a tab\\ü\s"),
    key(group=("gr]oup", "sub/group"), key="k[e/y", value="a=[b]"),
    key(group=("Events", "$i"), key="a=b", value="x"),
    key(group=(), key="top", value="1"),
    key(key="#no comment", value="# either"),
    key(key="Font", value="$HOME/x", options="e"),
    key(key="Locked", value="1", options="ei"),
    key(key="Gone", value="", options="d"),
    key(key="Name", value="Größe", locale="de_DE@euro"),
    key(key="Name", value=""),
    key(key="bytes", value=r"\xff\x00"),
    key(key="{{ lookup('pipe', 'id') }}", value="$(id); rm -rf /"),
    key(group=("a\\x0ab",), key="line\\x0abreak", value=r"x\n[Other]\ny=z"),
)
SHORTCUTS = (
    key(
        file="kglobalshortcutsrc", group=("kwin",), key="Close", value=r"Alt+F4\tMeta+Q,Alt+F4", label="Close"
    ),
    key(file="kglobalshortcutsrc", group=("kwin",), key="Bare", value="F1,F2"),
    key(file="kglobalshortcutsrc", group=("kwin",), key="Comma", value=r"Meta+\\,,none", label=r"a\\,b"),
    key(file="kglobalshortcutsrc", group=("services", "x.desktop"), key="_launch", value="F13"),
)


def test_keys_of_kde_come_back_as_they_were_and_once(home: Path) -> None:
    assert {each["state"] for each in brought_back(*KEYS, *SHORTCUTS)} == {"restored"}
    found = {each.item_id(): each for each in (*collected(home), *collected(home, "kglobalshortcutsrc"))}
    wanted = {each.item_id(): each for each in (*KEYS, *SHORTCUTS)}
    assert found == wanted
    again = brought_back(*KEYS, *SHORTCUTS)
    assert [each["state"] for each in again] == ["already"] * len(wanted)


@pytest.mark.skipif(not shutil.which("kreadconfig5"), reason="KConfig is not installed")
def test_kconfig_itself_reads_what_was_written(home: Path) -> None:
    plain = [
        each for each in KEYS if not each.options and not each.locale and each.group and each.key != "bytes"
    ]
    brought_back(*plain)
    for each in plain:
        groups = [word for group in each.group for word in ("--group", unescaped(group))]
        words = ["kreadconfig5", "--file", each.file, *groups, "--key", unescaped(each.key)]
        env = {"HOME": str(home), "LC_ALL": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen"}
        said = subprocess.run(words, env=env, capture_output=True, check=True).stdout
        assert said.decode() == f"{decoded(each.value)}\n", each.key


def test_a_shortcut_has_the_three_words_that_kde_asks_for() -> None:
    lines = [line(each) for each in SHORTCUTS]
    assert lines == [
        r"Close=Alt+F4\tMeta+Q,Alt+F4,Close",
        "Bare=F1,F2,",
        r"Comma=Meta+\\,,none,a\\,b",
        "_launch=F13",
    ]


BEFORE = b"""\
# mine
[Windows]
  FocusPolicy = ClickToFocus
# \xff odd bytes stay
Other=1
not a line

[$Version]
update_info=x
[Windows][$i]
FocusPolicy[$e]=Sloppy

[Last]
z=1"""
AFTER = b"""\
# mine
[Windows]
  FocusPolicy = ClickToFocus
# \xff odd bytes stay
Other=2
not a line

[$Version]
update_info=x
[Windows][$i]
FocusPolicy=FocusFollowsMouse
New=1

[Last]
z=1
y=2

[Fresh][Sub]
a=1
b=2
"""


def test_what_else_is_in_a_file_stays_byte_for_byte() -> None:
    wanted = [
        (b"[Windows]", b"FocusPolicy=FocusFollowsMouse"),
        (b"[Windows]", b"Other=2"),
        (b"[Windows]", b"New=1"),
        (b"[Last]", b"z=1"),
        (b"[Last]", b"y=2"),
        (b"[Fresh][Sub]", b"a=1"),
        (b"[Fresh][Sub]", b"b=2"),
    ]
    assert kconfig.merged(BEFORE, wanted) == (AFTER, [0, 1])
    assert kconfig.merged(AFTER, wanted) == (AFTER, [])


def test_the_same_value_written_in_another_way_is_there_already() -> None:
    before = b"[A]\r\nk = a\\x20b\r\n"
    assert kconfig.merged(before, [(b"[\\x41]", b"k=a b")]) == (before, [])


@pytest.mark.parametrize("line", [b"[$i]", b"[broken"])
def test_what_is_no_group_ends_none(line: bytes) -> None:
    before = b"[A]\n" + line + b"\nk=1\n"
    assert kconfig.merged(before, [(b"[A]", b"k=1")]) == (before, [])


def test_new_files_are_for_nobody_else_and_others_keep_their_mode(home: Path) -> None:
    brought_back(key(file="klassy/klassyrc"))
    config = home / ".config"
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    assert stat.S_IMODE((config / "klassy/klassyrc").stat().st_mode) == 0o600
    (config / "kwinrc").write_text("[Windows]\nk=mine\n")
    (config / "kwinrc").chmod(0o644)
    told = brought_back(key(), key(key="new"))
    assert stat.S_IMODE((config / "kwinrc").stat().st_mode) == 0o644
    assert [each["reason"] for each in told] == ["the file as it was is kwinrc.before-restore beside it", ""]
    assert (config / "kwinrc.before-restore").read_text() == "[Windows]\nk=mine\n"
    brought_back(key(value="other"))
    assert (config / "kwinrc.before-restore").read_text() == "[Windows]\nk=mine\n"
    assert sorted(os.listdir(config)) == ["klassy", "kwinrc", "kwinrc.before-restore"]


def test_a_file_that_is_linked_stays_linked(home: Path) -> None:
    (home / "dotfiles").mkdir()
    (home / "dotfiles/kwinrc").write_text("")
    (home / ".config").mkdir()
    (home / ".config/kwinrc").symlink_to("../dotfiles/kwinrc")
    brought_back(key())
    assert (home / ".config/kwinrc").is_symlink()
    assert (home / "dotfiles/kwinrc").read_text() == "[Windows]\nk=v\n"


@pytest.mark.parametrize("file", ["../.bashrc", "/etc/passwd", "", "a//b", "a/../../b", "nul\\x00"])
def test_nothing_is_written_elsewhere(file: str, home: Path) -> None:
    told = brought_back(key(file=file), key())
    assert [each["state"] for each in told] == ["failed", "restored"]
    assert told[0]["remedy"]
    assert [str(each.relative_to(home)) for each in home.rglob("*")] == [".config", ".config/kwinrc"]


@pytest.mark.parametrize(
    "fields",
    [
        {"key": ""},
        {"group": ("a", "")},
        {"locale": "de]\n[x"},
        {"options": "e]=1\nx["},
        {"key": r"no\escape"},
    ],
)
def test_what_a_file_of_kde_cannot_hold_is_refused(fields: dict[str, Any]) -> None:
    (told,) = made(key(**fields))
    assert isinstance(told, Outcome)
    assert (told.state, bool(told.remedy)) == ("failed", True)


def test_a_value_begins_no_line(home: Path) -> None:
    brought_back(key(value="v\n[Other]\nk=pwned"))
    assert (home / ".config/kwinrc").read_text() == "[Windows]\nk=v\\n[Other]\\nk=pwned\n"


def test_a_folder_in_the_way_is_told_and_the_others_come_back(home: Path) -> None:
    (home / ".config/kwinrc").mkdir(parents=True)
    told = brought_back(key(), key(file="kdeglobals"))
    assert [each["state"] for each in told] == ["failed", "restored"]


def test_nobody_here_and_no_home(home: Path, tmp_path: Path) -> None:
    (stranger, nobody) = brought_back(key(user="no-such-user"), key(user=""))
    assert stranger["reason"] == "no no-such-user on this machine"
    assert (nobody["state"], bool(nobody["remedy"])) == ("failed", True)
    home.rmdir()
    (told,) = brought_back(key())
    assert told["reason"] == f"no home {home} on this machine"
    assert not home.exists()


def test_a_check_writes_nothing(home: Path) -> None:
    assert {each["state"] for each in brought_back(key(), dconf_key(), check=True)} == {"restored"}
    assert list(home.iterdir()) == []


def test_a_running_kde_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comm = Path("/proc/self/comm").read_text().strip()
    monkeypatch.setattr(settings, "KDE", frozenset((comm,)))
    (told,) = brought_back(key())
    assert (told["state"], told["reason"], "log out" in told["remedy"]) == (
        "restored",
        "KDE is running",
        True,
    )


def dconf_key(name: str = "/org/x/k", value: str = "'v'") -> DconfKey:
    return DconfKey(user=ME.pw_name, key=name, value=value)


DCONF = (
    dconf_key("/org/gnome/desktop/interface/font-name", '"Ada\'s Sans 11"'),
    dconf_key("/org/gnome/desktop/input-sources/sources", "[('xkb', 'us'), ('xkb', 'de+nodeadkeys')]"),
    dconf_key("/org/x/negative", "-5"),
    dconf_key("/org/x/typed", "@as []"),
    dconf_key("/top", "uint32 5"),
    dconf_key("/org/x/text", r"'a\nb=$(id) {{ 7 * 7 }} ü'"),
)
ODD = dconf_key("/with blanks/and=signs]/[k]=x[de]", "true")
HOSTILE = (
    dconf_key("/org/x/one", "'v'\n[other]\nk='pwned'"),
    dconf_key("/org/x/two", "%s"),
    dconf_key("//org/x", "1"),
    dconf_key("/org/folder/", "1"),
    dconf_key("no-path", "1"),
    dconf_key("/org/x/nul", "'\0'"),
    dconf_key("/org/x/surrogate", "'\ud800'"),
    dconf_key("/org/x/dash", "--help"),
)


@needs_dconf
def test_keys_of_dconf_come_back_and_hostile_ones_sink_none(home: Path, bus: bool) -> None:
    brought_back(dconf_key("/org/mine", "1"), dconf_key("/org/x/negative", "1"))
    told = brought_back(*DCONF[:3], *HOSTILE, ODD, *DCONF[3:])
    states = {each["id"]: each["state"] for each in told}
    assert states == {
        **{each.item_id(): "restored" for each in DCONF},
        **{each.item_id(): "failed" for each in HOSTILE},
        ODD.item_id(): "restored" if bus else "deferred",
    }
    assert all(each["reason"] and each["remedy"] for each in told if each["state"] != "restored")
    database = (home / ".config/dconf/user").read_bytes()
    found = parse_dconf(database, user=ME.pw_name, path="/x").keys
    wanted = {each.item_id(): each.value for each in (*DCONF, *([ODD] if bus else []))}
    assert {each.item_id(): each.value for each in found} == {**wanted, dconf_key("/org/mine").item_id(): "1"}
    assert [each.name for each in home.iterdir()] == [".config"]
    assert [each.name for each in (home / ".config/dconf").iterdir()] == ["user"]
    if not bus:
        assert stat.S_IMODE((home / ".config").stat().st_mode) == 0o700


@needs_dconf
def test_a_thousand_settings_take_a_moment(home: Path, bus: bool) -> None:
    keys = [key(key=f"k{number}", group=(f"g{number % 20}",)) for number in range(500)]
    more = [dconf_key(f"/org/x{number % 20}/k{number}") for number in range(500)]
    start = time.monotonic()
    assert {each["state"] for each in brought_back(*keys, *more)} == {"restored"}
    assert time.monotonic() - start < 3


def test_without_dconf_its_keys_are_unavailable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "PATH", str(home))
    (told,) = brought_back(dconf_key())
    assert (told["state"], told["reason"]) == ("unavailable", "no dconf here")
    assert "apt install dconf-cli" in told["remedy"]


def test_what_is_wrong_with_dconf_itself_is_asked_once() -> None:
    asked: list[str] = []
    ask = SimpleNamespace(load=lambda text: asked.append(text) or "no space left")
    told = settings.loaded(ask, [step.model_dump() for step in made(*DCONF)])
    assert len(asked) == 1
    assert {each["reason"] for each in told} == {"no space left"}


def test_what_only_its_owner_can_fetch_is_told_with_the_command() -> None:
    site = Extension(user="ada", uuid="dash@example.org", from_site=True)
    tree = {"files": 1, "size_bytes": 1, "tree": "x"}
    theme = Bundle(
        name="~ada/.local/share/x/Sweet", kind="plasma-theme", page="https://store.example.org/p/1", **tree
    )
    bare = Bundle(name="~ada/.local/share/icons/Stars", kind="icons", **tree)
    font = Font(name="~ada/.local/share/fonts/Big.ttf", size_bytes=1)
    told = made(site, theme, bare, font)
    assert [(each.state, each.until) for each in told] == [
        ("deferred", "login"),
        ("deferred", "login"),
        ("unavailable", ""),
        ("unavailable", ""),
    ]
    assert told[0].remedy.endswith("InstallRemoteExtension dash@example.org`")
    assert "xdg-open https://store.example.org/p/1" in told[1].remedy
    assert told[2].remedy == "copy it to ~ada/.local/share/icons/Stars"


def test_an_extension_with_files_is_there_when_they_are(tmp_path: Path) -> None:
    folder = ".local/share/gnome-shell/extensions"
    own = Extension(user="ada", uuid="own'; id@ada")
    plain = {"kind": "file", "origin": "settings", "owner": "ada", "group": "ada", "mode": "0644"}
    file = File(path=f"/home/ada/{folder}/own'; id@ada/metadata.json", **plain)
    (step,) = made(own, file)
    assert isinstance(step, CommandStep)
    place = tmp_path / folder / "own'; id@ada"
    assert os.system(f"cd {tmp_path} && ({step.command}) > said") != 0
    assert (tmp_path / "said").read_text() == "its files did not come back\n"
    place.mkdir(parents=True)
    (place / "metadata.json").touch()
    assert os.system(f"cd {tmp_path} && {step.command}") == 0
    (told,) = made(own)
    assert (told.state, "~/.local/share" in told.remedy) == ("unavailable", True)


def test_the_plan_has_settings_under_words_of_their_own() -> None:
    whole = with_desktop(kde=(key(),), dconf=(dconf_key(),))
    wanted = frozenset(item.id for item in whole.desktop.items())
    plan = planned(Target(whole, whole, PurePosixPath("p"), wanted))
    assert {part: len(some) for part, some in plan.steps.items()} == {"kde": 1, "dconf": 1}
