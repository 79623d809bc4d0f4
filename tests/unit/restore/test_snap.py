"""What snapd is asked, in which order; a fake records it."""

from __future__ import annotations

from collectors.domains.snap import Snap
from collectors.domains.snap.things import Alias, Connection, Package, Setting
from tests.unit.restore.conftest import Playing

FROM_FILE = 'error: cannot find "x"'


def asked(playing: Playing) -> list[str]:
    """Return what snap was asked, without the questions whether it is ready and what is installed."""
    asides = ("snap wait", "snap list")
    return [argv for argv in playing.programs.argvs() if not argv.startswith(asides)]


def test_snaps_come_between_what_they_need_and_what_needs_them(playing: Playing) -> None:
    playing.programs.fake("snap", code=1, refuses=["list"])
    told = playing.restored(
        Snap(
            snaps=(
                Package(name="code", channel="latest/stable", classic=True),
                Package(
                    name="hello_work", channel="latest/edge", devmode=True, disabled=True, aliases_off=True
                ),
                Package(name="nextcloud", channel="28/stable", held="42567"),
                Package(name="obs-studio", jailmode=True),
            ),
            connections=(
                Connection(plug="code:camera", slot=":camera"),
                Connection(plug="code:home", slot=":home", removed=True),
            ),
            aliases=(Alias(name="vc", command="code.url-handler"),),
            settings=(
                Setting(snap="system", key="refresh.retain", value="2"),
                Setting(snap="system", key="experimental.parallel-instances", value="true"),
                Setting(snap="nextcloud", key="mail.from", value='"$(id) {{ 7*7 }}\\n"'),
                Setting(snap="nextcloud", key="ports.http", value="81"),
            ),
        )
    )
    assert {each["state"] for each in told.values()} == {"restored"}
    assert asked(playing) == [
        "snap set -t system experimental.parallel-instances=true refresh.retain=2",
        "snap install --classic --channel=latest/stable code",
        "snap install --devmode --channel=latest/edge hello_work",
        "snap unalias hello_work",
        "snap install --channel=28/stable --revision=42567 nextcloud",
        "snap refresh --hold nextcloud",
        "snap install --jailmode obs-studio",
        "snap connect code:camera :camera",
        "snap disconnect code:home :home",
        "snap alias code.url-handler vc",
        'snap set -t nextcloud mail.from="$(id) {{ 7*7 }}\\n" ports.http=81',
        "snap disable hello_work",
    ]
    first, second, *_ = playing.programs.argvs()
    assert (first, second.split()[1]) == ("snap wait system seed.loaded", "set")


def test_what_another_snap_brought_is_refreshed(playing: Playing) -> None:
    playing.programs.fake("snap")
    playing.restored(Snap(snaps=(Package(name="ffmpeg-2404", channel="latest/edge"),)))
    assert asked(playing) == ["snap refresh --channel=latest/edge ffmpeg-2404"]


def test_one_snap_that_fails_sinks_no_other(playing: Playing) -> None:
    playing.programs.fake("snap", code=1, says='error: snap "gone" not found\n', refuses=["gone", "list"])
    told = playing.restored(
        Snap(snaps=(Package(name="a"), Package(name="gone", disabled=True), Package(name="z")))
    )
    assert {name: each["state"] for name, each in told.items()} == {
        "snap:a": "restored",
        "snap:gone": "unavailable",
        "snap:z": "restored",
    }
    assert told["snap:gone"]["reason"] == 'error: snap "gone" not found'
    assert "snap disable gone" not in asked(playing)


def test_one_setting_that_is_refused_keeps_no_other_away(playing: Playing) -> None:
    playing.programs.fake(
        "snap", code=1, says="error: cannot perform the following tasks\n", refuses=["odd="]
    )
    settings = tuple(Setting(snap="x", key=key, value="1") for key in ("a", "odd", "z"))
    told = playing.restored(Snap(settings=settings))
    assert [name for name, each in told.items() if each["state"] != "restored"] == ["snap-setting:x:odd"]


def test_what_came_from_a_file_is_told(playing: Playing) -> None:
    told = playing.restored(Snap(snaps=(Package(name="mine", revision="x2", devmode=True),)))
    assert told["snap:mine"]["state"] == "unavailable"
    assert told["snap:mine"]["remedy"] == "snap install --dangerous --devmode FILE-OF-mine.snap"


def test_without_snapd_all_of_it_waits(playing: Playing) -> None:
    told = playing.restored(Snap(snaps=(Package(name="code"),)))
    assert told["snap:code"]["reason"] == "no snap here"
